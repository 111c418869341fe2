// `sacctmgr modify`: what "where" selects gets what "set" says. See plan.hpp.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/sacctmgr/change.hpp"
#include "cli/sacctmgr/conditions.hpp"
#include "cli/sacctmgr/labels.hpp"
#include "cli/sacctmgr/plan.hpp"
#include "report/account_fields.hpp"
#include "report/account_views.hpp"

namespace sluice::cli::accounting {

namespace {

using report::AssociationView;

constexpr std::string_view kNothing = " Nothing modified\n";
constexpr std::string_view kNoSet = " You didn't give me anything to set\n";

using Views = std::map<std::uint32_t, AssociationView>;

Views views_of(const model::Accounts& accounts) {
  Views views;
  for (AssociationView& view : report::association_views(accounts)) {
    views.emplace(view.record->id, std::move(view));
  }
  return views;
}

model::Association* by_id(model::Accounts& all, std::uint32_t id) {
  const auto found = std::ranges::find(all.associations, id, &model::Association::id);
  return found == all.associations.end() ? nullptr : &*found;
}

std::string_view parent_account(const Views& views, const model::Association& record) {
  const auto view = views.find(record.id);
  if (view == views.end() || view->second.parent == nullptr) return {};
  return view->second.parent->account;
}

bool same_in_force(const AssociationView& a, const AssociationView& b) {
  return a.limits == b.limits && a.qos == b.qos && a.default_qos == b.default_qos &&
         a.priority == b.priority;
}

// Users below that are affected although they weren't meant themselves.
std::string inherited_lines(const World& world, const Views& before, const Views& after,
                            const std::set<std::uint32_t>& meant) {
  std::string lines;
  for (const auto& [id, view] : after) {
    if (view.record->user.empty() || meant.contains(id)) continue;
    const auto old = before.find(id);
    if (old == before.end() || same_in_force(old->second, view)) continue;
    lines += changed_line(world.cluster, *view.record, {});
  }
  return lines;
}

// Whoever would have a default QOS without access to it.
Planned<void> check_default_qos(const World& world, const Views& after) {
  std::string lines;
  for (const auto& [id, view] : after) {
    const Text& in_force = view.default_qos;
    const bool decides = !view.record->default_qos.empty() || view.record->qos_own;
    if (!decides || in_force.empty()) continue;
    if (std::ranges::find(view.qos, in_force) != view.qos.end()) continue;
    lines += default_qos_line(world.cluster, *view.record);
  }
  if (lines.empty()) return {};
  return refuse(
      " These associations don't have access to their default qos.\n"
      " Please give them access before they the default can be set to this.\n" +
      lines);
}

struct Reset {
  bool usage = false;
};

// RawUsage=0. False: another option.
Planned<bool> read_reset(const Spec& spec, Reset& reset) {
  if (spec.is_word() || !spec.is("RawUsage", 7)) return false;
  if (spec.value != "0") {
    return refuse("sacctmgr: error: Raw usage can only be set to 0 (zero)\n");
  }
  reset.usage = true;
  return true;
}

Planned<void> read_association(const Spec& spec, const World& world, AssociationChange& change) {
  const std::optional<Status> read = read_setting(spec, world.accounts, change);
  if (!read) return unknown_option(spec);
  if (!*read) {
    const bool complete = read->error().text.starts_with("You gave");
    if (complete) return refuse(read->error().text);
    return unknown_option(spec, read->error().text);
  }
  return {};
}

struct AccountChange {
  AssociationChange association;
  std::optional<std::string> description;
  std::optional<std::string> organization;
  std::string parent;
  Reset reset;
};

Planned<AccountChange> read_account_change(const World& world, const std::vector<Spec>& specs) {
  AccountChange change;
  for (const Spec& spec : specs) {
    const Planned<bool> reset = read_reset(spec, change.reset);
    if (!reset) return tl::unexpected<Refusal>(reset.error());
    if (*reset) continue;
    if (spec.is_word()) return unknown_option(spec);
    if (spec.is("Names", 1) || spec.is("Accounts", 1) || spec.is("Acct", 1)) {
      return refuse(" Can't modify the name of an account\n");
    }
    if (spec.is("Clusters", 1)) return refuse(" Can't modify the cluster of an account\n");
    if (spec.is("Description", 3)) {
      change.description = base::to_lower(spec.value);
    } else if (spec.is("Organization", 1)) {
      change.organization = base::to_lower(spec.value);
    } else if (spec.is("Parents", 2)) {
      change.parent = base::to_lower(spec.value);
    } else if (auto read = read_association(spec, world, change.association); !read) {
      return tl::unexpected<Refusal>(read.error());
    }
  }
  return change;
}

bool is_below(model::Accounts& all, std::uint32_t id, std::uint32_t above) {
  for (std::size_t steps = 0; id != 0 && steps <= all.associations.size(); ++steps) {
    if (id == above) return true;
    const model::Association* one = by_id(all, id);
    id = one == nullptr ? 0 : one->parent;
  }
  return false;
}

// Hangs the account below another. Below one of its own children: that one takes its place.
// False: nothing to do.
bool move(model::Accounts& all, model::Association& account, std::string_view parent_name) {
  model::Association* parent = find_association(all, {parent_name});
  const bool same = parent == nullptr || parent->id == account.id || account.parent == 0 ||
                    parent->id == account.parent;
  if (same) return false;
  if (is_below(all, parent->id, account.id)) parent->parent = account.parent;
  account.parent = parent->id;
  return true;
}

std::vector<std::uint32_t> selected_accounts(const World& world, const Conditions& where,
                                             const Views& views) {
  std::vector<std::uint32_t> ids;
  if (!where.matches_cluster(world.cluster)) return ids;
  for (const model::Association& one : world.accounts.associations) {
    if (!one.user.empty() || !where.matches(one)) continue;
    if (!passes(where.parents, parent_account(views, one))) continue;
    const auto account =
        std::ranges::find(world.accounts.accounts, one.account, &model::Account::name);
    if (account == world.accounts.accounts.end() || !where.matches(*account)) continue;
    ids.push_back(one.id);
  }
  return ids;
}

void reset_below(const World& world, std::uint32_t top, std::vector<std::uint32_t>& reset) {
  const Views views = views_of(world.accounts);
  const auto above = views.find(top);
  if (above == views.end()) return;
  for (const auto& [id, view] : views) {
    const bool inside = view.left >= above->second.left && view.right <= above->second.right;
    if (inside && std::ranges::find(reset, id) == reset.end()) reset.push_back(id);
  }
}

std::string reset_note(const World& world, const Conditions& where) {
  if (where.clusters) return {};
  return fmt::format("No cluster specified, resetting on local cluster {}\n", world.cluster);
}

struct UserChange {
  AssociationChange association;
  std::optional<model::AdminLevel> admin_level;
  std::string default_account;
  std::optional<std::string> default_wckey;
  ListChange wckeys;
  Reset reset;

