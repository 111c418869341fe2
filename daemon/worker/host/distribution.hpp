// Distribution: how tasks are spread over nodes, and inside a node over sockets and cores, as -m
// says it: {block|cyclic|arbitrary|plane=<n>}[:{block|cyclic|fcyclic}[:{block|cyclic|fcyclic}]]
// [,Pack|,NoPack]. The parsed form is what the task layout (worker/service/layout.hpp) and the CPU
// binding (stepd/binding.hpp) share.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::worker {

enum class NodeSpread : std::uint8_t {
  automatic = 0,
  block = 1,
  cyclic = 2,
  plane = 3,
  arbitrary = 4
};
// fcyclic: also the CPUs of one task go round.
enum class CoreSpread : std::uint8_t { automatic = 0, block = 1, cyclic = 2, fcyclic = 3 };
enum class Packing : std::uint8_t { automatic = 0, pack = 1, no_pack = 2 };

struct Distribution {
  NodeSpread nodes = NodeSpread::automatic;
  std::uint32_t plane = 0;  // tasks in one block, for NodeSpread::plane; else 0
  CoreSpread sockets = CoreSpread::automatic;
  CoreSpread cores = CoreSpread::automatic;
  Packing packing = Packing::automatic;

  bool operator==(const Distribution&) const = default;
};

// "" and "*" leave a level to the default. The plane size may be missing in "plane": then
// `plane` is 0 and SLURM_DIST_PLANESIZE decides.
[[nodiscard]] Result<Distribution> parse_distribution(std::string_view text);
// As SLURM_DISTRIBUTION and scontrol print it: "block", "cyclic:block", "plane", "block,pack".
// "" if nothing was asked; an open first level beside asked ones is "block".
[[nodiscard]] std::string distribution_text(const Distribution& distribution);

}  // namespace sluice::worker
