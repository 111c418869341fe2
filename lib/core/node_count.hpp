// The sums of a node: what its holds take of it together, when they end, and the log of that.
#pragma once

#include <cstdint>
#include <vector>

#include "core/pool_state.hpp"

namespace sluice::core {

// All holds counted anew.
struct Recount {
  base::Bitmap busy;
  std::uint32_t charged = 0;
  std::uint32_t user_holds = 0;
  std::uint64_t memory = 0;
  std::vector<GresUse> gres;
  bool disjoint = true;
};
[[nodiscard]] Recount recount(const NodeSlot& slot);
void apply_recount(NodeSlot& slot);

// Whether a hold of these CPUs can be added to or taken from the sums without looking at the
// others: where nothing but whole cores and memory is handed out.
[[nodiscard]] bool adds_up(const NodeSlot& slot, const base::Bitmap& cpus);
void count_in(NodeSlot& slot, const Hold& hold);
void count_out(NodeSlot& slot, const Hold& hold);

[[nodiscard]] HoldEnd end_of(const Hold& hold);
void enter_end(NodeSlot& slot, const HoldEnd& end);
void leave_end(NodeSlot& slot, const HoldEnd& end);

}  // namespace sluice::core
