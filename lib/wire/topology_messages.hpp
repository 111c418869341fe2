// How the nodes are joined: `scontrol show topology`.
#pragma once

#include "model/topology.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

struct QueryTopology {
  static constexpr MessageType kType = MessageType::query_topology;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct TopologyReply {
  static constexpr MessageType kType = MessageType::topology_reply;
  model::Topology topology;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "topology", self.topology);
  }
};

}  // namespace sluice::wire
