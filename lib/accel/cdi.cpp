// See cdi.hpp.
#include "accel/cdi.hpp"

#include <algorithm>

namespace sluice::accel {

namespace {

std::string_view name_of(const Text& variable) {
  return variable.view().substr(0, variable.view().find('='));
}

// Replaces the element that `same` finds, or adds.
template <class Value, class Same>
void put(std::vector<Value>& into, const Value& value, Same same) {
  const auto known = std::ranges::find_if(into, same);
  if (known == into.end()) {
    into.push_back(value);
  } else {
    *known = value;
  }
}

}  // namespace

void merge(ContainerEdits& into, const ContainerEdits& from) {
  for (const Text& variable : from.env) {
    put(into.env, variable, [&](const Text& known) { return name_of(known) == name_of(variable); });
  }
  for (const CdiDeviceNode& node : from.device_nodes) {
    put(into.device_nodes, node,
        [&](const CdiDeviceNode& known) { return known.path == node.path; });
  }
  for (const CdiMount& mount : from.mounts) {
    put(into.mounts, mount,
        [&](const CdiMount& known) { return known.container_path == mount.container_path; });
  }
  for (const CdiHook& hook : from.hooks) {
    put(into.hooks, hook, [&](const CdiHook& known) { return known == hook; });
  }
  for (const std::uint32_t gid : from.additional_gids) {
    put(into.additional_gids, gid, [&](std::uint32_t known) { return known == gid; });
  }
  if (from.intel_rdt) into.intel_rdt = from.intel_rdt;
  for (const CdiNetDevice& device : from.net_devices) {
    put(into.net_devices, device,
        [&](const CdiNetDevice& known) { return known.host_interface == device.host_interface; });
  }
}

}  // namespace sluice::accel
