// See conditions.hpp.
#include "cli/sacctmgr/conditions.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "report/account_fields.hpp"

namespace sluice::cli::accounting {

namespace {

constexpr unsigned bit(Entity entity) { return 1U << static_cast<unsigned>(entity); }
constexpr unsigned kAccount = bit(Entity::account);
constexpr unsigned kUser = bit(Entity::user);
constexpr unsigned kAssociation = bit(Entity::association);
constexpr unsigned kQos = bit(Entity::qos);
constexpr unsigned kCluster = bit(Entity::cluster);
constexpr unsigned kTree = kAccount | kUser | kAssociation;

struct ListKey {
  std::string_view name;
  std::size_t least;
  unsigned entities;
  NameFilter Conditions::*member;
  bool lower = true;
};
constexpr ListKey kLists[] = {
    {"Names", 1, kAccount, &Conditions::names},
    {"Accounts", 1, kAccount, &Conditions::names},
    {"Acct", 1, kAccount, &Conditions::names},
    {"Names", 1, kUser, &Conditions::names, false},
    {"Users", 1, kUser, &Conditions::names, false},
    {"Names", 1, kQos | kCluster, &Conditions::names},
    {"Clusters", 1, kCluster, &Conditions::names},
    {"QosLevel", 3, kQos, &Conditions::names},
    {"Accounts", 2, kUser | kAssociation, &Conditions::accounts},
    {"Acct", 3, kUser | kAssociation, &Conditions::accounts},
    {"Users", 1, kAccount | kAssociation, &Conditions::users, false},
    {"Partitions", 3, kTree, &Conditions::partitions, false},
    {"Clusters", 1, kTree | kQos, &Conditions::clusters, false},
    {"Parents", 4, kTree, &Conditions::parents},
    {"Descriptions", 3, kAccount | kQos, &Conditions::descriptions},
    {"Organizations", 1, kAccount, &Conditions::organizations},
    {"DefaultAccount", 8, kUser, &Conditions::default_accounts},
    {"DefaultWCKey", 8, kUser, &Conditions::default_wckeys},
    {"DefaultQOS", 8, kTree, &Conditions::default_qos},
    {"QosLevel", 1, kTree, &Conditions::qos},
    {"IDs", 1, kTree | kQos, &Conditions::ids},
    {"PreemptMode", 8, kQos, &Conditions::preempt_modes},
};

struct FlagKey {
  std::string_view name;
  std::size_t least;
  unsigned entities;
  bool Conditions::*member;
};
constexpr FlagKey kFlags[] = {
    {"OnlyDefaults", 2, kAssociation, &Conditions::only_defaults},
    {"Tree", 4, kTree, &Conditions::tree},
    {"WithAssociations", 5, kAccount | kUser, &Conditions::with_associations},
    {"WithCoordinators", 5, kAccount | kUser, &Conditions::with_coordinators},
    {"WithDeleted", 5, kTree | kQos | kCluster, &Conditions::with_deleted},
    {"WithSubAccounts", 5, kAssociation, &Conditions::with_subaccounts},
    {"WithFederation", 5, kCluster, &Conditions::with_federation},
    {"WOLimits", 3, kTree | kCluster, &Conditions::without_limits},
    {"WOPInfo", 4, kTree, &Conditions::without_parent},
    {"WOPLimits", 4, kTree, &Conditions::without_parent_limits},
};

bool read_flag(const Spec& spec, unsigned entity, Conditions& conditions) {
  if (!spec.is_word()) return false;
  for (const FlagKey& key : kFlags) {
    if ((key.entities & entity) == 0 || !spec.is(key.name, key.least)) continue;
    conditions.*(key.member) = true;
    return true;
  }
  return false;
}

void add_names(NameFilter& filter, std::vector<std::string> names) {
  if (!filter) filter.emplace();
  filter->insert(filter->end(), names.begin(), names.end());
}

bool read_list(const Spec& spec, unsigned entity, Conditions& conditions) {
  for (const ListKey& key : kLists) {
    if ((key.entities & entity) == 0 || !spec.is(key.name, key.least)) continue;
    std::vector<std::string> names =
        key.lower ? lower_name_list(spec.value) : name_list(spec.value);
    if (names.empty()) names.emplace_back();  // user= : without one
    add_names(conditions.*(key.member), std::move(names));
    return true;
  }
  return false;
}

// A word without '=' names the entity itself; an association is named by its number.
Planned<void> read_word(const Spec& spec, Entity entity, Conditions& conditions) {
  if (entity != Entity::association) {
    const bool keeps_case = entity == Entity::user;
    add_names(conditions.names, keeps_case ? name_list(spec.value) : lower_name_list(spec.value));
    return {};
  }
  for (const std::string& id : name_list(spec.value)) {
    if (id.find_first_not_of("0123456789") != std::string::npos) {
      return refuse(fmt::format("sacctmgr: error: Invalid value for AssocId ({})\n", spec.value));
    }
  }
  add_names(conditions.ids, name_list(spec.value));
  return {};
}

}  // namespace

std::optional<model::AdminLevel> parse_admin_level(std::string_view text) {
  if (text == "-1" || base::abbreviates(text, "none")) return model::AdminLevel::none;
  if (base::abbreviates(text, "operator")) return model::AdminLevel::operator_;
  if (base::abbreviates(text, "administrator")) return model::AdminLevel::administrator;
  if (base::iequals(text, "superuser")) return model::AdminLevel::administrator;
  return std::nullopt;
}

bool passes(const NameFilter& filter, std::string_view value) {
  if (!filter) return true;
  return std::ranges::any_of(*filter, [&](const std::string& name) { return name == value; });
}

Planned<Conditions> read_conditions(const std::vector<Spec>& specs, Entity entity, Use use) {
  Conditions conditions;
  for (const Spec& spec : specs) {
    if (use == Use::listing) {
      if (read_flag(spec, bit(entity), conditions)) continue;
      if (!spec.is_word() && spec.is("Format", 1)) {
        if (!conditions.format.empty()) conditions.format += ',';
        conditions.format += spec.value;
        conditions.format_given = true;
        continue;
      }
    }
    if (spec.is_word()) {
      if (auto read = read_word(spec, entity, conditions); !read) {
        return tl::unexpected<Refusal>(read.error());
      }
      continue;
    }
    if (entity == Entity::user && spec.is("AdminLevel", 2)) {
      conditions.admin_level = parse_admin_level(spec.value);
      if (!conditions.admin_level) {
        return refuse(
            fmt::format("sacctmgr: error: Invalid value for AdminLevel ({})\n", spec.value));
      }
      continue;
    }
    if (!read_list(spec, bit(entity), conditions)) {
      if (use == Use::change) return unknown_condition(spec);
      return refuse(fmt::format(" Unknown condition: {}\n", spec.text));
    }
  }
  return conditions;
}

bool Conditions::selects() const {
  return names || accounts || users || partitions || clusters || parents || descriptions ||
         organizations || default_accounts || default_wckeys || default_qos || qos || ids ||
         preempt_modes || admin_level;
}

bool Conditions::selects_associations(Entity entity) const {
  const bool common = partitions || parents || default_qos || qos || ids || clusters;
  return common || (entity == Entity::user ? accounts.has_value() : users.has_value());
}

bool Conditions::matches_cluster(std::string_view cluster) const {
  return passes(clusters, cluster);
}

bool Conditions::matches(const model::Association& record) const {
  const auto any_qos = [&] {
    return !qos ||
           std::ranges::any_of(record.qos, [&](const Text& name) { return passes(qos, name); });
  };
  return passes(accounts, record.account) && passes(users, record.user) &&
         passes(partitions, record.partition) && passes(default_qos, record.default_qos) &&
         passes(ids, std::to_string(record.id)) && any_qos();
}

bool Conditions::matches(const model::Account& record) const {
  return passes(names, record.name) &&
         passes(descriptions, base::to_lower(record.description.view())) &&
         passes(organizations, base::to_lower(record.organization.view()));
}

bool Conditions::matches(const model::User& record, std::string_view default_account) const {
  return passes(names, record.name) && passes(default_accounts, default_account) &&
         passes(default_wckeys, record.default_wckey) &&
         (!admin_level || *admin_level == record.admin_level);
}

bool Conditions::matches(const model::Qos& record) const {
  return passes(names, record.name) && passes(ids, std::to_string(record.id)) &&
         passes(descriptions, base::to_lower(record.description.view())) &&
         passes(preempt_modes, report::preempt_mode_name(record.preempt_mode));
}

}  // namespace sluice::cli::accounting
