// What nodes report about jobs and steps. Every report may come late, twice, or about an attempt
// that is over: then it changes nothing, and the answer is that the attempt is unknown.
#include <algorithm>
#include <array>

#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

constexpr std::array<std::string_view, 16> kSignals{"",
                                                    "Hangup",
                                                    "Interrupt",
                                                    "Quit",
                                                    "Illegal_instruction",
                                                    "Trace",
                                                    "Aborted",
                                                    "Bus_error",
                                                    "Floating_point_exception",
                                                    "Killed",
                                                    "User_defined_signal_1",
                                                    "Segmentation_fault",
                                                    "User_defined_signal_2",
                                                    "Broken_pipe",
                                                    "Alarm_clock",
                                                    "Terminated"};

// "RaisedSignal:9(Killed)".
std::string raised(std::uint32_t signal) {
  std::string text = "RaisedSignal:" + std::to_string(signal) + '(';
  text +=
      signal < kSignals.size() ? std::string(kSignals[signal]) : "Signal_" + std::to_string(signal);
  return text + ')';
}

// The state and reason that follow from a wait() status.
Ending ending_of(std::uint32_t exit_code, bool out_of_memory) {
  Ending ending{.state = model::JobState::completed, .exit_code = exit_code};
  const std::uint32_t signal = exit_code & 0x7fU;
  if (out_of_memory) {
    ending.state = model::JobState::out_of_memory;
    ending.reason = model::Reason::out_of_memory;
  } else if (signal != 0) {
    ending.state = model::JobState::failed;
    ending.reason = model::Reason::raised_signal;
    ending.detail = raised(signal);
  } else if (exit_code != 0) {
    ending.state = model::JobState::failed;
    ending.reason = model::Reason::non_zero_exit_code;
  }
  return ending;
}

// What the site wants done about exit codes of batch scripts, whatever the job says about running
// twice. A code in both lists is held: that ends by itself.
void mind_exit_code(const model::Settings& settings, Ending& ending) {
  if (ending.reason != model::Reason::non_zero_exit_code) return;
  const std::uint32_t code = *ending.exit_code >> 8U & 0xffU;
  const auto has = [code](const std::vector<std::uint32_t>& list) {
    return std::find(list.begin(), list.end(), code) != list.end();
  };
  ending.special = has(settings.requeue_exit_hold);
  ending.hold = ending.special;
  ending.requeue = ending.special || has(settings.requeue_exit);
}

}  // namespace

std::optional<JobId> Cluster::State::attempt_job(const Attempt& attempt) const {
  const auto found = attempts.find(attempt.job);
  if (found == attempts.end() || job(found->second).attempt != attempt.number) {
    return std::nullopt;
  }
  return found->second;
}

void Cluster::State::on(const JobPrepared& event) {
  const std::optional<JobId> id = attempt_job(event.attempt);
  if (!id || !active.at(*id).holds(event.node)) {
    turn.changes.outcome = fail(ErrorCode::invalid_job_id);
    return;
  }
  if (is_completing(job(*id))) return;
  if (!event.ok) return end_by_launch_failure(*id, event.error);
  Active& held = active.at(*id);
  if (!held.nodes.note_prepared(event.node)) return;
  // A batch job configures while its image is on its way, whatever the nodes say.
  const bool configuring = (job(*id).flags & model::kFlagConfiguring) != 0 &&
                           job(*id).spec->kind != model::JobKind::batch;
  if (configuring && held.nodes.prepared() == held.nodes.size()) {
    edit(*id).flags &= ~static_cast<std::uint32_t>(model::kFlagConfiguring);
  }
}

