// The clocks, for programs. The wall clock is for display and for what users asked for by date;
// limits and timeouts run on the monotonic one.
// Not for core: core gets its time as an argument.
#pragma once

#include <cstdint>

namespace sluice::base {

[[nodiscard]] std::int64_t wall_seconds();
[[nodiscard]] std::int64_t wall_micros();
[[nodiscard]] std::uint64_t monotonic_ms();
[[nodiscard]] std::uint64_t monotonic_us();

}  // namespace sluice::base
