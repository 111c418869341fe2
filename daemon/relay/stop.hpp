// Stop: how threads that wait are told to end. Safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace sluice::relay {

class Stop {
 public:
  void set() {
    {
      const std::scoped_lock guard(lock_);
      set_ = true;
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool is_set() const {
    const std::scoped_lock guard(lock_);
    return set_;
  }
  // Waits so long. True: it is time to end.
  [[nodiscard]] bool pause(std::chrono::milliseconds time) const {
    std::unique_lock guard(lock_);
    return changed_.wait_for(guard, time, [this] { return set_; });
  }

 private:
  mutable std::mutex lock_;
  mutable std::condition_variable changed_;
  bool set_ = false;
};

}  // namespace sluice::relay
