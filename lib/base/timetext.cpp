// Times as text. A text is a sequence of at most one date and one time of day, in either order,
// with optional separators; "now" and "uts" stand alone.
#include "base/timetext.hpp"

#include <array>
#include <cstddef>
#include <ctime>
#include <optional>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::base {
namespace {

constexpr int kMaxYear = 9999;

struct Date {
  std::optional<int> year;  // without one: this year or the next
  int month = 1;
  int day = 1;
};

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::tm local_time(std::int64_t when) {
  const auto raw = static_cast<std::time_t>(when);
  std::tm result{};
  localtime_r(&raw, &result);
  return result;
}

// Fields beyond their range are carried over, so "day + 1" is always tomorrow.
std::int64_t to_seconds(std::tm time) {
  time.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&time));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};

std::optional<std::int64_t> seconds_of_unit(std::string_view name) {
  static constexpr auto kUnits = std::to_array<Unit>(
      {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 7 * 86400}});
  if (name.empty()) return 1;
  for (const Unit& unit : kUnits) {
    const bool plural = name.size() == unit.name.size() + 1 && (name.back() | 0x20) == 's';
    if (iequals(plural ? name.substr(0, unit.name.size()) : name, unit.name)) return unit.seconds;
  }
  return std::nullopt;
}

// What follows "now": nothing, or a sign, a count and a unit.
std::optional<std::int64_t> parse_offset(std::string_view text) {
  std::string_view rest = trim(text);
  if (rest.empty()) return 0;
  const char sign = rest[0];
  if (sign != '+' && sign != '-') return std::nullopt;
  rest = trim(rest.substr(1));
  std::size_t digits = 0;
  while (digits < rest.size() && is_digit(rest[digits])) ++digits;
  const auto count = parse_unsigned(rest.substr(0, digits), 100000000000);
  const auto unit = seconds_of_unit(trim(rest.substr(digits)));
  if (!count || !unit) return std::nullopt;
  const std::int64_t offset = static_cast<std::int64_t>(*count) * *unit;
  return sign == '+' ? offset : -offset;
}

