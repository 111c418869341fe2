// Two ordered sets, one per clock, and each job's own times to find its entries again.
#include "core/timers.hpp"

#include <algorithm>

namespace sluice::core {

void Timers::set(JobId job, const DueTimes& due) {
  const auto found = due_.find(job);
  if (found != due_.end()) {
    if (found->second == due) return;
    by_mono_.erase({found->second.mono_ms, job});
    by_wall_.erase({found->second.wall, job});
    due_.erase(found);
  }
  if (due.none()) return;
  due_.emplace(job, due);
  if (due.mono_ms != DueTimes::kNone) by_mono_.emplace(due.mono_ms, job);
  if (due.wall != DueTimes::kNone) by_wall_.emplace(due.wall, job);
}

std::optional<JobId> Timers::take_due(Now now) {
  JobId job;
  if (!by_mono_.empty() && by_mono_.begin()->first <= now.mono_ms) {
    job = by_mono_.begin()->second;
  } else if (!by_wall_.empty() && by_wall_.begin()->first <= now.wall) {
    job = by_wall_.begin()->second;
  } else {
    return std::nullopt;
  }
  set(job, {});
  return job;
}

std::int64_t Timers::next_ms(Now now) const {
  std::int64_t next = DueTimes::kNone;
  if (!by_mono_.empty()) next = by_mono_.begin()->first;
  if (!by_wall_.empty()) {
    const model::WallTime away = std::max<model::WallTime>(0, by_wall_.begin()->first - now.wall);
    next = std::min(next, now.mono_ms + (away + 999) / 1000);
  }
  return next;
}

DueTimes Timers::of(JobId job) const {
  const auto found = due_.find(job);
  return found == due_.end() ? DueTimes{} : found->second;
}

}  // namespace sluice::core
