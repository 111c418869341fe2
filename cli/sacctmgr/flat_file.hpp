// Associations as a flat file, for `dump` and `load`: one line for each account and user, in
// Slurm's form:
//
//     Cluster - 'tux':Fairshare=1:QOS='normal'
//     Parent - 'root'
//     Account - 'physics':Description='physics':Organization='science':Fairshare=10
//     Parent - 'physics'
//     User - 'ann':DefaultAccount='physics':AdminLevel='Operator':Fairshare=1
//
// QOS and usage are not in it. A file is loaded as a whole or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/sacctmgr/plan.hpp"

namespace sluice::cli::accounting {

// The lines, without the comment that stands in front of them in a file.
[[nodiscard]] std::string dump_lines(const model::Accounts& accounts, std::string_view cluster);
// The comment that explains the form.
[[nodiscard]] std::string_view dump_heading();

enum class LoadMode : std::uint8_t {
  merge,  // only additions and changes
  clean,  // what is not in the file goes
};
struct LoadOptions {
  LoadMode mode = LoadMode::merge;
  std::string cluster;  // instead of the file's; empty: the file's
};
// The plan's notes tell everything that changes; empty notes: nothing does.
[[nodiscard]] Planned<Plan> load_lines(const World& world, std::string_view text,
                                       const LoadOptions& options);

}  // namespace sluice::cli::accounting
