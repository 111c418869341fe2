// See the header.
#include "cli/sluice_image/options.hpp"

#include <limits>
#include <string_view>

#include "base/quantity.hpp"

namespace sluice::cli {
namespace {

std::uint64_t unit_bytes(char letter) {
  switch (letter) {
    case 'K':
    case 'k': return std::uint64_t{1} << 10U;
    case 'M':
    case 'm': return std::uint64_t{1} << 20U;
    case 'G':
    case 'g': return std::uint64_t{1} << 30U;
    case 'T':
    case 't': return std::uint64_t{1} << 40U;
    default: return 0;
  }
}

std::int64_t unit_seconds(char letter) {
  switch (letter) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    case 'w': return 7 * 86400;
    default: return 0;
  }
}

}  // namespace

Result<std::uint64_t> parse_bytes(const std::string& text) {
  if (text.empty()) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t unit = unit_bytes(text.back());
  const std::string_view digits = std::string_view(text).substr(0, text.size() - (unit ? 1 : 0));
  auto number = base::parse_unsigned(digits);
  std::uint64_t bytes = 0;
  if (!number || __builtin_mul_overflow(*number, unit ? unit : 1, &bytes)) {
    return fail(ErrorCode::invalid_argument, "'" + text + "' is not a size (as 100G)");
  }
  return bytes == 0 ? std::numeric_limits<std::uint64_t>::max() : bytes;
}

Result<std::int64_t> parse_age(const std::string& text) {
  if (text.empty()) return std::numeric_limits<std::int64_t>::max();
  const std::int64_t unit = unit_seconds(text.back());
  const std::string_view digits = std::string_view(text).substr(0, text.size() - (unit ? 1 : 0));
  auto number = base::parse_unsigned(digits, std::uint64_t{1} << 40U);
  if (!number) return fail(ErrorCode::invalid_argument, "'" + text + "' is not an age (as 30d)");
  const std::int64_t age = static_cast<std::int64_t>(*number) * (unit ? unit : 1);
  return age == 0 ? std::numeric_limits<std::int64_t>::max() : age;
}

}  // namespace sluice::cli
