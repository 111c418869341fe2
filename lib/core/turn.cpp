// The turn: editing records by copy, and settling what the edits mean before the changes go out.
#include <algorithm>
#include <memory>

#include "base/assert.hpp"
#include "core/billing.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

void Cluster::State::begin(Now now) {
  if (!turn_is_new) turn = Turn{};
  turn_is_new = false;
  turn.now = now;
  last = now;
  licenses->set_time(now.mono_ms);
  if (money != nullptr) money->set_time(now.wall);
  if (policies->next_calculation_ms == std::numeric_limits<std::int64_t>::min()) {
    policies->next_calculation_ms = now.mono_ms + calculation_period_ms();
  }
  refresh_policies();
}

Changes Cluster::State::finish() {
  settle();
  refresh_policies();
  for (const auto& [id, edit] : turn.jobs) follow_job(id);
  if (turn.charge_all) charge_all();
  follow_money();
  publish_accounts();
  Changes& changes = turn.changes;
  // A refused event's changes go nowhere: what was charged meanwhile goes out with the next turn.
  if (changes.outcome) changes.usage = policies->usage.take_changed();
  for (auto& [id, edit] : turn.jobs) {
    if (edit.before && *edit.before == *edit.fresh) {
      const auto entry = jobs.find(id);
      if (entry != jobs.end()) entry->second.job = edit.before;
    } else {
      changes.jobs.push_back(edit.fresh);
    }
  }
  for (auto& [index, edit] : turn.nodes) {
    if (*edit.before == *edit.fresh) {
      nodes[index].record = edit.before;
    } else {
      changes.nodes.push_back(edit.fresh);
    }
  }
  for (auto& [index, fresh] : turn.partitions) changes.partitions.push_back(fresh);
  for (const std::uint32_t id : turn.reservations) {
    changes.reservations.push_back(reservations.all().at(id).record);
  }
  Changes done = std::move(changes);
  // In place: to move a new one there takes several times as long. The room of a list that each
  // turn fills is kept.
  IdSet unsettled = std::move(turn.unsettled);
  std::destroy_at(&turn);
  std::construct_at(&turn);
  if (unsettled.empty()) turn.unsettled = std::move(unsettled);
  turn_is_new = true;
  return done;
}

// Most questions in a row are about one job.
const model::Job* Cluster::State::find(JobId id) const {
  if (id == last_found_id && last_found != nullptr) return last_found->job.get();
  const auto entry = jobs.find(id);
  if (entry == jobs.end()) return nullptr;
  last_found_id = id;
  last_found = const_cast<Entry*>(&entry->second);  // entry_of() gives it to who may change it
  return last_found->job.get();
}

// Of a job that is there.
Entry& Cluster::State::entry_of(JobId id) {
  SLUICE_ASSERT(find(id) != nullptr, "job {} is not in the table", id.value);
  return *last_found;
}

const model::Job& Cluster::State::job(JobId id) const {
  const model::Job* found = find(id);
  SLUICE_ASSERT(found != nullptr, "job {} is not in the table", id.value);
  return *found;
}

model::Job& Cluster::State::edit(JobId id) {
  turn.unsettled.insert(id);
  return edit_quietly(id);
}

model::Job& Cluster::State::edit_quietly(JobId id) {
  const auto [edit, is_new] = turn.jobs.try_emplace(id);
  if (is_new) {
    Entry& entry = entry_of(id);
    edit->second.before = entry.job;
    edit->second.counted = tally_of(*entry.job);
    if (policies->limits.counts()) edit->second.claimed = claim_of(*entry.job);
    edit->second.fresh = std::make_shared<model::Job>(*entry.job);
    entry.job = edit->second.fresh;
  }
  return *edit->second.fresh;
}

model::Job& Cluster::State::insert(model::Job job) {
  const JobId id = job.id;
  auto fresh = std::make_shared<model::Job>(std::move(job));
  if (fresh->array_job.is_set()) {
    ArrayInfo& array = arrays[fresh->array_job];
    ++array.records;
    if (fresh->array_task != model::kNoTask) array.own.emplace(fresh->array_task, id);
  }
  const std::size_t before = jobs.size();
  jobs.emplace_hint(jobs.end(), id, Entry{fresh, 0});  // ids mostly grow
  const bool added = jobs.size() != before;
  SLUICE_ASSERT(added, "job {} exists", id.value);
  turn.jobs.emplace(id, JobEdit{fresh, nullptr, {}});
  turn.unsettled.insert(id);
  return *fresh;
}

model::Node& Cluster::State::edit_node(NodeIndex node) {
  const auto [edit, is_new] = turn.nodes.try_emplace(node.value);
  if (is_new) {
    model::NodePtr& record = nodes[node.value].record;
    edit->second.before = record;
    edit->second.fresh = std::make_shared<model::Node>(*record);
    record = edit->second.fresh;
  }
  return *edit->second.fresh;
}

