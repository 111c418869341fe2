// gres.conf and topology.conf. Private to lib/config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/slurm_config.hpp"
#include "config/slurm_rows.hpp"
#include "model/settings.hpp"

namespace sluice::config {

// The topology section. Nodes that slurm.conf doesn't have are left out of their switches, as
// Slurm leaves them, and switches without any node with them.
struct TopologySource {
  const SlurmFile& file;
  std::string_view type;                  // tree or block
  const std::vector<std::string>& nodes;  // that there are
};
[[nodiscard]] Result<YamlValue> slurm_topology(const TopologySource& source, LeftOut& left_out);

// What slurm.conf says a node has must be in gres.conf, where that says anything of the node. Files
// and cores of devices are taken over from there.
[[nodiscard]] Status apply_slurm_gres(const SlurmFile& file, LeftOut& left_out,
                                      std::vector<model::NodeSetting>& nodes);

}  // namespace sluice::config
