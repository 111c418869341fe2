// Numbers, sizes and counts: see the header. Everything is judged before it is multiplied.
#include "base/quantity.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/strings.hpp"

namespace sluice::base {
namespace {

constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();
constexpr std::string_view kLetters = "KMGTPE";

tl::unexpected<Error> bad_number(std::string_view text) {
  return fail(ErrorCode::invalid_argument, fmt::format("invalid number '{}'", text));
}

template <class T>
Result<T> parse_whole(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return bad_number(text);
  return value;
}

std::string with_unit(std::string number, Unit unit) {
  if (unit != Unit::one) number += kLetters[static_cast<std::size_t>(unit) - 1];
  return number;
}

Unit next_unit(Unit unit) { return static_cast<Unit>(static_cast<unsigned>(unit) + 1); }

std::string two_digits(double value) {
  if (value == static_cast<double>(static_cast<std::uint64_t>(value))) {
    return std::to_string(static_cast<std::uint64_t>(value));
  }
  return fmt::format("{:.2f}", value);
}

// The sizes of "1-13:4", a piece of a list, at most `limit`; none if it is wrong.
std::vector<std::uint32_t> parse_sizes(std::string_view piece, std::size_t limit) {
  const Cut step_cut = cut(piece, ':');
  const Cut range = cut(step_cut.before, '-');
  const auto low = parse_count(range.before);
  const auto high = range.found ? parse_count(range.after) : low;
  const auto step = step_cut.found ? parse_u32(step_cut.after) : Result<std::uint32_t>(1);
  if (!low || !high || !step || *step == 0 || *low > *high) return {};
  if (*high > std::numeric_limits<std::uint32_t>::max()) return {};
  if ((*high - *low) / *step >= limit) return {};
  std::vector<std::uint32_t> sizes;
  for (std::uint64_t n = *low; n <= *high; n += *step) {
    sizes.push_back(static_cast<std::uint32_t>(n));
  }
  return sizes;
}

}  // namespace

Result<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t max) {
  const auto value = parse_whole<std::uint64_t>(text);
  if (value && *value > max) return bad_number(text);
  return value;
}

Result<std::uint32_t> parse_u32(std::string_view text, std::uint32_t max) {
  const auto value = parse_unsigned(text, max);
  if (!value) return tl::unexpected<Error>(value.error());
  return static_cast<std::uint32_t>(*value);
}

Result<std::int64_t> parse_signed(std::string_view text, SignedRange range) {
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  const auto value = parse_whole<std::int64_t>(digits);
  if (!value || *value < range.min || *value > range.max) return bad_number(text);
  return value;
}

Result<Unit> parse_unit(char letter) {
  const char upper = to_upper(std::string_view(&letter, 1))[0];
  const std::size_t at = kLetters.find(upper);
  if (at == std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, fmt::format("invalid unit '{}'", letter));
  }
  return static_cast<Unit>(at + 1);
}

Result<std::uint64_t> parse_memory_mib(std::string_view text) {
  std::string_view digits = text;
  Unit unit = Unit::mega;
  if (digits.size() > 2 && (digits.back() == 'B' || digits.back() == 'b')) {
    digits.remove_suffix(1);
    if (!parse_unit(digits.back())) return bad_number(text);
  }
  if (!digits.empty() && parse_unit(digits.back())) {
    unit = *parse_unit(digits.back());
    digits.remove_suffix(1);
  }
  const auto value = parse_unsigned(digits);
  if (!value || unit > Unit::tera) return bad_number(text);
  if (unit == Unit::kilo) return *value / 1024 + static_cast<std::uint64_t>(*value % 1024 != 0);
  const unsigned shift = 10 * (static_cast<unsigned>(unit) - static_cast<unsigned>(Unit::mega));
  if (*value > (kMax64 >> shift)) return bad_number(text);
  return *value << shift;
}

Result<std::uint64_t> parse_count(std::string_view text) {
  std::string_view digits = text;
  unsigned shift = 0;
  if (!digits.empty()) {
    if (const auto unit = parse_unit(digits.back())) {
      shift = 10 * static_cast<unsigned>(*unit);
      digits.remove_suffix(1);
    }
  }
  const auto value = parse_unsigned(digits);
  if (!value || *value > (kMax64 >> shift)) return bad_number(text);
  return *value << shift;
}

Result<NodeCounts> parse_node_counts(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::node_count, fmt::format("\"{}\" is not a valid node count", text));
  };
  NodeCounts counts;
  if (text.find_first_of(",:") != std::string_view::npos) {
    for (const std::string_view piece : split(text, ',')) {
      const auto sizes = parse_sizes(piece, kMaxNodeSizes - counts.sizes.size());
      if (sizes.empty()) return bad();
      counts.sizes.insert(counts.sizes.end(), sizes.begin(), sizes.end());
    }
    std::sort(counts.sizes.begin(), counts.sizes.end());
    counts.sizes.erase(std::unique(counts.sizes.begin(), counts.sizes.end()), counts.sizes.end());
    counts.min = counts.sizes.front();
    counts.max = counts.sizes.back();
    return counts;
  }
  const Cut range = cut(text, '-');
  const auto low =
      range.found && range.before.empty() ? Result<std::uint64_t>(1) : parse_count(range.before);
  const auto high = range.found ? parse_count(range.after) : low;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (!low || !high || *low > kMost || *high > kMost) return bad();
  if (*low > *high) {
    return fail(
        ErrorCode::node_count,
        fmt::format("Maximum node count {} is less than minimum node count {}", *high, *low));
  }
  counts.min = static_cast<std::uint32_t>(*low);
  counts.max = static_cast<std::uint32_t>(*high);
  return counts;
}

std::string format_exact(std::uint64_t value, Unit unit) {
  if (value == 0) return "0";
  while (value % 1024 == 0 && unit < Unit::exa) {
    value /= 1024;
    unit = next_unit(unit);
  }
  return with_unit(std::to_string(value), unit);
}

std::string format_rounded(std::uint64_t value, Unit unit) {
  if (value == 0) return "0";
  auto scaled = static_cast<double>(value);
  while (scaled >= 1024 && unit < Unit::exa) {
    scaled /= 1024;
    unit = next_unit(unit);
  }
  return with_unit(two_digits(scaled), unit);
}

std::string format_in(std::uint64_t value, Unit unit, Unit to) {
  if (value == 0) return "0";
  auto scaled = static_cast<double>(value);
  for (; unit < to; unit = next_unit(unit)) scaled /= 1024;
  for (Unit step = to; step < unit; step = next_unit(step)) scaled *= 1024;
  return with_unit(two_digits(scaled), to);
}

std::string format_plain(std::uint64_t value, Unit unit) {
  return value == 0 ? "0" : with_unit(std::to_string(value), unit);
}

}  // namespace sluice::base
