// See the header.
#include "daemon/worker/host/device_grant.hpp"

#include <algorithm>

#include "model/gres.hpp"
#include "model/shards.hpp"

namespace sluice::worker {
namespace {

void add(std::vector<std::string>& list, const Text& path) {
  if (path.empty() || std::ranges::find(list, path.view()) != list.end()) return;
  list.push_back(path.str());
}

void add_device(std::vector<std::string>& list, const model::NodeGres& kind, std::size_t index) {
  if (index < kind.files.size()) add(list, kind.files[index]);
  if (index >= kind.devices.size()) return;
  add(list, kind.devices[index].file);
  for (const Text& path : kind.devices[index].companions) add(list, path);
}

void add_control_files(std::vector<std::string>& list, std::span<const accel::Vendor> vendors,
                       const Text& name) {
  for (const accel::Vendor& vendor : vendors) {
    if (vendor.name != name) continue;
    for (const Text& path : vendor.control_files) add(list, path);
  }
}

bool same_device(const DeviceRule& a, const DeviceRule& b) {
  return a.block == b.block && a.major == b.major && a.minor == b.minor;
}

}  // namespace

bool holds(const model::GresShare& share, const model::NodeGres& kind, std::size_t index) {
  return model::may_hold(share, kind) && index < share.indices.size() && share.indices.test(index);
}

DeviceFiles device_files(const DeviceHolding& holding) {
  DeviceFiles files;
  for (const model::NodeGres& kind : holding.node) {
    const std::size_t count = std::max(kind.files.size(), kind.devices.size());
    const std::size_t first =
        model::first_index(holding.node, static_cast<std::size_t>(&kind - holding.node.data()));
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) {
      const bool own = std::ranges::any_of(holding.own, [&](const model::GresShare& share) {
        return holds(share, kind, first + i);
      });
      any = any || own;
      add_device(own ? files.open : files.closed, kind, i);
    }
    if (!kind.vendor.empty()) {
      add_control_files(any ? files.open : files.closed, holding.vendors, kind.vendor);
    }
  }
  std::erase_if(files.closed, [&](const std::string& path) {
    return std::ranges::find(files.open, path) != files.open.end();
  });
  return files;
}

std::vector<DeviceRule> denied_devices(const DeviceHolding& holding) {
  const DeviceFiles files = device_files(holding);
  std::vector<DeviceRule> open;
  for (const std::string& path : files.open) {
    if (auto rule = device_rule(path)) open.push_back(*rule);
  }
  std::vector<DeviceRule> denied;
  for (const std::string& path : files.closed) {
    const auto rule = device_rule(path);
    if (!rule) continue;
    const auto same = [&](const DeviceRule& other) { return same_device(*rule, other); };
    if (std::ranges::any_of(open, same) || std::ranges::any_of(denied, same)) continue;
    denied.push_back(*rule);
  }
  return denied;
}

}  // namespace sluice::worker
