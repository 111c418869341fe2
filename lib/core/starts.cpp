// What a planning pass decided becomes running jobs, and what it found out becomes reasons.
#include <algorithm>

#include "base/assert.hpp"
#include "core/billing.hpp"
#include "core/cluster_state.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

// Writing reasons must not keep the store busy: if a whole large group gets another reason at once,
// the first members show it and the others keep what they showed. explain() knows it for all.
constexpr std::size_t kMaxExplained = 1000;

}  // namespace

void Cluster::State::take(const PassResult& pass) {
  policies->limits.forget_started();  // each counts by its record from now on
  if (money != nullptr) money->forget_started();
  for (const Preemption& preemption : pass.preemptions) carry_out(preemption);
  for (const Start& started : pass.starts) start(started);
  settle();
  const std::size_t shown = std::min(pass.explained.size(), kMaxExplained);
  unexplained.insert(pass.explained.begin(),
                     pass.explained.begin() + static_cast<std::ptrdiff_t>(shown));
  if (turn.now.mono_ms >= explain_at_ms) write_reasons();
}

// At most once in reason_interval_ms: when jobs come and go fast, the leader of a group changes
// with each start, and nobody could read what would be written.
void Cluster::State::write_reasons() {
  for (const JobId id : unexplained) explain_in_record(id);
  if (!unexplained.empty()) explain_at_ms = turn.now.mono_ms + settings->reason_interval_ms;
  unexplained.clear();
}

void Cluster::State::start(const Start& started) {
  JobId id = started.id;
  Entry& entry = entry_of(id);
  SLUICE_ASSERT(entry.job->state == model::JobState::pending, "job {}", id.value);
  const bool led = is_led(*entry.job);  // its leader was queued
  SLUICE_ASSERT(led || entry.startable != 0, "job {} was not queued", id.value);
  if (!led) --entry.startable;  // the planner counted it down as well
  if (led) {
    entry.ready = false;
  } else if (is_rest(*entry.job)) {
    const JobId array = id;
    id = split(array, model::first_task(*entry.job->array_rest));
    if (id == array) {
      planner.remove(id);
      entry.startable = 0;
    } else {
      pool.rename(*started.allocation, array, id);
    }
  } else {
    planner.remove(id);
  }
  drop_dependency(id);

  model::Job& job = edit(id);
  job.state = model::JobState::running;
  job.flags = job.spec->kind == model::JobKind::batch ? 0U : model::kFlagConfiguring;
  job.reason = model::Reason::none;
  job.reason_detail = Text();
  job.exit_code = 0;  // the former attempt's, until now
  job.dependency = Text();
  job.partition = partitions[started.partition.value]->name;
  job.association = started.association;
  if (const model::Qos* qos = tree->qos(started.qos)) job.qos = qos->name;
  if (ranks_by_factors() && !job.priority_fixed) job.priority = computed_priority(job);
  job.time_limit = started.time_limit;
  job.start = turn.now.wall;
  job.allocation = started.allocation;
  if (const ReservationEntry* used = reservations.find(started.reservation)) {
    job.reservation = used->record->name;
    turn.tend_reservations = true;
  }
  if (!job.request->licenses.empty()) {
    model::Allocation with = *started.allocation;
    with.licenses = licenses->settle(id);
    job.allocation = std::make_shared<const model::Allocation>(std::move(with));
  }
  job.batch_host = started.allocation->shares.front().name;
  job.planned_start = 0;
  job.planned_nodes = Text();

  Active held;
  held.holder = {id, job.spec->uid, started.partition, job.request->sharing, started.reservation};
  held.limit_ms = limit_of(job);
  held.note = started.note;
  planner.job_started(id, job.allocation, held.limit_ms, facts_of(job));
  hold_nodes(job, std::move(held));
  for (const model::NodeShare& share : job.allocation->shares) {
    turn.changes.orders.emplace_back(LaunchJob{turn.jobs.at(id).fresh, share.node});
  }
}

// From now on, for a job whose record says when it started and how long it was suspended.
std::int64_t Cluster::State::limit_of(const model::Job& job) const {
  const std::int64_t forced = std::min(preempted_limit(job), reservation_limit_of(job));
  if (job.time_limit == model::kUnlimited) return forced;
  const std::int64_t run_ms = (turn.now.wall - job.start - job.suspended_us) / 1000;
  const std::int64_t minutes =
      std::int64_t{job.time_limit} +
      (settings->over_time_limit_min == model::kUnlimited ? 0 : settings->over_time_limit_min);
  if (settings->over_time_limit_min == model::kUnlimited) return forced;
  const std::int64_t limit =
      turn.now.mono_ms + minutes * settings->limit_unit_ms - std::max<std::int64_t>(run_ms, 0);
  return std::min(limit, forced);
}

// Notes who is where. The pool already has the allocation.
void Cluster::State::hold_nodes(const model::Job& job, Active held) {
  std::vector<NodeIndex> all;
  all.reserve(job.allocation->shares.size());
  for (const model::NodeShare& share : job.allocation->shares) all.push_back(share.node);
  held.nodes = HeldNodes(std::move(all));
  const bool added = attempts.emplace(job.uid, job.id).second;
  SLUICE_ASSERT(added, "job {} has the identity of another", job.id.value);
  const auto [entry, is_new] = active.emplace(job.id, std::move(held));
  SLUICE_ASSERT(is_new, "job {} is active already", job.id.value);
  entry->second.nodes.for_each([&](NodeIndex node) {
    nodes[node.value].jobs.insert(job.id);
    refresh_use(node);
  });
}

// A leader of a group gets the plan's words into its record, if they changed by more than the
// planned start creeping along.
void Cluster::State::explain_in_record(JobId id) {
  const auto entry = jobs.find(id);
  if (entry == jobs.end() || entry->second.startable == 0) return;
  const PlanEntry* plan = planner.explain(id);
  if (plan == nullptr) return;
  const model::Job& now = *entry->second.job;
  const model::WallTime moved = plan->planned_start > now.planned_start
                                    ? plan->planned_start - now.planned_start
                                    : now.planned_start - plan->planned_start;
  const bool same_start = (plan->planned_start == 0) == (now.planned_start == 0) &&
                          moved < settings->backfill_resolution_s * model::kSecond;
  if (now.reason == plan->reason && now.reason_detail == plan->detail && same_start &&
      now.planned_nodes == plan->planned_nodes) {
    return;
  }
  model::Job& job = edit_quietly(id);
  job.reason = plan->reason;
  job.reason_detail = plan->detail;
  job.planned_start = plan->planned_start;
  job.planned_nodes = plan->planned_nodes;
  if (job.het_job.is_set()) mirror_reason(id);
}

}  // namespace sluice::core
