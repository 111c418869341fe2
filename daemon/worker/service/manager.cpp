// The manager's view of running steps: what comes up from the tree, and how a step ends. Requests
// and sessions are in manager_requests.cpp.
#include "daemon/worker/service/manager.hpp"

#include <algorithm>
#include <csignal>

#include "base/hostlist.hpp"
#include "base/timetext.hpp"
#include "daemon/worker/service/components.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kBatchReportMs = 250;
constexpr std::int64_t kKillAgainMs = 2'000;
constexpr std::int64_t kImageReportMs = 2'000;
constexpr std::uint32_t kOutOfMemoryStatus = 125;  // shown as 0:125, as Slurm does

// "gres/gpu:a100=2,gres/gpu=2": by type, and all of a name.
std::string gres_text(const wire::StepLayout& layout) {
  std::map<std::string, std::uint64_t> sums;
  for (const wire::StepNode& node : layout.nodes) {
    for (const model::GresShare& gres : node.share.gres) {
      sums[gres.name.str()] += gres.count;
      if (!gres.type.empty()) sums[gres.name.str() + ":" + gres.type.str()] += gres.count;
    }
  }
  std::string text;
  for (const auto& [name, count] : sums) {
    if (!text.empty()) text += ',';
    text += "gres/" + name + "=" + std::to_string(count);
  }
  return text;
}

// "ImagePull (35%)": what the step's first node is at, as the reason of a job that waits for it.
std::string image_phase_text(const wire::StepProgress& progress) {
  std::string text = "ImagePull";
  if (progress.phase == Text("fetching")) text = "ImageFetch";
  if (progress.phase == Text("unpacking")) text = "ImageUnpack";
  if (progress.total == 0) return text;
  const double part = static_cast<double>(std::min(progress.done, progress.total)) /
                      static_cast<double>(progress.total);
  return fmt::format("{} ({}%)", text, static_cast<unsigned>(part * 100));
}

model::Step first_record(const JobRun& job, const wire::StepLayout& layout,
                         const model::StepSpec& spec, model::WallTime now) {
  model::Step record;
  record.job = job.host.job->id;
  record.attempt = job.host.attempt;
  record.number = layout.step;
  record.name = spec.name;
  record.nodes = layout.node_list;
  record.node_count = static_cast<std::uint32_t>(layout.nodes.size());
  record.tasks = layout.tasks;
  for (const wire::StepNode& node : layout.nodes) {
    record.cpus += static_cast<std::uint32_t>(node.share.cpus.count());
    record.memory += node.share.memory;
  }
  record.gres = gres_text(layout);
  record.start = now;
  record.time_limit = spec.time_limit == 0 ? model::kUnlimited : spec.time_limit;
  record.uid = job.host.uid();
  record.distribution = spec.distribution;
  record.submit_line = spec.submit_line;
  record.partition = job.host.job->partition;
  record.container = model::shown_container(spec.container);
  return record;
}

}  // namespace

StepRun Manager::make_step(JobRun& job, const wire::StepLayout& layout, const model::StepSpec& spec,
                           std::vector<wire::StepPortion> portions) const {
  StepRun step;
  step.number = layout.step;
  step.spec = spec;
  step.layout = layout;
  step.portions = std::move(portions);
  step.first = 0;
  step.count = static_cast<std::uint32_t>(layout.nodes.size());
  const bool sound = index_layout(step);
  SLUICE_ASSERT(sound, "step {} of job {}", layout.step, job.host.job->id.value);
  step.root = std::make_unique<RootPart>();
  step.root->record = first_record(job, layout, spec, context_.env.now().wall);
  return step;
}

void Manager::start_batch(JobRun& job, model::StepSpec spec, std::string script) {
  wire::StepLayout layout;
  layout.step = base::kBatchStep;
  layout.tasks = 1;
  layout.cpus_per_task = std::max<std::uint32_t>(job.host.job->request->cpus_per_task, 1);
  wire::StepNode node;
  node.share = job.host.my_share();
  node.name = node.share.name;
  node.share.tasks = 1;
  node.tasks = {0};
  layout.node_list = node.name;
  layout.nodes.push_back(std::move(node));
  // The script hears of all components.
  std::vector<wire::StepPortion> all;
  for (const auto& one : job.host.components) all.push_back({0, 0, *one, {}, 0});
  StepRun& step = tree_.start(job, make_step(job, layout, spec, std::move(all)), std::move(script));
  // Most records of short scripts are never needed: only a script that goes on is told of.
  const StepKey key{job.host.attempt, step.number};
  step.root->report = context_.timers.after(kBatchReportMs, [this, key] {
    JobRun* run = context_.find(key.attempt);
    StepRun* batch = context_.find(key);
    if (batch != nullptr) report_start(*run, *batch);
  });
}

