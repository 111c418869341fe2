// DeviceChoice: which devices of one kind to take on a node. In this order: the set whose members
// are linked best among themselves; the set with the most usable CPUs beside it, up to what is
// wanted; the set that cuts the fewest links to the devices that stay free, so that well connected
// groups stay whole for those who need them; the lowest positions.
//
// Pure and bounded: every set is compared where there are few, else sets grown device by device.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bitmap.hpp"
#include "model/node.hpp"

namespace sluice::core {

// What matters of a device to who chooses.
struct DeviceSite {
  base::Bitmap cpus;                 // the node's CPUs beside it; size 0: any
  std::uint32_t numa = 0xffffffff;   // model::kNoNuma: unknown
  std::vector<std::uint32_t> links;  // weight to each device of its kind; empty: none
  bool parted = false;               // it is given out in partitions, never as a whole

  bool operator==(const DeviceSite&) const = default;
  std::strong_ordering operator<=>(const DeviceSite& other) const;
};

// The devices of one kind, by position. Empty if nothing is known but their number.
// `cpus`: how many the node has.
[[nodiscard]] std::vector<DeviceSite> sites_of(const model::NodeGres& gres, std::uint32_t cpus);

struct DeviceWish {
  std::uint64_t count = 0;
  base::Bitmap free;              // positions that may be taken
  base::Bitmap cpus;              // usable CPUs; size 0: where devices sit doesn't matter
  std::uint64_t cpus_wanted = 0;  // as many beside the devices are enough
  bool cpus_first = false;        // CPUs beside them count more than links
};

// `wish.count` members of `wish.free`, or all of them if there are fewer. `sites` is empty or has
// an entry for each position.
[[nodiscard]] base::Bitmap choose_devices(std::span<const DeviceSite> sites,
                                          const DeviceWish& wish);

}  // namespace sluice::core
