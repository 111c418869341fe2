// The answer to QueryPriorities: what the priorities of waiting jobs are made of, from the inputs
// that the planner's order follows from.
#pragma once

#include <memory>

#include "core/multifactor.hpp"
#include "daemon/controller/queries.hpp"

namespace sluice::controller {

[[nodiscard]] std::unique_ptr<Query> query_priorities(SnapshotPtr snapshot,
                                                      core::PriorityInputsPtr inputs, Sight sight);

}  // namespace sluice::controller
