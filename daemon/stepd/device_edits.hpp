// What the container device interface says of the devices that a step holds here: by the host's
// specifications, or, for vendors that bring none, made from what the vendor table knows. A
// container takes all of it; a plain step has the variables, and its devices are open anyway, but
// mounts and hooks mean nothing without a container.
#pragma once

#include "accel/cdi.hpp"
#include "base/result.hpp"
#include "daemon/stepd/devices.hpp"
#include "daemon/stepd/task_plan.hpp"

namespace sluice::stepd {

// Reads the specifications of settings.container.cdi_folders. Fails where the file that names a
// vendor's devices is broken or lacks one that the step holds.
[[nodiscard]] Result<accel::ContainerEdits> edits_of_devices(const StepView& step);

// The variables, for a step without a container. What the step's own environment says of visible
// devices stays.
[[nodiscard]] Status apply_device_edits(const StepView& step, StepPlan& plan);

}  // namespace sluice::stepd
