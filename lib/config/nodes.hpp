// The nodes and partitions sections of sluice.yaml. Private to lib/config.
#pragma once

#include <string>

#include "config/yaml_reader.hpp"
#include "model/settings.hpp"

namespace sluice::config {

[[nodiscard]] Status read_nodes(const YamlValue& list, const std::string& file,
                                model::Settings& settings);
// After the nodes and the cluster-wide defaults.
[[nodiscard]] Status read_partitions(const YamlValue& list, const std::string& file,
                                     model::Settings& settings);
// "gpu:a100:2,nic:1"
[[nodiscard]] Result<std::vector<model::NodeGres>> parse_node_gres(const std::string& text);

}  // namespace sluice::config
