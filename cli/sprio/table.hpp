// sprio's table: the factors of the priorities of jobs that wait.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "opt/query_options.hpp"
#include "wire/account_messages.hpp"

namespace sluice::cli {

struct PriorityLine {
  wire::PriorityRow row;
  std::string user;
};

// What the cluster weighs with, as `scontrol show config` names it (PriorityWeightAge, ...).
using PriorityWeights = std::map<std::string, std::string, std::less<>>;

struct PriorityTable {
  std::vector<PriorityLine> lines;
  model::TresTable tres;
  PriorityWeights weights;
  std::string cluster;
};

struct PriorityText {
  std::string out;
  std::vector<std::string> problems;
  int exit_code = 0;
};
[[nodiscard]] PriorityText priority_report(PriorityTable table, const opt::SprioOptions& options);

}  // namespace sluice::cli
