// What the gates have to say in a pass: whether a lane may start, who may have nodes kept for him,
// and on which nodes a job may still run whose holder may not use more different ones.
#include <algorithm>
#include <utility>

#include "core/planner_pass.hpp"
#include "core/share.hpp"

namespace sluice::core {

std::uint32_t waived_in(const Candidate& candidate, PartitionIndex partition) {
  if (candidate.guises.empty()) return candidate.waived;
  std::uint32_t waived = 0;
  for (const Guise& guise : candidate.guises) {
    if (guise.partition == partition) waived |= guise.waived;
  }
  return waived;
}

std::optional<GateBlock> PlannerPass::ask_gates(const Lane& lane,
                                                const model::Allocation* allocation) const {
  if (state_.gates.none()) return std::nullopt;
  RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  job.reservation = lane.reservation;
  if (lane.work != nullptr && lane.work->counted) job.request = lane.work->counted.get();
  return state_.gates.refuse({job, lane.partition, limit_minutes(lane), allocation});
}

void PlannerPass::tell_gates(const Lane& lane, JobId id, const model::Allocation& allocation) {
  if (state_.gates.none()) return;
  RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  job.reservation = lane.reservation;
  state_.gates.started(id, {job, lane.partition, limit_minutes(lane), &allocation});
}

std::uint64_t PlannerPass::gate_mark() const {
  return state_.config_number + state_.gates.loosened();
}

// A refused lane plans nothing and stands in nobody's way.
void PlannerPass::hold_back(Lane& lane, LaneWork& work, GateBlock gate) {
  if (work.planned) drop_plans({lane.key});
  work.known_blocked = false;
  Why why{.reason = gate.reason, .detail = gate.detail, .gate = {}};
  why.gate = std::move(gate);
  explain(lane, work, why);
}

bool PlannerPass::may_reserve(const Lane& lane) const {
  const RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  const GateQuestion question{job, lane.partition, limit_minutes(lane), nullptr};
  return state_.gates.may_reserve(question, ~lane.key.priority);
}

// Other nodes than those that a gate refused for being too many different ones.
std::optional<Selection> PlannerPass::within_limit(const Lane& lane, const LaneWork& work,
                                                   const model::Allocation& refused,
                                                   const GateBlock& block) {
  if (!block.of_nodes) return std::nullopt;
  const RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  const GateQuestion question{job, lane.partition, limit_minutes(lane), &refused};
  const auto nodes = state_.gates.nodes_within(question, block);
  if (!nodes) return std::nullopt;
  const NodePool::State& pool = pool_.state();
  Eligibility left = work.eligibility;
  base::Bitmap others = base::Bitmap::full(pool.nodes.size());
  for (const std::uint32_t node : *nodes) others.reset(node);
  if (left.excluded.size() == 0) left.excluded = base::Bitmap(pool.nodes.size());
  left.excluded |= others;
  for (const std::uint32_t node : left.required) {
    if (!left.allows(node, pool)) return std::nullopt;
  }
  const Outlook outlook = Outlook::span(pool, &state_.profile,
                                        {.now_ms = now_.mono_ms,
                                         .from_ms = now_.mono_ms,
                                         .until_ms = end_of(lane, now_.mono_ms),
                                         .before = state_.light ? &lane.key : nullptr,
                                         .vantage = state_.vantage(lane.reservation)});
  std::optional<Selection> found = choose_nodes(work.demand, left, outlook);
  steps_ += outlook.steps();
  if (found && ask_gates(lane, make_allocation(pool, work.demand, *found).get())) {
    return std::nullopt;
  }
  return found;
}

}  // namespace sluice::core
