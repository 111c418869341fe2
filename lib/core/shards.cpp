// See shards.hpp.
#include "core/shards.hpp"

#include <algorithm>

#include "model/shards.hpp"

namespace sluice::core {

namespace {

// Calls with the kind, the device of it and its number among all GPUs.
template <class Visit>
void for_each_gpu(const Hardware& hardware, Visit&& visit) {
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    const GresEntry& entry = hardware.gres[e];
    if (entry.name.view() != model::kShared) continue;
    for (std::uint32_t d = 0; d < entry.devices; ++d) visit(e, d, entry.first_device + d);
  }
}

// Shards that one GPU can still lend.
std::vector<std::uint64_t> left(const NodeSlot& slot, const ShardUse& use) {
  const Hardware& hardware = *slot.hardware;
  std::vector<std::uint64_t> left(use.shards.size(), 0);
  for_each_gpu(hardware, [&](std::size_t e, std::uint32_t d, std::uint32_t gpu) {
    const GresEntry& entry = hardware.gres[e];
    const bool faulty = !slot.faulty.empty() && slot.faulty[e].test(d);
    const bool parted = d < entry.sites.size() && entry.sites[d].parted;
    if (faulty || parted || use.whole.test(gpu)) return;
    left[gpu] =
        hardware.shards_per_gpu - std::min<std::uint64_t>(hardware.shards_per_gpu, use.shards[gpu]);
  });
  return left;
}

}  // namespace

ShardUse no_shards(const Hardware& hardware) {
  const std::uint32_t gpus = hardware.devices_of(model::kShared);
  return {std::vector<std::uint64_t>(gpus, 0), base::Bitmap(gpus)};
}

void add_use(const model::GresShare& share, ShardUse& use) {
  const bool shards = model::is_shards(share);
  if (!shards && share.name.view() != model::kShared) return;
  share.indices.for_each([&](std::size_t gpu) {
    if (gpu >= use.shards.size()) return;  // it dates from before the hardware changed
    if (shards) {
      use.shards[gpu] += share.count;
    } else {
      use.whole.set(gpu);
    }
  });
}

ShardUse shards_of(const NodeSlot& slot) {
  ShardUse use = no_shards(*slot.hardware);
  for (const Hold& hold : slot.holds) {
    for (const model::GresShare& share : hold.gres) add_use(share, use);
  }
  return use;
}

void settle_free(const NodeSlot& slot, const ShardUse& use, std::vector<std::uint64_t>& free) {
  const Hardware& hardware = *slot.hardware;
  for_each_gpu(hardware, [&](std::size_t e, std::uint32_t d, std::uint32_t gpu) {
    const bool faulty = !slot.faulty.empty() && slot.faulty[e].test(d);
    if (use.shards[gpu] != 0 && !faulty && free[e] != 0) --free[e];
  });
  const std::vector<std::uint64_t> rest = left(slot, use);
  const std::uint64_t most = rest.empty() ? 0 : *std::max_element(rest.begin(), rest.end());
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    if (hardware.gres[e].name.view() == model::kShard) free[e] = most;
  }
}

void block_lending(const Hardware& hardware, const ShardUse& use,
                   std::vector<base::Bitmap>& blocked) {
  for_each_gpu(hardware, [&](std::size_t e, std::uint32_t d, std::uint32_t gpu) {
    if (use.shards[gpu] != 0) blocked[e].set(d);
  });
}

std::optional<std::uint32_t> choose_gpu(const NodeSlot& slot, const ShardUse& use,
                                        std::uint64_t shards) {
  const std::vector<std::uint64_t> rest = left(slot, use);
  std::optional<std::uint32_t> best;
  for (std::uint32_t gpu = 0; gpu < rest.size(); ++gpu) {
    if (rest[gpu] >= shards && (!best || rest[gpu] < rest[*best])) best = gpu;
  }
  return best;
}

bool wants_shards(const Demand& demand) {
  return std::any_of(demand.gres.begin(), demand.gres.end(),
                     [](const GresNeed& need) { return need.name.view() == model::kShard; });
}

bool concerns_shards(const Demand& demand, const Hardware& hardware) {
  if (hardware.shards_per_gpu == 0) return false;
  return std::any_of(demand.gres.begin(), demand.gres.end(), [](const GresNeed& need) {
    return need.any_accelerator || need.name.view() == model::kShared ||
           need.name.view() == model::kShard;
  });
}

bool is_sound(const Hardware& hardware, const ShardUse& use) {
  for (std::size_t gpu = 0; gpu < use.shards.size(); ++gpu) {
    if (use.shards[gpu] > hardware.shards_per_gpu) return false;
    if (use.shards[gpu] != 0 && use.whole.test(gpu)) return false;
  }
  return true;
}

}  // namespace sluice::core
