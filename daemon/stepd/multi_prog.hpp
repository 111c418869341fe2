// The configuration of srun --multi-prog: which program each task runs. Lines of "ranks program
// arguments"; '#' in the first column begins a comment; '*' is every task not named before; %t is
// the task's number, %o its position in the line's ranks, except inside single quotes.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::stepd {

// The words of the task's program; the first line that names the task counts.
[[nodiscard]] Result<std::vector<std::string>> program_of_task(std::string_view configuration,
                                                               std::uint32_t task);

}  // namespace sluice::stepd
