// Share: from a choice of nodes to the exact thing: which hardware threads, how much memory, which
// devices. Devices first, by their links and by the CPUs that are idle beside them
// (device_choice.hpp). Then tasks come to the node's sockets in turn (as Slurm does by default),
// the cores of one task from one socket, the lowest free ones; with shared CPUs the least shared
// first; cores beside the devices before all others.
#pragma once

#include "core/placement.hpp"
#include "model/job.hpp"

namespace sluice::core {

// The choice must fit what is free now; otherwise this trips an assert.
[[nodiscard]] model::AllocationPtr make_allocation(const NodePool::State& pool,
                                                   const Demand& demand,
                                                   const Selection& selection);

// The same in counts alone, without CPUs' numbers and devices, whoever has them now: what a gate
// is asked about a choice for later.
[[nodiscard]] model::Allocation sketch_allocation(const NodePool::State& pool, const Demand& demand,
                                                  const Selection& selection);

// What one chosen node would take of a reservation's counts.
[[nodiscard]] Claim make_claim(const NodePool::State& pool, const Demand& demand,
                               const Chosen& chosen);

// Names of the nodes, compressed.
[[nodiscard]] Text names_of(const NodePool::State& pool, const std::vector<std::uint32_t>& nodes);

}  // namespace sluice::core
