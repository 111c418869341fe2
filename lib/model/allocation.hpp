// Allocation: what a running job, or a step of it, holds of each node.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bitmap.hpp"
#include "base/ids.hpp"
#include "base/text.hpp"

namespace sluice::model {

// GRES of one kind on one node. `indices` are positions in the node's list of that GRES.
struct GresShare {
  Text name;
  Text type;
  base::Bitmap indices;  // empty for GRES that are only counted
  std::uint64_t count = 0;

  bool operator==(const GresShare&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "type", self.type);
    visit(3, "indices", self.indices);
    visit(4, "count", self.count);
  }
};

// What a job (or step) holds of one node. CPUs are hardware threads numbered socket by socket, core
// by core: cpu = (socket * cores + core) * threads + thread.
struct NodeShare {
  NodeIndex node;
  Text name;
  base::Bitmap cpus;
  std::uint32_t cpu_count = 0;  // CPUs charged (Slurm's NumCPUs); may differ from cpus.count()
  std::uint64_t memory = 0;     // MiB
  std::uint32_t tasks = 0;      // tasks planned here
  std::vector<GresShare> gres;
  Text topology;  // where the node stands, "top.leaf2.n7"; empty: no topology is known

  bool operator==(const NodeShare&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "name", self.name);
    visit(3, "cpus", self.cpus);
    visit(4, "cpu_count", self.cpu_count);
    visit(5, "memory", self.memory);
    visit(6, "tasks", self.tasks);
    visit(7, "gres", self.gres);
    visit(8, "topology", self.topology);
  }
};

// Everything a running job holds. Nodes stand in node-table order; shares[0] is the batch host.
struct Allocation {
  Text nodes;  // compressed
  std::uint32_t cpus = 0;
  std::vector<NodeShare> shares;
  Text licenses;  // what it holds of them: "ansys:1,matlab:2"

  bool operator==(const Allocation&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "nodes", self.nodes);
    visit(2, "cpus", self.cpus);
    visit(3, "shares", self.shares);
    visit(4, "licenses", self.licenses);
  }
};
using AllocationPtr = std::shared_ptr<const Allocation>;

}  // namespace sluice::model
