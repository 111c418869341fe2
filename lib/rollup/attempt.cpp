// See attempt.hpp.
#include "rollup/attempt.hpp"

#include <algorithm>

#include "model/task_set.hpp"

namespace sluice::rollup {

namespace {

// Records of jobs that were made by hand, or before TRES were counted, have none.
model::TresCounts counts_of(const model::Job& job) {
  if (!job.tres.empty() || !job.allocation) return job.tres;
  model::TresCounts counts;
  std::int64_t memory = 0;
  for (const model::NodeShare& share : job.allocation->shares) {
    memory += static_cast<std::int64_t>(share.memory);
  }
  const std::int64_t cpus = job.allocation->cpus;
  model::set_tres(counts, model::kTresCpu, cpus);
  model::set_tres(counts, model::kTresMemory, memory);
  model::set_tres(counts, model::kTresNode,
                  static_cast<std::int64_t>(job.allocation->shares.size()));
  model::set_tres(counts, model::kTresBilling, cpus);
  return counts;
}

std::int64_t asked_cpus(const model::Job& job) {
  if (job.allocation) return job.allocation->cpus;
  const model::Request& request = *job.request;
  const std::int64_t tasks = std::max<std::int64_t>(request.tasks, 1);
  const std::int64_t cpus = tasks * std::max<std::int64_t>(request.cpus_per_task, 1);
  const std::int64_t each = std::max<std::int64_t>(cpus, request.min_nodes);
  return job.array_rest ? each * std::int64_t{model::task_count(*job.array_rest)} : each;
}

model::UseKey key_of(const model::Job& job) {
  const model::JobSpec& spec = *job.spec;
  model::UseKey key;
  key.association = job.association;
  key.account = job.request->account;
  key.user = spec.user.empty() ? Text(std::to_string(spec.uid)) : spec.user;
  key.qos = job.qos.empty() ? job.request->qos : job.qos;
  key.wckey = spec.wckey;
  key.gid = spec.gid;
  return key;
}

bool began(const model::Job& job) {
  return job.start != 0 && job.state != model::JobState::pending;
}

// Records from before stretches were kept have only their sum: it is taken from the end.
void take_from_end(std::vector<Period>& runs, Seconds suspended) {
  while (suspended > 0 && !runs.empty()) {
    const Seconds part = std::min(suspended, runs.back().length());
    runs.back().to -= part;
    suspended -= part;
    if (runs.back().length() == 0) runs.pop_back();
  }
}

std::vector<Period> runs_of(const model::Job& job, const Period& held) {
  std::vector<Period> runs;
  Seconds at = held.from;
  const auto run_until = [&](Seconds until) {
    until = std::clamp(until, at, held.to);
    if (until > at) runs.push_back({at, until});
  };
  for (const model::Suspension& still : job.suspensions) {
    run_until(seconds_of(still.from));
    at = std::clamp(seconds_of(still.to), at, held.to);
  }
  const bool asleep = job.end == 0 && job.suspended_at != 0;
  run_until(asleep ? seconds_of(job.suspended_at) : held.to);
  if (job.suspensions.empty()) take_from_end(runs, job.suspended_us / model::kSecond);
  return runs;
}

}  // namespace

Seconds AttemptUse::seconds_in(const Period& period) const {
  Seconds sum = 0;
  for (const Period& run : runs) sum += common(run, period).length();
  return sum;
}

void AttemptUse::add_to(model::TresCounts& sum, const Period& period) const {
  const Seconds kept = common(held, period).length();
  const Seconds run = runs.size() == 1 && runs.front() == held ? kept : seconds_in(period);
  for (const model::TresCount& one : tres) {
    const Seconds seconds = one.id == model::kTresCpu ? run : kept;
    if (seconds != 0) model::add_tres(sum, one.id, one.count * seconds);
  }
}

Seconds AttemptUse::seconds() const {
  Seconds sum = 0;
  for (const Period& run : runs) sum += run.length();
  return sum;
}

namespace {

Period held_by(const model::Job& attempt, Seconds now) {
  if (!began(attempt)) return {};
  const Seconds start = seconds_of(attempt.start);
  return {start, std::max(start, attempt.end != 0 ? seconds_of(attempt.end) : now)};
}

}  // namespace

Seconds run_seconds(const model::Job& attempt, Seconds now) {
  return run_seconds(attempt, now, held_by(attempt, now));
}

Seconds run_seconds(const model::Job& attempt, Seconds now, const Period& period) {
  Seconds sum = 0;
  for (const Period& run : runs_of(attempt, held_by(attempt, now))) {
    sum += common(run, period).length();
  }
  return sum;
}

Seconds held_seconds(const model::Job& attempt, Seconds now) {
  return held_by(attempt, now).length();
}

AttemptUse use_of(const model::Job& attempt, Seconds now) {
  AttemptUse use;
  use.key = key_of(attempt);
  use.tres = counts_of(attempt);
  use.cpus = static_cast<std::uint32_t>(model::tres_count(use.tres, model::kTresCpu));
  use.reservation = attempt.reservation;
  use.held = held_by(attempt, now);
  use.runs = runs_of(attempt, use.held);
  use.wait = wait_of(attempt, now);
  return use;
}

Wait wait_of(const model::Job& attempt, Seconds now) {
  if (attempt.eligible == 0) return {};
  const Seconds from = seconds_of(attempt.eligible);
  Seconds until = attempt.end != 0 ? seconds_of(attempt.end) : now;
  if (began(attempt)) until = seconds_of(attempt.start);
  return {{from, std::max(from, until)}, asked_cpus(attempt)};
}

bool is_told_as_requeued(const model::Job& attempt) {
  return (attempt.flags & model::kFlagRequeued) != 0 &&
         attempt.state != model::JobState::preempted && attempt.state != model::JobState::node_fail;
}

void add_use(model::TresCounts& sum, const model::TresCounts& counts, Seconds seconds) {
  if (seconds == 0) return;
  for (const model::TresCount& one : counts) model::add_tres(sum, one.id, one.count * seconds);
}

void add_use(model::TresCounts& sum, const model::TresCounts& more) { add_use(sum, more, 1); }

}  // namespace sluice::rollup
