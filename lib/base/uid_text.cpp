// Hexadecimal text of identities.
#include "base/uid_text.hpp"

#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace sluice::base {
namespace {

bool parse_half(std::string_view digits, std::uint64_t* half) {
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, *half, 16);
  return error == std::errc() && stop == end;
}

}  // namespace

std::string uid_text(const Uid128& uid) { return fmt::format("{:016x}{:016x}", uid.high, uid.low); }

Result<Uid128> parse_uid(std::string_view text) {
  Uid128 uid;
  if (text.size() != 32 || !parse_half(text.substr(0, 16), &uid.high) ||
      !parse_half(text.substr(16), &uid.low)) {
    return fail(ErrorCode::invalid_argument, fmt::format("invalid identity '{}'", text));
  }
  return uid;
}

}  // namespace sluice::base
