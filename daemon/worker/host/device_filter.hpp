// Device confinement of cgroup version 2, which has no control file for it: a small BPF program
// attached to the group decides each open and mknod of a device. Rules are the same as version 1's.
// For daemon/worker/host alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "daemon/worker/host/cgroup.hpp"

namespace sluice::worker::cgroup {

enum class DeviceDefault : std::uint8_t { deny = 0, allow = 1 };

// The first rule that matches decides for the opposite of `otherwise`; without a match `otherwise`
// holds. An access that a deny rule names only in part is denied.
struct DevicePolicy {
  DeviceDefault otherwise = DeviceDefault::deny;
  std::vector<DeviceRule> rules;
};

// The devices that no program can do without: null, zero, full, random, urandom, tty, console,
// ptmx, pts; and making any device node (opening it is another matter).
[[nodiscard]] const std::vector<DeviceRule>& common_devices();

// The instructions of the program, 8 bytes each, as the kernel takes them.
[[nodiscard]] std::vector<std::uint64_t> device_program(const DevicePolicy& policy);

// Loads and attaches, replacing what this function attached before.
[[nodiscard]] Status attach_device_filter(const std::string& group_dir, const DevicePolicy& policy);
// Can this process load such programs?
[[nodiscard]] bool can_filter_devices();

}  // namespace sluice::worker::cgroup
