// AccountsDifference: what an edit changed in the accounts, record by record, so that the store
// writes what is new and not fifty thousand rows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/accounts.hpp"

namespace sluice::model {

struct AccountsDifference {
  // As they are afterwards.
  std::uint64_t generation = 0;
  std::uint32_t next_association = 0;
  std::uint32_t next_qos = 0;
  TresTable tres;
  // New, changed or removed records; of removed ones the former.
  std::vector<Edit<Account>> accounts;
  std::vector<Edit<User>> users;
  std::vector<Edit<Association>> associations;
  std::vector<Edit<Qos>> qos;
};
using AccountsDifferencePtr = std::shared_ptr<const AccountsDifference>;

[[nodiscard]] AccountsDifference difference(const Accounts& before, const Accounts& after);
// `before` with the difference: `after`.
[[nodiscard]] Accounts with_difference(Accounts before, const AccountsDifference& changed);

}  // namespace sluice::model
