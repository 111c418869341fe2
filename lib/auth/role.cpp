// See the header.

#include "auth/role.hpp"

#include <array>

namespace sluice::auth {

namespace {

struct Named {
  Role role;
  std::string_view name;
};

constexpr std::array<Named, 4> kNames{{{Role::controller, "controller"},
                                       {Role::node, "node"},
                                       {Role::login, "login"},
                                       {Role::gateway, "gateway"}}};

}  // namespace

std::string_view role_name(Role role) {
  for (const Named& entry : kNames) {
    if (entry.role == role) return entry.name;
  }
  return "none";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Named& entry : kNames) {
    if (entry.name == text) return entry.role;
  }
  return std::nullopt;
}

std::string roles_text(Roles roles) {
  std::string text;
  for (const Named& entry : kNames) {
    if (!roles.has(entry.role)) continue;
    if (!text.empty()) text += ',';
    text += entry.name;
  }
  return text.empty() ? "none" : text;
}

}  // namespace sluice::auth
