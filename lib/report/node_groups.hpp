// sinfo's rows: which nodes share one. Two nodes do if every column that is not a count shows the
// same for both; ranges count only with --exact.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "report/node_fields.hpp"

namespace sluice::report {

struct GroupStyle {
  bool by_node = false;     // -N: a row for each node of each partition
  bool exact = false;       // --exact
  bool empty_rows = false;  // also partitions without a node, where columns tell partitions apart
};

class NodeGrouper {
 public:
  // The context must outlive this.
  NodeGrouper(const Format& format, GroupStyle style, const NodeContext& context);

  // Partitions in the order of the rows. Both must outlive the groups.
  void add(const model::Partition& partition, const model::Node& node);
  void add_empty(const model::Partition& partition);
  [[nodiscard]] std::vector<NodeGroup> take() { return std::move(groups_); }

 private:
  GroupStyle style_;
  const NodeContext& context_;
  bool by_partition_ = false;
  std::vector<std::size_t> fields_;  // what tells groups apart
  std::vector<NodeGroup> groups_;
  std::unordered_map<std::string, std::size_t> by_key_;
  std::unordered_set<std::uint64_t> members_;  // of groups over several partitions
  std::string key_;
};

}  // namespace sluice::report
