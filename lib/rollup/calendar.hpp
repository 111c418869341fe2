// Calendar: the hours, days and months of a place, as periods in seconds since 1970 UTC. Use is
// summed up by them, and a period to report on is made of as few of them as possible.
//
// Invariants: a day consists of whole hours, a month of whole days; periods of one level touch and
// never overlap, also where clocks are changed: a day may have 23 or 25 hours, and where an offset
// changes by half an hour, one hour is short.
#pragma once

#include <cstdint>
#include <vector>

#include "model/local_clock.hpp"

namespace sluice::rollup {

using Seconds = std::int64_t;  // since 1970 UTC

struct Period {
  Seconds from = 0;
  Seconds to = 0;

  bool operator==(const Period&) const = default;
  [[nodiscard]] Seconds length() const { return to - from; }
};
[[nodiscard]] Period common(const Period& a, const Period& b);  // empty: length 0
// Whole seconds, rounded down.
[[nodiscard]] Seconds seconds_of(model::WallTime when);

// The numbers are stored.
enum class Level : std::uint8_t { hour = 0, day = 1, month = 2 };
inline constexpr Level kLevels[] = {Level::hour, Level::day, Level::month};

class Calendar {
 public:
  Calendar() = default;  // of UTC
  explicit Calendar(model::LocalClock clock) : clock_(std::move(clock)) {}

  // The hour, day or month that the moment is in.
  [[nodiscard]] Period around(Level level, Seconds when) const;

  // Neighbouring periods of one level.
  struct Run {
    Level level = Level::hour;
    Period span;
    bool operator==(const Run&) const = default;
  };
  // What the period, widened to whole hours, consists of.
  [[nodiscard]] std::vector<Run> cover(const Period& period) const;
  [[nodiscard]] const model::LocalClock& clock() const { return clock_; }

 private:
  [[nodiscard]] Seconds offset(Seconds when) const;
  [[nodiscard]] Seconds moment(Seconds local) const;
  [[nodiscard]] Period hour(Seconds when) const;
  [[nodiscard]] Period day(Seconds when) const;
  [[nodiscard]] Period month(Seconds when) const;

  model::LocalClock clock_;
};

}  // namespace sluice::rollup
