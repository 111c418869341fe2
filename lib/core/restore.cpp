// Building the tables: for a new cluster, after a restart, and anew when the configuration changed.
//
// A restart changes no record (what the store has stays true); it only rebuilds what follows from
// the records. Waiting jobs are looked at in the first turn, whose changes reach the store like all
// others. Node indices may have moved with the configuration: names decide.
#include <algorithm>

#include "base/assert.hpp"
#include "core/cluster_state.hpp"
#include "core/node_facts.hpp"

namespace sluice::core {

Cluster::State::State(SettingsPtr given)
    : settings(std::move(given)), pool(settings), planner(settings) {
  next_job_id = settings->first_job_id;
  restore_accounts({});
  gate_licenses();
  make_tables();
  refresh_policies();
  publish_priorities();
}

Cluster::State::State(SettingsPtr given, const StoredState& stored, Now when)
    : State(std::move(given)) {
  turn.now = when;
  last = when;
  if (stored.next_job_id != 0) next_job_id = stored.next_job_id;
  restore_accounts(stored);
  restore_partitions(stored);
  restore_nodes(stored);
  restore_reservations(stored.reservations);
  refresh_preemption();
  refresh_policies();
  std::map<std::pair<JobId, std::uint32_t>, LeftNodes> left;
  for (const model::NodeRelease& gone : stored.released) {
    left[{gone.job, gone.attempt}].insert(gone.node);
  }
  for (const model::JobPtr& job : stored.jobs) {
    const auto own = left.find({job->id, job->attempt});
    restore_job(job, own == left.end() ? LeftNodes() : own->second);
  }
  restore_charges();
  restore_billing(stored);
  restore_arrays();
  for (const auto& [id, entry] : jobs) restore_waits(*entry.job);
  for (const model::StepPtr& step : stored.steps) {
    const auto held = active.find(step->job);
    if (held == active.end()) continue;
    steps.emplace(std::pair{step->job, step->number}, step);
  }
  for (const auto& [id, entry] : jobs) set_timers(id);
  if (settings->priority.usage_reset == model::UsageReset::now) policies->usage.reset_all();
  publish_priorities();
  policies->next_calculation_ms = when.mono_ms;
  turn = Turn{};
  tend_when_restored = true;
}

void Cluster::State::make_tables() {
  const std::vector<NodeSetting>& given = settings->nodes;
  nodes.resize(given.size());
  for (std::uint32_t n = 0; n < given.size(); ++n) {
    model::Node node;
    node.index = NodeIndex(n);
    node.name = given[n].name;
    node.address = given[n].address;
    node.facts = configured_facts(given[n]);
    node.features = given[n].features;
    node.weight = given[n].weight;
    node.flags = model::kNodeNoRespond;
    nodes[n].facts_known = given[n].facts_fixed;
    if (!nodes[n].facts_known) ++unknown_nodes;
    nodes[n].record = std::make_shared<const model::Node>(std::move(node));
    const bool added = node_names.emplace(given[n].name.str(), n).second;
    SLUICE_ASSERT(added, "node {} is configured twice", given[n].name.view());
    pool.set_available(NodeIndex(n), false);
  }
  for (std::uint32_t p = 0; p < settings->partitions.size(); ++p) {
    model::Partition partition = settings->partitions[p];
    partition.index = PartitionIndex(p);
    partitions.push_back(std::make_shared<const model::Partition>(std::move(partition)));
  }
  partition_memory.resize(partitions.size());
  refill_partitions();
}

// Makes node lists and totals right after nodes or partitions were replaced; nothing is published.
void Cluster::State::refill_partitions() {
  list_partitions();
  for (PartitionIndex p; p.value < partitions.size(); ++p.value) fill_partition(edit_partition(p));
  turn.nodes.clear();
  turn.partitions.clear();
  publish_partitions();
}

void Cluster::State::restore_partitions(const StoredState& stored) {
  for (const model::PartitionPtr& kept : stored.partitions) {
    for (PartitionIndex p; p.value < partitions.size(); ++p.value) {
      if (partitions[p.value]->name != kept->name || !check_partition(*kept)) continue;
      model::Partition partition = *kept;
      partition.index = p;
      partitions[p.value] = std::make_shared<const model::Partition>(std::move(partition));
    }
  }
}

// Marks and facts; every node has yet to say that it is there.
void Cluster::State::restore_nodes(const StoredState& stored) {
  constexpr std::uint32_t kKept =
      model::kNodeDrain | model::kNodeFail | model::kNodeInvalidRegistration;
  for (const model::NodePtr& kept : stored.nodes) {
    const auto found = node_names.find(kept->name.view());
    if (found == node_names.end()) continue;
    NodeInfo& info = nodes[found->second];
    const NodeSetting& setting = settings->nodes[found->second];
    model::Node node = *info.record;
    node.state =
        kept->state == model::NodeState::down ? model::NodeState::down : model::NodeState::unknown;
    node.flags = (kept->flags & kKept) | model::kNodeNoRespond;
    node.reason = kept->reason;
    node.reason_uid = kept->reason_uid;
    node.reason_time = kept->reason_time;
    node.comment = kept->comment;
    node.extra = kept->extra;
    node.weight = kept->weight;
    node.last_busy = kept->last_busy;
    if (!kept->features.empty()) node.features = kept->features;
    const bool told = !kept->facts.boot_id.empty() || !kept->facts.hostname.empty();
    if (told) {
      node.facts = effective_facts(setting, kept->facts);
      if (!info.facts_known) --unknown_nodes;
      info.facts_known = true;
      pool.set_facts(node.index, node.facts);
    }
    pool.set_features(node.index, node.features);
    pool.set_weight(node.index, node.weight);
    info.record = std::make_shared<const model::Node>(std::move(node));
  }
  refill_partitions();
}

void Cluster::State::restore_job(const model::JobPtr& kept, const LeftNodes& left) {
  model::Job moved = *kept;
  moved.spec = specs.intern(kept->spec);
  moved.request = requests.intern(kept->request);
  if (kept->allocation) {
    model::Allocation allocation = *kept->allocation;
    std::erase_if(allocation.shares, [&](model::NodeShare& share) {
      const auto node = node_names.find(share.name.view());
      if (node != node_names.end()) share.node = NodeIndex(node->second);
      return node == node_names.end();
    });
    if (allocation != *kept->allocation) {
      moved.allocation = std::make_shared<const model::Allocation>(std::move(allocation));
    }
  }
  // One pointer for the record as the store has it, if it is the same.
  const bool same = moved.spec == kept->spec && moved.request == kept->request &&
                    moved.allocation == kept->allocation;
  const model::JobPtr record = same ? kept : std::make_shared<const model::Job>(std::move(moved));
  const model::Job& job = *record;
  jobs.emplace(job.id, Entry{record, 0});
  if (job.array_job.is_set()) {
    ArrayInfo& array = arrays[job.array_job];
    ++array.records;
    if (job.array_task != model::kNoTask) array.own.emplace(job.array_task, job.id);
  }
  const bool holds = job.state == model::JobState::running ||
                     job.state == model::JobState::suspended || is_completing(job);
  if (holds && job.allocation) restore_active(job, left);
}

void Cluster::State::restore_active(const model::Job& job, const LeftNodes& left) {
  Active held;
  PartitionIndex partition;
  for (const model::PartitionPtr& known : partitions) {
    if (known->name == job.partition) partition = known->index;
  }
  const ReservationEntry* in = reservations.find(job.reservation);
  held.holder = {job.id, job.spec->uid, partition, job.request->sharing,
                 in == nullptr ? 0 : in->record->id};
  if (!is_completing(job))
    licenses->restore(job.id, job.allocation->licenses, held.holder.reservation);
  if (job.suspended_at != 0) {
    held.suspended_ms = turn.now.mono_ms - (turn.now.wall - job.suspended_at) / 1000;
  }
  model::Allocation still = *job.allocation;
  if (is_completing(job)) {
    std::erase_if(still.shares,
                  [&](const model::NodeShare& share) { return left.contains(share.name); });
    // Anew in full: the nodes have to come back and hear of it once more.
    held.give_up_ms = turn.now.mono_ms +
                      1000 * (std::int64_t{settings->kill_wait_s} + settings->unkillable_timeout_s);
  } else {
    held.limit_ms = limit_of(job);
  }
  pool.allocate(still, held.holder);
  const std::int64_t end = is_completing(job)                        ? turn.now.mono_ms
                           : job.state == model::JobState::suspended ? DueTimes::kNone
                                                                     : held.limit_ms;
  planner.job_started(job.id, job.allocation, end, facts_of(job));
  std::vector<NodeIndex> here;
  for (const model::NodeShare& share : still.shares) {
    here.push_back(share.node);
    nodes[share.node.value].jobs.insert(job.id);
    if (is_completing(job)) ++nodes[share.node.value].completing;
    refresh_use(share.node);
  }
  turn.nodes.clear();
  held.nodes = HeldNodes(std::move(here));
  attempts.emplace(job.uid, job.id);
  active.emplace(job.id, std::move(held));
  if (job.suspended_at == 0) return;
  let_sleep(job.id);
  turn.nodes.clear();
  if (job.preempted_at != 0 && !is_completing(job)) displaced.insert(job.id);
}

// The array's limit is in the record with its id, or in any other if that is gone.
void Cluster::State::restore_arrays() {
  for (auto& [id, array] : arrays) {
    const model::Job* record = find(id);
    if (record == nullptr) record = find(array.own.begin()->second);
    array.limit = record->spec->array_limit;
  }
  for (const auto& [id, entry] : jobs) count(*entry.job, tally_of(*entry.job), 1);
  for (auto& [id, array] : arrays) array.ceiling = array.in(Phase::active);
  turn.arrays.clear();
  turn.unsettled.clear();
}

void Cluster::State::restore_waits(const model::Job& job) {
  const bool lost_all = active.contains(job.id) && active.at(job.id).nodes.empty();
  if (lost_all) unreviewed.insert(job.id);
  if (job.state != model::JobState::pending) return;
  unreviewed.insert(job.id);
  if (job.dependency.empty()) return;
  Result<DependencySpec> spec = parse_dependency(job.dependency);
  if (!spec || spec->clauses.empty()) return;
  for (const DependencyClause& clause : spec->clauses) {
    if (clause.kind == DependencyKind::singleton) {
      ++singletons;
    } else {
      dependents[clause.job].insert(job.id);
    }
  }
  dependencies.emplace(job.id, std::move(*spec));
}

// The first turn after a restart.
void Cluster::State::review_restored() {
  if (std::exchange(tend_when_restored, false)) {
    reservations_moved = true;
    turn.tend_reservations = true;
  }
  const std::set<JobId> open = std::exchange(unreviewed, {});
  for (const JobId id : open) {
    if (find(id) == nullptr) continue;
    turn.unsettled.insert(id);
    const auto held = active.find(id);
    if (held == active.end() || !held->second.nodes.empty()) continue;
    // Its nodes are no longer configured, or all had released it when the record was written.
    if (is_completing(job(id))) {
      finalize(id);
    } else {
      end(id, {.state = model::JobState::node_fail,
               .reason = model::Reason::node_fail,
               .requeue = requeueable(job(id))});
    }
  }
}

}  // namespace sluice::core
