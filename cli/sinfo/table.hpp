// sinfo's tables: the format by options, groups, order, text.
#pragma once

#include <string>
#include <vector>

#include "cli/sinfo/groups.hpp"

namespace sluice::cli {

struct NodeTable {
  std::string out;
  std::vector<std::string> problems;  // for stderr, whole lines
  int exit_code = 0;
};
[[nodiscard]] NodeTable node_table(const NodeReport& data, const opt::SinfoOptions& options,
                                   const report::NodeContext& context);

// For documents: a group for each partition, state and kind of node.
[[nodiscard]] std::vector<report::NodeGroup> state_groups(const NodeReport& data,
                                                          const opt::SinfoOptions& options,
                                                          const report::NodeContext& context);

}  // namespace sluice::cli
