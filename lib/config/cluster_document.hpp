// A configuration's document, however it was written, becomes the configuration. Private to
// lib/config.
#pragma once

#include <string>

#include "config/cluster_config.hpp"
#include "config/yaml_reader.hpp"

namespace sluice::config {

// Names of files, for messages.
struct DocumentNames {
  std::string main;
  std::string topology;  // of the topology section
};

[[nodiscard]] Result<ClusterConfig> settle_document(const YamlValue& root,
                                                    const DocumentNames& names);

}  // namespace sluice::config
