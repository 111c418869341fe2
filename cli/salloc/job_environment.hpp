// The environment of a command that salloc runs: the user's, with the SLURM_* variables of the
// allocation in their exact forms.
#pragma once

#include "base/env.hpp"
#include "model/job.hpp"

namespace sluice::cli {

[[nodiscard]] base::Environment allocation_environment(const base::Environment& own,
                                                       const model::Job& job);

}  // namespace sluice::cli
