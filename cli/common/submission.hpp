// From parsed options to a wire::Submit: what sbatch, salloc and srun add from the process they run
// in. Paths become absolute, limits and umask are captured, identity options are carried out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/env.hpp"
#include "base/result.hpp"
#include "opt/job_options.hpp"
#include "wire/client_messages.hpp"

namespace sluice::cli {

// A request with everything but the script. `environment` is what the job gets, before SLURM_*.
[[nodiscard]] Result<wire::Submit> make_submission(const opt::JobOptions& options,
                                                   const base::Environment& environment);

// A heterogeneous job: `first`, and what the other components ask for.
[[nodiscard]] Result<wire::SubmitHeterogeneous> make_whole(wire::Submit first,
                                                           const std::vector<opt::JobOptions>& more,
                                                           const base::Environment& environment);

// Paths of a container that were typed relative to `here`: of image files, bundles, mounts, logs.
void make_absolute(std::vector<model::ContainerSpec>& container, const std::string& here);

// The current values of the limits named by `mask`, as JobSpec::limits holds them.
[[nodiscard]] std::vector<std::uint64_t> current_limits(std::uint32_t mask);
[[nodiscard]] std::uint32_t current_umask();
[[nodiscard]] Result<std::string> working_directory();
[[nodiscard]] std::string host_name();
// Entries ended by zero bytes.
[[nodiscard]] std::string environment_block(const base::Environment& environment);

// -M: fails unless it names the cluster that is here.
[[nodiscard]] Status check_cluster(std::string_view wanted, std::string_view own);
// The same, asking the controller for its name where one is wanted.
[[nodiscard]] Status check_wanted_cluster(const opt::JobOptions& options,
                                          const base::Environment& environment);

}  // namespace sluice::cli
