// The keys of sluice.yaml that say how nodes run containers. All of them are the node daemons' to
// use; here their form is checked, and one spelling is made of several. Private to lib/config.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/cluster_config.hpp"
#include "config/values.hpp"

namespace sluice::config {

inline constexpr std::string_view kRuntimesSection = "container_runtimes";

// Command patterns by name, as the section lists them, until one of them is chosen.
struct ContainerRuntimes {
  std::string chosen;  // container_runtime
  std::vector<std::pair<std::string, std::string>> patterns;
};

[[nodiscard]] std::vector<Key> container_keys(ClusterConfig& config, ContainerRuntimes& runtimes);
[[nodiscard]] Status read_runtimes(const YamlValue& list, const std::string& file,
                                   ContainerRuntimes& runtimes);
// Tells the nodes which runtime it is; fails where container_runtime (at `place`) names none.
[[nodiscard]] Status settle_runtime(const ContainerRuntimes& runtimes, Place place,
                                    ClusterConfig& config);

// Their part of `scontrol show config`.
void show_containers(const ClusterConfig& config,
                     std::vector<std::pair<std::string, std::string>>& shown);

}  // namespace sluice::config
