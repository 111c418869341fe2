// See unit.hpp.
#include "cli/sreport/unit.hpp"

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::cli::reporting {

namespace {

struct Known {
  std::string_view name;
  std::size_t least;
  TimeUnit unit;
  std::string_view title;
};
constexpr Known kUnits[] = {
    {"SecPer", 6, TimeUnit::seconds_percent, "Seconds/Percentage of Total"},
    {"MinPer", 6, TimeUnit::minutes_percent, "Minutes/Percentage of Total"},
    {"HourPer", 6, TimeUnit::hours_percent, "Hours/Percentage of Total"},
    {"Seconds", 1, TimeUnit::seconds, "Seconds"},
    {"Minutes", 1, TimeUnit::minutes, "Minutes"},
    {"Hours", 1, TimeUnit::hours, "Hours"},
    {"Percent", 1, TimeUnit::percent, "Percentage of Total"},
};

double divisor(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::minutes:
    case TimeUnit::minutes_percent: return 60;
    case TimeUnit::hours:
    case TimeUnit::hours_percent: return 3600;
    default: return 1;
  }
}

}  // namespace

std::optional<TimeUnit> parse_time_unit(std::string_view word) {
  for (const Known& known : kUnits) {
    if (base::abbreviates(word, known.name, known.least)) return known.unit;
  }
  return std::nullopt;
}

std::string_view unit_title(TimeUnit unit) {
  for (const Known& known : kUnits) {
    if (known.unit == unit) return known.title;
  }
  return {};
}

bool is_double(TimeUnit unit) {
  return unit == TimeUnit::seconds_percent || unit == TimeUnit::minutes_percent ||
         unit == TimeUnit::hours_percent;
}

std::size_t amount_width(TimeUnit unit, std::size_t usual) {
  constexpr std::size_t kPercentage = 9;  // "(100.00%)"
  return is_double(unit) ? usual + kPercentage : usual;
}

std::string percent_text(std::int64_t part, std::int64_t total) {
  if (total == 0) return "0.00%";
  return fmt::format("{:.2f}%", 100 * static_cast<double>(part) / static_cast<double>(total));
}

std::string amount_text(TimeUnit unit, std::int64_t seconds, std::int64_t total) {
  if (unit == TimeUnit::percent) return percent_text(seconds, total);
  const std::string amount = fmt::format("{:.0f}", static_cast<double>(seconds) / divisor(unit));
  return is_double(unit) ? fmt::format("{}({})", amount, percent_text(seconds, total)) : amount;
}

}  // namespace sluice::cli::reporting
