// The planner's answers to "why": each lane of a job by itself, who stands before it, and when
// changed requests would start in its place.
#include <algorithm>
#include <utility>

#include "core/planner_pass.hpp"

namespace sluice::core {

namespace {

// Nodes of the lane that could take at least a part of the job this moment.
std::uint32_t nodes_with_room(const NodePool::State& pool, const LaneWork& work, Now now) {
  const Outlook outlook =
      Outlook::span(pool, nullptr, {.now_ms = now.mono_ms, .from_ms = now.mono_ms});
  const std::uint32_t least = work.demand.tasks == 0 ? work.demand.tasks_each : 1;
  std::uint32_t count = 0;
  NodeView view;
  for (const ClassId id : work.eligibility.classes) {
    const NodeClass& tested = pool.classes.at(id);
    const std::uint32_t cores = least_cores(work.demand, *tested.hardware, least);
    for (std::size_t idle = cores; idle < tested.by_idle_cores.size(); ++idle) {
      for (const std::uint32_t node : tested.by_idle_cores[idle]) {
        if (!work.eligibility.allows(node, pool)) continue;
        outlook.look(node, work.demand, view);
        if (evaluate(work.demand, view, least).tasks >= least) ++count;
      }
    }
  }
  return count;
}

// Nodes of larger classes are not counted at each start.
constexpr std::size_t kMaxBuckets = 256;

}  // namespace

// A few words only: it is made for each start.
StartNote PlannerPass::note_of(const Lane& lane, const LaneWork& work) const {
  StartNote note;
  const NodePool::State& pool = pool_.state();
  bool counted = true;
  for (const ClassId id : work.eligibility.classes) {
    const NodeClass& members = pool.classes.at(id);
    note.usable += members.available;
    counted = counted && members.by_idle_cores.size() <= kMaxBuckets;
    for (std::size_t idle = lane.fewest_cores; counted && idle < members.by_idle_cores.size();
         ++idle) {
      note.serving += static_cast<std::uint32_t>(members.by_idle_cores[idle].size());
    }
  }
  if (!counted) note.serving = 0;
  if (work.planned) {
    note.planned_start = now_.wall + (work.planned_ms - now_.mono_ms) * 1000;
  }
  const Planner::State::Blocked& first = state_.first_blocked[lane.partition.value];
  if (first.job.is_set() && first.key < lane.key) note.ahead_of = first.job;
  return note;
}

// What the fixed filters take away of a partition's nodes, as the configuration is now.
std::vector<FilterCount> Planner::fixed_filters(const NodePool& pool,
                                                const Candidate& candidate) const {
  for (const PartitionIndex partition : candidate.partitions) {
    if (partition.value >= pool.state().partitions.size()) continue;
    const PartitionRules rules(pool.state().partitions[partition.value].config,
                               waived_in(candidate, partition));
    const Result<Demand> demand =
        make_demand(*candidate.request, candidate.uid, rules.partition(), *state_->settings);
    if (!demand) continue;
    const Result<Eligibility> found = make_eligibility(pool.state(), *candidate.request, *demand);
    if (found) return found->filters;
  }
  return {};
}

std::vector<LaneView> Planner::lanes_of(const NodePool& pool, JobId id, Now now) const {
  std::vector<LaneView> views;
  const QueuedJob* job = state_->queue.find(id);
  if (job == nullptr) return views;
  const bool leads = state_->queue.leader(job->group).id == id;
  for (const std::uint32_t number : state_->queue.group(job->group).lanes) {
    const Lane& lane = state_->queue.lane(number);
    if (lane.work == nullptr || lane.work->leader.reason == model::Reason::none) continue;
    LaneView view;
    view.plan = leads ? lane.work->leader : lane.work->follower;
    view.plan.partition = lane.partition;
    view.guise = {lane.partition, lane.association, lane.qos};
    view.reservation = lane.reservation;
    if (!lane.work->error) view.free = nodes_with_room(pool.state(), *lane.work, now);
    if (leads && lane.work->planned) {
      view.nodes = lane.work->planned_nodes;
      view.start_ms = lane.work->planned_ms;
    }
    views.push_back(std::move(view));
  }
  return views;
}

// Whole groups are counted by their leaders: what stands behind one of its own group is not looked
// at job by job, because the queue may be long.
std::uint32_t Planner::ahead_of(JobId id) const {
  const QueuedJob* job = state_->queue.find(id);
  if (job == nullptr) return 0;
  const LaneKey* first = nullptr;
  for (const std::uint32_t number : state_->queue.group(job->group).lanes) {
    const LaneKey& key = state_->queue.lane(number).key;
    if (first == nullptr || key < *first) first = &key;
  }
  std::vector<std::uint32_t> groups;
  for (const LaneKey* key = state_->queue.at_or_after({}); key != nullptr && *key < *first;) {
    groups.push_back(state_->queue.lane(key->lane).group);
    LaneKey next = *key;
    ++next.lane;
    key = state_->queue.at_or_after(next);
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  std::uint64_t ahead = 0;
  for (const std::uint32_t group : groups) ahead += state_->queue.group(group).heap.size();
  if (state_->queue.leader(job->group).id != id) ++ahead;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(ahead, model::kUnlimited));
}

bool Planner::gates_refuse(const Candidate& candidate, PartitionIndex partition) const {
  bool tried = false;
  for (const Guise& guise : candidate.guises) {
    if (guise.partition != partition) continue;
    tried = true;
    Candidate one = candidate;
    one.guises.clear();
    one.association = guise.association;
    one.qos = guise.qos;
    if (!gates_refuse(one, partition)) return false;
  }
  if (tried) return true;
  RankedJob job;
  job.request = candidate.request.get();
  job.uid = candidate.uid;
  job.association = candidate.association;
  job.qos = candidate.qos;
  job.time_limit = candidate.time_limit;
  job.nice = candidate.nice;
  job.accrue = candidate.accrue;
  job.submit = candidate.submit;
  const std::uint32_t minutes =
      candidate.time_limit == 0 ? model::kUnlimited : candidate.time_limit;
  const GateQuestion question{job, partition, minutes, nullptr};
  return state_->gates.refuse(question).has_value();
}

std::vector<std::optional<PlanEntry>> Planner::what_if(const NodePool& pool, JobId id,
                                                       const std::vector<Candidate>& changed,
                                                       Now now) const {
  std::vector<std::optional<PlanEntry>> answers;
  Profile& profile = state_->profile;
  std::vector<std::pair<std::uint32_t, Claim>> set_aside;
  const QueuedJob* job = state_->queue.find(id);
  if (job != nullptr && !profile.empty()) {
    const LaneKey* first = nullptr;
    for (const std::uint32_t number : state_->queue.group(job->group).lanes) {
      const LaneKey& key = state_->queue.lane(number).key;
      if (first == nullptr || key < *first) first = &key;
    }
    for (const std::uint32_t node : profile.claimed_nodes()) {
      for (const Claim& claim : profile.claims(node)) {
        if (!(claim.key < *first)) set_aside.emplace_back(node, claim);
      }
    }
    profile.drop_from(*first);
  }
  for (const Candidate& candidate : changed) {
    Candidate allowed = candidate;
    std::erase_if(allowed.partitions, [&](PartitionIndex partition) {
      return partition.value >= pool.state().partitions.size() ||
             gates_refuse(candidate, partition);
    });
    Result<PlanEntry> tested = fail(ErrorCode::invalid_partition);
    if (!allowed.partitions.empty()) tested = test(pool, allowed, now);
    answers.push_back(tested && tested->planned_start != 0 ? std::optional(std::move(*tested))
                                                           : std::nullopt);
  }
  for (auto& [node, claim] : set_aside) profile.add(node, std::move(claim));
  return answers;
}

}  // namespace sluice::core
