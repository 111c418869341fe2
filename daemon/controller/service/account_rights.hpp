// Who may change what in the accounts. The table (policies.hpp) lets every user ask; here each
// record of an edit is held against the rank of who asks, by Slurm's rules:
//
// - administrators: everything, except a rank at or above their own (R8);
// - operators: accounts, users, associations and coordinators, but no QOS, no TRES and no rank;
// - coordinators: in their accounts and those below: users, their associations, coordinators; of
//   accounts' own associations those below one of theirs; with no QOS that the account hasn't;
// - everybody: which of their accounts is their default, and which of their wckeys.
//
// Pure: a judgement of values.
#pragma once

#include <string_view>

#include "auth/policy.hpp"
#include "core/account_tree.hpp"
#include "model/accounts.hpp"

namespace sluice::controller {

struct AccountEditor {
  auth::Level level = auth::Level::user;
  std::string_view user;       // name; empty: none is known
  bool may_coordinate = true;  // false: speaks from a host that isn't believed
};

// Success or access_denied.
[[nodiscard]] Status may_edit(const AccountEditor& who, const core::AccountTree& tree,
                              const model::AccountsEdit& edit);

}  // namespace sluice::controller
