// `scontrol update`: KEY=VALUE words for one kind of record.
#pragma once

#include <string>
#include <vector>

#include "cli/scontrol/console.hpp"

namespace sluice::cli {

// One word. "TimeLimit+=5" has sign '+'.
struct Change {
  std::string key;
  std::string value;
  char sign = 0;
  std::string word;  // as typed
};

int update_jobs(Console& console, const std::vector<Change>& changes);
int update_nodes(Console& console, const std::vector<Change>& changes);
int update_partition(Console& console, const std::vector<Change>& changes);

}  // namespace sluice::cli
