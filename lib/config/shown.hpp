// `scontrol show config`: the configuration under Slurm's names. Private to lib/config.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/cluster_config.hpp"

namespace sluice::config {

// A word of private_data; 0: none such.
[[nodiscard]] std::uint32_t secret_named(std::string_view word);

[[nodiscard]] std::vector<std::pair<std::string, std::string>> shown_config(
    const ClusterConfig& config);

}  // namespace sluice::config
