// Which associations sshare shows, and how.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "cli/common/accounts_query.hpp"
#include "opt/query_options.hpp"

namespace sluice::cli {

// The report on the accounts, asked for by the user `caller`. Fails on an unknown field.
[[nodiscard]] Result<std::string> share_report(const AccountsSnapshot& all,
                                               const opt::SshareOptions& options,
                                               const std::string& caller);

}  // namespace sluice::cli
