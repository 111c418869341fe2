// See the header.
#include "daemon/stepd/container_devices.hpp"

#include "daemon/worker/host/device_grant.hpp"

namespace sluice::stepd {

Result<accel::ContainerEdits> container_edits(const StepView& step) {
  accel::ContainerEdits edits;
  const worker::DeviceHolding holding{step.settings.gres, step.settings.vendors,
                                      step.node().share.gres};
  for (const std::string& file : worker::device_files(holding).open) {
    accel::CdiDeviceNode node;
    node.path = Text(file);
    edits.device_nodes.push_back(std::move(node));
  }
  return edits;
}

}  // namespace sluice::stepd
