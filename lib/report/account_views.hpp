// The tree of associations as reports show it: in order, with what each inherits. Users stand
// before the accounts below an account; both by name.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/accounts.hpp"

namespace sluice::report {

enum class Inherit : std::uint8_t { yes, no };

struct AssociationView {
  const model::Association* record = nullptr;
  const model::Association* parent = nullptr;  // null: root's
  model::AssociationLimits limits;             // Max* and so on with what is inherited
  std::vector<Text> qos;                       // by name
  Text default_qos;
  std::uint32_t priority = model::kNoLimit;
  std::uint32_t left = 0;   // positions of a walk around the tree: what lies between left and
  std::uint32_t right = 0;  // right of one is below it
  std::uint32_t depth = 0;
};

// Points into `accounts`. Associations that hang on nothing are left out.
[[nodiscard]] std::vector<AssociationView> association_views(const model::Accounts& accounts,
                                                             Inherit inherit = Inherit::yes);

// The account that is the user's default; empty: none.
[[nodiscard]] Text default_account(const model::Accounts& accounts, std::string_view user);
// The same of all users that have one, by user.
[[nodiscard]] std::map<Text, Text> default_accounts(const model::Accounts& accounts);

}  // namespace sluice::report
