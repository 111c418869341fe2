// The last step of reading sbatch, salloc and srun: what no single option decides.
#pragma once

#include <string>
#include <vector>

#include "opt/submit_state.hpp"

namespace sluice::opt {

template <class T>
using Finished = tl::expected<T, Complaint>;

// Variables that stand for no option: SLURM_UMASK, SLURM_EXIT_ERROR, SLURM_EXIT_IMMEDIATE, ....
[[nodiscard]] Outcome read_other_variables(SubmitState& state);

// Judges which options of a container go together; the job's specification gets what remains.
[[nodiscard]] Outcome settle_container(SubmitState& state);

[[nodiscard]] Finished<SbatchOptions> finish_sbatch(SubmitState state);
[[nodiscard]] Finished<SallocOptions> finish_salloc(SubmitState state);
[[nodiscard]] Finished<SrunOptions> finish_srun(SubmitState state,
                                                const std::vector<std::string>& command);

}  // namespace sluice::opt
