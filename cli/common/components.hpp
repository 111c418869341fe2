// The components of a heterogeneous job that a command has just been given: their records, and what
// the environment of its command or tasks says of them.
#pragma once

#include <vector>

#include "base/env.hpp"
#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "model/job.hpp"

namespace sluice::cli {

// All components of the job whose first one this is, in order, each with an allocation.
[[nodiscard]] Result<std::vector<model::Job>> components_of(const Sockets& sockets,
                                                            const model::Job& leader);

// `own` with SLURM_JOB_ID, SLURM_HET_SIZE and the SLURM_*_HET_GROUP_n of the components.
[[nodiscard]] base::Environment components_environment(const base::Environment& own,
                                                       const std::vector<model::Job>& components);

}  // namespace sluice::cli
