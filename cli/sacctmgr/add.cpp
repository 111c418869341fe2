// `sacctmgr add`: accounts, users, QOS, coordinators. See plan.hpp.
#include <algorithm>
#include <optional>

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

constexpr std::string_view kNothingNew = " Nothing new added.\n";

// What is being added, as far as all entities have it.
struct Wanted {
  std::vector<std::string> names;
  std::vector<std::string> clusters;
  AssociationChange change;
  bool any = false;  // more than names was given
};

std::vector<Spec> all_of(const Specs& specs) {
  std::vector<Spec> all = specs.where;
  all.insert(all.end(), specs.set.begin(), specs.set.end());
  return all;
}

void add_names(std::vector<std::string>& to, std::vector<std::string> names) {
  for (std::string& name : names) {
    if (std::ranges::find(to, name) == to.end()) to.push_back(std::move(name));
  }
}

Planned<void> check_clusters(const World& world, const std::vector<std::string>& clusters) {
  for (const std::string& name : clusters) {
    if (name == world.cluster) continue;
    return refuse(
        fmt::format(" This cluster '{}' doesn't exist.\n"
                    "        Contact your admin to add it to accounting.\n",
                    name));
  }
  return {};
}

// A setting of associations, or a refusal.
Planned<void> read_association(const Spec& spec, const World& world, Wanted& wanted) {
  const std::optional<Status> read = read_setting(spec, world.accounts, wanted.change);
  if (!read) return unknown_option(spec);
  if (!*read) return unknown_option(spec, read->error().text);
  wanted.any = true;
  return {};
}

struct WantedAccounts : Wanted {
  std::string parent;
  std::optional<std::string> description;
  std::optional<std::string> organization;
};

Planned<WantedAccounts> read_accounts(const World& world, const Specs& specs) {
  WantedAccounts wanted;
  for (const Spec& spec : all_of(specs)) {
    if (spec.is_word() || spec.is("Names", 1) || spec.is("Accounts", 1) || spec.is("Acct", 1)) {
      add_names(wanted.names, lower_name_list(spec.value));
    } else if (spec.is("Clusters", 1)) {
      wanted.clusters = name_list(spec.value);
    } else if (spec.is("Parents", 1)) {
      wanted.parent = base::to_lower(spec.value);
      wanted.any = true;
    } else if (spec.is("Description", 3)) {
      wanted.description = base::to_lower(spec.value);
      wanted.any = true;
    } else if (spec.is("Organization", 1)) {
      wanted.organization = base::to_lower(spec.value);
      wanted.any = true;
    } else if (auto read = read_association(spec, world, wanted); !read) {
      return tl::unexpected<Refusal>(read.error());
    }
  }
  if (wanted.names.empty()) return refuse(" Need name of account to add.\n");
  if (auto good = check_clusters(world, wanted.clusters); !good) {
    return tl::unexpected<Refusal>(good.error());
  }
  return wanted;
}

std::string account_notes(const WantedAccounts& wanted, const World& world, std::string_view added,
                          std::string_view associations) {
  std::string notes = fmt::format(" Adding Account(s)\n{}", added);
  notes += " Settings\n";
  notes += fmt::format("  Description     = {}\n", wanted.description.value_or("Account Name"));
  notes +=
      fmt::format("  Organization    = {}\n", wanted.organization.value_or("Parent/Account Name"));
  notes += fmt::format(" Associations\n{}", associations);
  const std::string parent = wanted.parent.empty() ? "root" : wanted.parent;
  if (wanted.any) notes += " Settings\n" + wanted.change.settings(world.accounts.tres, parent);
  return notes;
}

std::vector<Text> qos_at(const model::Accounts& accounts, std::uint32_t association) {
  for (const report::AssociationView& view : report::association_views(accounts)) {
    if (view.record->id == association) return view.qos;
  }
  return {};
}

struct WantedUsers : Wanted {
  std::vector<std::string> accounts;
  std::vector<std::string> partitions;
  std::vector<std::string> wckeys;
  std::string default_account;
  std::string default_wckey;
  std::optional<model::AdminLevel> admin_level;
};

