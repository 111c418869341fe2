// The end of a job on this node: SIGTERM, grace, SIGKILL, cleaning, released. Every stage has a
// bound, so that a job always leaves the node, or the node says why not.
#include <algorithm>
#include <csignal>

#include "daemon/worker/service/jobs.hpp"
#include "daemon/worker/service/manager.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kSettleTickMs = 500;
constexpr std::int64_t kSettleMs = 3000;   // for other nodes' results, after ours
constexpr std::int64_t kTogetherMs = 100;  // a report waits so long for its fellow
constexpr std::int64_t kCleanFirstMs = 5;
constexpr std::int64_t kCleanMostMs = 500;
constexpr std::int64_t kCleanGivenUpMs = 10'000;
// What stepd reports of a script whose folder or files could not be opened: the user's own doing,
// which no other node and no other try would better.
constexpr std::uint32_t kSetupFailed = 53;

}  // namespace

void Jobs::batch_done(JobRun& job, const wire::StepDone& done) {
  if (job.batch_ended) return;
  job.batch_ended = true;
  const Attempt attempt = job.host.attempt;
  wire::BatchEnded ended;
  ended.attempt = attempt;
  ended.job = job.host.job->id;
  ended.exit_code = done.exit_code;
  ended.out_of_memory = done.out_of_memory;
  ended.error = done.error;
  ended.ended = done.ended;
  const auto step = job.steps.find(base::kBatchStep);
  if (step != job.steps.end()) {
    const auto started = step->second.started.find(0);
    const bool failed = started != step->second.started.end() && !started->second.error.empty();
    // A container that can't be had would fail elsewhere just the same.
    const bool contained = !step->second.spec.container.empty();
    ended.launch_failed = failed && done.exit_code != kSetupFailed && !contained;
    if (failed) ended.error = started->second.error;
  }
  // With one node the release follows in a moment, and is told in the same report.
  context_.reports.hold(attempt, ended.job, ended);
  if (job.host.job->allocation->shares.size() == 1) {
    job.tell =
        context_.timers.after(kTogetherMs, [this, attempt] { context_.reports.flush(attempt); });
  } else {
    context_.reports.flush(attempt);
  }
  begin_end(job, 0);
}

void Jobs::terminate(const wire::TerminateJob& order) {
  JobRun* job = context_.find(order.attempt);
  if (job == nullptr) {
    // Never launched here, or released: either way nothing is left. The tombstone keeps a launch
    // that comes late from running.
    if (!tombstones_.contains(order.attempt)) bury(order.attempt, order.job);
    return report_again(order.attempt, order.job);
  }
  if (!job->is_ending()) job->why = order.why;
  if (job->given_up) return context_.reports.resend(order.attempt);
  begin_end(*job, order.grace_s);
}

void Jobs::end(const Attempt& attempt) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr) return;
  if (!job->is_ending()) job->why = model::JobState::node_fail;
  begin_end(*job, 0);
}

void Jobs::begin_end(JobRun& job, std::uint32_t grace_s) {
  const Attempt attempt = job.host.attempt;
  const bool first = !job.is_ending();
  if (first) {
    job.phase = wire::HoldPhase::ending;
    store_progress(context_, job);
    if (job.suspended) {
      job.suspended = false;
      if (job.prepared) context_.env.freeze_job(job.host, false);
    }
    manager_.job_ends(job);
  }
  if (!job.prepared) return;  // prepared() comes back here
  if (job.steps.empty()) return clean(attempt);
  if (grace_s > 0 && job.kill_after < 0) {
    if (job.kill != 0) return;
    signal_all(job, SIGCONT);
    signal_all(job, SIGTERM);
    job.kill =
        context_.timers.after(std::int64_t{grace_s} * 1000, [this, attempt] { kill(attempt); });
  } else {
    kill(attempt);
  }
  JobRun* again = context_.find(attempt);
  if (again != nullptr && again->settle == 0) {
    again->settle =
        context_.timers.after(kSettleTickMs, [this, attempt] { force_settle(attempt); });
  }
}

void Jobs::signal_all(JobRun& job, std::uint32_t signal) {
  for (auto& [number, step] : job.steps) {
    if (!step.own_done) tree_.signal_here(step, signal);
  }
}

void Jobs::kill(const Attempt& attempt) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr) return;
  context_.timers.cancel(job->kill);
  if (job->kill_after < 0) job->kill_after = context_.env.now().mono_ms;
  signal_all(*job, SIGKILL);
}

