// One-time tokens by which a host joins the cluster. The token's text holds where the controller
// is, the hash of its public key (so that the new host talks to no other), a 128-bit secret and the
// role. The controller keeps only the hash of the secret, so its database gives nobody a token.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/host_key.hpp"
#include "auth/role.hpp"
#include "base/result.hpp"

namespace sluice::auth {

using JoinSecret = std::array<std::uint8_t, 16>;

struct JoinToken {
  std::string address;  // the controller's, as the new host reaches it
  std::uint16_t port = 0;
  Fingerprint controller{};
  JoinSecret secret{};
  Role role = Role::node;

  bool operator==(const JoinToken&) const = default;
};

// What the controller keeps and stores.
struct JoinGrant {
  std::string secret_hash;  // hex of SHA-256 over a purpose string, the role and the secret
  std::uint32_t role_bits = 0;
  std::int64_t expires_at = 0;  // wall clock, seconds
  std::uint32_t uses_left = 0;

  bool operator==(const JoinGrant&) const = default;

  template <class Self, class V>
  static void fields(Self& s, V& v) {
    v(1, "secret_hash", s.secret_hash);
    v(2, "role_bits", s.role_bits);
    v(3, "expires_at", s.expires_at);
    v(4, "uses_left", s.uses_left);
  }
};

// A random secret; fails only if the system has no randomness.
Result<JoinSecret> make_join_secret();

// base64url without padding, with a check sum against broken pasting.
[[nodiscard]] std::string token_text(const JoinToken& token);
Result<JoinToken> parse_token(std::string_view text);

[[nodiscard]] JoinGrant grant_for(const JoinToken& token, std::int64_t expires_at,
                                  std::uint32_t uses);
// Whether the secret redeems the grant for that role at that time; compares in constant time. The
// caller then lowers uses_left in the transaction that adds the host.
[[nodiscard]] Status check_join(const JoinGrant& grant, const JoinSecret& secret, Role role,
                                std::int64_t now);

}  // namespace sluice::auth
