// The two clocks. Both are read without a system call.
#include "base/clock.hpp"

#include <ctime>

namespace sluice::base {
namespace {

std::int64_t read_micros(clockid_t which) {
  timespec time{};
  clock_gettime(which, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000000 + time.tv_nsec / 1000;
}

}  // namespace

std::int64_t wall_seconds() { return wall_micros() / 1000000; }
std::int64_t wall_micros() { return read_micros(CLOCK_REALTIME); }
std::uint64_t monotonic_ms() { return monotonic_us() / 1000; }
std::uint64_t monotonic_us() { return static_cast<std::uint64_t>(read_micros(CLOCK_MONOTONIC)); }

}  // namespace sluice::base
