// TopologyChoice: of the nodes that serve, those that stand close together.
//
// A tree: the lowest switch below which the job fits; under it as few leaf switches as suffice, and
// of those that would do the tightest. Nodes of lower weight, where all of them are needed, come
// first all the same. With --switches a job that would take more leaf switches doesn't fit.
// Blocks: a job that a block (or a group of blocks, by the block sizes) is large enough for takes
// nodes of one, or waits; a larger one the fewest blocks. With --segment each block gives a
// multiple of so many nodes.
#pragma once

#include <optional>
#include <vector>

#include "core/picker.hpp"

namespace sluice::core {

struct TopologyRequest {
  const TopologyMap& map;
  const Picker& picker;
  const Prospects& limits;
  const Demand& demand;
};

// `plain`: what would be picked without a topology. None: they can't be had together.
[[nodiscard]] std::optional<std::vector<Prospect>> pick_together(
    const TopologyRequest& request, const std::vector<Prospect>& found,
    const std::vector<Prospect>& plain);

}  // namespace sluice::core
