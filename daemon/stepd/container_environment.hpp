// The environment of a task in a container: the job's, with the image's own variables on top (it
// knows where its programs are). Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/env.hpp"
#include "base/text.hpp"

namespace sluice::stepd {

struct ContainerVariables {
  std::span<const Text> image;       // "NAME=value"
  std::span<const Text> devices;     // of CDI: over everything else
  std::span<const Text> host_first;  // --container-env: names for which the job's value wins
  std::span<const Text> exported;    // what the user exported; what differs from it we have set
};

// SLURM_*, SLUICE_*, PMI* and all that stepd itself has set for the task stay as they are.
void merge_container_environment(base::Environment& environment, const ContainerVariables& from);

}  // namespace sluice::stepd