// Looks now and then whether the steps are through; forgets those that will say nothing more.
void Jobs::force_settle(const Attempt& attempt) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr) return;
  job->settle = 0;
  if (job->steps.empty()) return;
  const std::int64_t now = context_.env.now().mono_ms;
  const bool quiet =
      std::ranges::all_of(job->steps, [](const auto& entry) { return entry.second.own_done; });
  if (quiet && job->quiet_since < 0) job->quiet_since = now;
  const bool settled = quiet && now - job->quiet_since >= kSettleMs;
  const bool hopeless =
      job->kill_after >= 0 &&
      now - job->kill_after >= std::int64_t{context_.settings.unkillable_s} * 1000;
  if (!settled && !hopeless) {
    if (job->kill_after >= 0) signal_all(*job, SIGKILL);
    job->settle = context_.timers.after(kSettleTickMs, [this, attempt] { force_settle(attempt); });
    return;
  }
  std::vector<StepNumber> numbers;
  for (const auto& [number, step] : job->steps) numbers.push_back(number);
  for (const StepNumber number : numbers) {
    job = context_.find(attempt);
    if (job == nullptr) return;
    const auto step = job->steps.find(number);
    if (step == job->steps.end()) continue;
    if (step->second.root) {
      manager_.finish_by_force(*job, step->second);
    } else {
      tree_.drop(*job, number);
    }
  }
}

void Jobs::steps_gone(const Attempt& attempt) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr || !job->is_ending() || !job->prepared || !job->steps.empty()) return;
  context_.timers.cancel(job->kill);
  context_.timers.cancel(job->settle);
  clean(attempt);
}

void Jobs::clean(const Attempt& attempt) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr || job->cleaning || !job->steps.empty()) return;
  job->cleaning = true;
  if (job->kill_after < 0) job->kill_after = context_.env.now().mono_ms;
  context_.env.clean_job(job->host,
                         [this, attempt](const Status& status) { cleaned(attempt, status); });
}

void Jobs::cleaned(const Attempt& attempt, const Status& status) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr) return;
  job->cleaning = false;
  if (!status && status.error().code == ErrorCode::busy) {
    const std::int64_t now = context_.env.now().mono_ms;
    const auto limit = std::int64_t{context_.settings.unkillable_s} * 1000;
    if (!job->given_up && now - job->kill_after >= limit) {
      job->given_up = true;
      context_.log(LogLevel::error, "job {}: {}", job->host.job->id.value, status.error().text);
      release(*job, true);
    }
    const std::int64_t step = kCleanFirstMs << std::min<std::uint32_t>(job->clean_tries++, 10);
    const std::int64_t wait = job->given_up ? kCleanGivenUpMs : std::min(step, kCleanMostMs);
    job->clean = context_.timers.after(wait, [this, attempt] { clean(attempt); });
    return;
  }
  if (!status) {
    context_.log(LogLevel::error, "job {}: {}", job->host.job->id.value, status.error().text);
    send_controller(context_.env, wire::NodeFault{status.error().text});
  }
  release(*job, false);  // also if it was given up before: now the node is clean
  context_.timers.cancel(job->tell);
  const JobId id = job->host.job->id;
  const std::set<StepNumber> finished = std::move(job->finished);
  context_.jobs.erase(attempt);
  bury(attempt, id);
  for (const StepNumber number : finished) {
    context_.env.ledger_forget(ledger_key(StepKey{attempt, number}));
  }
}

void Jobs::release(JobRun& job, bool unkillable) {
  const Attempt attempt = job.host.attempt;
  const bool told = !unkillable && context_.reports.amend<wire::BatchEnded>(
                                       attempt, [](wire::BatchEnded& m) { m.released = true; });
  if (told) return context_.reports.flush(attempt);
  wire::NodeReleased released;
  released.attempt = attempt;
  released.job = job.host.job->id;
  released.unkillable = unkillable;
  context_.reports.hold(attempt, released.job, released);
  context_.reports.flush(attempt);
}

// From now on the ledger knows this attempt as over, whatever the controller still sends.
void Jobs::bury(const Attempt& attempt, JobId job) {
  context_.env.ledger_put(ledger_key('T', attempt), std::to_string(job.value));
  context_.env.ledger_forget(ledger_key('J', attempt));
  context_.env.ledger_forget(ledger_key('P', attempt));
  restore_tombstone(attempt, job);
  while (tombstone_order_.size() > kMaxTombstones) {
    context_.env.ledger_forget(ledger_key('T', tombstone_order_.front()));
    tombstones_.erase(tombstone_order_.front());
    tombstone_order_.pop_front();
  }
}

}  // namespace sluice::worker
