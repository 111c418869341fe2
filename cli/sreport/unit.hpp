// In which unit sreport prints amounts of time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli::reporting {

enum class TimeUnit : std::uint8_t {
  seconds,
  minutes,
  hours,
  percent,
  seconds_percent,
  minutes_percent,
  hours_percent,
};

// "sec", "MinPer", …: any beginning of three letters or more. Nothing: no such unit.
[[nodiscard]] std::optional<TimeUnit> parse_time_unit(std::string_view word);
// "Minutes", "Minutes/Percentage of Total", …
[[nodiscard]] std::string_view unit_title(TimeUnit unit);
[[nodiscard]] bool is_double(TimeUnit unit);  // an amount and a percentage
// Of a column that is `usual` wide where a value stands alone.
[[nodiscard]] std::size_t amount_width(TimeUnit unit, std::size_t usual);

// `seconds` of `total` TRES * seconds.
[[nodiscard]] std::string amount_text(TimeUnit unit, std::int64_t seconds, std::int64_t total);
[[nodiscard]] std::string percent_text(std::int64_t part, std::int64_t total);

}  // namespace sluice::cli::reporting
