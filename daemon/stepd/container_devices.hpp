// What the devices that a step was granted change in its container: device nodes, mounts, hooks and
// variables, in the terms of the container device interface.
#pragma once

#include "accel/cdi.hpp"
#include "base/result.hpp"
#include "daemon/stepd/environment.hpp"

namespace sluice::stepd {

// Fails where a device can't be used in a container (its vendor's specification is broken).
[[nodiscard]] Result<accel::ContainerEdits> container_edits(const StepView& step);

}  // namespace sluice::stepd
