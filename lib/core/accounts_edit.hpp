// Applying an edit to the accounts: as a whole or not at all. What comes out has passed
// check_accounts(); what is refused is refused with one line for each thing wrong.
//
// What follows from an edit without being said in it: removing an account takes everything below
// it along, removing a user its associations and its offices as coordinator, removing a QOS its
// places in lists; a user's first association is its default, and a new default takes the mark
// from the former. What is in use by jobs that aren't over, or a default, isn't removed.
//
// Who may edit is decided before; an edit carries no rights.
#pragma once

#include <cstdint>
#include <map>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/accounts_check.hpp"
#include "model/accounts.hpp"

namespace sluice::core {

// What jobs and partitions make use of; filled in only where the edit removes something.
struct AccountsUse {
  std::map<std::uint32_t, JobId> associations;  // a job of each
  std::map<Text, JobId> qos;                    // a job of each
  std::map<Text, Text> partition_qos;           // by QOS: a partition
};

[[nodiscard]] bool removes_something(const model::AccountsEdit& edit);

// `when`: for the records' times. Fails with `busy` if the edit was made from another generation,
// else with `invalid_argument`; the text has a line for each complaint (at most kMaxComplaints).
[[nodiscard]] Result<model::Accounts> apply_edit(const model::Accounts& accounts,
                                                 const model::AccountsEdit& edit,
                                                 const AccountsUse& use, model::WallTime when);

inline constexpr std::size_t kMaxComplaints = 100;

}  // namespace sluice::core
