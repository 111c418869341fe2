// Lists of jobs as scontrol's commands take them: "12,13_4,14_[1-3,7]".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// Cuts at commas outside of brackets; empty pieces are skipped.
[[nodiscard]] std::vector<std::string> split_job_list(std::string_view list);

}  // namespace sluice::cli