void Cluster::State::on(const BatchEnded& event) {
  const std::optional<JobId> id = attempt_job(event.attempt);
  if (!id) {
    turn.changes.outcome = fail(ErrorCode::invalid_job_id);
    return;
  }
  const NodeIndex host = job(*id).allocation->shares.front().node;
  if (is_completing(job(*id))) {
    // Cancelled, timed out: the payload's own exit status is still wanted.
    if (!event.launch_failed) edit(*id).exit_code = event.exit_code;
  } else if (event.launch_failed) {
    end_by_launch_failure(*id, event.error);
  } else {
    Ending ending = ending_of(event.exit_code, event.out_of_memory);
    // A container that could not be had: the reason says why.
    if (!event.error.empty() && !job(*id).spec->container.empty()) {
      ending.state = model::JobState::failed;
      ending.reason = model::Reason::job_launch_failure;
      ending.detail = event.error;
    }
    mind_exit_code(*settings, ending);
    if (event.released) ending.clean = host;
    end(*id, ending);
  }
  if (event.released) release_node(*id, host);
}

void Cluster::State::on(const NodeReleased& event) {
  if (!known_node(event.node)) return;
  const std::optional<JobId> id = attempt_job(event.attempt);
  if (!event.unkillable) stranger_left(event.node, event.attempt);
  if (!id || !active.at(*id).holds(event.node)) {
    turn.changes.outcome = fail(ErrorCode::invalid_job_id);
    return;
  }
  const model::Job& now = job(*id);
  const bool batch_host = !is_led(now) && now.allocation->shares.front().node == event.node;
  if (!is_completing(now) && batch_host && now.spec->kind == model::JobKind::batch) {
    // How the script ended has to be told first, or it would be lost.
    turn.changes.outcome = fail(ErrorCode::transition_not_allowed);
    return;
  }
  if (event.unkillable) {
    estrange(event.node, *id);
    drain(event.node, "Kill task failed", 0);
  }
  if (is_completing(now)) {
    release_node(*id, event.node);
  } else {
    lose_node(*id, event.node);  // the node gave the job up without having been told to
  }
}

// The owner of an allocation is done with it.
Status Cluster::State::complete(const ActOnJob& event, JobId id) {
  const model::Job& now = job(id);
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  if (now.state == model::JobState::pending) {
    end(id, {.by_uid = event.by_uid});
    return {};
  }
  const bool memory = event.exit_code != 0 && active.at(id).step_out_of_memory;
  end(id, ending_of(event.exit_code, memory));
  return {};
}

void Cluster::State::on(const StepStarted& event) {
  const model::Step& step = *event.step;
  const std::optional<JobId> id = attempt_job(step.attempt);
  if (!id || *id != step.job) {
    turn.changes.outcome = fail(ErrorCode::invalid_job_id);
    return;
  }
  Active& held = active.at(*id);
  if (held.ended_steps.contains(step.number)) return;
  steps[{*id, step.number}] = event.step;
  turn.changes.steps.push_back(event.step);
  if (step.number != base::kBatchStep || is_completing(job(*id))) return;
  // The reason of a running batch step is what its image is at.
  const bool waits = !step.reason.empty();
  const bool shown = (job(*id).flags & model::kFlagConfiguring) != 0;
  if (waits == shown && job(*id).reason_detail == step.reason) return;
  if (!waits && !shown) return;
  model::Job& now = edit(*id);
  now.flags &= ~static_cast<std::uint32_t>(model::kFlagConfiguring);
  if (waits) now.flags |= model::kFlagConfiguring;
  now.reason_detail = step.reason;
}

void Cluster::State::on(const StepEnded& event) {
  const model::Step& step = *event.step;
  const std::optional<JobId> id = attempt_job(step.attempt);
  if (!id || *id != step.job) {
    turn.changes.outcome = fail(ErrorCode::invalid_job_id);
    return;
  }
  Active& held = active.at(*id);
  if (!held.ended_steps.insert(step.number).second) return;
  if (step.number < base::kInteractiveStep && step.exit_code > job(*id).derived_exit) {
    edit(*id).derived_exit = step.exit_code;
  }
  held.step_out_of_memory |= step.state == model::JobState::out_of_memory;
  steps.erase({*id, step.number});
  turn.changes.steps.push_back(event.step);
}

}  // namespace sluice::core
