// StandingReservation: a reservation as the planner sees it. Its nodes are claimed before all
// lanes, for everybody but its own jobs; those see only what it has. Times are monotonic.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bitmap.hpp"
#include "core/pool_state.hpp"

namespace sluice::core {

struct StandingReservation {
  struct Part {
    std::uint32_t node = 0;
    std::uint32_t cores = 0;  // 0: the whole node
  };
  struct Span {
    std::int64_t from_ms = 0;
    std::int64_t until_ms = kNever;
  };
  std::uint32_t id = 0;
  bool maint = false;
  bool above = false;      // may lie over others, whose jobs keep clear of it
  bool any_nodes = false;  // its jobs may use other nodes too
  bool flex = false;       // and at any time
  bool all_partitions = true;
  std::vector<bool> partitions;  // that its jobs may be in, unless all_partitions
  base::Bitmap nodes;
  std::vector<Part> parts;  // by node
  std::vector<Span> spans;  // ascending, none of them over
  // When its jobs end at the latest; kNever: by their own limits alone.
  std::int64_t jobs_until_ms = kNever;

  [[nodiscard]] bool confines() const { return !any_nodes && !flex; }
};

}  // namespace sluice::core
