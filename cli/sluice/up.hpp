// `sluice up`, `down`, `env`: a cluster of one's own on this machine.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "cli/sluice/cluster_dir.hpp"

namespace sluice::cli {

struct UpOptions {
  std::string dir;
  std::uint32_t nodes = 1;
  std::uint32_t cpus_per_node = 0;  // 0: as many as this host has
  std::string memory_per_node;      // Slurm's spelling; empty: the host's, divided by nodes
  std::string gres;                 // "gpu:2"
  std::string config;               // a sluice.yaml to use instead
};

// Makes the cluster if the directory is new, starts what doesn't run, and waits until all nodes
// are up. Progress goes to stderr.
[[nodiscard]] Status bring_up(const UpOptions& options);
// Ends every process of the cluster, jobs included, and waits for them.
[[nodiscard]] Status bring_down(const std::string& dir);
// Shell lines that set PATH and SLUICE_CONF.
[[nodiscard]] Result<std::string> environment_lines(const std::string& dir);

// Writes keys, configuration and folders of a new cluster.
[[nodiscard]] Status make_cluster(const ClusterDir& cluster, const UpOptions& options);

}  // namespace sluice::cli
