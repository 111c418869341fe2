// See the header.

#include "auth/base64.hpp"

#include <cstdint>

namespace sluice::auth {

namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string_view alphabet(Base64 kind) { return kind == Base64::url ? kUrl : kStandard; }

}  // namespace

std::string encode_base64(std::string_view bytes, Base64 kind) {
  const std::string_view digits = alphabet(kind);
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char byte : bytes) {
    bits = (bits << 8 | static_cast<std::uint8_t>(byte)) & 0xffff;
    held += 8;
    while (held >= 6) {
      held -= 6;
      out += digits[bits >> held & 63];
    }
  }
  if (held > 0) out += digits[bits << (6 - held) & 63];
  if (kind == Base64::standard) out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

Result<std::string> decode_base64(std::string_view text, Base64 kind) {
  const std::string_view digits = alphabet(kind);
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return fail(ErrorCode::invalid_argument, "not base64");
    bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(static_cast<std::uint8_t>(bits >> held));
  }
  if (encode_base64(out, kind) != text) return fail(ErrorCode::invalid_argument, "not base64");
  return out;
}

}  // namespace sluice::auth
