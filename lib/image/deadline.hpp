// Deadline: the moment at which a pull or an unpacking gives up. On the monotonic clock, passed by
// value through everything that may wait.
// Not for core: reads the clock.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace sluice::image {

class Deadline {
 public:
  Deadline() = default;  // never
  [[nodiscard]] static Deadline in_seconds(std::uint64_t seconds) {
    Deadline deadline;
    deadline.at_ms_ = base::monotonic_ms() + seconds * 1000;
    return deadline;
  }

  [[nodiscard]] bool is_set() const { return at_ms_ != 0; }
  [[nodiscard]] bool passed() const { return is_set() && base::monotonic_ms() >= at_ms_; }
  // For poll(): the time left, but at most `most`.
  [[nodiscard]] int wait_ms(int most) const {
    if (!is_set()) return most;
    const std::uint64_t now = base::monotonic_ms();
    if (now >= at_ms_) return 0;
    return static_cast<int>(std::min<std::uint64_t>(at_ms_ - now, static_cast<unsigned>(most)));
  }

 private:
  std::uint64_t at_ms_ = 0;
};

}  // namespace sluice::image
