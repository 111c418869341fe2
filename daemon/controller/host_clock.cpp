// See host_clock.hpp. From 2000 to 2050; zones change their offsets on whole minutes, and not twice
// in a week.
#include "daemon/controller/host_clock.hpp"

#include <ctime>

namespace sluice::controller {

namespace {

std::int32_t offset_at(std::time_t when) {
  std::tm local = {};
  return localtime_r(&when, &local) == nullptr ? 0 : static_cast<std::int32_t>(local.tm_gmtoff);
}

// The first moment in (low, high] with the offset of `high`.
std::time_t change_between(std::time_t low, std::time_t high) {
  const std::int32_t after = offset_at(high);
  while (low + 1 < high) {
    const std::time_t middle = low + (high - low) / 2;
    (offset_at(middle) == after ? high : low) = middle;
  }
  return high;
}

}  // namespace

model::LocalClock host_clock() {
  constexpr std::time_t kWeek = 7 * 86'400;
  constexpr std::time_t kFirst = 946'684'800;   // 2000-01-01
  constexpr std::time_t kLast = 2'524'608'000;  // 2050-01-01
  model::LocalClock clock;
  clock.changes.push_back({kFirst * model::kSecond, offset_at(kFirst)});
  for (std::time_t at = kFirst; at < kLast; at += kWeek) {
    const std::int32_t after = offset_at(at + kWeek);
    if (after == clock.changes.back().offset_s) continue;
    clock.changes.push_back({change_between(at, at + kWeek) * model::kSecond, after});
  }
  return clock;
}

}  // namespace sluice::controller
