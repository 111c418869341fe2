// Hexadecimal text of identities.
#include "base/uid_text.hpp"

#include <charconv>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace sluice::base {
namespace {

std::optional<std::uint64_t> parse_half(std::string_view digits) {
  std::uint64_t half = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, half, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return half;
}

}  // namespace

std::string uid_text(const Uid128& uid) { return fmt::format("{:016x}{:016x}", uid.high, uid.low); }

Result<Uid128> parse_uid(std::string_view text) {
  const auto high = parse_half(text.substr(0, 16));
  const auto low = text.size() == 32 ? parse_half(text.substr(16)) : std::nullopt;
  if (!high || !low) {
    return fail(ErrorCode::invalid_argument, fmt::format("invalid identity '{}'", text));
  }
  return Uid128{*high, *low};
}

}  // namespace sluice::base
