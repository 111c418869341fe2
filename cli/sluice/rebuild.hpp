// `sluice rebuild`: the sums of use made anew from the records of all jobs.
#pragma once

#include <string>

#include "base/result.hpp"

namespace sluice::cli {

// What to print.
[[nodiscard]] Result<std::string> rebuild_sums();

}  // namespace sluice::cli
