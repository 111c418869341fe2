// StepDevices: the devices that a step holds on this node, and the variables that tell programs of
// them. Vendors count in different ways (host numbers, positions behind the device cgroup, uuids,
// PCI addresses): their table says how (accel::Vendor). A GRES called "gpu" of no known vendor gets
// the variables that Slurm sets. Pure: device files are the cgroup's business (step_group.cpp),
// which tasks see what is device_binding.hpp's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/stepd/environment.hpp"

namespace sluice::stepd {

struct HeldDevice {
  Text name;  // GRES name and type
  Text type;
  Text vendor;                            // empty: none known
  std::uint32_t index = 0;                // among the node's devices of that name and type
  std::uint32_t number = 0;               // the host's
  const model::Device* device = nullptr;  // what the node found out, if it did; the settings' own
};

// Of one task: true for each device (by position in StepDevices::all()) that it may see.
using Sight = std::vector<bool>;

class StepDevices {
 public:
  // The settings outlive it.
  StepDevices(const worker::StepSettings& settings, const model::NodeShare& share);

  // By GRES name as the node lists them, then as programs count them.
  [[nodiscard]] const std::vector<HeldDevice>& all() const { return all_; }
  // Are those that are left counted from 0 again, because a cgroup hides the others?
  [[nodiscard]] bool renumbered() const { return renumbered_; }
  // Positions of the devices of one GRES name.
  [[nodiscard]] std::vector<std::size_t> of(std::string_view name) const;
  [[nodiscard]] Sight everything() const { return Sight(all_.size(), true); }

  // Forgets what the environment says of devices of this node's kinds, and says it anew.
  void set_variables(base::Environment& environment, const Sight& sight) const;
  // Without any: a task that may see all but is told nothing (--gpu-bind=none).
  void clear_variables(base::Environment& environment) const;
  // Host numbers of the GPUs seen, "2,3": SLURM_JOB_GPUS, SLURM_STEP_GPUS.
  [[nodiscard]] std::string gpu_numbers(const Sight& sight) const;
  // The number by which programs call a device of one GRES name: its position or the host's number.
  [[nodiscard]] std::uint32_t visible_number(std::size_t position) const;

 private:
  void add(const model::GresShare& share);
  void add_shared(const model::GresShare& shards);
  void order();
  void set_generic(base::Environment& environment, const Sight& sight) const;
  void set_vendor(base::Environment& environment, const accel::Vendor& vendor,
                  const Sight& sight) const;
  [[nodiscard]] std::string value_of(const accel::VisibilityVariable& variable,
                                     std::size_t position) const;
  [[nodiscard]] const accel::Vendor* vendor_of(const HeldDevice& held) const;
  [[nodiscard]] bool has_kind(std::string_view name) const;

  const worker::StepSettings& settings_;
  std::vector<HeldDevice> all_;
  bool renumbered_ = false;
};

// SLURM_GPUS_ON_NODE, SLURM_JOB_GPUS, SLURM_STEP_GPUS, SLUICE_ACCEL_*, and the vendors' variables
// for all devices of the step.
void set_device_variables(base::Environment& environment, const StepView& step);

}  // namespace sluice::stepd
