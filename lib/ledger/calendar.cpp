// See calendar.hpp. Days are counted by the proleptic Gregorian calendar with years that begin in
// March, so that the leap day is the last of its year.
#include "ledger/calendar.hpp"

#include <array>

#include <fmt/core.h>

#include "base/quantity.hpp"

namespace sluice::ledger {

namespace {

struct Date {
  std::int64_t year = 0;
  std::uint32_t month = 0;  // 1 to 12
  std::uint32_t day = 0;
};

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

std::int64_t days_of(const Date& date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t of_era = year - era * 400;
  const std::int64_t month = (date.month + 9) % 12;  // March is 0
  const std::int64_t of_year = (153 * month + 2) / 5 + date.day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = floor_div(days, 146'097);
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  const auto day = static_cast<std::uint32_t>(of_year - (153 * month + 2) / 5 + 1);
  const auto civil = static_cast<std::uint32_t>(month < 10 ? month + 3 : month - 9);
  return {year + era * 400 + (civil <= 2 ? 1 : 0), civil, day};
}

Result<std::int64_t> digits(std::string_view text, std::uint64_t most) {
  const Result<std::uint64_t> value = base::parse_unsigned(text, most);
  if (!value) return tl::unexpected(value.error());
  return static_cast<std::int64_t>(*value);
}

tl::unexpected<Error> no_time(std::string_view text) {
  return fail(ErrorCode::invalid_time,
              "\"" + std::string(text) + "\" is not a time like 2026-11-22T05:06:17Z");
}

Result<std::int64_t> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return no_time(text);
  const auto year = digits(text.substr(0, 4), 9999);
  const auto month = digits(text.substr(5, 2), 12);
  const auto day = digits(text.substr(8, 2), 31);
  if (!year || !month || !day || *year < 1971 || *month < 1 || *day < 1) return no_time(text);
  const Date date{*year, static_cast<std::uint32_t>(*month), static_cast<std::uint32_t>(*day)};
  const std::int64_t days = days_of(date);
  if (date_of(days).day != date.day) return no_time(text);  // 30 February
  return days;
}

Result<std::int64_t> parse_clock(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return no_time(text);
  const auto hour = digits(text.substr(0, 2), 23);
  const auto minute = digits(text.substr(3, 2), 59);
  const auto second = digits(text.substr(6, 2), 59);
  if (!hour || !minute || !second) return no_time(text);
  return *hour * 3600 + *minute * 60 + *second;
}

}  // namespace

Month month_of(WallTime when) {
  const Date date = date_of(floor_div(when, kDay));
  return Month{static_cast<std::int32_t>((date.year - 1970) * 12 + date.month - 1)};
}

WallTime month_start(Month month) {
  const std::int64_t year = floor_div(month.value, 12);
  const auto of_year = static_cast<std::uint32_t>(month.value - year * 12 + 1);
  return days_of({1970 + year, of_year, 1}) * kDay;
}

std::string month_text(Month month) {
  const Date date = date_of(month_start(month) / kDay);
  return fmt::format("{:04}-{:02}", date.year, date.month);
}

Result<Month> parse_month(std::string_view text) {
  const Result<std::int64_t> first = parse_date(std::string(text) + "-01");
  if (!first) {
    return fail(ErrorCode::invalid_time,
                "\"" + std::string(text) + "\" is not a month like 2026-11");
  }
  return month_of(*first * kDay);
}

std::string utc_text(WallTime when) {
  const std::int64_t seconds = floor_div(when, kSecond);
  const std::int64_t days = floor_div(seconds, 86'400);
  const std::int64_t of_day = seconds - days * 86'400;
  const Date date = date_of(days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", date.year, date.month, date.day,
                     of_day / 3600, of_day / 60 % 60, of_day % 60);
}

Result<WallTime> parse_utc(std::string_view text) {
  const Result<std::int64_t> days = parse_date(text.substr(0, 10));
  if (!days) return no_time(text);
  if (text.size() == 10) return *days * kDay;
  if (text.size() < 20 || (text[10] != 'T' && text[10] != ' ')) return no_time(text);
  const Result<std::int64_t> clock = parse_clock(text.substr(11, 8));
  const Result<std::int32_t> offset = parse_utc_offset(text.substr(19));
  if (!clock || !offset) return no_time(text);
  return *days * kDay + (*clock - *offset) * kSecond;
}

Result<std::int32_t> parse_utc_offset(std::string_view text) {
  if (text == "Z" || text == "0") return 0;
  const auto wrong = [text] {
    return fail(ErrorCode::invalid_time,
                "\"" + std::string(text) + "\" is not a distance from UTC like +01:00");
  };
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return wrong();
  const auto hours = digits(text.substr(1, 2), 14);
  const auto minutes = digits(text.substr(4, 2), 59);
  if (!hours || !minutes) return wrong();
  const auto seconds = static_cast<std::int32_t>(*hours * 3600 + *minutes * 60);
  return text[0] == '-' ? -seconds : seconds;
}

DayTime day_time(WallTime local) {
  const std::int64_t day = floor_div(local, kDay);
  const std::int64_t weekday = (day % 7 + 7 + 3) % 7;  // 1970 began on a Thursday
  return {day, static_cast<std::uint32_t>(weekday), local - day * kDay};
}

}  // namespace sluice::ledger