Planned<void> read_user_option(const Spec& spec, const World& world, WantedUsers& wanted) {
  if (spec.is_word() || spec.is("Names", 1) || spec.is("Users", 1)) {
    add_names(wanted.names, name_list(spec.value));
  } else if (spec.is("Accounts", 2) || spec.is("Acct", 3)) {
    add_names(wanted.accounts, lower_name_list(spec.value));
  } else if (spec.is("Clusters", 1)) {
    wanted.clusters = name_list(spec.value);
  } else if (spec.is("Partitions", 3)) {
    wanted.partitions = name_list(spec.value);
  } else if (spec.is("DefaultAccount", 8)) {
    wanted.default_account = base::to_lower(spec.value);
    add_names(wanted.accounts, {wanted.default_account});
  } else if (spec.is("DefaultWCKey", 8)) {
    wanted.default_wckey = spec.value;
    add_names(wanted.wckeys, {spec.value});
  } else if (spec.is("WCKeys", 1)) {
    add_names(wanted.wckeys, name_list(spec.value));
  } else if (spec.is("AdminLevel", 2)) {
    wanted.admin_level = parse_admin_level(spec.value);
    if (!wanted.admin_level) {
      return unknown_option(
          spec, fmt::format("sacctmgr: error: Invalid value for AdminLevel ({})\n", spec.value));
    }
  } else {
    return read_association(spec, world, wanted);
  }
  return {};
}

// Of users who are all there it is said otherwise that nothing has come of it.
tl::unexpected<Refusal> no_such_account(const World& world, const WantedUsers& wanted,
                                        std::string_view account) {
  std::string text = fmt::format(
      " This account '{}' doesn't exist.\n"
      "        Contact your admin to add this account.\n",
      account);
  const bool known = std::ranges::all_of(wanted.names, [&](const std::string& name) {
    return std::ranges::any_of(world.accounts.users,
                               [&](const model::User& user) { return user.name.view() == name; });
  });
  if (known) return tl::unexpected<Refusal>(Refusal{std::string(kNothingNew), std::move(text)});
  return refuse(text + " No associations or wckeys created.\n");
}

Planned<WantedUsers> read_users(const World& world, const Specs& specs) {
  WantedUsers wanted;
  for (const Spec& spec : all_of(specs)) {
    if (auto read = read_user_option(spec, world, wanted); !read) {
      return tl::unexpected<Refusal>(read.error());
    }
  }
  if (wanted.names.empty()) return refuse(" Need name of user to add.\n");
  if (wanted.accounts.empty() && wanted.wckeys.empty()) {
    return refuse(" Need name of account to add user to.\n");
  }
  if (auto good = check_clusters(world, wanted.clusters); !good) {
    return tl::unexpected<Refusal>(good.error());
  }
  for (const std::string& name : wanted.accounts) {
    const auto same = [&](const model::Account& a) { return a.name.view() == name; };
    if (std::ranges::any_of(world.accounts.accounts, same)) continue;
    return no_such_account(world, wanted, name);
  }
  return wanted;
}

// Marks the associations of the user that are his default account's.
void set_default(model::Accounts& all, std::string_view user, std::string_view account) {
  for (model::Association& one : all.associations) {
    if (one.user.view() == user) one.is_default = one.account.view() == account;
  }
}

struct AddedUsers {
  std::string users;
  std::string associations;
  bool settings = false;  // of users known before
};

