// What a report is made from: sums of use, whole, and the tree of accounts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/common/accounts_query.hpp"
#include "cli/common/client.hpp"
#include "cli/sreport/conditions.hpp"
#include "wire/use_messages.hpp"

namespace sluice::cli::reporting {

struct Answer {
  wire::UseReply use;  // all frames in one
  model::Accounts accounts;
};

// `parts`: bits of wire::UsePart.
[[nodiscard]] Result<Answer> fetch(Client& client, const Conditions& conditions,
                                   std::uint32_t parts);

// Use by size of jobs where conditions ask for more than sums can tell: jobs, nodes, partitions.
// Attempts are counted one by one.
[[nodiscard]] bool needs_jobs(const Conditions& conditions);
[[nodiscard]] Result<std::vector<model::UseRow>> fetch_by_jobs(Client& client,
                                                               const Conditions& conditions,
                                                               std::int64_t now);

}  // namespace sluice::cli::reporting