void Manager::adopt(JobRun& job, const StepEntry& entry) {
  StepRun step = make_step(job, entry.layout, entry.spec, entry.portions);
  step.root->record = entry.record;
  step.root->verdict = entry.verdict;
  step.root->start_reported = true;
  step.root->owned = entry.number != base::kBatchStep;
  StepRun& run = tree_.adopt(job, std::move(step));
  if (entry.request_id.is_set()) job.granted[entry.request_id] = entry.number;
  if (run.root->owned) {
    arm_patience(job, run);
    arm_limit(job, run);
  }
}

void Manager::report_start(JobRun& job, StepRun& step) {
  if (step.root->start_reported || step.root->finished) return;
  step.root->start_reported = true;
  if (!step.root->image_phase.empty()) step.root->image_told_ms = context_.env.now().mono_ms;
  send_record(job, step);
}

// While an image is on its way, the reason of a running step says how far it is.
void Manager::send_record(JobRun& job, StepRun& step) {
  for (model::Step& record : records_of(step)) {
    wire::StepRecord report;
    report.step = std::move(record);
    if (report.step.reason.empty()) report.step.reason = step.root->image_phase;
    context_.reports.add(job.host.attempt, job.host.job->id, report);
  }
}

void Manager::to_srun(StepRun& step, wire::MessageType type, std::string_view payload) {
  if (step.root->owner != 0) {
    const StreamState* owner = context_.stream(step.root->owner);
    const std::uint64_t id = owner == nullptr ? 0 : owner->id;
    context_.env.send_stream(step.root->owner, type, id, std::string(payload));
  }
  std::vector<StreamId> slow;
  for (const StreamId reader : step.root->readers) {
    if (context_.env.congested(reader)) {
      slow.push_back(reader);
    } else {
      context_.env.send_stream(reader, type, 0, std::string(payload));
    }
  }
  for (const StreamId reader : slow) {  // a reader never holds the step up
    step.root->readers.erase(reader);
    context_.streams.erase(reader);
    context_.env.close_stream(reader);
  }
}

void Manager::up(JobRun& job, StepRun& step, wire::MessageType type, std::string_view payload) {
  using wire::MessageType;
  switch (type) {
    case MessageType::step_started: return started(job, step, payload);
    case MessageType::task_exit: return task_exited(job, step, payload);
    case MessageType::step_done: return node_done(job, step, payload);
    case MessageType::step_abort: return aborted(job, step, payload);
    case MessageType::step_status: return status(job, step, payload);
    case MessageType::step_progress: return progressed(job, step, payload);
    default: return to_srun(step, type, payload);
  }
}

void Manager::started(JobRun& job, StepRun& step, std::string_view payload) {
  to_srun(step, wire::StepStarted::kType, payload);
  const auto message = wire::decode<wire::StepStarted>(payload);
  if (!message || message->error.empty()) return;
  context_.log(LogLevel::warn, "job {} step {}: {} could not start its tasks: {}",
               job.host.job->id.value, step_name(step.number),
               step.layout.nodes[message->node].name.view(), message->error.view());
  if (step.number != base::kBatchStep) {
    end_step(job, step, model::JobState::failed, message->error);
  }
}

void Manager::task_exited(JobRun& job, StepRun& step, std::string_view payload) {
  to_srun(step, wire::TaskExit::kType, payload);
  const auto exit = wire::decode<wire::TaskExit>(payload);
  if (!exit) return;
  RootPart& root = *step.root;
  root.out_of_memory |= exit->out_of_memory;
  if (exit->out_of_memory && root.record.reason.empty()) {
    root.record.reason = fmt::format("task {} ran out of memory", exit->tasks.front());
  }
  if (step.number == base::kBatchStep || root.finished) return;
  const bool all = step.exited_count >= step.layout.tasks;
  if (exit->status != 0 && !all && step.spec.kill_on_bad_exit) {
    return end_step(job, step, model::JobState::failed, {});
  }
  if (!all && root.wait == 0 && step.spec.wait_after_first > 0) {
    const StepKey key{job.host.attempt, step.number};
    root.wait = context_.timers.after(std::int64_t{step.spec.wait_after_first} * 1000, [this, key] {
      JobRun* run = context_.find(key.attempt);
      StepRun* late = context_.find(key);
      if (late != nullptr) end_step(*run, *late, model::JobState::cancelled, {});
    });
  }
}