// Reads dates and times of day off the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text, std::int64_t now) : rest_(text), today_(local_time(now)) {}

  // False if the text isn't wholly understood.
  bool read() {
    skip_separators();
    if (rest_.empty()) return false;
    while (!rest_.empty()) {
      if (!(is_letter(rest_[0]) ? read_word() : read_digits())) return false;
      skip_separators();
    }
    return true;
  }

  // How far reading got.
  [[nodiscard]] std::size_t position() const { return whole_ - rest_.size(); }
  [[nodiscard]] const std::optional<Date>& date() const { return date_; }
  [[nodiscard]] const std::optional<Clock>& clock() const { return clock_; }

 private:
  void skip_separators() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '-' || separating_t())) {
      rest_.remove_prefix(1);
    }
  }

  // The T of ISO 8601: after a date, before a digit or the end.
  [[nodiscard]] bool separating_t() const {
    return date_ && !clock_ && (rest_[0] == 'T' || rest_[0] == 't') &&
           (rest_.size() == 1 || is_digit(rest_[1]));
  }

  [[nodiscard]] std::size_t digits_here() const {
    std::size_t length = 0;
    while (length < rest_.size() && is_digit(rest_[length])) ++length;
    return length;
  }

  // A number of `min` to `max` digits with a value in [low, high].
  struct Shape {
    std::size_t min;
    std::size_t max;
    int low;
    int high;
  };
  std::optional<int> take(Shape shape) {
    std::size_t length = digits_here();
    if (length < shape.min) return std::nullopt;
    if (length > shape.max) length = shape.max;
    int value = 0;
    for (std::size_t i = 0; i < length; ++i) value = value * 10 + (rest_[i] - '0');
    if (value < shape.low || value > shape.high) return std::nullopt;
    rest_.remove_prefix(length);
    return value;
  }

  bool take_char(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool read_word() {
    std::size_t length = 0;
    while (length < rest_.size() && is_letter(rest_[length])) ++length;
    const std::string_view word = rest_.substr(0, length);
    const std::string_view before = rest_;
    rest_.remove_prefix(length);
    if (take_word(word)) return true;
    rest_ = before;
    return false;
  }

  bool take_word(std::string_view word) {
    if (iequals(word, "today")) return set_date(day_from_today(0));
    if (iequals(word, "tomorrow")) return set_date(day_from_today(1));
    if (iequals(word, "midnight")) return set_clock({0, 0, 0});
    if (iequals(word, "elevenses")) return set_clock({11, 0, 0});
    if (iequals(word, "noon")) return set_clock({12, 0, 0});
    if (iequals(word, "fika")) return set_clock({15, 0, 0});
    if (iequals(word, "teatime")) return set_clock({16, 0, 0});
    return false;
  }

  [[nodiscard]] Date day_from_today(int days) const {
    std::tm day = today_;
    day.tm_hour = 12;  // away from the hours that clock changes take out
    day.tm_mday += days;
    day = local_time(to_seconds(day));
    return Date{day.tm_year + 1900, day.tm_mon + 1, day.tm_mday};
  }

  bool read_digits() {
    const std::size_t length = digits_here();
    const char after = length < rest_.size() ? rest_[length] : '\0';
    // "2026-03-01", but "1231-12:30" is the last of December.
    if (length == 4 && after == '-' && rest_.size() > 7 && rest_[7] == '-') return read_iso_date();
    if (length == 4 || length == 6) return read_packed_date(length);
    if (length == 1 || length == 2) {
      if (after == ':') return read_clock();
      if (after == '/' || after == '.') return read_american_date(after);
    }
    return false;
  }

  bool read_iso_date() {
    const auto year = take({4, 4, 1900, kMaxYear});
    if (!year || !take_char('-')) return false;
    const auto month = take({2, 2, 1, 12});
    if (!month || !take_char('-')) return false;
    const auto day = take({2, 2, 1, 31});
    return day && set_date(Date{*year, *month, *day});
  }

  bool read_packed_date(std::size_t length) {
    const auto month = take({2, 2, 1, 12});
    const auto day = take({2, 2, 1, 31});
    if (!month || !day) return false;
    return read_short_year(length == 6, Date{std::nullopt, *month, *day});
  }

  bool read_american_date(char separator) {
    const auto month = take({1, 2, 1, 12});
    if (!month || !take_char(separator)) return false;
    const auto day = take({1, 2, 1, 31});
    return day && read_short_year(take_char(separator), Date{std::nullopt, *month, *day});
  }

  bool read_short_year(bool has_year, Date date) {
    if (!has_year) return set_date(date);
    const auto year = take({2, 2, 0, 99});
    if (!year) return false;
    date.year = 2000 + *year;
    return set_date(date);
  }

  bool read_clock() {
    const auto hour = take({1, 2, 0, 23});
    if (!hour || !take_char(':')) return false;
    const auto minute = take({2, 2, 0, 59});
    if (!minute) return false;
    Clock clock{*hour, *minute, 0};
    if (take_char(':')) {
      const auto second = take({2, 2, 0, 59});
      if (!second) return false;
      clock.second = *second;
    }
    const std::string_view half = trim(rest_).substr(0, 2);
    const bool pm = iequals(half, "PM");
    if (!pm && !iequals(half, "AM")) return set_clock(clock);
    if (clock.hour < 1 || clock.hour > 12) return false;
    rest_ = trim(rest_).substr(2);
    clock.hour = clock.hour % 12 + (pm ? 12 : 0);
    return set_clock(clock);
  }

  bool set_date(const Date& date) {
    if (date_) return false;
    date_ = date;
    return true;
  }

  bool set_clock(const Clock& clock) {
    if (clock_) return false;
    clock_ = clock;
    return true;
  }

  std::string_view rest_;
  std::size_t whole_ = rest_.size();
  std::tm today_;
  std::optional<Date> date_;
  std::optional<Clock> clock_;
};

