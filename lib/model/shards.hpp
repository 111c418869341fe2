// Shards: equal parts of a node's GPUs, GRES "shard". They say how many jobs may use one GPU
// together; nothing divides the GPU itself. A share of shards names its GPU: its indices count the
// node's GPUs, all types together, and one of them is set.
#pragma once

#include <string_view>

#include "model/allocation.hpp"
#include "model/node.hpp"

namespace sluice::model {

inline constexpr std::string_view kShard = "shard";
inline constexpr std::string_view kShared = "gpu";  // what shards are parts of

[[nodiscard]] inline bool is_shards(const GresShare& share) { return share.name.view() == kShard; }

// Whether the share's indices may mean devices of that kind.
[[nodiscard]] inline bool may_hold(const GresShare& share, const NodeGres& kind) {
  if (is_shards(share)) return kind.name.view() == kShared;
  return share.name == kind.name && share.type == kind.type;
}

}  // namespace sluice::model
