// The calendar of the ledger: months and days of UTC, computed, without the zone database. Price
// windows are local times, but their distance from UTC is a number in the price book.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/types.hpp"

namespace sluice::ledger {

using model::kSecond;
using model::WallTime;

// A month of UTC, counted from January 1970, which as 0 also means none.
using Month = base::Id<struct MonthTag, std::int32_t>;

[[nodiscard]] Month month_of(WallTime when);
[[nodiscard]] WallTime month_start(Month month);
[[nodiscard]] inline Month next_month(Month month) { return Month{month.value + 1}; }
[[nodiscard]] std::string month_text(Month month);  // "2026-11"
// 1971 to 9999.
[[nodiscard]] Result<Month> parse_month(std::string_view text);

// "2026-11-22T05:06:17Z"; fractions of the second are left out.
[[nodiscard]] std::string utc_text(WallTime when);
// "2026-11-22", "2026-11-22T05:06:17Z", "2026-11-22T05:06:17+01:00".
[[nodiscard]] Result<WallTime> parse_utc(std::string_view text);

// "+01:00", "-03:30", "Z", "0" -> seconds east of UTC.
[[nodiscard]] Result<std::int32_t> parse_utc_offset(std::string_view text);

// Of a time that is already local: 0 is Monday; microseconds since its midnight.
struct DayTime {
  std::int64_t day = 0;  // since 1970
  std::uint32_t weekday = 0;
  std::int64_t micros = 0;
};
[[nodiscard]] DayTime day_time(WallTime local);
inline constexpr std::int64_t kDay = 86'400 * kSecond;

}  // namespace sluice::ledger
