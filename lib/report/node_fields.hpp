// sinfo's columns. A row stands for a group of nodes of one partition (or of several, where no
// column tells them apart); what differs inside a group is shown as a range, a minimum or a count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/node.hpp"
#include "report/format.hpp"

namespace sluice::report {

struct NodeGroup {
  const model::Partition* partition = nullptr;  // of several, the first; never null
  std::vector<const model::Node*> nodes;        // may be empty: a partition without such nodes
};

struct NodeContext {
  std::int64_t now = 0;  // seconds
  std::string cluster;
  std::string time_format;  // SLURM_TIME_FORMAT
};

using NodeField = Field<NodeGroup, NodeContext>;
[[nodiscard]] std::span<const NodeField> node_fields();

// How a column takes part in forming the groups.
enum class Grouping : std::uint8_t {
  partition,  // nodes of different partitions never share a row
  value,      // nodes share a row only if they show the same
  range,      // the same with --exact; else the row shows the extent
  sum,        // counts what is in the row
};
[[nodiscard]] Grouping grouping_of(std::size_t field);

}  // namespace sluice::report