void Manager::progressed(JobRun& job, StepRun& step, std::string_view payload) {
  to_srun(step, wire::StepProgress::kType, payload);
  const auto progress = wire::decode<wire::StepProgress>(payload);
  RootPart& root = *step.root;
  if (!progress || root.finished || progress->node >= step.count) return;
  if (root.record.image_digest.empty()) root.record.image_digest = progress->image_digest;
  const bool ready = progress->phase == Text(kImageReady);
  if (progress->node == 0) root.image_phase = ready ? "" : image_phase_text(*progress);
  if (ready && root.images.insert(progress->node).second) {
    root.image_us = std::max(root.image_us, progress->spent_us);
    if (root.images.size() == step.count) root.record.image_us = root.image_us;
  }
  tell_of_image(job, step);
}

// The controller hears that it takes long, now and then how far it is, and once that it is over.
// What is there at once (or nearly so) costs no report of its own.
void Manager::tell_of_image(JobRun& job, StepRun& step) {
  RootPart& root = *step.root;
  if (!root.start_reported || root.image_closed) return;  // the first report will say it
  const std::int64_t now_ms = context_.env.now().mono_ms;
  const bool told = root.image_told_ms >= 0;
  if (root.images.size() == step.count) {
    root.image_closed = true;
    return tell_later(job, step, told ? 0 : kBatchReportMs);
  }
  if (!told) {
    if (root.report == 0) tell_later(job, step, kBatchReportMs);
  } else if (now_ms - root.image_told_ms >= kImageReportMs) {
    root.image_told_ms = now_ms;
    send_record(job, step);
  }
}

void Manager::tell_later(const JobRun& job, StepRun& step, std::int64_t delay_ms) {
  const StepKey key{job.host.attempt, step.number};
  context_.timers.cancel(step.root->report);
  step.root->report = context_.timers.after(delay_ms, [this, key] {
    JobRun* run = context_.find(key.attempt);
    StepRun* late = context_.find(key);
    if (late == nullptr || late->root->finished) return;
    late->root->image_told_ms = context_.env.now().mono_ms;
    send_record(*run, *late);
  });
}

void Manager::aborted(JobRun& job, StepRun& step, std::string_view payload) {
  to_srun(step, wire::StepAbort::kType, payload);
  const auto abort = wire::decode<wire::StepAbort>(payload);
  if (!abort) return;
  step.root->record.exit_code = std::max(step.root->record.exit_code, (abort->code & 0xffU) << 8U);
  end_step(job, step, model::JobState::cancelled, abort->reason);
}

void Manager::node_done(JobRun& job, StepRun& step, std::string_view payload) {
  const auto done = wire::decode<wire::StepDone>(payload);
  if (!done) return;
  model::Step& record = step.root->record;
  record.exit_code = std::max(record.exit_code, done->exit_code);
  model::add(record.usage, done->usage);
  step.root->out_of_memory |= done->out_of_memory;
  if (!done->error.empty() && record.reason.empty()) record.reason = done->error;
  to_srun(step, wire::StepDone::kType, payload);
  if (step.all_done()) return finish(job, step);
  // A part of the step is lost: the rest waits for it in vain, unless it was told to go on.
  if (!done->error.empty() && !step.spec.no_kill) {
    const bool node = done->error.view() == kNodeLost;
    end_step(job, step, node ? model::JobState::node_fail : model::JobState::failed, done->error);
  }
}

// Closes the step's account. `step` may be gone afterwards.
void Manager::finish(JobRun& job, StepRun& step) {
  RootPart& root = *step.root;
  if (root.finished) return;
  root.finished = true;
  model::Step& record = root.record;
  for (const auto& [node, done] : step.done) record.end = std::max(record.end, done.ended);
  if (record.end < record.start) record.end = context_.env.now().wall;
  if (root.out_of_memory) {
    record.state = model::JobState::out_of_memory;
    record.exit_code = kOutOfMemoryStatus;
  } else if (root.verdict != model::JobState::running) {
    record.state = root.verdict;
  } else {
    const bool went_well = record.exit_code == 0 && record.reason.empty();
    record.state = went_well                       ? model::JobState::completed
                   : WIFSIGNALED(record.exit_code) ? model::JobState::cancelled
                                                   : model::JobState::failed;
  }
  cancel_timers(step);
  const bool batch = step.number == base::kBatchStep;
  const Attempt attempt = job.host.attempt;
  wire::StepRecord report;
  report.step = record;
  if (batch) {
    context_.reports.hold(attempt, job.host.job->id, report);
    wire::StepDone done = step.done.begin()->second;
    if (root.out_of_memory) done.exit_code = kOutOfMemoryStatus;
    done.out_of_memory = root.out_of_memory;
    batch_done_(job, done);
  } else {
    for (model::Step& part : records_of(step)) {
      report.step = std::move(part);
      context_.reports.add(attempt, job.host.job->id, report);
    }
  }
  if (!job.is_ending()) grant_waiting(attempt);
  settle(job, step);
}

