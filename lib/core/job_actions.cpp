// What users and administrators do to jobs: cancel, signal, hold, release, requeue, suspend. Each
// verb is judged record by record; the event as a whole fails only if no record could be acted on.
//
// A suspended job keeps everything that it holds: its processes stand still in memory, and a resume
// that had to wait for CPUs could strand it. Its time limit stands still as well; the end of its
// reservation doesn't, and takes effect when it is resumed.
#include <algorithm>

#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kSigCont = 18;
constexpr std::uint32_t kSigStop = 19;

bool is_running(const model::Job& job) {
  return job.state == model::JobState::running || job.state == model::JobState::suspended;
}

}  // namespace

void Cluster::State::on(const ActOnJob& event) {
  const JobSelection selection = select(event.selector);
  std::vector<JobOutcome> outcomes;
  for (const JobId id : selection.jobs) {
    JobOutcome outcome{
        .job = id, .array_job = job(id).array_job, .array_task = job(id).array_task, .status = {}};
    outcome.status = act(event, id);
    outcomes.push_back(std::move(outcome));
  }
  report(selection, std::move(outcomes));
}

// Of a whole array, tasks that are over already are no failure as long as others were not.
void Cluster::State::report(const JobSelection& selection, std::vector<JobOutcome> outcomes) {
  const auto done = [](const JobOutcome& outcome) { return outcome.status.has_value(); };
  const auto over = [](const JobOutcome& outcome) {
    return !outcome.status && outcome.status.error().code == ErrorCode::already_done;
  };
  const bool some_done = std::any_of(outcomes.begin(), outcomes.end(), done);
  if (selection.whole && some_done) std::erase_if(outcomes, over);
  outcomes.insert(outcomes.end(), selection.unknown.begin(), selection.unknown.end());
  if (outcomes.empty()) {
    turn.changes.outcome = fail(ErrorCode::invalid_job_id);
  } else if (!some_done) {
    turn.changes.outcome = outcomes.front().status;
  }
  turn.changes.outcomes = std::move(outcomes);
}

Status Cluster::State::act(const ActOnJob& event, JobId id) {
  if (Status may = may_act(event, id); !may) return may;
  Status done = act_on_one(event, id);
  if (done && find(id) != nullptr && job(id).het_job == id) follow(event, id);
  return done;
}

Status Cluster::State::act_on_one(const ActOnJob& event, JobId id) {
  switch (event.verb) {
    case JobVerb::cancel: return cancel(event, id);
    case JobVerb::signal: return signal(event, id);
    case JobVerb::hold:
    case JobVerb::hold_user: return hold(event, id);
    case JobVerb::release: return release(event, id);
    case JobVerb::requeue:
    case JobVerb::requeue_hold: return requeue(event, id);
    case JobVerb::suspend: return suspend(id);
    case JobVerb::resume: return resume(id);
    case JobVerb::complete: return complete(event, id);
    case JobVerb::top: return put_first(event, id);
  }
  return fail(ErrorCode::invalid_argument);
}

Status Cluster::State::cancel(const ActOnJob& event, JobId id) {
  const model::Job& now = job(id);
  if ((now.flags & model::kFlagRequeued) != 0) {
    // It was to run again after its former attempt: now it isn't.
    model::Job& stopped = edit(id);
    stopped.flags &= ~static_cast<std::uint32_t>(model::kFlagRequeued | model::kFlagRequeueHold |
                                                 model::kFlagSpecialExit);
    stopped.state = model::JobState::cancelled;
    stopped.reason = model::Reason::none;
    stopped.reason_detail = Text();
    stopped.cancelled_by = event.by_uid;
    return {};
  }
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  end(id, {.by_uid = event.by_uid});
  return {};
}

Status Cluster::State::signal(const ActOnJob& event, JobId id) {
  const model::Job& now = job(id);
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  if (now.state == model::JobState::pending) {
    if (event.quiet_if_pending) return {};
    return fail(ErrorCode::job_pending);
  }
  if (now.state == model::JobState::suspended) return fail(ErrorCode::job_suspended);
  if (event.signal == kSigStop) edit(id).flags |= model::kFlagStopped;
  if (event.signal == kSigCont) {
    edit(id).flags &= ~static_cast<std::uint32_t>(model::kFlagStopped);
  }
  const NodeIndex batch_host = job(id).allocation->shares.front().node;
  active.at(id).nodes.for_each([&](NodeIndex node) {
    if (event.batch_only && (node != batch_host || is_led(job(id)))) return;
    turn.changes.orders.emplace_back(SignalJob{
        {job(id).uid, job(id).attempt}, id, node, event.signal, event.batch_only, event.full});
  });
  return {};
}

Status Cluster::State::hold(const ActOnJob& event, JobId id) {
  const model::Job& now = job(id);
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  if (now.state != model::JobState::pending) {
    edit(id).priority = 0;  // it runs on; requeued, it will be held
    return {};
  }
  const bool by_admin = event.verb == JobVerb::hold && event.by_admin;
  // A user's hold doesn't soften an administrator's.
  const bool held_by_admin =
      now.priority == 0 && now.reason == model::Reason::job_held_admin && !event.by_admin;
  if (held_by_admin) return {};
  model::Job& held = edit(id);
  held.priority = 0;
  held.reason = by_admin ? model::Reason::job_held_admin : model::Reason::job_held_user;
  held.reason_detail = Text();
  return {};
}

