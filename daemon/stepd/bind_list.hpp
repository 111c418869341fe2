// The part of CPU binding that a user writes out: map_cpu and mask_cpu. For binding.cpp alone.
#pragma once

#include "base/result.hpp"
#include "daemon/stepd/binding.hpp"

namespace sluice::stepd {

[[nodiscard]] Result<Binding> bind_by_list(const NodeShare& share, const BindingRequest& request);

}  // namespace sluice::stepd
