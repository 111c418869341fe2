// GresChoice: how a demand's GRES are taken from one node: first how many of each of the node's
// kinds, then which devices of those, then which CPUs sit beside them. Placement counts with the
// same functions that the final choice uses, so that what was promised can be given.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bitmap.hpp"
#include "core/demand.hpp"
#include "core/node_classes.hpp"

namespace sluice::core {

using JobGres = std::array<std::uint64_t, kMaxJobGres>;

// Whether a need may be met by devices of that kind.
[[nodiscard]] bool matches(const GresNeed& need, const GresEntry& entry);
// GPUs, or any accelerators: what --cpus-per-gpu and --mem-per-gpu count.
[[nodiscard]] bool counts_as_gpu(const GresNeed& need);

// How many of each kind are taken for so many tasks, given what is free of each; none: it doesn't
// suffice. Named types first, then any type (one kind if one has enough), then any accelerator (of
// one kind, the one with fewest left).
[[nodiscard]] std::optional<std::vector<std::uint64_t>> split_gres(
    const Hardware& hardware, const Demand& demand, std::vector<std::uint64_t> wanted_by_need,
    std::vector<std::uint64_t> free);
// What each need of the demand wants of one node.
[[nodiscard]] std::vector<std::uint64_t> wanted_gres(const Demand& demand, std::uint32_t tasks,
                                                     const JobGres& job_gres);

struct DevicePlace {
  std::vector<std::uint64_t> taken;   // by kind
  std::vector<base::Bitmap> blocked;  // by kind: devices that can't be had; empty: none of any
  base::Bitmap cpus;                  // that can be had
  std::uint64_t cpus_wanted = 0;
};
struct PickedDevices {
  std::vector<base::Bitmap> devices;  // by kind, counted from the kind's first
  base::Bitmap beside;                // CPUs beside them; size 0: any are as good
};
[[nodiscard]] PickedDevices pick_devices(const Hardware& hardware, const Demand& demand,
                                         const DevicePlace& place);

}  // namespace sluice::core
