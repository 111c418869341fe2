// sacctmgr's columns for accounts, users, associations, clusters, wckeys and problems: one table,
// since any of these lists may show any of them; and those for QOS and TRES.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/accounts.hpp"
#include "report/account_views.hpp"
#include "report/list_table.hpp"

namespace sluice::report {

struct ClusterFacts {
  std::string name;
  std::string host;
  std::uint32_t nodes = 0;
};

// What is null or empty leaves its columns empty.
struct AccountingRow {
  const model::Accounts* all = nullptr;
  const ClusterFacts* cluster = nullptr;
  const model::Account* account = nullptr;
  const model::User* user = nullptr;
  const AssociationView* view = nullptr;
  std::string coordinators;     // users of an account, accounts of a user
  std::string default_account;  // of a user
  std::string wckey;
  std::string problem;
  bool tree = false;         // accounts are indented by their depth
  bool hide_parent = false;  // WOPInfo
  bool raw_qos = false;
};
[[nodiscard]] std::span<const ListField<AccountingRow>> accounting_fields();
// As `list wckey` has them: the key is the name.
[[nodiscard]] std::span<const ListField<AccountingRow>> wckey_fields();

extern const std::string_view kAssociationColumns;
extern const std::string_view kAssociationShort;  // WOLimits
extern const std::string_view kAccountColumns;
extern const std::string_view kUserColumns;
extern const std::string_view kCoordinatorColumn;
extern const std::string_view kAccountAssociations;  // what WithAssoc adds
extern const std::string_view kUserAssociations;
extern const std::string_view kClusterColumns;
extern const std::string_view kClusterShort;
extern const std::string_view kProblemColumns;
extern const std::string_view kWckeyColumns;

struct QosRow {
  const model::Accounts* all = nullptr;
  const model::Qos* qos = nullptr;
};
[[nodiscard]] std::span<const ListField<QosRow>> qos_fields();
extern const std::string_view kQosColumns;

[[nodiscard]] std::span<const ListField<model::TresKind>> tres_fields();
extern const std::string_view kTresColumns;

// "a,b"
[[nodiscard]] std::string join_texts(std::span<const Text> texts);
[[nodiscard]] std::string_view admin_level_name(model::AdminLevel level);
[[nodiscard]] std::string qos_flags_text(std::uint32_t flags);
// The flags by name, all of them: "DenyOnLimit,…".
[[nodiscard]] std::string_view all_qos_flags();
// 0: no such flag. Any abbreviation of at least four letters.
[[nodiscard]] std::uint32_t find_qos_flag(std::string_view name);
[[nodiscard]] std::string_view preempt_mode_name(model::PreemptMode mode);
[[nodiscard]] std::string partition_preempt_mode(model::PreemptMode mode);  // "GANG,SUSPEND"
// Millionths as "2.500000"; `digits` after the point.
[[nodiscard]] std::string millionths_text(std::int64_t value, std::uint32_t digits = 6);

}  // namespace sluice::report
