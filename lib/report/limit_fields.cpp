// See limit_fields.hpp.
#include "report/limit_fields.hpp"

#include "base/duration.hpp"

namespace sluice::report {

namespace {

using A = model::AssociationLimits;
using Q = model::QosLimits;
constexpr LimitKind kTres = LimitKind::tres;
constexpr LimitKind kCount = LimitKind::count;
constexpr LimitKind kMinutes = LimitKind::minutes;

constexpr AssociationLimit kAssociation[] = {
    {"GrpJobs", 4, "GrpJobs", "GrpJobs", kCount, nullptr, &A::grp_jobs},
    {"GrpJobsAccrue", 8, "GrpJobsAccrue", "GrpJobsAccrue", kCount, nullptr, &A::grp_jobs_accrue},
    {"GrpSubmitJobs", 4, "GrpSubmitJobs", "GrpSubmitJobs", kCount, nullptr, &A::grp_submit_jobs},
    {"GrpTRES", 7, "GrpTRES", "GrpTRES", kTres, &A::grp_tres},
    {"GrpTRESMins", 8, "GrpTRESMins", "GrpTRESMins", kTres, &A::grp_tres_mins},
    {"GrpTRESRunMins", 8, "GrpTRESRunMins", "GrpTRESRunMins", kTres, &A::grp_tres_run_mins},
    {"GrpWall", 4, "GrpWall", "GrpWall", kMinutes, nullptr, &A::grp_wall},
    {"MaxJobs", 4, "MaxJobs", "MaxJobs", kCount, nullptr, &A::max_jobs},
    {"MaxJobsAccrue", 8, "MaxJobsAccrue", "MaxJobsAccrue", kCount, nullptr, &A::max_jobs_accrue},
    {"MaxSubmitJobs", 4, "MaxSubmitJobs", "MaxSubmitJobs", kCount, nullptr, &A::max_submit_jobs},
    {"MaxTRESPerJob", 7, "MaxTRES", "MaxTRESPerJob", kTres, &A::max_tres_per_job},
    {"MaxTRESPerNode", 11, "MaxTRESPerNode", "MaxTRESPerNode", kTres, &A::max_tres_per_node},
    {"MaxTRESMinsPerJob", 8, "MaxTRESMins", "MaxTRESMinsPerJob", kTres, &A::max_tres_mins_per_job},
    {"MaxTRESRunMins", 8, "MaxTRESRUNMins", "MaxTRESRunMins", kTres, &A::max_tres_run_mins},
    {"MaxWallDurationPerJob", 4, "MaxWall", "MaxWallDurationPerJob", kMinutes, nullptr,
     &A::max_wall_per_job},
    {"MinPrioThreshold", 4, "MinPrioThresh", "MinPrioThreshold", kCount, nullptr,
     &A::min_prio_threshold},
    {"MaxWallPerJob", 8, "", "", kMinutes, nullptr, &A::max_wall_per_job},
    {"GrpCPUs", 6, "", "", kTres, &A::grp_tres, nullptr, model::kTresCpu},
    {"GrpCPUMins", 7, "", "", kTres, &A::grp_tres_mins, nullptr, model::kTresCpu},
    {"GrpCPURunMins", 7, "", "", kTres, &A::grp_tres_run_mins, nullptr, model::kTresCpu},
    {"GrpNodes", 4, "", "", kTres, &A::grp_tres, nullptr, model::kTresNode},
    {"GrpMemory", 4, "", "", kTres, &A::grp_tres, nullptr, model::kTresMemory},
    {"MaxCPUsPerJob", 7, "", "", kTres, &A::max_tres_per_job, nullptr, model::kTresCpu},
    {"MaxCPUMinsPerJob", 7, "", "", kTres, &A::max_tres_mins_per_job, nullptr, model::kTresCpu},
    {"MaxNodesPerJob", 4, "", "", kTres, &A::max_tres_per_job, nullptr, model::kTresNode},
};

constexpr QosLimit kQos[] = {
    {"GrpJobs", 4, "GrpJobs", "", kCount, nullptr, &Q::grp_jobs},
    {"GrpJobsAccrue", 8, "GrpJobsAccrue", "", kCount, nullptr, &Q::grp_jobs_accrue},
    {"GrpSubmitJobs", 4, "GrpSubmitJobs", "", kCount, nullptr, &Q::grp_submit_jobs},
    {"GrpTRES", 7, "GrpTRES", "", kTres, &Q::grp_tres},
    {"GrpTRESMins", 8, "GrpTRESMins", "", kTres, &Q::grp_tres_mins},
    {"GrpTRESRunMins", 8, "GrpTRESRunMins", "", kTres, &Q::grp_tres_run_mins},
    {"GrpWall", 4, "GrpWall", "", kMinutes, nullptr, &Q::grp_wall},
    {"MaxJobsAccruePerAccount", 16, "MaxJobsAccruePerAccount", "", kCount, nullptr,
     &Q::max_jobs_accrue_per_account},
    {"MaxJobsAccruePerUser", 16, "MaxJobsAccruePerUser", "", kCount, nullptr,
     &Q::max_jobs_accrue_per_user},
    {"MaxJobsPerAccount", 11, "MaxJobsPerAccount", "", kCount, nullptr, &Q::max_jobs_per_account},
    {"MaxJobsPerUser", 4, "MaxJobsPerUser", "", kCount, nullptr, &Q::max_jobs_per_user},
    {"MaxSubmitJobsPerAccount", 17, "MaxSubmitJobsPerAccount", "", kCount, nullptr,
     &Q::max_submit_jobs_per_account},
    {"MaxSubmitJobsPerUser", 4, "MaxSubmitJobsPerUser", "", kCount, nullptr,
     &Q::max_submit_jobs_per_user},
    {"MaxTRESPerAccount", 11, "MaxTRESPerAccount", "", kTres, &Q::max_tres_per_account},
    {"MaxTRESPerJob", 7, "MaxTRESPerJob", "", kTres, &Q::max_tres_per_job},
    {"MaxTRESPerNode", 11, "MaxTRESPerNode", "", kTres, &Q::max_tres_per_node},
    {"MaxTRESPerUser", 11, "MaxTRESPerUser", "", kTres, &Q::max_tres_per_user},
    {"MinPrioThreshold", 4, "MinPrioThresh", "", kCount, nullptr, &Q::min_prio_threshold},
    {"MinTRESPerJob", 7, "MinTRESPerJob", "", kTres, &Q::min_tres_per_job},
    {"MaxTRESMinsPerJob", 8, "MaxTRESMins", "", kTres, &Q::max_tres_mins_per_job},
    {"MaxTRESRunMinsPerAccount", 18, "MaxTRESRUNMinsPerAccount", "", kTres,
     &Q::max_tres_run_mins_per_account},
    {"MaxTRESRunMinsPerUser", 8, "MaxTRESRUNMinsPerUser", "", kTres,
     &Q::max_tres_run_mins_per_user},
    {"MaxWallDurationPerJob", 4, "MaxWall", "", kMinutes, nullptr, &Q::max_wall_per_job},
    {"MaxWallPerJob", 8, "", "", kMinutes, nullptr, &Q::max_wall_per_job},
    {"MaxJobsPA", 9, "", "", kCount, nullptr, &Q::max_jobs_per_account},
    {"MaxJobsPU", 9, "", "", kCount, nullptr, &Q::max_jobs_per_user},
    {"MaxSubmitJobsPA", 15, "", "", kCount, nullptr, &Q::max_submit_jobs_per_account},
    {"MaxSubmitJobsPU", 15, "", "", kCount, nullptr, &Q::max_submit_jobs_per_user},
    {"MaxSubmitPA", 11, "", "", kCount, nullptr, &Q::max_submit_jobs_per_account},
    {"MaxSubmitPU", 11, "", "", kCount, nullptr, &Q::max_submit_jobs_per_user},
    {"MaxJobsAccruePA", 15, "", "", kCount, nullptr, &Q::max_jobs_accrue_per_account},
    {"MaxJobsAccruePU", 15, "", "", kCount, nullptr, &Q::max_jobs_accrue_per_user},
    {"MaxTRESPA", 9, "", "", kTres, &Q::max_tres_per_account},
    {"MaxTRESPU", 9, "", "", kTres, &Q::max_tres_per_user},
    {"MaxTRESRunMinsPA", 16, "", "", kTres, &Q::max_tres_run_mins_per_account},
    {"MaxTRESRunMinsPU", 16, "", "", kTres, &Q::max_tres_run_mins_per_user},
    {"GrpCPUs", 6, "", "", kTres, &Q::grp_tres, nullptr, model::kTresCpu},
    {"GrpCPUMins", 7, "", "", kTres, &Q::grp_tres_mins, nullptr, model::kTresCpu},
    {"GrpCPURunMins", 7, "", "", kTres, &Q::grp_tres_run_mins, nullptr, model::kTresCpu},
    {"GrpNodes", 4, "", "", kTres, &Q::grp_tres, nullptr, model::kTresNode},
    {"GrpMemory", 4, "", "", kTres, &Q::grp_tres, nullptr, model::kTresMemory},
    {"MaxCPUsPerUser", 11, "", "", kTres, &Q::max_tres_per_user, nullptr, model::kTresCpu},
    {"MaxCPUsPerJob", 7, "", "", kTres, &Q::max_tres_per_job, nullptr, model::kTresCpu},
    {"MaxCPUMinsPerJob", 7, "", "", kTres, &Q::max_tres_mins_per_job, nullptr, model::kTresCpu},
    {"MaxNodesPerUser", 12, "", "", kTres, &Q::max_tres_per_user, nullptr, model::kTresNode},
    {"MaxNodesPerJob", 4, "", "", kTres, &Q::max_tres_per_job, nullptr, model::kTresNode},
    {"MinCPUs", 7, "", "", kTres, &Q::min_tres_per_job, nullptr, model::kTresCpu},
};

}  // namespace

std::span<const AssociationLimit> association_limits() { return kAssociation; }
std::span<const QosLimit> qos_limits() { return kQos; }

std::string limit_number(std::uint32_t value) {
  return value == model::kNoLimit ? std::string() : std::to_string(value);
}

std::string limit_minutes(std::uint32_t minutes) {
  if (minutes == model::kNoLimit) return {};
  return base::format_duration(std::int64_t{minutes} * 60);
}

}  // namespace sluice::report