// Results stay with the nodes until srun has seen them; nobody to see them: at once.
void Manager::settle(JobRun& job, StepRun& step) {
  const RootPart& root = *step.root;
  if (!root.finished) return;
  if (root.owned && !root.abandoned && !job.is_ending()) {
    if (root.owner == 0) arm_patience(job, step);
    return;
  }
  const std::set<StreamId> readers = root.readers;
  const StreamId owner = root.owner;
  for (const StreamId reader : readers) {
    context_.streams.erase(reader);
    context_.env.close_stream(reader);
  }
  if (owner != 0) {
    context_.streams.erase(owner);
    context_.env.close_stream(owner);
  }
  cancel_timers(step);
  tree_.acknowledge_all(job, step);
}

void Manager::finish_by_force(JobRun& job, StepRun& step) {
  const Attempt attempt = job.host.attempt;
  const StepNumber number = step.number;
  if (!step.root->finished) {
    if (step.root->verdict == model::JobState::running) {
      step.root->verdict = model::JobState::node_fail;
    }
    if (step.done.empty()) {
      wire::StepDone done;
      done.exit_code = SIGKILL;
      done.error = "nothing was heard of its end";
      done.ended = context_.env.now().wall;
      step.done.emplace(0, done);
    }
    finish(job, step);
  }
  if (context_.find(StepKey{attempt, number}) != nullptr) tree_.drop(job, number);
}

void Manager::end_step(JobRun& job, StepRun& step, model::JobState verdict, const Text& reason) {
  RootPart& root = *step.root;
  if (root.finished || root.kill != 0) return;
  if (root.verdict == model::JobState::running) root.verdict = verdict;
  if (root.record.reason.empty()) root.record.reason = reason;
  store_step(context_, job, step);
  announce_end(step, verdict);
  wire::SignalStep signal;
  signal.signal = SIGCONT;
  tree_.down(step, signal);
  signal.signal = SIGTERM;
  tree_.down(step, signal);
  const StepKey key{job.host.attempt, step.number};
  root.kill = context_.timers.after(std::int64_t{context_.settings.kill_wait_s} * 1000,
                                    [this, key] { kill_late(key); });
}

// Again and again: a hop may be broken just now.
void Manager::kill_late(const StepKey& key) {
  StepRun* late = context_.find(key);
  if (late == nullptr || late->root->finished) return;
  wire::SignalStep kill;
  kill.signal = SIGKILL;
  tree_.down(*late, kill);
  late->root->kill = context_.timers.after(kKillAgainMs, [this, key] { kill_late(key); });
}

void Manager::announce_end(StepRun& step, model::JobState why) {
  std::string_view cause;
  if (why == model::JobState::timeout) cause = " DUE TO TIME LIMIT";
  if (why == model::JobState::preempted) cause = " DUE TO PREEMPTION";
  if (why == model::JobState::node_fail) cause = " DUE TO NODE FAILURE";
  wire::StepAbort notice;
  notice.reason = fmt::format("CANCELLED AT {}{}",
                              base::format_time(context_.env.now().wall / model::kSecond), cause);
  tree_.down(step, notice);
}

void Manager::job_ends(JobRun& job) {
  for (const WaitingRequest& waiting : job.waiting) {
    context_.refuse(waiting.stream, waiting.id,
                    Error{ErrorCode::already_done, "Job/step already completing or completed"});
    if (StreamState* stream = context_.stream(waiting.stream)) stream->role = StreamRole::fresh;
  }
  job.waiting.clear();
  std::vector<StepNumber> finished;
  for (auto& [number, step] : job.steps) {
    if (!step.root) continue;
    if (step.root->finished) {
      finished.push_back(number);
    } else if (step.root->verdict == model::JobState::running) {
      step.root->verdict = model::JobState::cancelled;
      announce_end(step, job.why);
    }
  }
  for (const StepNumber number : finished) {
    const auto step = job.steps.find(number);
    if (step != job.steps.end() && number != base::kBatchStep) settle(job, step->second);
  }
}

void Manager::cancel_timers(StepRun& step) {
  RootPart& root = *step.root;
  for (TimerId* timer :
       {&root.patience, &root.wait, &root.limit, &root.warn, &root.kill, &root.report}) {
    context_.timers.cancel(*timer);
  }
}

}  // namespace sluice::worker