void add_user(const WantedUsers& wanted, const std::string& name, const World& world,
              model::Accounts& all, AddedUsers& added) {
  if (find_user(all, name) == nullptr) {
    model::User user;
    user.name = name;
    all.users.push_back(user);
    added.users += fmt::format("  {}\n", name);
  }
  model::User& user = *find_user(all, name);
  const model::User before = user;
  if (wanted.admin_level) user.admin_level = *wanted.admin_level;
  if (!wanted.default_wckey.empty()) user.default_wckey = wanted.default_wckey;
  for (const std::string& key : wanted.wckeys) {
    if (std::ranges::find(user.wckeys, Text(key)) == user.wckeys.end()) {
      user.wckeys.emplace_back(key);
    }
  }
  added.settings |= before != user;
  std::vector<std::string> partitions = wanted.partitions;
  if (partitions.empty()) partitions.emplace_back();
  for (const std::string& account : wanted.accounts) {
    const model::Association* above = find_association(all, {account});
    if (above == nullptr) continue;
    const std::uint32_t parent = above->id;
    for (const std::string& partition : partitions) {
      if (find_association(all, {account, name, partition}) != nullptr) continue;
      model::Association& one = add_association(all, {account, name, partition}, parent);
      apply(wanted.change, qos_at(all, parent), one);
      added.associations += added_line(world.cluster, one);
    }
  }
  if (!wanted.default_account.empty()) {
    added.settings |= report::default_account(all, name).view() != wanted.default_account;
    set_default(all, name, wanted.default_account);
  } else if (report::default_account(all, name).empty() && !wanted.accounts.empty()) {
    // As in Slurm, the first by name, in whatever order they were given.
    set_default(all, name, *std::ranges::min_element(wanted.accounts));
  }
}

std::string user_notes(const WantedUsers& wanted, const AddedUsers& added,
                       const model::TresTable& tres) {
  std::string notes;
  if (!added.users.empty()) notes += " Adding User(s)\n" + added.users;
  std::string settings;
  if (!wanted.default_account.empty()) {
    settings += fmt::format("  Default Account = {}\n", wanted.default_account);
  }
  if (!wanted.default_wckey.empty()) {
    settings += fmt::format("  Default WCKey   = {}\n", wanted.default_wckey);
  }
  if (wanted.admin_level) {
    settings +=
        fmt::format("  Admin Level     = {}\n", report::admin_level_name(*wanted.admin_level));
  }
  if (!settings.empty()) notes += " Settings =\n" + settings;
  if (!added.associations.empty()) {
    notes += " Associations =\n" + added.associations;
    notes += " Non Default Settings\n" + wanted.change.settings(tres, {});
  }
  return notes;
}

}  // namespace

Planned<Plan> add_accounts(const World& world, const Specs& specs) {
  const Planned<WantedAccounts> wanted = read_accounts(world, specs);
  if (!wanted) return tl::unexpected<Refusal>(wanted.error());
  Plan plan;
  plan.after = world.accounts;
  const bool known = std::ranges::all_of(wanted->names, [&](const std::string& name) {
    return find_account(plan.after, name) != nullptr;
  });
  if (known) return nothing(std::string(kNothingNew));
  const std::string parent = wanted->parent.empty() ? "root" : wanted->parent;
  const model::Association* above = find_association(plan.after, {parent});
  if (above == nullptr) {
    return refuse(
        fmt::format(" Parent account '{}' doesn't exist on cluster {}\n"
                    "        Contact your admin to add this account.\n"
                    " No associations created.\n",
                    parent, world.cluster));
  }
  const std::uint32_t parent_id = above->id;
  const std::vector<Text> qos = qos_at(plan.after, parent_id);
  std::string added;
  std::string associations;
  for (const std::string& name : wanted->names) {
    if (find_account(plan.after, name) != nullptr) continue;
    model::Account account;
    account.name = name;
    account.description = wanted->description.value_or(name);
    account.organization = wanted->organization.value_or(parent == "root" ? name : parent);
    plan.after.accounts.push_back(account);
    added += fmt::format("  {}\n", name);
    model::Association& one = add_association(plan.after, {name}, parent_id);
    apply(wanted->change, qos, one);
    associations += added_line(world.cluster, one);
  }
  plan.notes = account_notes(*wanted, world, added, associations);
  return plan;
}

