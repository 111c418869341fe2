// Points in time as users write them (sbatch --begin, sacct -S, reservations) and as the commands
// print them. Times are seconds since 1970; the local zone is the process's TZ. What to print for
// "never" ("Unknown", "N/A", "None") is the caller's business.
// `now` is an argument; no clock is read. Not for core: it asks the zone database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::base {

// What a time of day alone means: for --begin the next such moment, for sacct today's.
enum class TimeOfDay { next, today };

// "YYYY-MM-DD[Thh:mm[:ss]]", "MM/DD[/YY][-hh:mm[:ss]]", "MMDD[YY][-hh:mm]", "MM.DD[.YY]",
// "hh:mm[:ss][AM|PM]" (alone or with a date), "midnight", "noon", "elevenses", "fika", "teatime",
// "today", "tomorrow", "now[{+|-}count[seconds|minutes|hours|days|weeks]]", "uts1700000000".
// Fails with invalid_time: "Invalid time specification (pos=5): 2010-13-01".
[[nodiscard]] Result<std::int64_t> parse_time(std::string_view text, std::int64_t now,
                                              TimeOfDay meaning = TimeOfDay::next);

// "2026-03-01T12:00:00".
[[nodiscard]] std::string format_time(std::int64_t when);

// By the value of SLURM_TIME_FORMAT: "" or "standard", "relative" (to `now`), or a strftime format.
[[nodiscard]] std::string format_time_as(std::int64_t when, std::string_view format,
                                         std::int64_t now);

// The first second of the local day that `when` falls on, `days` later (or earlier).
[[nodiscard]] std::int64_t local_midnight(std::int64_t when, int days = 0);

}  // namespace sluice::base
