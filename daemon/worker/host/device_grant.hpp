// Which device files a job or a step is kept from: those of the node's devices that it doesn't
// hold, and the control files of vendors of whose devices it holds none. All else is left to the
// files' own permissions, as with Slurm: an InfiniBand adapter is no GRES and must stay usable.
// What a granted device needs is never denied, even where a neighbour lists the same file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "accel/vendor.hpp"
#include "daemon/worker/host/cgroup.hpp"
#include "model/allocation.hpp"
#include "model/node.hpp"

namespace sluice::worker {

struct DeviceHolding {
  std::span<const model::NodeGres> node;
  std::span<const accel::Vendor> vendors;
  std::span<const model::GresShare> own;
};

// `index` counts as GresShare::indices do (model/gres.hpp).
[[nodiscard]] bool holds(const model::GresShare& share, const model::NodeGres& kind,
                         std::size_t index);

// Paths in the order of the node's devices; the two lists share none.
struct DeviceFiles {
  std::vector<std::string> open;
  std::vector<std::string> closed;
};
[[nodiscard]] DeviceFiles device_files(const DeviceHolding& holding);

// The rules of the closed ones that exist. A file that is the same device as an open one (another
// name of it) has no rule.
[[nodiscard]] std::vector<DeviceRule> denied_devices(const DeviceHolding& holding);

}  // namespace sluice::worker
