// The accounts of the cluster, read whole, for the commands that show or edit them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/common/client.hpp"
#include "model/accounts.hpp"
#include "model/usage_record.hpp"

namespace sluice::cli {

// As they were at one moment.
struct AccountsSnapshot {
  std::string cluster;
  model::Accounts accounts;
  std::vector<model::UsageRecord> usage;  // if asked for
};

enum class WithUsage : std::uint8_t { no, yes };

// In as many frames as it takes.
[[nodiscard]] Result<AccountsSnapshot> read_accounts(Client& client, WithUsage usage);

}  // namespace sluice::cli
