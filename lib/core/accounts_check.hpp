// What must hold of a set of accounts, users, associations and QOS as a whole. The core takes no
// other; what a restart loads has passed it before.
//
// - Each account has exactly one association of its own (without user), each user's association
//   hangs below its account's, and all of them lead to root's, which has id 1.
// - A user with associations has one default account, marked on that account's associations.
// - Names that are referred to exist; names of accounts and QOS are in lower case.
// - A default QOS is among the QOS allowed there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/accounts.hpp"

namespace sluice::core {

// One line for each thing wrong, without a line end; empty: nothing is.
using Complaints = std::vector<std::string>;
[[nodiscard]] Complaints check_accounts(const model::Accounts& accounts);

// Of accounts that were right before, only what a small edit put: accounts, users, QOS and
// associations that were there, with other values than parents, QOS lists and defaults; and users
// with associations that weren't (by position from `first_new` on).
struct SmallEdit {
  std::vector<const model::Account*> accounts;
  std::vector<const model::User*> users;
  std::vector<const model::Qos*> qos;
  std::vector<const model::Association*> associations;
  std::size_t first_new = 0;
};
[[nodiscard]] Complaints check_small_edit(const model::Accounts& accounts, const SmallEdit& edit);

// How complaints name an association: "account physics", "user ann in account physics (gpu)".
[[nodiscard]] std::string association_label(const model::Association& association);

inline constexpr std::size_t kMaxAssociations = 1'000'000;
inline constexpr std::size_t kMaxAccountDepth = 256;
inline constexpr std::size_t kMaxEntityName = 255;
inline constexpr std::size_t kMaxEntityText = 4096;

}  // namespace sluice::core
