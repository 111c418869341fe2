// Which records a command means: "name=a,b account=c cluster=d", read for all entities alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sacctmgr/plan.hpp"
#include "cli/sacctmgr/words.hpp"
#include "model/accounts.hpp"

namespace sluice::cli::accounting {

enum class Entity : std::uint8_t { account, user, association, qos, cluster };

// A list that isn't there matches all.
using NameFilter = std::optional<std::vector<std::string>>;

struct Conditions {
  NameFilter names;  // of the entity
  NameFilter accounts;
  NameFilter users;  // "" means associations without a user
  NameFilter partitions;
  NameFilter clusters;
  NameFilter parents;
  NameFilter descriptions;
  NameFilter organizations;
  NameFilter default_accounts;
  NameFilter default_wckeys;
  NameFilter default_qos;
  NameFilter qos;
  NameFilter ids;
  NameFilter preempt_modes;
  std::optional<model::AdminLevel> admin_level;

  // Of lists
  std::string format;
  bool format_given = false;
  bool with_associations = false;
  bool with_coordinators = false;
  bool with_deleted = false;
  bool with_subaccounts = false;
  bool only_defaults = false;
  bool tree = false;
  bool without_limits = false;         // WOLimits
  bool without_parent = false;         // WOPInfo
  bool without_parent_limits = false;  // WOPLimits
  bool with_federation = false;

  [[nodiscard]] bool selects() const;  // some filter is there
  // Filters that look at associations of an account or a user.
  [[nodiscard]] bool selects_associations(Entity entity) const;
  [[nodiscard]] bool matches_cluster(std::string_view cluster) const;
  [[nodiscard]] bool matches(const model::Association& record) const;
  [[nodiscard]] bool matches(const model::Account& record) const;
  [[nodiscard]] bool matches(const model::User& record, std::string_view default_account) const;
  [[nodiscard]] bool matches(const model::Qos& record) const;
};

[[nodiscard]] bool passes(const NameFilter& filter, std::string_view value);

// Options of lists (tree, withassoc, format=) are refused unless `listing`.
enum class Use : std::uint8_t { change, listing };
[[nodiscard]] Planned<Conditions> read_conditions(const std::vector<Spec>& specs, Entity entity,
                                                  Use use);

[[nodiscard]] std::optional<model::AdminLevel> parse_admin_level(std::string_view text);

}  // namespace sluice::cli::accounting
