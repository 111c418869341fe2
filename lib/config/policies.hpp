// Keys of priorities and preemption. Private to lib/config.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/values.hpp"
#include "model/settings.hpp"

namespace sluice::config {

// priority_*, preempt_*
[[nodiscard]] std::vector<Key> policy_keys(model::Settings& settings);
// preempt_mode of a partition.
[[nodiscard]] Setter partition_preempt_mode(model::PreemptMode& out);

// What can be judged only when all keys are read. The error names the file and the key's line.
[[nodiscard]] Status check_policies(const YamlValue& root, const std::string& file,
                                    const model::Settings& settings);

// Where the file names no priority_type, jobs wait in the site order; weights that it gives count
// beside it. Before the keys are read: what they say stands.
void choose_order(const YamlValue& root, model::Settings& settings);

// Partitions that don't say otherwise displace as the cluster does.
void settle_partition_modes(model::Settings& settings);

// For `scontrol show config`, in order; of priorities only what the type uses.
void show_policies(const model::Settings& settings,
                   std::vector<std::pair<std::string, std::string>>& shown);

}  // namespace sluice::config
