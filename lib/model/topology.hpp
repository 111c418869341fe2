// Topology: how a cluster's nodes are joined by switches, or stand in blocks. As configured; what
// placement makes of it: core/topology_map.hpp.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace sluice::model {

enum class TopologyKind : std::uint8_t { none = 0, tree = 1, block = 2 };

// A switch of a tree, or a block. A leaf has nodes, any other switch has switches.
struct Switch {
  Text name;
  Text nodes;     // compressed; of all leaves below
  Text switches;  // compressed; empty: a leaf
  std::uint32_t link_speed = 1;
  std::uint32_t level = 0;  // of a leaf: 0

  bool operator==(const Switch&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "nodes", self.nodes);
    visit(3, "switches", self.switches);
    visit(4, "link_speed", self.link_speed);
    visit(5, "level", self.level);
  }
};

struct Topology {
  TopologyKind kind = TopologyKind::none;
  std::vector<Switch> switches;            // as configured
  std::vector<std::uint32_t> block_sizes;  // ascending, in nodes; the first is that of a block

  bool operator==(const Topology&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "kind", self.kind);
    visit(2, "switches", self.switches);
    visit(3, "block_sizes", self.block_sizes);
  }
};

}  // namespace sluice::model
