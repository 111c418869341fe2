// sacctmgr's columns for QOS and TRES. See account_fields.hpp.
#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/strings.hpp"
#include "report/account_fields.hpp"
#include "report/limit_fields.hpp"

namespace sluice::report {

const std::string_view kQosColumns =
    "name,priority,gracetime,preempt,preemptexempttime,preemptmode,flags%40,usagethreshold,"
    "usagefactor,grptres,grptresmins,grptresrunmins,grpjobs,grpsubmit,grpwall,maxtres,"
    "maxtrespernode,maxtresmins,maxwall,maxtrespu,maxjobspu,maxsubmitjobspu,maxtrespa,maxjobspa,"
    "maxsubmitjobspa,mintres";
const std::string_view kTresColumns = "type,name%15,id";

namespace {

using Row = QosRow;
using Out = std::string;
using L = model::QosLimits;

struct FlagName {
  std::string_view name;
  std::uint32_t flag;
};
constexpr FlagName kFlags[] = {
    {"DenyOnLimit", model::kQosDenyOnLimit},
    {"EnforceUsageThreshold", model::kQosEnforceUsageThreshold},
    {"NoReserve", model::kQosNoReserve},
    {"PartitionMaxNodes", model::kQosPartitionMaxNodes},
    {"PartitionMinNodes", model::kQosPartitionMinNodes},
    {"OverPartQOS", model::kQosOverPartQos},
    {"PartitionTimeLimit", model::kQosPartitionTimeLimit},
    {"RequiresReservation", model::kQosRequiresReservation},
    {"NoDecay", model::kQosNoDecay},
    {"UsageFactorSafe", model::kQosUsageFactorSafe},
};

template <std::uint32_t L::*member>
void count_limit(const Row& row, Out& out) {
  out += limit_number(row.qos->limits.*member);
}
template <std::uint32_t L::*member>
void wall_limit(const Row& row, Out& out) {
  out += limit_minutes(row.qos->limits.*member);
}
template <model::TresCounts L::*member>
void tres_limit(const Row& row, Out& out) {
  out += model::tres_text(row.all->tres, row.qos->limits.*member);
}

void name(const Row& row, Out& out) { out += row.qos->name; }
void description(const Row& row, Out& out) { out += row.qos->description; }
void id(const Row& row, Out& out) { out += std::to_string(row.qos->id); }
void priority(const Row& row, Out& out) { out += std::to_string(row.qos->priority); }
void grace_time(const Row& row, Out& out) { out += base::format_duration(row.qos->grace_time); }
void preempt(const Row& row, Out& out) { out += join_texts(row.qos->preempt); }
void preempt_mode(const Row& row, Out& out) { out += preempt_mode_name(row.qos->preempt_mode); }
void exempt_time(const Row& row, Out& out) {
  if (row.qos->exempt_time != model::kNoLimit) out += base::format_duration(row.qos->exempt_time);
}
void flags(const Row& row, Out& out) { out += qos_flags_text(row.qos->flags); }
void usage_factor(const Row& row, Out& out) { out += millionths_text(row.qos->usage_factor); }
void usage_threshold(const Row& row, Out& out) {
  if (row.qos->usage_threshold >= 0) out += millionths_text(row.qos->usage_threshold);
}
void limit_factor(const Row& row, Out& out) {
  if (row.qos->limit_factor >= 0) out += millionths_text(row.qos->limit_factor);
}

constexpr ListField<Row> kFields[] = {
    {"Name", 2, "Name", 10, name},
    {"QOSLevel", 3, "Name", 10, name},
    {"Description", 3, "Descr", 20, description},
    {"Flags", 2, "Flags", 20, flags},
    {"GraceTime", 3, "GraceTime", 10, grace_time},
    {"GrpJobs", 4, "GrpJobs", 7, count_limit<&L::grp_jobs>},
    {"GrpJobsAccrue", 8, "GrpJobsAccrue", 13, count_limit<&L::grp_jobs_accrue>},
    {"GrpSubmitJobs", 4, "GrpSubmit", 9, count_limit<&L::grp_submit_jobs>},
    {"GrpTRES", 7, "GrpTRES", 13, tres_limit<&L::grp_tres>},
    {"GrpTRESMins", 8, "GrpTRESMins", 13, tres_limit<&L::grp_tres_mins>},
    {"GrpTRESRunMins", 8, "GrpTRESRunMins", 13, tres_limit<&L::grp_tres_run_mins>},
    {"GrpWall", 4, "GrpWall", 11, wall_limit<&L::grp_wall>},
    {"ID", 2, "ID", 6, id},
    {"LimitFactor", 6, "LimitFactor", 11, limit_factor},
    {"MaxJobsAccruePA", 15, "MaxJobsAccruePA", 15, count_limit<&L::max_jobs_accrue_per_account>},
    {"MaxJobsAccruePerAccount", 17, "MaxJobsAccruePA", 15,
     count_limit<&L::max_jobs_accrue_per_account>},
    {"MaxJobsAccruePU", 15, "MaxJobsAccruePU", 15, count_limit<&L::max_jobs_accrue_per_user>},
    {"MaxJobsAccruePerUser", 17, "MaxJobsAccruePU", 15, count_limit<&L::max_jobs_accrue_per_user>},
    {"MaxJobsPA", 9, "MaxJobsPA", 9, count_limit<&L::max_jobs_per_account>},
    {"MaxJobsPerAccount", 11, "MaxJobsPA", 9, count_limit<&L::max_jobs_per_account>},
    {"MaxJobsPU", 4, "MaxJobsPU", 9, count_limit<&L::max_jobs_per_user>},
    {"MaxJobsPerUser", 11, "MaxJobsPU", 9, count_limit<&L::max_jobs_per_user>},
    {"MaxSubmitJobsPA", 15, "MaxSubmitPA", 11, count_limit<&L::max_submit_jobs_per_account>},
    {"MaxSubmitPA", 11, "MaxSubmitPA", 11, count_limit<&L::max_submit_jobs_per_account>},
    {"MaxSubmitJobsPerAccount", 17, "MaxSubmitPA", 11,
     count_limit<&L::max_submit_jobs_per_account>},
    {"MaxSubmitJobsPU", 4, "MaxSubmitPU", 11, count_limit<&L::max_submit_jobs_per_user>},
    {"MaxSubmitPU", 11, "MaxSubmitPU", 11, count_limit<&L::max_submit_jobs_per_user>},
    {"MaxSubmitJobsPerUser", 14, "MaxSubmitPU", 11, count_limit<&L::max_submit_jobs_per_user>},
    {"MaxTRES", 7, "MaxTRES", 13, tres_limit<&L::max_tres_per_job>},
    {"MaxTRESPerJob", 11, "MaxTRES", 13, tres_limit<&L::max_tres_per_job>},
    {"MaxTRESMinsPerJob", 8, "MaxTRESMins", 13, tres_limit<&L::max_tres_mins_per_job>},
    {"MaxTRESPA", 9, "MaxTRESPA", 13, tres_limit<&L::max_tres_per_account>},
    {"MaxTRESPerAccount", 11, "MaxTRESPA", 13, tres_limit<&L::max_tres_per_account>},
    {"MaxTRESPerNode", 11, "MaxTRESPerNode", 14, tres_limit<&L::max_tres_per_node>},
    {"MaxTRESPU", 9, "MaxTRESPU", 13, tres_limit<&L::max_tres_per_user>},
    {"MaxTRESPerUser", 11, "MaxTRESPU", 13, tres_limit<&L::max_tres_per_user>},
    {"MaxTRESRunMinsPA", 16, "MaxTRESRunMinsPA", 15, tres_limit<&L::max_tres_run_mins_per_account>},
    {"MaxTRESRunMinsPerAccount", 18, "MaxTRESRunMinsPA", 15,
     tres_limit<&L::max_tres_run_mins_per_account>},
    {"MaxTRESRunMinsPU", 8, "MaxTRESRunMinsPU", 15, tres_limit<&L::max_tres_run_mins_per_user>},
    {"MaxTRESRunMinsPerUser", 18, "MaxTRESRunMinsPU", 15,
     tres_limit<&L::max_tres_run_mins_per_user>},
    {"MaxWallDurationPerJob", 4, "MaxWall", 11, wall_limit<&L::max_wall_per_job>},
    {"MinPrioThreshold", 4, "MinPrioThres", 12, count_limit<&L::min_prio_threshold>},
    {"MinTRESPerJob", 7, "MinTRES", 13, tres_limit<&L::min_tres_per_job>},
    {"Preempt", 7, "Preempt", 10, preempt},
    {"PreemptMode", 8, "PreemptMode", 11, preempt_mode},
    {"PreemptExemptTime", 8, "PreemptExemptTime", 19, exempt_time},
    {"Priority", 3, "Priority", 10, priority},
    {"UsageFactor", 6, "UsageFactor", 11, usage_factor},
    {"UsageThreshold", 6, "UsageThres", 10, usage_threshold},
};

using Kind = model::TresKind;
constexpr ListField<Kind> kTresFields[] = {
    {"ID", 1, "ID", 6, [](const Kind& kind, Out& out) { out += std::to_string(kind.id); }},
    {"Name", 1, "Name", 10, [](const Kind& kind, Out& out) { out += kind.name; }},
    {"Type", 1, "Type", 8, [](const Kind& kind, Out& out) { out += kind.type; }},
};

}  // namespace

std::span<const ListField<QosRow>> qos_fields() { return kFields; }
std::span<const ListField<model::TresKind>> tres_fields() { return kTresFields; }

std::string qos_flags_text(std::uint32_t flags) {
  std::string out;
  for (const FlagName& entry : kFlags) {
    if ((flags & entry.flag) == 0) continue;
    if (!out.empty()) out += ',';
    out += entry.name;
  }
  return out;
}

std::string_view all_qos_flags() {
  static const std::string all = qos_flags_text(~0U);
  return all;
}

std::uint32_t find_qos_flag(std::string_view name) {
  std::uint32_t found = 0;
  for (const FlagName& entry : kFlags) {
    if (base::iequals(name, entry.name)) return entry.flag;
    if (!base::abbreviates(name, entry.name, 3)) continue;
    if (found != 0) return 0;
    found = entry.flag;
  }
  return found;
}

std::string_view preempt_mode_name(model::PreemptMode mode) {
  switch (mode) {
    case model::PreemptMode::off: return "OFF";
    case model::PreemptMode::cancel: return "cancel";
    case model::PreemptMode::requeue: return "requeue";
    case model::PreemptMode::suspend: return "suspend";
    case model::PreemptMode::cluster_default: return "cluster";
    case model::PreemptMode::within: return "within";
  }
  return "cluster";
}

std::string partition_preempt_mode(model::PreemptMode mode) {
  if (mode == model::PreemptMode::cluster_default) return "OFF";
  if (mode == model::PreemptMode::suspend) return "GANG,SUSPEND";
  return base::to_upper(preempt_mode_name(mode));
}

std::string millionths_text(std::int64_t value, std::uint32_t digits) {
  constexpr std::int64_t kOne = 1'000'000;
  const bool negative = value < 0;
  std::int64_t unit = 1;
  for (std::uint32_t i = digits; i < 6; ++i) unit *= 10;
  const std::int64_t rounded = ((negative ? -value : value) + unit / 2) / unit;
  const std::int64_t whole = kOne / unit;
  return fmt::format("{}{}.{:0{}}", negative ? "-" : "", rounded / whole, rounded % whole, digits);
}

}  // namespace sluice::report
