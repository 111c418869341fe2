// Lengths of time: see the header. A text has at most "d-h:m:s"; without days one number is
// minutes, two are minutes and seconds, three are hours, minutes and seconds.
#include "base/duration.hpp"

#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::base {
namespace {

tl::unexpected<Error> bad_duration(std::string_view text) {
  return fail(ErrorCode::invalid_time_limit, fmt::format("Invalid time limit: {}", text));
}

struct Split {
  std::int64_t days;
  std::int64_t hours;
  std::int64_t minutes;
  std::int64_t seconds;
};

Split split_seconds(std::int64_t seconds) {
  return {seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60};
}

// The units of the fields, first to last, by how many there are.
std::array<std::int64_t, 3> units_of(std::size_t fields, bool has_days) {
  if (has_days || fields == 3) return {3600, 60, 1};
  return {60, 1, 0};
}

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text) {
  if (iequals(text, "UNLIMITED") || iequals(text, "INFINITE") || text == "-1") return kUnlimited;
  const Cut days_cut = cut(text, '-');
  const std::string_view clock = days_cut.found ? days_cut.after : text;
  std::int64_t total = 0;
  // With each part at most kMaxDurationSeconds, no sum or product can overflow.
  const auto add = [&](std::string_view digits, std::int64_t unit) {
    const auto value = parse_unsigned(digits, static_cast<std::uint64_t>(kMaxDurationSeconds));
    if (!value) return false;
    total += static_cast<std::int64_t>(*value) * unit;
    return total <= kMaxDurationSeconds;
  };
  if (days_cut.found && !add(days_cut.before, 86400)) return bad_duration(text);
  if (days_cut.found && clock.empty()) return total;  // "1-"
  const auto fields = split(clock, ':');
  if (fields.size() > 3) return bad_duration(text);
  const auto units = units_of(fields.size(), days_cut.found);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!add(fields[i], units[i])) return bad_duration(text);
  }
  return total;
}

std::int64_t to_minutes_up(std::int64_t seconds) {
  if (seconds == kUnlimited) return kUnlimited;
  return seconds / 60 + static_cast<std::int64_t>(seconds % 60 > 0);
}

std::string format_short_duration(std::int64_t seconds) {
  if (seconds == kUnlimited) return "UNLIMITED";
  if (seconds < 0) return "INVALID";
  const Split s = split_seconds(seconds);
  if (s.days > 0) return fmt::format("{}-{:02}:{:02}:{:02}", s.days, s.hours, s.minutes, s.seconds);
  if (s.hours > 0) return fmt::format("{}:{:02}:{:02}", s.hours, s.minutes, s.seconds);
  return fmt::format("{}:{:02}", s.minutes, s.seconds);
}

std::string format_duration(std::int64_t seconds) {
  if (seconds == kUnlimited) return "UNLIMITED";
  if (seconds < 0) return "INVALID";
  const Split s = split_seconds(seconds);
  if (s.days > 0) return fmt::format("{}-{:02}:{:02}:{:02}", s.days, s.hours, s.minutes, s.seconds);
  return fmt::format("{:02}:{:02}:{:02}", s.hours, s.minutes, s.seconds);
}

std::string format_cpu_time(std::uint64_t microseconds) {
  const auto seconds = static_cast<std::int64_t>(microseconds / 1000000);
  if (seconds >= 3600) return format_duration(seconds);
  return fmt::format("{:02}:{:02}.{:03}", seconds / 60, seconds % 60, microseconds / 1000 % 1000);
}

}  // namespace sluice::base
