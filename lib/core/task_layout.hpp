// Task layout: how a job's tasks, and with them its CPUs, are dealt to the nodes that were chosen.
//
// As Slurm does it: CPUs go block-wise, each node in turn getting all that it can hold, less a core
// for each node that follows; the tasks are then dealt one by one in turn to the CPUs of each node.
// So 15 tasks on three nodes with 8 CPUs get 8, 6 and 2 CPUs (cores of two) and 7, 6 and 2 tasks.
// With --spread-job both are dealt in turn.
#pragma once

#include <span>

#include "core/placement.hpp"

namespace sluice::core {

// `offers` stand for the nodes of `selection`, in its order; the sum of tasks suffices.
void lay_out_tasks(const Demand& demand, const NodePool::State& pool, std::span<const Offer> offers,
                   Selection& selection);

}  // namespace sluice::core
