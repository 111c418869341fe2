// Timers: when each job wants to be looked at again, on either clock. A job has at most one
// monotonic and one wall-clock time; what is due then is decided by looking at the job, so a timer
// that rings early or twice does no harm, and a restart only needs to set them again.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/ids.hpp"
#include "core/settings.hpp"

namespace sluice::core {

struct DueTimes {
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  std::int64_t mono_ms = kNone;
  model::WallTime wall = kNone;

  bool operator==(const DueTimes&) const = default;
  [[nodiscard]] bool none() const { return mono_ms == kNone && wall == kNone; }
  void at_mono(std::int64_t when) { mono_ms = when < mono_ms ? when : mono_ms; }
  void at_wall(model::WallTime when) { wall = when < wall ? when : wall; }
};

class Timers {
 public:
  // Replaces what the job had; no times at all removes it.
  void set(JobId job, const DueTimes& due);
  // Takes out a job that is due, the earliest first; jobs due at the same time in id order.
  [[nodiscard]] std::optional<JobId> take_due(Now now);
  // The monotonic time at which take_due has work, by the distance of the clocks in `now`.
  [[nodiscard]] std::int64_t next_ms(Now now) const;
  [[nodiscard]] DueTimes of(JobId job) const;
  [[nodiscard]] std::size_t size() const { return due_.size(); }

 private:
  std::set<std::pair<std::int64_t, JobId>> by_mono_;
  std::set<std::pair<model::WallTime, JobId>> by_wall_;
  std::unordered_map<JobId, DueTimes> due_;
};

}  // namespace sluice::core
