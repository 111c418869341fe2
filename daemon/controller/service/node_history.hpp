// NodeHistory: since when nodes can't be used, and what TRES the cluster has: turns changes of node
// records into stretches of time that reports count by (model::NodeSpan). A value without I/O.
//
// A node is away while it is down, or drained with nothing left on it. What it was before a restart
// it is taken to be until it says otherwise. The cluster's own stretch has no node's name; another
// begins whenever its TRES change.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/node.hpp"
#include "model/tres.hpp"
#include "model/use.hpp"

namespace sluice::controller {

// What counting nodes takes; valid during one call.
struct Counting {
  const model::TresTable& tres;
  const std::vector<model::PartitionPtr>& partitions;
  std::uint32_t priority_flags = 0;  // kPriorityMaxTres and kPriorityMaxTresGres
};

class NodeHistory {
 public:
  using Spans = std::vector<model::NodeSpan>;
  explicit NodeHistory(const Spans& open);  // as stored

  // What begins, and what ends (`to` is set) because of these records.
  [[nodiscard]] Spans note(std::span<const model::NodePtr> changed, const Counting& counting,
                           model::WallTime now);
  // The same, of all nodes that there are; others are gone.
  [[nodiscard]] Spans note_all(std::span<const model::NodePtr> all, const Counting& counting,
                               model::WallTime now);

 private:
  struct Known {
    model::NodeFacts facts;
    Text partitions;
    model::TresCounts counts;
  };
  [[nodiscard]] bool count(const model::Node& node, const Counting& counting);
  void judge(const model::Node& node, model::WallTime now, Spans& spans);
  void close(const std::string& name, model::WallTime now, Spans& spans);
  void begin(model::NodeSpan span, Spans& spans);
  void sum_up(model::WallTime now, Spans& spans);

  std::map<std::string, model::NodeSpan> open_;  // by node; "": the cluster
  std::map<std::string, Known> known_;
};

// Of an idle node. `billing` as its dearest partition has it, or its CPUs.
[[nodiscard]] model::TresCounts node_tres(const model::Node& node, const Counting& counting);

}  // namespace sluice::controller
