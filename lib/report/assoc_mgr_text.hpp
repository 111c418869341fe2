// `scontrol show assoc_mgr`: users, associations and QOS as the controller holds them, each limit
// beside what is in use of it: "GrpJobs=10(3)", "N" where there is no limit. Lines and keys are
// Slurm's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/accounts.hpp"
#include "model/usage_record.hpp"
#include "report/scontrol_text.hpp"

namespace sluice::report {

// What the jobs of an account or of a user have under one QOS.
struct QosUse {
  std::uint32_t jobs = 0;
  std::uint32_t accruing = 0;
  std::uint32_t submitted = 0;
  model::TresCounts tres;  // of those that run
};
struct QosUses {
  std::map<std::string, QosUse> by_account;
  std::map<std::uint32_t, QosUse> by_uid;
};

struct AssocMgr {
  std::string cluster;
  model::Accounts accounts;
  std::vector<model::UsageRecord> usage;
  std::map<std::string, std::uint32_t, std::less<>> uids;  // of users that the system knows
  std::map<std::string, QosUses, std::less<>> qos_uses;    // by QOS
};

// Empty lists: everything of the kind.
struct AssocMgrFilter {
  bool show_users = true;
  bool show_associations = true;
  bool show_qos = true;
  std::vector<std::string> users;  // accounts' own associations are shown in any case
  std::vector<std::string> accounts;
  std::vector<std::string> qos;
};

[[nodiscard]] std::string assoc_mgr_text(const AssocMgr& state, const AssocMgrFilter& filter,
                                         const ShowStyle& style);

}  // namespace sluice::report
