// `scontrol show config`: the configuration under Slurm's names. Private to lib/config.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/cluster_config.hpp"

namespace sluice::config {

[[nodiscard]] std::vector<std::pair<std::string, std::string>> shown_config(
    const ClusterConfig& config);

}  // namespace sluice::config