Status Cluster::State::release(const ActOnJob& event, JobId id) {
  const model::Job& now = job(id);
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  if (now.priority != 0) return {};
  if (now.state != model::JobState::pending) {
    edit(id).priority = start_priority(now);
    return {};
  }
  const bool by_reservation = (now.flags & model::kFlagResvDelHold) != 0;
  if (now.reason == model::Reason::job_held_admin && !by_reservation && !event.by_admin) {
    return fail(ErrorCode::access_denied);
  }
  model::Job& freed = edit(id);
  freed.priority = start_priority(freed);
  freed.launch_failures = 0;
  freed.flags &= ~static_cast<std::uint32_t>(model::kFlagResvDelHold | model::kFlagSpecialExit);
  freed.exit_code = 0;
  freed.reason = model::Reason::none;
  freed.reason_detail = Text();
  return {};
}

Status Cluster::State::requeue(const ActOnJob& event, JobId id) {
  const model::Job& now = job(id);
  const bool special = event.special_exit;
  const bool hold = special || event.verb == JobVerb::requeue_hold;
  if (!requeueable(now)) return fail(ErrorCode::job_not_requeueable);
  if (now.state == model::JobState::pending) {
    if (!hold || special) return fail(ErrorCode::job_pending);
    return this->hold(event, id);
  }
  Ending ending{.by_uid = event.by_uid, .requeue = true, .hold = hold, .special = special};
  if (special) {
    ending.reason = model::Reason::job_requeued_in_held_state;
    ending.detail = "job requeued in special exit state";
  }
  if (is_running(now)) {
    end(id, ending);
    return {};
  }
  run_again(id, ending);
  return {};
}

// Before the other waiting jobs of its user, account, QOS and only partition. It is their nice
// values that change: the job takes the priority of the first of them, and those that it overtakes
// move down behind it, so that the user gains nothing on others.
Status Cluster::State::put_first(const ActOnJob& event, JobId id) {
  const model::Job& chosen = job(id);
  if (!event.by_admin) {
    return fail(ErrorCode::unsupported, "Requested operation is presently disabled");
  }
  if (model::is_finished(chosen.state)) return fail(ErrorCode::already_done);
  if (chosen.state != model::JobState::pending) return fail(ErrorCode::job_not_pending);
  if (chosen.priority == 0) return fail(ErrorCode::job_held);
  std::vector<const model::Job*> ahead;
  for (const auto& [other, entry] : jobs) {
    const model::Job& one = job(other);
    const bool alike = one.state == model::JobState::pending && one.spec->uid == chosen.spec->uid &&
                       one.request->partitions == chosen.request->partitions &&
                       one.request->account == chosen.request->account && one.qos == chosen.qos;
    const bool before = one.priority > chosen.priority ||
                        (one.priority == chosen.priority && other.value < id.value);
    if (alike && before && !one.priority_fixed) ahead.push_back(&one);
  }
  if (ahead.empty() || chosen.priority_fixed) return {};
  std::sort(ahead.begin(), ahead.end(), [](const model::Job* a, const model::Job* b) {
    return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
  });
  std::vector<std::pair<JobId, std::uint32_t>> moves = {{id, ahead.front()->priority}};
  for (std::size_t i = 0; i < ahead.size(); ++i) {
    const std::uint32_t next = i + 1 < ahead.size() ? ahead[i + 1]->priority : chosen.priority;
    const std::uint32_t below = std::max(moves.back().second, 2U) - 1;
    moves.emplace_back(ahead[i]->id, std::min(next, below));
  }
  for (const auto& [moved, priority] : moves) move_to(moved, priority);
  return {};
}

void Cluster::State::move_to(JobId id, std::uint32_t priority) {
  constexpr std::int64_t kMostNice = 2'147'483'645;
  model::Job& moved = edit(id);
  model::JobSpec spec = *moved.spec;
  const std::int64_t by = std::int64_t{moved.priority} - priority;
  spec.nice =
      static_cast<std::int32_t>(std::clamp(std::int64_t{spec.nice} + by, -kMostNice, kMostNice));
  moved.spec = specs.intern(std::move(spec));
  moved.priority = priority;
}

Status Cluster::State::suspend(JobId id) {
  const model::Job& now = job(id);
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  if (now.state == model::JobState::pending) return fail(ErrorCode::job_pending);
  if (now.state == model::JobState::suspended) return fail(ErrorCode::job_suspended);
  model::Job& stopped = edit(id);
  stopped.state = model::JobState::suspended;
  stopped.suspended_at = turn.now.wall;
  Active& held = active.at(id);
  held.suspended_ms = turn.now.mono_ms;
  planner.job_extended(id, DueTimes::kNone);
  let_sleep(id);
  held.nodes.for_each([&](NodeIndex node) {
    turn.changes.orders.emplace_back(SuspendJob{{stopped.uid, stopped.attempt}, id, node});
  });
  return {};
}

Status Cluster::State::resume(JobId id) {
  const model::Job& now = job(id);
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  if (now.state == model::JobState::pending) return fail(ErrorCode::job_pending);
  if (now.state != model::JobState::suspended) return fail(ErrorCode::job_not_running);
  if (!may_wake(id)) return fail(ErrorCode::nodes_busy);
  let_wake(id);
  model::Job& going = edit(id);
  Active& held = active.at(id);
  const std::int64_t away_ms = turn.now.mono_ms - held.suspended_ms;
  going.state = model::JobState::running;
  going.suspended_us += std::max<std::int64_t>(away_ms * 1000, 1);  // not 0: it was suspended
  model::add_suspension(going, turn.now.wall);
  going.suspended_at = 0;
  going.preempted_at = 0;  // it may have been displaced; from now on it is not
  if (held.limit_ms != DueTimes::kNone) {
    held.limit_ms = std::min(held.limit_ms + away_ms, reservation_limit_of(going));
  }
  planner.job_extended(id, held.limit_ms);
  held.nodes.for_each([&](NodeIndex node) {
    turn.changes.orders.emplace_back(ResumeJob{{going.uid, going.attempt}, id, node});
  });
  return {};
}

}  // namespace sluice::core