std::int64_t resolve(const Reader& reader, std::int64_t now, TimeOfDay meaning) {
  std::tm time = local_time(now);
  const Clock clock = reader.clock().value_or(Clock{});
  time.tm_hour = clock.hour;
  time.tm_min = clock.minute;
  time.tm_sec = clock.second;
  if (!reader.date()) {
    const std::int64_t today = to_seconds(time);
    if (meaning == TimeOfDay::today || today >= now) return today;
    ++time.tm_mday;
    return to_seconds(time);
  }
  const Date& date = *reader.date();
  const bool earlier =
      date.month - 1 < time.tm_mon || (date.month - 1 == time.tm_mon && date.day < time.tm_mday);
  if (date.year) {
    time.tm_year = *date.year - 1900;
  } else if (earlier && meaning == TimeOfDay::next) {
    ++time.tm_year;
  }
  time.tm_mon = date.month - 1;
  time.tm_mday = date.day;
  return to_seconds(time);
}

// The format comes from the user's own environment; a result too long for any column is cut to "".
std::string strftime_text(const std::string& format, const std::tm& time) {
  std::array<char, 256> buffer{};
  // By pointer: the compiler can't (and needn't) check a format that isn't a literal.
  constexpr auto kPrint = &std::strftime;
  const std::size_t length = kPrint(buffer.data(), buffer.size(), format.c_str(), &time);
  return std::string(buffer.data(), length);
}

std::string relative_text(std::int64_t when, std::int64_t now) {
  const std::tm time = local_time(when);
  if (time.tm_year != local_time(now).tm_year) return strftime_text("%-d %b %Y", time);
  if (when < local_midnight(now, -1)) return strftime_text("%-d %b %H:%M", time);
  if (when < local_midnight(now)) return strftime_text("Ystday %H:%M", time);
  if (when < local_midnight(now, 1)) return strftime_text("%H:%M:%S", time);
  if (when < local_midnight(now, 2)) return strftime_text("Tomorr %H:%M", time);
  if (when < local_midnight(now, 7)) return strftime_text("%a %H:%M", time);
  return strftime_text("%-d %b %H:%M", time);
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text, std::int64_t now, TimeOfDay meaning) {
  const auto bad = [&](std::size_t position) {
    return fail(ErrorCode::invalid_time,
                fmt::format("Invalid time specification (pos={}): {}", position, text));
  };
  const std::string_view trimmed = trim(text);
  if (istarts_with(trimmed, "uts")) {
    const auto seconds = parse_unsigned(trimmed.substr(3), 253402300799);  // the end of 9999
    if (!seconds) return bad(3);
    return static_cast<std::int64_t>(*seconds);
  }
  if (istarts_with(trimmed, "now")) {
    const auto offset = parse_offset(trimmed.substr(3));
    if (!offset) return bad(std::min<std::size_t>(trimmed.size(), 4));
    return now + *offset;
  }
  Reader reader(trimmed, now);
  if (!reader.read()) return bad(reader.position());
  return resolve(reader, now, meaning);
}

std::string format_time(std::int64_t when) {
  const std::tm time = local_time(when);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", time.tm_year + 1900, time.tm_mon + 1,
                     time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec);
}

std::string format_time_as(std::int64_t when, std::string_view format, std::int64_t now) {
  if (format.empty() || iequals(format, "standard")) return format_time(when);
  if (iequals(format, "relative")) return relative_text(when, now);
  return strftime_text(std::string(format), local_time(when));
}

std::int64_t local_midnight(std::int64_t when, int days) {
  std::tm time = local_time(when);
  time.tm_hour = 0;
  time.tm_min = 0;
  time.tm_sec = 0;
  time.tm_mday += days;
  return to_seconds(time);
}

}  // namespace sluice::base
