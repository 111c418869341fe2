// TopologyMap: the configured topology as placement needs it: for each node its leaf (a leaf
// switch, or a block), for each group of leaves the group above. Blocks get groups too: as many
// neighbouring blocks as each further block size holds, and one group of all. Nodes that no leaf
// has are apart from all others: only jobs on one node use them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/topology.hpp"

namespace sluice::core {

inline constexpr std::uint32_t kNoGroup = 0xffffffff;

struct TopologyMap {
  model::TopologyKind kind = model::TopologyKind::none;
  std::vector<std::uint32_t> leaf_of;      // by node; kNoGroup: apart
  std::vector<std::uint32_t> above;        // by group; kNoGroup: a root
  std::vector<std::uint32_t> level;        // by group; leaves: 0
  std::vector<Text> names;                 // by group; empty: only a means of counting
  std::vector<std::uint32_t> block_sizes;  // in nodes, ascending
  std::uint32_t levels = 0;

  [[nodiscard]] bool known() const { return kind != model::TopologyKind::none; }
  // The group of that level that the node belongs to; kNoGroup: none.
  [[nodiscard]] std::uint32_t group_of(std::uint32_t node, std::uint32_t at_level) const;
  // "top.leaf2.n7": the names of the switches above, highest first, and the node's.
  [[nodiscard]] std::string address(std::uint32_t node, std::string_view name) const;
};

// `find`: the index of a node by its name. The topology must have been checked (lib/config); names
// that are not known are left out.
[[nodiscard]] TopologyMap map_topology(
    const model::Topology& topology, std::uint32_t nodes,
    const std::function<std::optional<std::uint32_t>(std::string_view)>& find);

}  // namespace sluice::core
