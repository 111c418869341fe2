// ShardUse: what is held of a node's GPUs where those are lent in shards: all of a job's shards on
// a node are of one GPU, a GPU with shards in use can't be given out whole, and one given out whole
// lends none. So what is free of either kind doesn't follow from the counts of both alone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bitmap.hpp"
#include "core/demand.hpp"
#include "core/pool_state.hpp"

namespace sluice::core {

// By GPU, all types together.
struct ShardUse {
  std::vector<std::uint64_t> shards;
  base::Bitmap whole;  // held as a whole
};

[[nodiscard]] ShardUse no_shards(const Hardware& hardware);
void add_use(const model::GresShare& share, ShardUse& use);
[[nodiscard]] ShardUse shards_of(const NodeSlot& slot);  // of all its holds

// `free`, by kind, counts what no share has and no fault has taken: less the GPUs that lend shards,
// and of the shards those of the one GPU that has most left.
void settle_free(const NodeSlot& slot, const ShardUse& use, std::vector<std::uint64_t>& free);
// Adds the GPUs that lend shards to the devices, by kind, that can't be had.
void block_lending(const Hardware& hardware, const ShardUse& use,
                   std::vector<base::Bitmap>& blocked);
// The GPU to take them from: of those that have enough left, the one with least.
[[nodiscard]] std::optional<std::uint32_t> choose_gpu(const NodeSlot& slot, const ShardUse& use,
                                                      std::uint64_t shards);
[[nodiscard]] bool wants_shards(const Demand& demand);
// Whether a plan for it can't be told from counts on such a node.
[[nodiscard]] bool concerns_shards(const Demand& demand, const Hardware& hardware);
// No GPU lends more than it has, or is lent and held whole.
[[nodiscard]] bool is_sound(const Hardware& hardware, const ShardUse& use);

}  // namespace sluice::core
