// A site's slurm.conf, with gres.conf and topology.conf, read as if it had been written as
// sluice.yaml: what decides when and where jobs run. How Slurm's daemons are run (logs, ports,
// folders, plugins of accounting and launch) is no part of it and is passed over; a key that Slurm
// doesn't have is an error with file and line; what has a bearing on scheduling there and no
// counterpart here is named in `left_out`, never silently dropped.
//
// It serves to try a site's cluster out (`sluice sim`); daemons read sluice.yaml.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/cluster_config.hpp"

namespace sluice::config {

struct SlurmFile {
  std::string name;  // in messages
  std::string text;
};

struct SlurmFiles {
  SlurmFile conf;
  std::optional<SlurmFile> gres;
  std::optional<SlurmFile> topology;
};

struct SlurmConfig {
  ClusterConfig config;
  std::vector<std::string> left_out;  // "FILE:LINE: KEY=VALUE: why"
};

[[nodiscard]] Result<SlurmConfig> parse_slurm_config(const SlurmFiles& files);
// gres.conf and topology.conf lie beside it, if there are any: the path with "slurm.conf" at its
// end replaced.
[[nodiscard]] Result<SlurmConfig> load_slurm_config(const std::string& path);

}  // namespace sluice::config
