// See the header.
#include "daemon/stepd/device_edits.hpp"

#include <algorithm>

#include "accel/cdi_registry.hpp"
#include "base/strings.hpp"
#include "daemon/worker/host/device_grant.hpp"
#include "model/gres.hpp"

namespace sluice::stepd {
namespace {

std::vector<model::Device> held_of(const StepDevices& devices, const accel::Vendor& vendor) {
  std::vector<model::Device> held;
  for (const HeldDevice& each : devices.all()) {
    if (each.vendor == vendor.name && each.device != nullptr) held.push_back(*each.device);
  }
  return held;
}

bool has_node(const accel::ContainerEdits& edits, std::string_view path) {
  return std::ranges::any_of(edits.device_nodes, [&](const accel::CdiDeviceNode& node) {
    return node.on_host().view() == path;
  });
}

// Of GRES that no vendor of the table stands behind there is only the device file.
void add_files(const StepView& step, accel::ContainerEdits& edits) {
  for (const model::NodeGres& kind : step.settings.gres) {
    const std::size_t first = model::first_index(
        step.settings.gres, static_cast<std::size_t>(&kind - step.settings.gres.data()));
    for (std::size_t i = 0; i < kind.files.size() && kind.devices.empty(); ++i) {
      const bool own = std::ranges::any_of(
          step.node().share.gres,
          [&](const model::GresShare& share) { return worker::holds(share, kind, first + i); });
      if (!own || has_node(edits, kind.files[i].view())) continue;
      edits.device_nodes.emplace_back().path = kind.files[i];
    }
  }
}

bool is_visibility(const StepView& step, std::string_view name) {
  return std::ranges::any_of(step.settings.vendors, [&](const accel::Vendor& vendor) {
    return std::ranges::any_of(vendor.variables,
                               [&](const auto& variable) { return variable.name.view() == name; });
  });
}

}  // namespace

Result<accel::ContainerEdits> edits_of_devices(const StepView& step) {
  accel::ContainerEdits edits;
  const StepDevices devices(step.settings, step.node().share);
  if (devices.all().empty()) return edits;
  const auto registry = accel::CdiRegistry::load_folders(step.settings.container.cdi_folders);
  for (const accel::Vendor& vendor : step.settings.vendors) {
    const std::vector<model::Device> held = held_of(devices, vendor);
    if (held.empty()) continue;
    auto more = accel::device_edits(registry, vendor, held);
    if (!more) return tl::unexpected(more.error());
    accel::merge(edits, *more);
  }
  add_files(step, edits);
  return edits;
}

Status apply_device_edits(const StepView& step, StepPlan& plan) {
  // Without specifications on the host the vendor's own variables are all there is, and set.
  if (step.settings.container.cdi_folders.empty() || step.settings.vendors.empty()) return {};
  auto edits = edits_of_devices(step);
  if (!edits) return tl::unexpected(edits.error());
  for (const Text& entry : edits->env) {
    const base::Cut parts = base::cut(entry.view(), '=');
    if (!parts.found || is_visibility(step, parts.before)) continue;
    for (TaskPlan& task : plan.tasks) task.environment.set(parts.before, parts.after);
  }
  return {};
}

}  // namespace sluice::stepd
