// Sight: which records of others somebody may see where private_data hides them. Operators and
// administrators see all; everybody sees what is their own; coordinators what belongs to their
// accounts. A value, so that query threads may use it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "model/association.hpp"
#include "model/explanation.hpp"
#include "model/job.hpp"
#include "model/secrets.hpp"

namespace sluice::controller {

struct Viewer {
  static constexpr std::uint32_t kNobody = UINT32_MAX;
  std::uint32_t uid = kNobody;
  std::string user;
  std::set<std::string, std::less<>> member_of;    // accounts, and those above them
  std::set<std::string, std::less<>> coordinates;  // accounts, with those below them
};

class Sight {
 public:
  Sight() = default;  // of everything
  Sight(std::uint32_t hidden, Viewer viewer) : hidden_(hidden), viewer_(std::move(viewer)) {}

  [[nodiscard]] bool hides(std::uint32_t secrets) const { return (hidden_ & secrets) != 0; }
  [[nodiscard]] bool sees(const model::Job& job) const;
  [[nodiscard]] bool sees_account(std::string_view name) const;
  // Coordinators see all users: they may bring them into their accounts.
  [[nodiscard]] bool sees_user(std::string_view name) const;
  // With its usage, if `secrets` has kSecretUsage.
  [[nodiscard]] bool sees(const model::Association& association, std::uint32_t secrets) const;

 private:
  [[nodiscard]] bool coordinates(std::string_view account) const {
    return viewer_.coordinates.contains(account);
  }
  std::uint32_t hidden_ = 0;
  Viewer viewer_;
};

}  // namespace sluice::controller
