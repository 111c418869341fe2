// Accounts made by a file, without a controller: for trying a cluster out. A file has a command of
// sacctmgr on each line, or is what `sacctmgr dump` writes. It begins with a cluster that nobody
// has configured, so that a script which makes one can be used as it is.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/accounts.hpp"

namespace sluice::cli {

struct ScriptSource {
  std::string_view text;
  std::string name;            // in messages: "name:LINE: …"
  std::string cluster;         // the cluster's own name
  std::span<const Text> tres;  // counted beyond the first eight (AccountingStorageTRES)
};

// All of it or nothing. Questions are answered by yes; commands that only show something are passed
// over.
[[nodiscard]] Result<model::Accounts> read_accounts_script(const ScriptSource& source);

}  // namespace sluice::cli
