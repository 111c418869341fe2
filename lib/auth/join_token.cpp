// See the header. The token's bytes, before base64url:
//
//   u8 version (1), u8 role, 16 secret, 32 controller's fingerprint, u16 port (little-endian),
//   address text, 4 bytes of SHA-256 over all of that

#include "auth/join_token.hpp"

#include <algorithm>
#include <span>

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "auth/base64.hpp"
#include "base/entropy.hpp"

namespace sluice::auth {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kFixed = 52;
constexpr std::size_t kCheck = 4;
constexpr std::size_t kMaxAddress = 255;
constexpr std::size_t kMaxText = 512;
constexpr std::string_view kPurpose = "sluice join secret v1";

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash.data());
  return std::string(reinterpret_cast<const char*>(hash.data()), hash.size());
}

char to_char(unsigned value) { return static_cast<char>(static_cast<std::uint8_t>(value)); }
std::uint8_t to_byte(char c) { return static_cast<std::uint8_t>(c); }

std::string secret_hash(const JoinSecret& secret, Roles roles) {
  std::string signed_text(kPurpose);
  signed_text += '\0';
  signed_text += to_char(roles.bits);
  signed_text.append(secret.begin(), secret.end());
  std::string hex;
  for (const char c : sha256(signed_text)) hex += fmt::format("{:02x}", to_byte(c));
  OPENSSL_cleanse(signed_text.data(), signed_text.size());
  return hex;
}

bool is_role(std::uint8_t bits) {
  return bits != 0 && (bits & (bits - 1)) == 0 && (bits & ~kAnyRole.bits) == 0;
}

tl::unexpected<Error> bad_token() {
  return fail(ErrorCode::invalid_argument, "this is not a join token, or a part of it is missing");
}

}  // namespace

Result<JoinSecret> make_join_secret() {
  JoinSecret secret{};
  base::random_bytes(std::as_writable_bytes(std::span(secret)));
  return secret;
}

std::string token_text(const JoinToken& token) {
  std::string bytes;
  bytes += to_char(kVersion);
  bytes += to_char(static_cast<std::uint8_t>(token.role));
  bytes.append(token.secret.begin(), token.secret.end());
  bytes.append(token.controller.begin(), token.controller.end());
  bytes += to_char(token.port & 0xffU);
  bytes += to_char(static_cast<unsigned>(token.port) >> 8);
  bytes += token.address;
  bytes += sha256(bytes).substr(0, kCheck);
  return encode_base64(bytes, Base64::url);
}

Result<JoinToken> parse_token(std::string_view text) {
  if (text.size() > kMaxText) return bad_token();
  const auto decoded = decode_base64(text, Base64::url);
  if (!decoded || decoded->size() <= kFixed + kCheck) return bad_token();
  const std::string_view bytes = *decoded;
  const std::string_view body = bytes.substr(0, bytes.size() - kCheck);
  if (sha256(body).substr(0, kCheck) != bytes.substr(body.size())) return bad_token();
  const std::uint8_t role = to_byte(body[1]);
  if (to_byte(body[0]) != kVersion || !is_role(role)) return bad_token();
  JoinToken token;
  token.role = static_cast<Role>(role);
  std::copy_n(body.begin() + 2, token.secret.size(), token.secret.begin());
  std::copy_n(body.begin() + 18, token.controller.size(), token.controller.begin());
  token.port = static_cast<std::uint16_t>(to_byte(body[50]) | to_byte(body[51]) << 8);
  token.address = body.substr(kFixed);
  if (token.address.size() > kMaxAddress || token.port == 0) return bad_token();
  return token;
}

JoinGrant grant_for(const JoinToken& token, std::int64_t expires_at, std::uint32_t uses) {
  return JoinGrant{.secret_hash = secret_hash(token.secret, token.role),
                   .role_bits = Roles(token.role).bits,
                   .expires_at = expires_at,
                   .uses_left = uses};
}

Status check_join(const JoinGrant& grant, const JoinSecret& secret, Role role, std::int64_t now) {
  // The role is in the hash: a token for a node can't make a login host.
  const std::string hash = secret_hash(secret, role);
  const bool same = hash.size() == grant.secret_hash.size() &&
                    CRYPTO_memcmp(hash.data(), grant.secret_hash.data(), hash.size()) == 0;
  if (!same || grant.role_bits != Roles(role).bits) {
    return fail(ErrorCode::access_denied, "unknown join token");
  }
  if (grant.uses_left == 0) return fail(ErrorCode::access_denied, "join token already used");
  if (now >= grant.expires_at) return fail(ErrorCode::access_denied, "join token expired");
  return {};
}

}  // namespace sluice::auth
