// See rows.hpp.
#include "cli/sshare/rows.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "report/share_fields.hpp"

namespace sluice::cli {

namespace {

using report::AssociationView;

class Selection {
 public:
  Selection(const opt::SshareOptions& options, const std::string& caller)
      : options_(options), users_(options.users) {
    if (users_.empty() && !options.all) users_.push_back(caller);
    for (const std::string& name : options.accounts) accounts_.push_back(base::to_lower(name));
  }
  [[nodiscard]] bool shows(const AssociationView& view) const {
    const model::Association& one = *view.record;
    if (options_.users_only && one.user.empty()) return false;
    const auto has = [](const std::vector<std::string>& names, std::string_view name) {
      return names.empty() || std::ranges::find(names, name) != names.end();
    };
    if (!has(accounts_, one.account)) return false;
    return one.user.empty() || has(users_, one.user);
  }
  // "Users requested: …" of -v.
  [[nodiscard]] std::string text() const {
    const auto part = [](std::string_view what, const std::vector<std::string>& names) {
      return fmt::format("{} requested:\n\t: {}\n", what,
                         names.empty() ? "all" : base::join(names, "\n\t: "));
    };
    return part("Users", users_) + part("Accounts", accounts_);
  }

 private:
  const opt::SshareOptions& options_;
  std::vector<std::string> users_;
  std::vector<std::string> accounts_;
};

}  // namespace

Result<std::string> share_report(const AccountsSnapshot& all, const opt::SshareOptions& options,
                                 const std::string& caller) {
  const std::string_view columns =
      options.format.empty() ? report::share_columns(options.long_form, options.partitions)
                             : std::string_view(options.format);
  auto table =
      report::ListTable<report::ShareRow>::parse(columns, report::share_fields(), "Account");
  if (!table) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("Invalid field requested: \"{}\"", table.error().text));
  }
  if (options.parsable) table->set_shape(report::ListShape::delimited_end);
  if (options.parsable2) table->set_shape(report::ListShape::delimited);
  std::map<std::uint32_t, const model::UsageRecord*> usage;
  for (const model::UsageRecord& record : all.usage) {
    if (record.association != 0) usage.emplace(record.association, &record);
  }
  const Selection selection(options, caller);
  std::string out = options.verbose > 0 ? selection.text() : std::string();
  if (!options.no_header) table->header(out);
  const std::vector<AssociationView> views = report::association_views(all.accounts);
  std::map<std::uint32_t, std::uint32_t> depth;  // of what is shown, by association
  const model::UsageRecord unused;
  for (const AssociationView& view : views) {
    if (!selection.shows(view)) continue;
    const auto above = view.parent == nullptr ? depth.end() : depth.find(view.parent->id);
    const std::uint32_t indent = above == depth.end() ? 0 : above->second + 1;
    depth.emplace(view.record->id, indent);
    const auto used = usage.find(view.record->id);
    report::ShareRow row{&all.accounts.tres, &view, used == usage.end() ? &unused : used->second,
                         all.cluster, options.users_only ? 0 : indent};
    table->row(row, out);
  }
  return out;
}

}  // namespace sluice::cli
