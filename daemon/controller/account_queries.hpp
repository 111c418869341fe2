// The answer to QueryAccounts: the accounts as one value, given out in frames of about a megabyte.
#pragma once

#include <memory>
#include <vector>

#include "daemon/controller/queries.hpp"
#include "model/accounts.hpp"
#include "model/usage_record.hpp"

namespace sluice::controller {

struct AccountsAnswer {
  Text cluster;
  model::AccountsPtr accounts;
  std::vector<model::UsageRecord> usage;  // empty: not asked for
  bool with_usage = false;                // whoever's usage is hidden is left out
  Sight sight;
};

[[nodiscard]] std::unique_ptr<Query> query_accounts(AccountsAnswer answer);

}  // namespace sluice::controller
