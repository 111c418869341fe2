// CountedChoice: nodes for a constraint with counts (`a*2&b*4`), of which so many must have one
// thing and so many another, different nodes for each.
#pragma once

#include <optional>
#include <vector>

#include "core/picker.hpp"

namespace sluice::core {

// The nodes to take of those that serve; none: they don't suffice.
[[nodiscard]] std::optional<std::vector<Prospect>> pick_counted(const Picker& picker,
                                                                const Prospects& limits,
                                                                const Eligibility& eligibility,
                                                                const NodePool::State& pool);

}  // namespace sluice::core
