// The reports of sreport, made from an answer: pure, so that tests can do without a cluster.
#pragma once

#include <cstdint>
#include <string_view>

#include "cli/sreport/answer.hpp"
#include "cli/sreport/conditions.hpp"
#include "cli/sreport/table.hpp"

namespace sluice::cli::reporting {

enum class ReportKind : std::uint8_t {
  account_utilization_by_user,
  user_utilization_by_account,
  user_utilization_by_wckey,
  wckey_utilization_by_user,
  cluster_utilization,
  sizes_by_account,
  sizes_by_account_and_wckey,
  sizes_by_wckey,
  reservation_utilization,
  top_usage,
};

// Conditions that the report knows: bits of ConditionKind.
[[nodiscard]] std::uint32_t conditions_of(ReportKind kind);
// What it is made from: bits of wire::UsePart.
[[nodiscard]] std::uint32_t parts_of(ReportKind kind);

struct ReportInput {
  const Answer& answer;
  const Conditions& conditions;
  const Style& style;
};
void cluster_utilization(const ReportInput& in, Printed& printed);
void account_utilization(const ReportInput& in, Printed& printed);
// By account, or by wckey: users in the order of what they used, or of their keys.
void user_utilization(ReportKind kind, const ReportInput& in, Printed& printed);
void top_usage(const ReportInput& in, Printed& printed);
void job_sizes(ReportKind kind, const ReportInput& in, Printed& printed);
void reservation_utilization(const ReportInput& in, Printed& printed);

// Shared by them.
[[nodiscard]] std::string period_text(const Conditions& conditions);       // "A - B"
[[nodiscard]] std::string long_period_text(const Conditions& conditions);  // "A - B (N secs)"
[[nodiscard]] bool names_cluster(const ReportInput& in);
[[nodiscard]] std::int64_t reported(const Answer& answer, model::TresId tres);
[[nodiscard]] bool listed(const std::vector<std::string>& wanted, std::string_view name);
[[nodiscard]] std::string proper_name(std::string_view login);

}  // namespace sluice::cli::reporting
