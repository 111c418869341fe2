// Small programs that srun runs itself: --prolog and --epilog; and the search for the step's
// program on this host.
#pragma once

#include <string>

#include "base/env.hpp"
#include "model/step_spec.hpp"

namespace sluice::cli {

// Runs the program with the step's command line as its arguments; true if there is none to run, or
// it exited with 0.
[[nodiscard]] bool run_hook(const std::string& program, const model::StepSpec& step,
                            const base::Environment& environment);

// Whether argv[0] is an executable, here and now.
[[nodiscard]] bool program_exists(const model::StepSpec& step,
                                  const base::Environment& environment);

}  // namespace sluice::cli
