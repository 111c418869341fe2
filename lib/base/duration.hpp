// Lengths of time as Slurm writes them. Everything inside Sluice is seconds in 64 bits; a limit
// that doesn't exist is kUnlimited. Rounding to Slurm's minutes is the caller's choice.
// Pure: usable from core.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::base {

inline constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
// The longest length that can be written: Slurm counts minutes in 32 bits.
inline constexpr std::int64_t kMaxDurationSeconds = std::int64_t{0xfffffffd} * 60;

// "min", "min:sec", "h:m:s", "d-h", "d-h:m", "d-h:m:s" -> seconds; "UNLIMITED", "INFINITE" (either
// case) and "-1" -> kUnlimited. A field may exceed its usual range, as in Slurm: "0:36000" is ten
// hours. Fails with invalid_time_limit.
[[nodiscard]] Result<std::int64_t> parse_duration(std::string_view text);

// Seconds to whole minutes, up: how --time counts. kUnlimited stays kUnlimited.
[[nodiscard]] std::int64_t to_minutes_up(std::int64_t seconds);

// squeue %M %l: "0:05", "5:00", "1:02:03", "1-02:03:04", "UNLIMITED"; "INVALID" if negative.
[[nodiscard]] std::string format_short_duration(std::int64_t seconds);
// sacct Elapsed, scontrol RunTime and TimeLimit: "[d-]hh:mm:ss", "UNLIMITED"; "INVALID" likewise.
[[nodiscard]] std::string format_duration(std::int64_t seconds);
// sacct TotalCPU, UserCPU: "[d-][hh:]mm:ss" with ".mmm" while it is below an hour.
[[nodiscard]] std::string format_cpu_time(std::uint64_t microseconds);

}  // namespace sluice::base
