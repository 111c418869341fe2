// `sacctmgr list` and `show`: a table of what the conditions select.
#pragma once

#include <string>

#include "cli/sacctmgr/plan.hpp"
#include "report/account_fields.hpp"
#include "report/list_table.hpp"

namespace sluice::cli::accounting {

struct ListStyle {
  bool header = true;
  bool with_associations = false;  // -s
  report::ListShape shape = report::ListShape::columns;
};

struct ListWorld {
  const World& world;
  report::ClusterFacts cluster;
  ListStyle style;
};

// The whole text. A refusal's texts go where they say.
[[nodiscard]] Planned<std::string> list_accounts(const ListWorld& all, const Specs& specs);
[[nodiscard]] Planned<std::string> list_users(const ListWorld& all, const Specs& specs);
[[nodiscard]] Planned<std::string> list_associations(const ListWorld& all, const Specs& specs);
[[nodiscard]] Planned<std::string> list_qos(const ListWorld& all, const Specs& specs);
[[nodiscard]] Planned<std::string> list_tres(const ListWorld& all, const Specs& specs);
[[nodiscard]] Planned<std::string> list_clusters(const ListWorld& all, const Specs& specs);
[[nodiscard]] Planned<std::string> list_wckeys(const ListWorld& all, const Specs& specs);
[[nodiscard]] Planned<std::string> list_problems(const ListWorld& all, const Specs& specs);

// Options of associations that say nothing without WithAssoc: the user is asked first.
[[nodiscard]] bool asks_without_associations(const Specs& specs, const ListStyle& style, bool user);

}  // namespace sluice::cli::accounting
