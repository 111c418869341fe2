// What limits have to say in a pass beside yes and no: who may have nodes kept for him, and on
// which nodes a job may still run whose holder may not use more different ones.
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

bool PlannerPass::may_reserve(const Lane& lane) const {
  if (state_.gate == nullptr) return true;
  const RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  const GateQuestion question{job, lane.partition, limit_minutes(lane), nullptr};
  return state_.gate->may_reserve(question, ~lane.key.priority);
}

// Other nodes than those that a gate refused for being too many different ones.
std::optional<Selection> PlannerPass::within_limit(const Lane& lane, const LaneWork& work,
                                                   const model::Allocation& refused,
                                                   const GateBlock& block) {
  if (!block.of_nodes || state_.gate == nullptr) return std::nullopt;
  const RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  const GateQuestion question{job, lane.partition, limit_minutes(lane), &refused};
  const auto nodes = state_.gate->nodes_within(question, block);
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
