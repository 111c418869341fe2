// Whether a request could ever run in a partition, and if not, why not in words and numbers.
#pragma once

#include "core/placement.hpp"

namespace sluice::core {

// On an otherwise idle partition with all its nodes up. Nodes that have not told their hardware yet
// may turn out to be anything, so with those among the candidates the answer is yes.
[[nodiscard]] Status could_ever_run(const NodePool::State& pool, const model::Request& request,
                                    const Demand& demand);

// The same question for the nodes that take jobs at present.
[[nodiscard]] bool fits_when_idle(const NodePool::State& pool, const Demand& demand,
                                  const Eligibility& eligibility, Outlook::Nodes nodes);

}  // namespace sluice::core
