// The environment variables by which a heterogeneous job tells of its components:
// SLURM_HET_SIZE, and SLURM_<name>_HET_GROUP_<n> for each.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/job.hpp"

namespace sluice::model {

enum class HetFor : std::uint8_t {
  script,      // a batch script
  allocation,  // salloc's command, srun's tasks outside of a job: a few names more
};

// By name and value. The components need an allocation each.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> het_variables(
    const std::vector<const Job*>& components, HetFor whom);

}  // namespace sluice::model
