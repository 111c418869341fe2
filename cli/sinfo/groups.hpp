// Which nodes sinfo shows, and how they are put together into rows.
#pragma once

#include <vector>

#include "opt/query_options.hpp"
#include "report/node_fields.hpp"

namespace sluice::cli {

// True if the node has one of the states asked for (or all of them, with '&').
[[nodiscard]] bool has_state(const model::Node& node, const opt::NodeStates& states);

struct NodeReport {
  std::vector<model::NodePtr> nodes;            // in configuration order
  std::vector<model::PartitionPtr> partitions;  // likewise
};

// The rows for a format, partition by partition in configuration order. They point into `data`.
[[nodiscard]] std::vector<report::NodeGroup> make_groups(const NodeReport& data,
                                                         const opt::SinfoOptions& options,
                                                         const report::Format& format,
                                                         const report::NodeContext& context);

}  // namespace sluice::cli
