// The topology section of sluice.yaml. Private to lib/config.
#pragma once

#include <string>

#include "config/yaml_reader.hpp"
#include "model/settings.hpp"

namespace sluice::config {

// After the nodes. Levels, and the nodes below switches that have switches, are filled in.
[[nodiscard]] Status read_topology(const YamlValue& section, const std::string& file,
                                   model::Settings& settings);

}  // namespace sluice::config