model::Partition& Cluster::State::edit_partition(PartitionIndex partition) {
  const auto [edit, is_new] = turn.partitions.try_emplace(partition.value);
  if (is_new) {
    model::PartitionPtr& record = partitions[partition.value];
    edit->second = std::make_shared<model::Partition>(*record);
    record = edit->second;
  }
  return *edit->second;
}

// Settling one job may unsettle others (its dependents), never itself without a change, so this
// ends; ids are taken in order to make the outcome the same every time.
void Cluster::State::settle() {
  while (turn.tend_reservations || !turn.unsettled.empty() || !turn.arrays.empty()) {
    if (turn.tend_reservations) {
      tend_reservations();
      continue;
    }
    if (!turn.unsettled.empty()) {
      settle_one(turn.unsettled.take_first());
      continue;
    }
    const JobId array = *turn.arrays.begin();
    turn.arrays.erase(turn.arrays.begin());
    share_slots(array);
  }
}

void Cluster::State::settle_one(JobId id) {
  const model::Job* now = find(id);
  if (now == nullptr) return;  // forgotten meanwhile
  if (misses_deadline(*now)) {
    end(id, {.state = model::JobState::deadline, .reason = model::Reason::deadline});
  }
  follow_job(id);
  const auto edit = turn.jobs.find(id);
  if (edit != turn.jobs.end()) {
    const Tally tally = tally_of(*edit->second.fresh);
    if (tally != edit->second.counted) {
      const Tally before = std::exchange(edit->second.counted, tally);
      const model::Job& job = *edit->second.fresh;
      count(job, before, -1);
      count(job, tally, 1);
      if (job.array_task != model::kNoTask && before.phase != tally.phase &&
          (tally.phase == Phase::ok || tally.phase == Phase::bad)) {
        split_corresponding(job.array_job, job.array_task);
      }
      array_over(job.array_job);
      notify_dependents(base_id(job));
      if (is_led(job)) notify_dependents(job.het_job);
      if (job.het_job.is_set()) {
        // A finished one stays in memory as long as others are not over.
        for (const JobId other : other_components(id)) turn.unsettled.insert(other);
      }
    }
  }
  if (job(id).state == model::JobState::pending) {
    review(id);
  } else {
    unqueue(id);
    entry_of(id).ready = false;
    not_ready(job(id));
  }
  set_timers(id);
}

// Failed tasks stay in memory as long as others of their array are not over: now they may go.
void Cluster::State::array_over(JobId id) {
  const auto array = arrays.find(id);
  if (array == arrays.end()) return;
  if (array->second.in(Phase::waiting) + array->second.in(Phase::active) != 0) return;
  for (const auto& [task, own] : array->second.own) turn.unsettled.insert(own);
  turn.unsettled.insert(id);
}

void Cluster::State::set_timers(JobId id) {
  const model::Job* job = find(id);
  if (job != nullptr) timers.set(id, due_times(*job));
}

void Cluster::State::count(const model::Job& job, const Tally& tally, std::int32_t sign) {
  if (tally.phase == Phase::none) return;
  count_name(job, tally, sign);
  if (!job.array_job.is_set()) return;
  ArrayInfo& array = arrays[job.array_job];
  std::uint32_t& tasks = array.tasks[static_cast<std::size_t>(tally.phase)];
  if (sign < 0) {
    SLUICE_ASSERT(tasks >= tally.tasks, "array {}", job.array_job.value);
    tasks -= tally.tasks;
  } else {
    tasks += tally.tasks;
    if (tally.phase != Phase::waiting) {
      array.last_begin = std::max(array.last_begin, job.start != 0 ? job.start : job.end);
    }
  }
  if (array.limit != 0) turn.arrays.insert(job.array_job);
}

void Cluster::State::count_name(const model::Job& job, const Tally& tally, std::int32_t sign) {
  if (tally.phase != Phase::waiting && tally.phase != Phase::active) return;
  const NameKey key{job.spec->uid, tally.name};
  NameGroup& group = names[key];
  if (tally.phase == Phase::waiting) {
    if (sign > 0) {
      group.waiting.emplace(tally.order, job.id);
    } else {
      group.waiting.erase(tally.order);
    }
  } else if (sign > 0) {
    group.active.insert(job.id);
  } else {
    group.active.erase(job.id);
  }
  if (singletons > 0) touch_group(key);
  if (group.waiting.empty() && group.active.empty()) names.erase(key);
}

// Only the first of a group can be let through; the second may have been the first before.
void Cluster::State::touch_group(const NameKey& key) {
  const auto group = names.find(key);
  if (group == names.end()) return;
  std::uint32_t looked_at = 0;
  for (const auto& [order, id] : group->second.waiting) {
    turn.unsettled.insert(id);
    if (++looked_at == 2) return;
  }
}

}  // namespace sluice::core
