// Time: what is due for a job, and what happens then. A timer only says "look at this job"; what is
// to be done follows from the record and the clocks, so a late or repeated tick does no harm.
#include <algorithm>

#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kMaxPerTick = 10'000;  // the rest is due at once again

model::WallTime minutes(std::uint32_t count) {
  return model::WallTime{count} * 60 * model::kSecond;
}

}  // namespace

void Cluster::State::on(const Tick&) {
  if (turn.now.mono_ms >= explain_at_ms) write_reasons();
  if (turn.now.mono_ms >= replan_at_ms()) plan_needed = true;
  if (turn.now.mono_ms >= calculation_ms()) calculate();
  if (reservations_due() <= turn.now.wall) turn.tend_reservations = true;
  if (billing_ms() <= turn.now.mono_ms) tend_billing();
  for (std::uint32_t rung = 0; rung < kMaxPerTick; ++rung) {
    const std::optional<JobId> due = timers.take_due(turn.now);
    if (!due) return;
    ring(*due);
  }
}

// A planned start that has passed without another cause for a pass: whoever was to make room is
// late, and the plan is to be made anew; or the priorities are to be ranked anew. Not more often
// than once a second.
std::int64_t Cluster::State::replan_at_ms() const {
  const std::int64_t planned = std::min(planner.next_start_ms(), planner.next_ranking_ms());
  return planned == DueTimes::kNone ? planned : std::max(planned, last_pass_ms + 1000);
}

void Cluster::State::ring(JobId id) {
  const model::Job* now = find(id);
  if (now == nullptr) return;
  turn.unsettled.insert(id);  // sets its timers anew
  const Now& time = turn.now;
  if (now->state == model::JobState::pending) {
    const model::WallTime until = switches_until(*now);
    if (until != 0 && until <= time.wall) unqueue(id);  // it comes back with less to ask
    return;
  }
  const auto held = active.find(id);
  if (held == active.end()) {
    if (due_times(*now).wall <= time.wall) forget(id);
    return;
  }
  if (is_completing(*now)) {
    if (held->second.give_up_ms <= time.mono_ms) give_up(id);
    return;
  }
  if (now->spec->deadline != 0 && now->spec->deadline <= time.wall) {
    end(id, {.state = model::JobState::deadline, .reason = model::Reason::deadline});
    return;
  }
  if (now->state == model::JobState::suspended) return;
  if (held->second.limit_ms <= time.mono_ms && now->preempted_at != 0) return end_preempted(id);
  if (held->second.limit_ms <= time.mono_ms) {
    end(id, {.state = model::JobState::timeout, .reason = model::Reason::time_limit});
    return;
  }
  if (due_times(*now).mono_ms <= time.mono_ms) warn(id);
}

// --signal: the job is told that its end is near.
void Cluster::State::warn(JobId id) {
  model::Job& warned = edit(id);
  warned.flags |= model::kFlagTimeLimitSignalled;
  const bool batch = warned.spec->kind == model::JobKind::batch;
  const bool batch_only = warned.spec->signal_batch_only && batch;
  const NodeIndex host = warned.allocation->shares.front().node;
  active.at(id).nodes.for_each([&](NodeIndex node) {
    if (batch_only && node != host) return;
    turn.changes.orders.emplace_back(
        SignalJob{{warned.uid, warned.attempt}, id, node, warned.spec->signal, batch_only, false});
  });
}

DueTimes Cluster::State::due_times(const model::Job& job) const {
  DueTimes due;
  if (job.state == model::JobState::pending) {
    if (job.spec->begin > last.wall) due.at_wall(job.spec->begin);
    if (switches_until(job) > last.wall) due.at_wall(switches_until(job));
    if (job.spec->deadline != 0) due.at_wall(missed_at(job));
    const auto dependency = dependencies.find(job.id);
    if (dependency == dependencies.end()) return due;
    for (const DependencyClause& clause : dependency->second.clauses) {
      if (clause.minutes == 0 || clause.state != DependencyState::unfulfilled) continue;
      const TargetView target = target_view(clause);
      if (target.known && target.started) due.at_wall(target.begin + minutes(clause.minutes));
    }
    return due;
  }
  const auto found = active.find(job.id);
  if (found == active.end()) {
    // How a task of an array failed is wanted by those who wait for the whole.
    const auto array = arrays.find(job.array_job);
    const bool goes_on = array != arrays.end() &&
                         array->second.in(Phase::waiting) + array->second.in(Phase::active) != 0;
    if (goes_on && job.state != model::JobState::completed) return due;
    for (const JobId other : other_components(job.id)) {
      if (!model::is_finished(this->job(other).state) || active.contains(other)) return due;
    }
    if (settings->min_job_age_s == 0) return due;  // as in Slurm: never
    due.at_wall(job.end + model::WallTime{settings->min_job_age_s} * model::kSecond);
    // Someone still counts minutes from its start: it stays until that is over.
    if (dependents.contains(base_id(job))) due.wall = std::max(due.wall, still_wanted(job));
    return due;
  }
  const Active& held = found->second;
  if (is_completing(job)) {
    due.at_mono(held.give_up_ms);
    return due;
  }
  if (job.spec->deadline != 0) due.at_wall(job.spec->deadline);
  if (job.state == model::JobState::suspended || held.limit_ms == DueTimes::kNone) return due;
  due.at_mono(held.limit_ms);
  const bool warned = (job.flags & model::kFlagTimeLimitSignalled) != 0;
  if (job.spec->signal != 0 && !warned) {
    const std::int64_t before_ms = std::int64_t{job.spec->signal_before} * 1000 +
                                   std::int64_t{settings->over_time_limit_min} * 60'000;
    due.at_mono(held.limit_ms - before_ms);
  }
  return due;
}

// When the last dependent that waits for minutes after the job's start has its answer.
model::WallTime Cluster::State::still_wanted(const model::Job& job) const {
  model::WallTime until = 0;
  const auto waiting = dependents.find(base_id(job));
  if (waiting == dependents.end()) return until;
  for (const JobId id : waiting->second) {
    for (const DependencyClause& clause : dependencies.at(id).clauses) {
      if (clause.job != base_id(job) || clause.minutes == 0) continue;
      if (clause.state != DependencyState::unfulfilled) continue;
      until = std::max(until, (job.start != 0 ? job.start : job.end) + minutes(clause.minutes) + 1);
    }
  }
  return until;
}

model::WallTime Cluster::State::switches_until(const model::Job& job) const {
  const model::Request& request = *job.request;
  const bool asked = request.switches != 0 && job.eligible != 0;
  if (!asked || settings->topology.kind != model::TopologyKind::tree) return 0;
  if (request.switch_wait_s == model::kUnlimited) return 0;
  return job.eligible + model::WallTime{request.switch_wait_s} * model::kSecond;
}

// From when on it can't start any more and still end in time. Whoever is held isn't looked at, so
// that its limit can still be changed, until the deadline is over. Deadlines are whole seconds: one
// that was counted from "now" is not missed by a part of one.
model::WallTime Cluster::State::missed_at(const model::Job& job) const {
  const model::Request& request = *job.request;
  const std::uint32_t least = request.time_min != 0 ? request.time_min : request.time_limit;
  const model::WallTime after = job.spec->deadline + model::kSecond;
  const bool any = least == 0 || least == model::kUnlimited || job.priority == 0;
  return any ? after : after - minutes(least);
}

bool Cluster::State::misses_deadline(const model::Job& job) const {
  return job.state == model::JobState::pending && job.spec->deadline != 0 &&
         missed_at(job) <= turn.now.wall;
}

}  // namespace sluice::core
