// sshare's columns: one row for each association, with what it has used and its fair share of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/accounts.hpp"
#include "model/usage_record.hpp"
#include "report/account_views.hpp"
#include "report/list_table.hpp"

namespace sluice::report {

struct ShareRow {
  const model::TresTable* tres = nullptr;
  const AssociationView* view = nullptr;
  const model::UsageRecord* usage = nullptr;
  std::string_view cluster;
  std::uint32_t indent = 0;
};

[[nodiscard]] std::span<const ListField<ShareRow>> share_fields();
// Plain, with -l; each with -m.
[[nodiscard]] std::string_view share_columns(bool long_form, bool partitions);
// `sshare -e`.
[[nodiscard]] std::string share_field_list();

}  // namespace sluice::report
