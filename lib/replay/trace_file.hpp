// The text of a trace: from a file or from standard input, plain or packed by xz.
#pragma once

#include <string>

#include "base/result.hpp"

namespace sluice::replay {

// `path`: "-" is standard input. Whether it is packed is seen by its first bytes.
[[nodiscard]] Result<std::string> read_trace_file(const std::string& path);

}  // namespace sluice::replay
