// `sacctmgr delete`. See plan.hpp. What depends on what is removed goes with it: an account takes
// everything below it along, a user his associations and offices, a QOS its places in lists.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "cli/sacctmgr/conditions.hpp"
#include "cli/sacctmgr/labels.hpp"
#include "cli/sacctmgr/plan.hpp"
#include "report/account_fields.hpp"
#include "report/account_views.hpp"

namespace sluice::cli::accounting {

namespace {

constexpr std::string_view kNothing = " Nothing deleted\n";
constexpr std::string_view kNoConditions = " No conditions given to remove, not executing.\n";

// Associations of accounts and all below them.
std::set<std::uint32_t> below(const model::Accounts& all, const std::set<std::string>& accounts) {
  std::set<std::uint32_t> ids;
  std::uint32_t until = 0;
  for (const report::AssociationView& view : report::association_views(all)) {
    const model::Association& one = *view.record;
    if (one.user.empty() && accounts.contains(one.account.str())) {
      until = std::max(until, view.right);
    }
    if (view.left < until) ids.insert(one.id);
  }
  return ids;
}

// Users that would keep associations but lose their default account.
Planned<void> check_defaults(const World& world, const std::set<std::uint32_t>& removed,
                             bool last_ones_too) {
  std::string lines;
  for (const model::Association& one : world.accounts.associations) {
    if (!one.is_default || !removed.contains(one.id)) continue;
    const auto keeps = [&](const model::Association& other) {
      return other.user == one.user && !removed.contains(other.id);
    };
    if (!last_ones_too && std::ranges::none_of(world.accounts.associations, keeps)) continue;
    lines += fmt::format("  C = {:<15} A = {:<10} U = {:<9}\n", world.cluster, one.account.view(),
                         one.user.view());
  }
  if (lines.empty()) return {};
  return nothing(fmt::format(
      " Error with request: You can not remove the default account of a user\n{}"
      " You must change the default account of these users or remove the users completely from "
      "the affected clusters to allow these changes.\n Changes Discarded\n",
      lines));
}

void drop(model::Accounts& all, const std::set<std::uint32_t>& removed) {
  std::erase_if(all.associations,
                [&](const model::Association& one) { return removed.contains(one.id); });
}

}  // namespace

Planned<Plan> delete_accounts(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::account, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  if (!where->selects()) return refuse(std::string(kNoConditions));
  std::set<std::string> names;
  for (const report::AssociationView& view : report::association_views(world.accounts)) {
    const model::Association& one = *view.record;
    if (!one.user.empty() || !where->matches(one)) continue;
    const std::string_view parent =
        view.parent == nullptr ? std::string_view() : view.parent->account.view();
    const auto account =
        std::ranges::find(world.accounts.accounts, one.account, &model::Account::name);
    const bool meant = account != world.accounts.accounts.end() && where->matches(*account) &&
                       passes(where->parents, parent) && where->matches_cluster(world.cluster);
    if (meant) names.insert(one.account.str());
  }
  if (names.contains("root")) {
    return refuse(
        " You are not allowed to remove the root account.\n"
        " Use remove cluster instead.\n");
  }
  if (names.empty()) return nothing(std::string(kNothing));
  Plan plan;
  plan.after = world.accounts;
  const std::set<std::uint32_t> removed = below(world.accounts, names);
  if (auto good = check_defaults(world, removed, false); !good) {
    return tl::unexpected<Refusal>(good.error());
  }
  for (const model::Association& one : world.accounts.associations) {
    if (one.user.empty() && removed.contains(one.id)) names.insert(one.account.str());
  }
  drop(plan.after, removed);
  plan.notes = " Deleting accounts...\n";
  std::erase_if(plan.after.accounts,
                [&](const model::Account& a) { return names.contains(a.name.str()); });
  for (const std::string& name : names) plan.notes += fmt::format("  {}\n", name);
  return plan;
}

Planned<Plan> delete_users(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::user, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  if (!where->selects()) return refuse(std::string(kNoConditions));
  Plan plan;
  plan.after = world.accounts;
  const bool whole = !where->selects_associations(Entity::user);
  std::set<std::uint32_t> removed;
  std::set<std::string> names;
  std::string lines;
  const std::map<Text, Text> defaults = report::default_accounts(world.accounts);
  std::set<Text> meant;
  for (const model::User& user : world.accounts.users) {
    const auto found = defaults.find(user.name);
    if (!where->matches(user, found == defaults.end() ? Text() : found->second)) continue;
    if (!where->matches_cluster(world.cluster)) continue;
    meant.insert(user.name);
    if (whole) names.insert(user.name.str());
  }
  for (const model::Association& one : world.accounts.associations) {
    if (!meant.contains(one.user) || !(whole || where->matches(one))) continue;
    removed.insert(one.id);
    lines += removed_line(world.cluster, one);
  }
  if (names.empty() && removed.empty()) return nothing(std::string(kNothing));
  if (!whole) {
    if (auto good = check_defaults(world, removed, true); !good) {
      return tl::unexpected<Refusal>(good.error());
    }
  }
  drop(plan.after, removed);
  const auto gone = [&](std::string_view name) { return names.contains(std::string(name)); };
  std::erase_if(plan.after.users, [&](const model::User& user) { return gone(user.name); });
  for (model::Account& account : plan.after.accounts) {
    std::erase_if(account.coordinators, [&](const Text& name) { return gone(name); });
  }
  plan.notes = whole ? " Deleting users...\n" : " Deleting user associations...\n" + lines;
  for (const std::string& name : names) plan.notes += fmt::format("  {}\n", name);
  return plan;
}

Planned<Plan> delete_qos(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::qos, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  if (!where->selects()) return refuse(std::string(kNoConditions));
  Plan plan;
  plan.after = world.accounts;
  std::set<std::string> names;
  plan.notes = " Deleting QOS(s)...\n";
  for (const model::Qos& qos : world.accounts.qos) {
    if (!where->matches(qos)) continue;
    names.insert(qos.name.str());
    plan.notes += fmt::format("  {}\n", qos.name.view());
  }
  if (names.empty()) return nothing(std::string(kNothing));
  std::string holders;
  for (const model::Association& one : world.accounts.associations) {
    if (!names.contains(one.default_qos.str()) || one.default_qos.empty()) continue;
    holders += default_qos_line(world.cluster, one);
  }
  if (!holders.empty()) {
    return refuse(" Associations listed below have these as their Default QOS.\n" + holders +
                  " Please either remove the qos' listed above from list and resubmit,\n"
                  " or change the default qos to remove the qos.\n Changes Discarded\n");
  }
  std::erase_if(plan.after.qos,
                [&](const model::Qos& qos) { return names.contains(qos.name.str()); });
  return plan;
}

Planned<Plan> delete_coordinators(const World& world, const Specs& specs) {
  std::vector<std::string> users;
  std::vector<std::string> accounts;
  for (const Spec& spec : specs.where) {
    if (spec.is_word() || spec.is("Names", 1) || spec.is("Users", 1)) {
      for (std::string& name : name_list(spec.value)) users.push_back(std::move(name));
    } else if (spec.is("Accounts", 1) || spec.is("Acct", 1)) {
      for (std::string& name : lower_name_list(spec.value)) accounts.push_back(std::move(name));
    } else {
      return refuse(fmt::format(" Unknown condition: {}\n", spec.text));
    }
  }
  if (users.empty() && accounts.empty()) {
    return refuse(" You need to specify a user list or account list here.\n");
  }
  Plan plan;
  plan.after = world.accounts;
  std::string heading = users.empty() ? " Removing all users from Accounts\n"
                                      : " Removing Coordinators with user name\n";
  if (Planned<void> known = check_coordinators(plan.after, users, accounts); !known) {
    return tl::unexpected(known.error());
  }
  for (const std::string& name : users) heading += fmt::format("  {}\n", name);
  if (!users.empty()) heading += accounts.empty() ? " From all accounts\n" : " From Account(s)\n";
  for (const std::string& name : accounts) heading += fmt::format("  {}\n", name);
  std::string lines;
  for (model::Account& account : plan.after.accounts) {
    if (!accounts.empty() && std::ranges::find(accounts, account.name.str()) == accounts.end()) {
      continue;
    }
    std::erase_if(account.coordinators, [&](const Text& user) {
      if (!users.empty() && std::ranges::find(users, user.str()) == users.end()) return false;
      lines += fmt::format("  U = {:<9} A = {:<10}\n", user.view(), account.name.view());
      return true;
    });
  }
  if (lines.empty()) return nothing(heading + " Nothing removed\n");
  plan.notes = heading + " Removed Coordinators (sub accounts not listed)...\n" + lines;
  return plan;
}

Planned<Plan> delete_cluster(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::cluster, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  if (!where->selects()) return refuse(std::string(kNoConditions));
  if (!passes(where->names, world.cluster)) return nothing(std::string(kNothing));
  return refuse(
      fmt::format("sacctmgr: error: cluster {} can't be deleted: it is the one that "
                  "this controller serves\n",
                  world.cluster));
}

}  // namespace sluice::cli::accounting