  [[nodiscard]] bool of_user() const {
    return admin_level || !default_account.empty() || default_wckey || wckeys.given;
  }
};

Planned<void> read_wckeys(const Spec& spec, ListChange& list) {
  list.given = true;
  for (const std::string& name : name_list(spec.value)) {
    switch (spec.op) {
      case Operator::set: list.names.emplace_back(name); break;
      case Operator::add: list.added.emplace_back(name); break;
      case Operator::remove: list.removed.emplace_back(name); break;
    }
  }
  list.replace |= spec.op == Operator::set;
  return {};
}

Planned<void> read_user_option(const World& world, const Spec& spec, UserChange& change) {
  const Planned<bool> reset = read_reset(spec, change.reset);
  if (!reset) return tl::unexpected<Refusal>(reset.error());
  if (*reset) return {};
  if (spec.is_word()) return unknown_option(spec);
  if (spec.is("NewName", 3)) {
    return refuse(
        "sacctmgr: error: users can't be renamed: add the new name and delete the old one\n");
  }
  if (spec.is("AdminLevel", 2)) {
    change.admin_level = parse_admin_level(spec.value);
    if (change.admin_level) return {};
    return unknown_option(
        spec, fmt::format("sacctmgr: error: Invalid value for AdminLevel ({})\n", spec.value));
  }
  if (spec.is("DefaultAccount", 8)) {
    change.default_account = base::to_lower(spec.value);
    return {};
  }
  if (spec.is("DefaultWCKey", 8)) {
    change.default_wckey = spec.value;
    return {};
  }
  if (spec.is("WCKeys", 1)) return read_wckeys(spec, change.wckeys);
  return read_association(spec, world, change.association);
}

struct Users {
  std::set<std::string> names;
  std::set<std::uint32_t> associations;
};

Users selected_users(const World& world, const Conditions& where, const Views& views) {
  Users selected;
  if (!where.matches_cluster(world.cluster)) return selected;
  const std::map<Text, Text> defaults = report::default_accounts(world.accounts);
  std::set<Text> meant;
  for (const model::User& user : world.accounts.users) {
    const auto found = defaults.find(user.name);
    if (!where.matches(user, found == defaults.end() ? Text() : found->second)) continue;
    meant.insert(user.name);
    if (!where.selects_associations(Entity::user)) selected.names.insert(user.name.str());
  }
  for (const model::Association& one : world.accounts.associations) {
    if (!meant.contains(one.user) || !where.matches(one)) continue;
    if (!passes(where.parents, parent_account(views, one))) continue;
    selected.names.insert(one.user.str());
    selected.associations.insert(one.id);
  }
  return selected;
}

Planned<void> set_default_account(model::Accounts& all, const World& world,
                                  const std::set<std::string>& users, const std::string& account) {
  std::string lost;
  for (const std::string& user : users) {
    const auto in_account = [&](const model::Association& one) {
      return one.user.view() == user && one.account.view() == account;
    };
    if (std::ranges::none_of(all.associations, in_account)) {
      lost += fmt::format("  U = {} C = {}\n", user, world.cluster);
      continue;
    }
    for (model::Association& one : all.associations) {
      if (one.user.view() == user) one.is_default = in_account(one);
    }
  }
  if (lost.empty()) return {};
  return nothing(
      fmt::format(" Can't modify because these users aren't associated with new "
                  "default account '{}'...\n{}",
                  account, lost));
}

void change_user(const UserChange& change, model::User& user) {
  if (change.admin_level) user.admin_level = *change.admin_level;
  user.wckeys = change.wckeys.applied_to(std::move(user.wckeys));
  if (!change.default_wckey) return;
  user.default_wckey = *change.default_wckey;
  const bool known = std::ranges::find(user.wckeys, user.default_wckey) != user.wckeys.end();
  if (!known && !user.default_wckey.empty()) user.wckeys.push_back(user.default_wckey);
}

bool preempts_itself(const model::Accounts& all, const model::Qos& start) {
  std::set<Text> seen;
  std::vector<Text> open(start.preempt.begin(), start.preempt.end());
  while (!open.empty()) {
    const Text name = open.back();
    open.pop_back();
    if (name == start.name) return true;
    if (!seen.insert(name).second) continue;
    const auto next = std::ranges::find(all.qos, name, &model::Qos::name);
    if (next != all.qos.end()) open.insert(open.end(), next->preempt.begin(), next->preempt.end());
  }
  return false;
}

Planned<Plan> finish_users(const World& world, const Conditions& where, const UserChange& change,
                           const Users& selected) {
  Plan plan;
  plan.after = world.accounts;
  const Views before = views_of(world.accounts);
  if (!change.default_account.empty()) {
    auto done = set_default_account(plan.after, world, selected.names, change.default_account);
    if (!done) return tl::unexpected<Refusal>(done.error());
  }
  if (change.of_user()) plan.notes += " Modified users...\n";
  for (const std::string& name : selected.names) {
    if (!change.of_user()) break;
    change_user(change, *find_user(plan.after, name));
    plan.notes += fmt::format("  {}\n", name);
  }
  if (!change.association.empty()) plan.notes += " Modified user associations...\n";
  for (model::Association& one : plan.after.associations) {
    if (!selected.associations.contains(one.id)) continue;
    if (change.reset.usage) plan.reset_usage.push_back(one.id);
    if (change.association.empty()) continue;
    apply(change.association, before.at(one.id).qos, one);
    plan.notes += changed_line(world.cluster, one, {});
  }
  if (change.reset.usage) plan.notes += reset_note(world, where);
  if (auto good = check_default_qos(world, views_of(plan.after)); !good) {
    return tl::unexpected<Refusal>(good.error());
  }
  return plan;
}

}  // namespace

Planned<Plan> modify_accounts(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::account, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  const Planned<AccountChange> change = read_account_change(world, specs.set);
  if (!change) return tl::unexpected<Refusal>(change.error());
  if (specs.set.empty()) return refuse(std::string(kNoSet));
  Plan plan;
  plan.after = world.accounts;
  const Views before = views_of(world.accounts);
  if (!change->parent.empty() && find_association(plan.after, {change->parent}) == nullptr) {
    return refuse(fmt::format(" Parent Account {} doesn't exist.\n", change->parent));
  }
  std::string accounts;
  std::string associations;
  std::set<std::uint32_t> meant;
  for (const std::uint32_t id : selected_accounts(world, *where, before)) {
    model::Association& one = *by_id(plan.after, id);
    model::Account& account = *find_account(plan.after, one.account);
    if (change->description) account.description = *change->description;
    if (change->organization) account.organization = *change->organization;
    if (change->description || change->organization) {
      accounts += fmt::format("  {}\n", account.name.view());
    }
    const bool moved = !change->parent.empty() && move(plan.after, one, change->parent);
    apply(change->association, before.at(id).qos, one);
    if (moved || !change->association.empty()) {
      meant.insert(id);
      associations += changed_line(world.cluster, one, parent_account(before, one));
    }
    if (change->reset.usage) reset_below(world, id, plan.reset_usage);
  }
  if (accounts.empty() && associations.empty() && plan.reset_usage.empty()) {
    return nothing(std::string(kNothing));
  }
  const Views after = views_of(plan.after);
  if (auto good = check_default_qos(world, after); !good) {
    return tl::unexpected<Refusal>(good.error());
  }
  if (!accounts.empty()) plan.notes += " Modified accounts...\n" + accounts;
  if (!associations.empty()) {
    plan.notes += " Modified account associations...\n" + associations;
    // As in Slurm, those who only inherit from somebody else now aren't named.
    if (!change->association.empty()) plan.notes += inherited_lines(world, before, after, meant);
  }
  if (change->reset.usage) plan.notes += reset_note(world, *where);
  return plan;
}

Planned<Plan> modify_users(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::user, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  UserChange change;
  for (const Spec& spec : specs.set) {
    if (auto read = read_user_option(world, spec, change); !read) {
      return tl::unexpected<Refusal>(read.error());
    }
  }
  if (specs.set.empty()) return refuse(std::string(kNoSet));
  if (change.reset.usage && !where->accounts) {
    return refuse("sacctmgr: error: An account must be specified\n");
  }
  const Users selected = selected_users(world, *where, views_of(world.accounts));
  const bool nobody =
      selected.names.empty() || (!change.of_user() && selected.associations.empty());
  if (nobody) return nothing(std::string(kNothing));
  return finish_users(world, *where, change, selected);
}

Planned<Plan> modify_qos(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::qos, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  QosChange change;
  Reset reset;
  for (const Spec& spec : specs.set) {
    const Planned<bool> is_reset = read_reset(spec, reset);
    if (!is_reset) return tl::unexpected<Refusal>(is_reset.error());
    if (*is_reset) continue;
    const std::optional<Status> read = read_setting(spec, world.accounts, change);
    if (!read) return unknown_option(spec);
    if (!*read) return refuse_setting(read->error().text);
  }
  if (specs.set.empty() || (change.empty() && !reset.usage)) return refuse(std::string(kNoSet));
  Plan plan;
  plan.after = world.accounts;
  std::string names;
  for (model::Qos& qos : plan.after.qos) {
    if (!where->matches(qos)) continue;
    apply(change, qos);
    if (reset.usage) plan.reset_qos_usage.push_back(qos.id);
    names += fmt::format("  {}\n", qos.name.view());
  }
  if (names.empty()) return nothing(std::string(kNothing));
  const auto loops = [&](const model::Qos& qos) { return preempts_itself(plan.after, qos); };
  if (change.preempt.given && std::ranges::any_of(plan.after.qos, loops)) {
    return refuse(
        "sacctmgr: error: QOS Preemption loop detected\n"
        " Error with request: QOS Preemption loop detected\n");
  }
  plan.notes = " Modified qos...\n" + names;
  return plan;
}

// The cluster's settings are those of root's association.
Planned<Plan> modify_cluster(const World& world, const Specs& specs) {
  const Planned<Conditions> where = read_conditions(specs.where, Entity::cluster, Use::change);
  if (!where) return tl::unexpected<Refusal>(where.error());
  AssociationChange change;
  for (const Spec& spec : specs.set) {
    if (auto read = read_association(spec, world, change); !read) {
      return tl::unexpected<Refusal>(read.error());
    }
  }
  if (specs.set.empty()) return refuse(std::string(kNoSet));
  if (!passes(where->names, world.cluster)) return nothing(std::string(kNothing));
  Plan plan;
  plan.after = world.accounts;
  const Views before = views_of(world.accounts);
  model::Association* root = find_association(plan.after, {"root"});
  if (root == nullptr) return nothing(std::string(kNothing));
  apply(change, before.at(root->id).qos, *root);
  const Views after = views_of(plan.after);
  if (auto good = check_default_qos(world, after); !good) {
    return tl::unexpected<Refusal>(good.error());
  }
  plan.notes = " Setting\n  Default Limits:\n" + change.settings(world.accounts.tres, {}) +
               " Modified cluster defaults for associations...\n" +
               changed_line(world.cluster, *root, {}) +
               inherited_lines(world, before, after, {root->id});
  return plan;
}

}  // namespace sluice::cli::accounting
