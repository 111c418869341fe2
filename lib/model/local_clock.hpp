// LocalClock: how far local time is from UTC, and when that changes: the rules of a time zone as a
// table, for those who have no clock and no zone of their own. Whoever has them fills it in
// (lib/config); empty, it says nothing, and offsets given elsewhere hold.
//
// Invariant: changes ascend.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/types.hpp"

namespace sluice::model {

struct ClockChange {
  WallTime at = 0;            // from this moment on
  std::int32_t offset_s = 0;  // local time is UTC and so much more

  bool operator==(const ClockChange&) const = default;
};

struct LocalClock {
  std::vector<ClockChange> changes;  // the first one's offset holds before it, too

  [[nodiscard]] bool empty() const { return changes.empty(); }
  // At a moment; `otherwise` if the table is empty.
  [[nodiscard]] std::int32_t offset_at(WallTime utc, std::int32_t otherwise) const {
    if (changes.empty()) return otherwise;
    const auto later =
        std::upper_bound(changes.begin(), changes.end(), utc,
                         [](WallTime time, const ClockChange& change) { return time < change.at; });
    return later == changes.begin() ? later->offset_s : std::prev(later)->offset_s;
  }
  // The moment at which clocks show `local`. What they show twice means the first time; what they
  // pass over, the moment that it would have been without the change.
  [[nodiscard]] WallTime moment_of(WallTime local, std::int32_t otherwise) const {
    constexpr WallTime kLongestOffset = 26 * 3600 * kSecond;
    const std::int32_t before = offset_at(local - kLongestOffset, otherwise);
    const WallTime early = local - before * kSecond;
    const std::int32_t then = offset_at(early, otherwise);
    if (then == before) return early;
    const WallTime late = local - then * kSecond;
    // In the gap neither reading is right.
    return offset_at(late, otherwise) == then ? late : early;
  }
};

}  // namespace sluice::model
