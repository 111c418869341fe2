// Timers: an ordered map by time; the Env is asked for one wake, the earliest.
#include "daemon/worker/service/timers.hpp"

#include <limits>

namespace sluice::worker {

TimerId Timers::at(std::int64_t mono_ms, std::function<void()> function) {
  const TimerId id = next_++;
  due_.emplace(std::pair{mono_ms, id}, std::move(function));
  when_.emplace(id, mono_ms);
  arm();
  return id;
}

void Timers::cancel(TimerId& id) {
  const auto found = when_.find(id);
  if (found != when_.end()) {
    due_.erase({found->second, id});
    when_.erase(found);
  }
  id = 0;
}

void Timers::run_due() {
  armed_ = 0;
  const std::int64_t now = env_.now().mono_ms;
  // Only those that were due when we began: a function that sets a timer for now waits a turn.
  const TimerId newest = next_;
  while (!due_.empty() && due_.begin()->first.first <= now) {
    const auto first = due_.begin();
    if (first->first.second >= newest) break;
    const std::function<void()> function = std::move(first->second);
    when_.erase(first->first.second);
    due_.erase(first);
    function();
  }
  arm();
}

void Timers::arm() {
  if (due_.empty()) return;
  const std::int64_t next = due_.begin()->first.first;
  // A wake that comes too early costs little; one that comes too late breaks a promise.
  if (armed_ != 0 && armed_ <= next) return;
  armed_ = next;
  env_.wake_at(next);
}

}  // namespace sluice::worker
