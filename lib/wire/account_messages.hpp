// Accounts, QOS, priorities and shares between commands and the controller.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/accounts.hpp"
#include "model/usage_record.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

// Everything that the caller may see: administrators, operators and (without PrivateData) all users
// see all.
struct QueryAccounts {
  static constexpr MessageType kType = MessageType::query_accounts;
  bool usage = false;  // also what has been used
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "usage", self.usage);
  }
};

// In several frames where it is large; lists are continued.
struct AccountsReply {
  static constexpr MessageType kType = MessageType::accounts_reply;
  Text cluster;
  model::Accounts accounts;
  std::vector<model::UsageRecord> usage;
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "cluster", self.cluster);
    visit(2, "accounts", self.accounts);
    visit(3, "usage", self.usage);
    visit(4, "last", self.last);
  }
};

// All or nothing. done_reply, or an error_reply whose text is one line for each thing wrong.
struct EditAccounts {
  static constexpr MessageType kType = MessageType::edit_accounts;
  Uid128 request_id;
  model::AccountsEdit edit;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "edit", self.edit);
  }
};

// sprio: the factors of pending jobs' priorities.
struct QueryPriorities {
  static constexpr MessageType kType = MessageType::query_priorities;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

// Weighted parts are in priority points; factors in billionths of 1.
struct PriorityRow {
  JobId job;
  Text partition;
  std::uint32_t priority = 0;
  std::uint32_t age = 0;
  std::uint32_t association = 0;
  std::uint32_t fairshare = 0;
  std::uint32_t job_size = 0;
  std::uint32_t partition_factor = 0;
  std::uint32_t qos = 0;
  std::uint32_t age_part = 0;
  std::uint32_t association_part = 0;
  std::uint32_t fairshare_part = 0;
  std::uint32_t job_size_part = 0;
  std::uint32_t partition_part = 0;
  std::uint32_t qos_part = 0;
  std::vector<model::TresCount> tres_parts;
  std::vector<model::TresCount> tres_factors;
  std::int64_t nice = 0;
  std::int64_t site = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "partition", self.partition);
    visit(3, "priority", self.priority);
    visit(4, "age", self.age);
    visit(5, "association", self.association);
    visit(6, "fairshare", self.fairshare);
    visit(7, "job_size", self.job_size);
    visit(8, "partition_factor", self.partition_factor);
    visit(9, "qos", self.qos);
    visit(10, "age_part", self.age_part);
    visit(11, "association_part", self.association_part);
    visit(12, "fairshare_part", self.fairshare_part);
    visit(13, "job_size_part", self.job_size_part);
    visit(14, "partition_part", self.partition_part);
    visit(15, "qos_part", self.qos_part);
    visit(16, "tres_parts", self.tres_parts);
    visit(17, "tres_factors", self.tres_factors);
    visit(18, "nice", self.nice);
    visit(19, "site", self.site);
  }
};

struct PrioritiesReply {
  static constexpr MessageType kType = MessageType::priorities_reply;
  std::vector<PriorityRow> rows;
  std::vector<Text> jobs_user;     // parallel to rows
  std::vector<Text> jobs_account;  // parallel to rows
  std::vector<Text> jobs_qos;      // parallel to rows
  model::TresTable tres;
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "rows", self.rows);
    visit(2, "jobs_user", self.jobs_user);
    visit(3, "jobs_account", self.jobs_account);
    visit(4, "jobs_qos", self.jobs_qos);
    visit(5, "tres", self.tres);
    visit(6, "last", self.last);
  }
};

}  // namespace sluice::wire
