// Timeline: virtual time. Events run in the order of their times, those of the same time in the
// order in which they were set; nothing else moves the clock.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace sluice::sim {

using Micros = std::int64_t;
inline constexpr Micros kMilli = 1000;
inline constexpr Micros kSec = 1'000'000;

class Timeline {
 public:
  using Action = std::function<void()>;

  void at(Micros when, Action action) {
    queue_.push({when < now_ ? now_ : when, next_++, std::move(action)});
  }
  void after(Micros delay, Action action) { at(now_ + delay, std::move(action)); }

  // Runs the next event; false: there is none until `end`.
  bool step(Micros end) {
    if (queue_.empty() || queue_.top().when > end) return false;
    // The queue hands out constant references only; the entry is dropped right after.
    Action action = std::move(const_cast<Entry&>(queue_.top()).action);
    now_ = queue_.top().when;
    queue_.pop();
    ++events_;
    action();
    return true;
  }

  [[nodiscard]] Micros now() const { return now_; }
  [[nodiscard]] std::int64_t wall() const { return kFirstWall + now_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  struct Entry {
    Micros when = 0;
    std::uint64_t order = 0;
    Action action;
    bool operator<(const Entry& other) const {  // the queue's top is the greatest
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  static constexpr std::int64_t kFirstWall = 1'700'000'000LL * kSec;

  std::priority_queue<Entry> queue_;
  Micros now_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace sluice::sim
