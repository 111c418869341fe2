// Standing: under which association and QOS a job is to run: as asked for, or by the user's
// defaults. What AccountingStorageEnforce asks for is refused here with Slurm's words; where
// nothing is enforced any account and QOS is taken as it is written.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "core/account_tree.hpp"
#include "model/policy_settings.hpp"
#include "model/request.hpp"

namespace sluice::core {

struct StandingRequest {
  std::string_view user;
  std::string_view account;    // empty: the user's default
  std::string_view qos;        // comma separated; empty: the association's default
  std::string_view partition;  // the first of those asked for
};

struct Standing {
  std::uint32_t association = 0;  // 0: none
  Text account;
  Text qos;
};

// Fails with invalid_account or invalid_qos.
[[nodiscard]] Result<Standing> standing_of(const AccountTree& tree, const StandingRequest& asked,
                                           const model::EnforceSettings& enforce);

// Whether an account is one of the listed or below one of them.
// Several QOS, or several partitions, which may have associations of their own.
[[nodiscard]] bool has_choice_of_guise(const model::Request& request);

[[nodiscard]] bool lists_account(const AccountTree& tree, std::string_view list,
                                 std::string_view account);

}  // namespace sluice::core
