// NodeRoom: what one node has from now until any later moment, as plain counts, beside what is
// planned there ahead of a lane. Lane after lane asks for it: it is made once, and serves all lanes
// that stand between the same plans.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/profile.hpp"

namespace sluice::core {

class NodeRoom {
 public:
  // Of a node of which nobody has the whole for himself, or on which something is planned.
  NodeRoom(const NodePool::State& pool, const Profile& profile, std::uint32_t node,
           const LaneKey& lane, std::int64_t now_ms);

  [[nodiscard]] std::uint32_t node() const { return node_; }
  // Whether it is still right, also for that lane.
  [[nodiscard]] bool serves(const NodePool::State& pool, const Profile& profile,
                            const LaneKey& lane) const {
    return pool.nodes[node_].changes == changes_ && profile.edits() == edits_ &&
           (!last_before_ || *last_before_ < lane) && (!first_behind_ || !(*first_behind_ < lane));
  }
  // Whether so much is there at every moment until then.
  [[nodiscard]] bool has(const NodeNeed& need, std::int64_t until_ms) const;

 private:
  struct Least {  // of all moments from now on until the next of these
    std::int64_t from_ms = 0;
    std::uint64_t memory = 0;
    std::uint32_t cores = 0;
    std::uint32_t threads = 0;
  };

  std::uint32_t node_;
  std::uint64_t changes_;  // of the node
  std::uint64_t edits_;    // of what is planned
  // Plans on the node between which the lane stands.
  std::optional<LaneKey> last_before_;
  std::optional<LaneKey> first_behind_;
  std::vector<Least> least_;
};

}  // namespace sluice::core