Planned<Plan> add_users(const World& world, const Specs& specs) {
  const Planned<WantedUsers> wanted = read_users(world, specs);
  if (!wanted) return tl::unexpected<Refusal>(wanted.error());
  Plan plan;
  plan.after = world.accounts;
  AddedUsers added;
  for (const std::string& name : wanted->names) {
    const bool known = find_user(plan.after, name) != nullptr;
    if (!known && !world.user_exists(name)) {
      plan.questions += fmt::format("There is no uid for user '{}'\n", name);
    }
    add_user(*wanted, name, world, plan.after, added);
  }
  if (added.users.empty() && added.associations.empty() && !added.settings) {
    return nothing(std::string(kNothingNew));
  }
  plan.notes = user_notes(*wanted, added, world.accounts.tres);
  return plan;
}

Planned<Plan> add_qos(const World& world, const Specs& specs) {
  std::vector<std::string> names;
  QosChange change;
  for (const Spec& spec : all_of(specs)) {
    if (spec.is_word() || spec.is("Names", 1)) {
      add_names(names, lower_name_list(spec.value));
      continue;
    }
    const std::optional<Status> read = read_setting(spec, world.accounts, change);
    if (!read) return unknown_option(spec);
    if (!*read) return refuse_setting(read->error().text);
  }
  if (names.empty()) return refuse(" Need name of qos to add.\n");
  Plan plan;
  plan.after = world.accounts;
  std::string added;
  for (const std::string& name : names) {
    if (find_qos(plan.after, name) != nullptr) continue;
    model::Qos qos;
    qos.id = plan.after.next_qos++;
    qos.name = name;
    qos.description = name;
    apply(change, qos);
    plan.after.qos.push_back(std::move(qos));
    added += fmt::format("  {}\n", name);
  }
  if (added.empty()) return nothing(std::string(kNothingNew));
  const std::string_view description =
      change.description ? change.description->view() : std::string_view(names.back());
  plan.notes = fmt::format(" Adding QOS(s)\n{} Settings\n  Description    = {}\n{}", added,
                           description, change.settings(world.accounts.tres));
  return plan;
}

Planned<Plan> add_coordinators(const World& world, const Specs& specs) {
  std::vector<std::string> users;
  std::vector<std::string> accounts;
  for (const Spec& spec : all_of(specs)) {
    if (spec.is_word() || spec.is("Names", 1) || spec.is("Users", 1)) {
      add_names(users, name_list(spec.value));
    } else if (spec.is("Accounts", 1) || spec.is("Acct", 1)) {
      add_names(accounts, lower_name_list(spec.value));
    } else {
      return refuse(fmt::format(" Unknown condition: {}\n", spec.text));
    }
  }
  if (users.empty()) return refuse(" You need to specify a user list here.\n");
  if (accounts.empty()) return refuse(" You need to specify a account list here.\n");
  Plan plan;
  plan.after = world.accounts;
  if (Planned<void> known = check_coordinators(plan.after, users, accounts); !known) {
    return tl::unexpected(known.error());
  }
  plan.notes = " Adding Coordinator User(s)\n";
  for (const std::string& name : users) plan.notes += fmt::format("  {}\n", name);
  plan.notes += " To Account(s) and all sub-accounts\n";
  for (const std::string& name : accounts) {
    model::Account* account = find_account(plan.after, name);
    plan.notes += fmt::format("  {}\n", name);
    for (const std::string& user : users) {
      if (std::ranges::find(account->coordinators, Text(user)) == account->coordinators.end()) {
        account->coordinators.emplace_back(user);
      }
    }
    std::ranges::sort(account->coordinators);
  }
  return plan;
}

Planned<Plan> add_cluster(const World& world, const Specs& specs) {
  std::vector<std::string> names;
  for (const Spec& spec : all_of(specs)) {
    if (spec.is_word() || spec.is("Names", 1)) add_names(names, name_list(spec.value));
  }
  if (names.empty()) return refuse(" Need name of cluster to add.\n");
  for (const std::string& name : names) {
    if (name != world.cluster) {
      return refuse(
          fmt::format("sacctmgr: error: cluster {} can't be added: a controller keeps "
                      "the accounts of its own cluster, {}\n",
                      name, world.cluster));
    }
  }
  return nothing(fmt::format(" This cluster {} already exists.  Not adding.\n", world.cluster));
}

}  // namespace sluice::cli::accounting
