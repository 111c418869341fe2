// See the header.
#include "daemon/stepd/container_devices.hpp"

#include "daemon/stepd/device_edits.hpp"

namespace sluice::stepd {

Result<accel::ContainerEdits> container_edits(const StepView& step) {
  return edits_of_devices(step);
}

}  // namespace sluice::stepd
