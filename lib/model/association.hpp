// Accounts, users and associations: who may use the cluster, on whose share and within which
// limits. Words and rules are Slurm's. One cluster per database: the cluster's own name stands in
// Settings.
//
// An association without a user is the account itself; its place in the tree is its account's. A
// user's association hangs below its account's. Limits that are not set (kNoLimit, or absent in a
// list) are looked for further up (Max*), or don't exist (Grp*, which hold at the place where they
// stand).
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/tres.hpp"
#include "model/types.hpp"

namespace sluice::model {

inline constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint32_t kShareOfParent = kNoLimit;  // Fairshare=parent

// The limits that stand on an association. Wall times in minutes.
struct AssociationLimits {
  TresCounts grp_tres;
  TresCounts grp_tres_mins;
  TresCounts grp_tres_run_mins;
  std::uint32_t grp_jobs = kNoLimit;
  std::uint32_t grp_jobs_accrue = kNoLimit;
  std::uint32_t grp_submit_jobs = kNoLimit;
  std::uint32_t grp_wall = kNoLimit;
  TresCounts max_tres_per_job;
  TresCounts max_tres_per_node;
  TresCounts max_tres_mins_per_job;
  TresCounts max_tres_run_mins;  // of the user (MaxTRESRunMins)
  std::uint32_t max_jobs = kNoLimit;
  std::uint32_t max_jobs_accrue = kNoLimit;
  std::uint32_t max_submit_jobs = kNoLimit;
  std::uint32_t max_wall_per_job = kNoLimit;
  std::uint32_t min_prio_threshold = kNoLimit;

  bool operator==(const AssociationLimits&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "grp_tres", self.grp_tres);
    visit(2, "grp_tres_mins", self.grp_tres_mins);
    visit(3, "grp_tres_run_mins", self.grp_tres_run_mins);
    visit(4, "grp_jobs", self.grp_jobs);
    visit(5, "grp_jobs_accrue", self.grp_jobs_accrue);
    visit(6, "grp_submit_jobs", self.grp_submit_jobs);
    visit(7, "grp_wall", self.grp_wall);
    visit(8, "max_tres_per_job", self.max_tres_per_job);
    visit(9, "max_tres_per_node", self.max_tres_per_node);
    visit(10, "max_tres_mins_per_job", self.max_tres_mins_per_job);
    visit(11, "max_tres_run_mins", self.max_tres_run_mins);
    visit(12, "max_jobs", self.max_jobs);
    visit(13, "max_jobs_accrue", self.max_jobs_accrue);
    visit(14, "max_submit_jobs", self.max_submit_jobs);
    visit(15, "max_wall_per_job", self.max_wall_per_job);
    visit(16, "min_prio_threshold", self.min_prio_threshold);
  }
};

struct Association {
  std::uint32_t id = 0;      // never used again; 1 is the root account's
  std::uint32_t parent = 0;  // the association of the account above; 0: root's
  Text account;
  Text user;                 // empty: the account itself
  Text partition;            // empty: any
  std::uint32_t shares = 1;  // raw; kShareOfParent
  AssociationLimits limits;
  Text default_qos;                   // empty: as further up
  std::vector<Text> qos;              // allowed; see qos_own
  bool qos_own = false;               // false: `qos` is empty and the list is the one further up
  std::uint32_t priority = kNoLimit;  // PRIORITY's association factor; kNoLimit: as further up
  bool is_default = false;            // the user's default account
  Text comment;
  WallTime created = 0;
  WallTime modified = 0;

  bool operator==(const Association&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "parent", self.parent);
    visit(3, "account", self.account);
    visit(4, "user", self.user);
    visit(5, "partition", self.partition);
    visit(6, "shares", self.shares);
    visit(7, "limits", self.limits);
    visit(8, "default_qos", self.default_qos);
    visit(9, "qos", self.qos);
    visit(10, "qos_own", self.qos_own);
    visit(11, "priority", self.priority);
    visit(12, "is_default", self.is_default);
    visit(13, "comment", self.comment);
    visit(14, "created", self.created);
    visit(15, "modified", self.modified);
  }
};

struct Account {
  Text name;
  Text description;
  Text organization;
  std::vector<Text> coordinators;  // user names; they coordinate the accounts below as well
  Text comment;

  bool operator==(const Account&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "description", self.description);
    visit(3, "organization", self.organization);
    visit(4, "coordinators", self.coordinators);
    visit(5, "comment", self.comment);
  }
};

// AdminLevel of sacctmgr.
enum class AdminLevel : std::uint8_t { none = 0, operator_ = 1, administrator = 2 };

struct User {
  Text name;
  AdminLevel admin_level = AdminLevel::none;
  Text default_wckey;
  std::vector<Text> wckeys;
  Text comment;

  bool operator==(const User&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "admin_level", self.admin_level);
    visit(3, "default_wckey", self.default_wckey);
    visit(4, "wckeys", self.wckeys);
    visit(5, "comment", self.comment);
  }
};

}  // namespace sluice::model
