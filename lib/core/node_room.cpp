// See node_room.hpp.
#include "core/node_room.hpp"

#include <algorithm>

namespace sluice::core {

NodeRoom::NodeRoom(const NodePool::State& pool, const Profile& profile, std::uint32_t node,
                   const LaneKey& lane, std::int64_t now_ms)
    : node_(node), changes_(pool.nodes[node].changes), edits_(profile.edits()) {
  const NodeSlot& slot = pool.nodes[node];
  if (!profile.is_claimed(node)) {
    least_.push_back({now_ms, slot.free_memory(), slot.idle_cores, slot.idle_threads});
    return;
  }
  for (const Claim& claim : profile.claims(node)) {
    std::optional<LaneKey>& nearest = claim.key < lane ? last_before_ : first_behind_;
    const bool nearer =
        !nearest || (claim.key < lane ? *nearest < claim.key : claim.key < *nearest);
    if (nearer) nearest = claim.key;
  }
  const Timeline& future = profile.timeline(node, {}, &lane);
  const std::vector<Timeline::Step>& steps = future.steps();
  for (std::size_t s = future.step_at(now_ms); s < steps.size(); ++s) {
    Least least{steps[s].from_ms, steps[s].memory, steps[s].cores, steps[s].threads};
    if (!least_.empty()) {
      const Least& before = least_.back();
      least.memory = std::min(least.memory, before.memory);
      least.cores = std::min(least.cores, before.cores);
      least.threads = std::min(least.threads, before.threads);
    }
    least_.push_back(least);
  }
}

bool NodeRoom::has(const NodeNeed& need, std::int64_t until_ms) const {
  const auto end =
      std::lower_bound(least_.begin() + 1, least_.end(), until_ms,
                       [](const Least& at, std::int64_t until) { return at.from_ms < until; });
  const Least& least = *std::prev(end);
  return least.cores >= need.cores && least.threads >= need.threads && least.memory >= need.memory;
}

}  // namespace sluice::core
