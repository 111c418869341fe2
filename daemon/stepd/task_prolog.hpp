// What a task prolog says on its standard output: "export NAME=value", "unset NAME", "print TEXT".
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/env.hpp"

namespace sluice::stepd {

// Changes the environment, and returns what is to be printed on the task's standard output. Other
// lines are ignored, as are names that no shell could use.
[[nodiscard]] std::string apply_prolog_output(std::string_view output,
                                              base::Environment& environment);

}  // namespace sluice::stepd
