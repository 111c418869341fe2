// See list.hpp.
#include "cli/sacctmgr/list.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/sacctmgr/conditions.hpp"
#include "report/account_views.hpp"

namespace sluice::cli::accounting {

namespace {

using report::AccountingRow;
using report::AssociationView;
using report::Inherit;
using report::ListTable;

using Views = std::vector<AssociationView>;

// The table of the columns asked for, or of the entity's own.
template <class Row>
Planned<ListTable<Row>> table_of(const Conditions& conditions, std::string_view columns,
                                 std::span<const report::ListField<Row>> fields,
                                 const ListStyle& style) {
  const std::string_view format =
      conditions.format_given ? std::string_view(conditions.format) : columns;
  if (conditions.format_given && conditions.format.empty()) {
    return refuse("Unknown field ''\n");
  }
  auto table = ListTable<Row>::parse(format, fields, conditions.tree ? "Account" : "");
  if (!table) return refuse(fmt::format("Unknown field '{}'\n", table.error().text));
  table->set_shape(style.shape);
  return std::move(*table);
}

template <class Row>
std::string begin(const ListTable<Row>& table, const ListStyle& style) {
  std::string out;
  if (style.header) table.header(out);
  return out;
}

std::string columns_of(std::string_view own, const Conditions& conditions, bool associations,
                       std::string_view more) {
  std::string columns(own);
  if (conditions.with_coordinators) columns += fmt::format(",{}", report::kCoordinatorColumn);
  if (associations) columns += fmt::format(",{}", more);
  return columns;
}

Inherit inheritance(const Conditions& conditions) {
  const bool own = conditions.without_parent || conditions.without_parent_limits;
  return own ? Inherit::no : Inherit::yes;
}

const model::Account* account_of(const model::Accounts& all, const Text& name) {
  const auto found = std::ranges::find(all.accounts, name, &model::Account::name);
  return found == all.accounts.end() ? nullptr : &*found;
}

std::string_view parent_of(const AssociationView& view) {
  return view.parent == nullptr ? std::string_view() : view.parent->account.view();
}

// The accounts that a user coordinates, those below included.
std::string coordinated_by(const model::Accounts& all, const Text& user) {
  std::vector<Text> accounts;
  std::uint32_t until = 0;
  for (const AssociationView& view : report::association_views(all)) {
    const model::Association& one = *view.record;
    if (!one.user.empty()) continue;
    const model::Account* account = account_of(all, one.account);
    const bool own = account != nullptr &&
                     std::ranges::find(account->coordinators, user) != account->coordinators.end();
    if (own) until = std::max(until, view.right);
    if (view.left < until) accounts.push_back(one.account);
  }
  std::ranges::sort(accounts);
  return report::join_texts(accounts);
}

// Of an account: its own and those of the accounts above.
std::string coordinators_of(const model::Accounts& all, const Views& views, const Text& name) {
  std::set<Text> users;
  Text at = name;
  for (std::size_t steps = 0; !at.empty() && steps <= views.size(); ++steps) {
    if (const model::Account* account = account_of(all, at)) {
      users.insert(account->coordinators.begin(), account->coordinators.end());
    }
    const auto view = std::ranges::find_if(views, [&](const AssociationView& v) {
      return v.record->user.empty() && v.record->account == at;
    });
    at = view == views.end() || view->parent == nullptr ? Text() : view->parent->account;
  }
  return report::join_texts(std::vector<Text>(users.begin(), users.end()));
}

std::vector<const model::Account*> accounts_by_name(const model::Accounts& all) {
  std::vector<const model::Account*> list;
  for (const model::Account& account : all.accounts) list.push_back(&account);
  std::ranges::sort(list, {}, [](const model::Account* a) { return a->name.view(); });
  return list;
}

bool in_subtree(const Conditions& conditions, const Views& views, const AssociationView& view) {
  if (!conditions.with_subaccounts || !conditions.accounts) return false;
  return std::ranges::any_of(views, [&](const AssociationView& above) {
    return above.record->user.empty() && passes(conditions.accounts, above.record->account) &&
           view.left >= above.left && view.right <= above.right;
  });
}

bool shown(const Conditions& conditions, const Views& views, const AssociationView& view) {
  if (conditions.only_defaults && !view.record->is_default) return false;
  if (!passes(conditions.parents, parent_of(view))) return false;
  if (conditions.matches(*view.record)) return true;
  if (!in_subtree(conditions, views, view)) return false;
  Conditions others = conditions;
  others.accounts.reset();
  return others.matches(*view.record);
}

AccountingRow row_of(const ListWorld& all, const Conditions& conditions) {
  AccountingRow row;
  row.all = &all.world.accounts;
  row.cluster = &all.cluster;
  row.tree = conditions.tree;
  row.hide_parent = conditions.without_parent;
  return row;
}

}  // namespace

bool asks_without_associations(const Specs& specs, const ListStyle& style, bool user) {
  const Entity entity = user ? Entity::user : Entity::account;
  const Planned<Conditions> conditions = read_conditions(specs.where, entity, Use::listing);
  return conditions && !conditions->with_associations && !style.with_associations &&
         conditions->selects_associations(entity);
}

Planned<std::string> list_accounts(const ListWorld& all, const Specs& specs) {
  const auto conditions = read_conditions(specs.where, Entity::account, Use::listing);
  if (!conditions) return tl::unexpected<Refusal>(conditions.error());
  const bool associations = conditions->with_associations || all.style.with_associations;
  const std::string columns =
      columns_of(report::kAccountColumns, *conditions, associations, report::kAccountAssociations);
  const auto table = table_of(*conditions, columns, report::accounting_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  const model::Accounts& accounts = all.world.accounts;
  const Views views = report::association_views(accounts, inheritance(*conditions));
  std::string out = begin(*table, all.style);
  for (const model::Account* account : accounts_by_name(accounts)) {
    if (!conditions->matches(*account) || !conditions->matches_cluster(all.cluster.name)) continue;
    AccountingRow row = row_of(all, *conditions);
    row.account = account;
    if (conditions->with_coordinators) {
      row.coordinators = coordinators_of(accounts, views, account->name);
    }
    if (!associations) {
      table->row(row, out);
      continue;
    }
    for (const AssociationView& view : views) {
      if (view.record->account != account->name || !shown(*conditions, views, view)) continue;
      row.view = &view;
      table->row(row, out);
    }
  }
  return out;
}

Planned<std::string> list_users(const ListWorld& all, const Specs& specs) {
  const auto conditions = read_conditions(specs.where, Entity::user, Use::listing);
  if (!conditions) return tl::unexpected<Refusal>(conditions.error());
  const bool associations = conditions->with_associations || all.style.with_associations;
  const std::string columns =
      columns_of(report::kUserColumns, *conditions, associations, report::kUserAssociations);
  const auto table = table_of(*conditions, columns, report::accounting_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  const model::Accounts& accounts = all.world.accounts;
  const Views views = report::association_views(accounts, inheritance(*conditions));
  std::map<Text, std::vector<const AssociationView*>> by_user;
  for (const AssociationView& view : views) {
    if (!view.record->user.empty()) by_user[view.record->user].push_back(&view);
  }
  const std::map<Text, Text> defaults = report::default_accounts(accounts);
  std::map<Text, const model::User*> users;
  for (const model::User& user : accounts.users) users.emplace(user.name, &user);
  std::string out = begin(*table, all.style);
  for (const auto& [name, user] : users) {
    const auto fallback = defaults.find(name);
    AccountingRow row = row_of(all, *conditions);
    row.user = user;
    if (fallback != defaults.end()) row.default_account = fallback->second.str();
    const bool meant = conditions->matches(*user, row.default_account) &&
                       conditions->matches_cluster(all.cluster.name);
    if (!meant) continue;
    if (conditions->with_coordinators) row.coordinators = coordinated_by(accounts, name);
    const auto own = by_user.find(name);
    const bool any = own != by_user.end();
    if (!associations || (!any && !conditions->selects_associations(Entity::user))) {
      table->row(row, out);
      continue;
    }
    if (!any) continue;
    for (const AssociationView* view : own->second) {
      if (!shown(*conditions, views, *view)) continue;
      row.view = view;
      table->row(row, out);
    }
  }
  return out;
}

Planned<std::string> list_associations(const ListWorld& all, const Specs& specs) {
  const auto conditions = read_conditions(specs.where, Entity::association, Use::listing);
  if (!conditions) return tl::unexpected<Refusal>(conditions.error());
  const std::string_view columns =
      conditions->without_limits ? report::kAssociationShort : report::kAssociationColumns;
  const auto table = table_of(*conditions, columns, report::accounting_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  const Views views = report::association_views(all.world.accounts, inheritance(*conditions));
  std::string out = begin(*table, all.style);
  if (!conditions->matches_cluster(all.cluster.name)) return out;
  AccountingRow row = row_of(all, *conditions);
  // A tree of some accounts begins where the highest of them stands.
  std::uint32_t top = conditions->accounts ? UINT32_MAX : 0;
  for (const AssociationView& view : views) {
    if (shown(*conditions, views, view)) top = std::min(top, view.depth);
  }
  for (AssociationView view : views) {
    if (!shown(*conditions, views, view)) continue;
    view.depth -= std::min(top, view.depth);
    row.view = &view;
    row.account = account_of(all.world.accounts, view.record->account);
    table->row(row, out);
  }
  return out;
}

Planned<std::string> list_qos(const ListWorld& all, const Specs& specs) {
  const auto conditions = read_conditions(specs.where, Entity::qos, Use::listing);
  if (!conditions) return tl::unexpected<Refusal>(conditions.error());
  const auto table = table_of(*conditions, report::kQosColumns, report::qos_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  std::string out = begin(*table, all.style);
  for (const model::Qos& qos : all.world.accounts.qos) {
    if (conditions->matches(qos)) table->row({&all.world.accounts, &qos}, out);
  }
  return out;
}

Planned<std::string> list_tres(const ListWorld& all, const Specs& specs) {
  Conditions conditions;
  NameFilter types;
  for (const Spec& spec : specs.where) {
    if (!spec.is_word() && spec.is("Format", 1)) {
      conditions.format = spec.value;
      conditions.format_given = true;
    } else if (!spec.is_word() && spec.is("IDs", 1)) {
      conditions.ids = name_list(spec.value);
    } else if (spec.is_word() && spec.is("WithDeleted", 5)) {
      continue;  // nothing is kept of kinds that are gone: there are none
    } else if (spec.is("Names", 1) && !spec.is_word()) {
      conditions.names = name_list(spec.value);
    } else if (spec.is_word() || spec.is("Type", 1)) {
      types = lower_name_list(spec.value);
    } else {
      return refuse(fmt::format(" Unknown condition: {}\n", spec.text));
    }
  }
  const auto table = table_of(conditions, report::kTresColumns, report::tres_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  std::string out = begin(*table, all.style);
  for (const model::TresKind& kind : all.world.accounts.tres) {
    const bool meant = passes(conditions.ids, std::to_string(kind.id)) &&
                       passes(conditions.names, kind.name) && passes(types, kind.type);
    if (meant) table->row(kind, out);
  }
  return out;
}

Planned<std::string> list_clusters(const ListWorld& all, const Specs& specs) {
  const auto conditions = read_conditions(specs.where, Entity::cluster, Use::listing);
  if (!conditions) return tl::unexpected<Refusal>(conditions.error());
  if (conditions->with_federation) {
    return refuse("sacctmgr: error: WithFed is not supported: there are no federations\n");
  }
  const auto table = table_of(
      *conditions, conditions->without_limits ? report::kClusterShort : report::kClusterColumns,
      report::accounting_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  std::string out = begin(*table, all.style);
  if (!passes(conditions->names, all.cluster.name)) return out;
  const Views views = report::association_views(all.world.accounts);
  AccountingRow row = row_of(all, *conditions);
  if (!views.empty()) row.view = &views.front();
  table->row(row, out);
  return out;
}

Planned<std::string> list_wckeys(const ListWorld& all, const Specs& specs) {
  Conditions conditions;
  for (const Spec& spec : specs.where) {
    if (!spec.is_word() && spec.is("Format", 1)) {
      conditions.format = spec.value;
      conditions.format_given = true;
    } else if (!spec.is_word() && spec.is("Users", 1)) {
      conditions.users = name_list(spec.value);
    } else if (!spec.is_word() && spec.is("Clusters", 1)) {
      conditions.clusters = name_list(spec.value);
    } else if (spec.is_word() || spec.is("Names", 1) || spec.is("WCKeys", 1)) {
      conditions.names = name_list(spec.value);
    } else {
      return refuse(fmt::format(" Unknown condition: {}\n", spec.text));
    }
  }
  auto table = table_of(conditions, report::kWckeyColumns, report::wckey_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  std::string out = begin(*table, all.style);
  if (!conditions.matches_cluster(all.cluster.name)) return out;
  for (const model::User& user : all.world.accounts.users) {
    if (!passes(conditions.users, user.name)) continue;
    for (const Text& key : user.wckeys) {
      if (!passes(conditions.names, key)) continue;
      AccountingRow row = row_of(all, conditions);
      row.user = &user;
      row.wckey = (key == user.default_wckey ? "*" : "") + key.str();
      table->row(row, out);
    }
  }
  return out;
}

Planned<std::string> list_problems(const ListWorld& all, const Specs& specs) {
  const auto conditions = read_conditions(specs.where, Entity::association, Use::listing);
  if (!conditions) return tl::unexpected<Refusal>(conditions.error());
  const auto table =
      table_of(*conditions, report::kProblemColumns, report::accounting_fields(), all.style);
  if (!table) return tl::unexpected<Refusal>(table.error());
  std::string out = begin(*table, all.style);
  const model::Accounts& accounts = all.world.accounts;
  std::set<Text> with_children;
  std::set<Text> with_associations;
  for (const AssociationView& view : report::association_views(accounts)) {
    if (view.parent != nullptr) with_children.insert(view.parent->account);
    with_associations.insert(view.record->user);
  }
  for (const model::Account* account : accounts_by_name(accounts)) {
    if (with_children.contains(account->name)) continue;
    if (!passes(conditions->accounts, account->name)) continue;
    AccountingRow row = row_of(all, *conditions);
    row.account = account;
    row.problem = "Account has no users";
    table->row(row, out);
  }
  for (const model::User& user : accounts.users) {
    if (!passes(conditions->users, user.name)) continue;
    AccountingRow row = row_of(all, *conditions);
    row.cluster = nullptr;
    row.user = &user;
    if (!with_associations.contains(user.name)) row.problem = "User has no Associations";
    if (!all.world.user_exists(user.name.str())) row.problem = "User does not have a uid";
    if (!row.problem.empty()) table->row(row, out);
  }
  return out;
}

}  // namespace sluice::cli::accounting
