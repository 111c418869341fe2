// What a host may be in the cluster. A host may have several roles; stored and sent as bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::auth {

enum class Role : std::uint8_t { controller = 1, node = 2, login = 4, gateway = 8 };

struct Roles {
  std::uint8_t bits = 0;

  constexpr Roles() = default;
  constexpr explicit Roles(std::uint8_t raw) : bits(raw) {}
  constexpr Roles(Role role) : bits(static_cast<std::uint8_t>(role)) {}  // NOLINT

  constexpr bool operator==(const Roles&) const = default;
  [[nodiscard]] constexpr bool has(Role role) const {
    return (bits & static_cast<std::uint8_t>(role)) != 0;
  }
  [[nodiscard]] constexpr bool overlaps(Roles other) const { return (bits & other.bits) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits == 0; }
  friend constexpr Roles operator|(Roles a, Roles b) {
    return Roles(static_cast<std::uint8_t>(a.bits | b.bits));
  }
};
constexpr Roles operator|(Role a, Role b) { return Roles(a) | Roles(b); }

inline constexpr Roles kAnyRole = Role::controller | Role::node | Role::login | Role::gateway;

// "controller", "node", "login", "gateway".
[[nodiscard]] std::string_view role_name(Role role);
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);
// Comma-separated, "none" when empty.
[[nodiscard]] std::string roles_text(Roles roles);

}  // namespace sluice::auth
