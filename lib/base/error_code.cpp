// The texts of the error codes: where Slurm has a text for the outcome, that, letter by letter.
#include "base/error_code.hpp"

#include <array>
#include <cstddef>

namespace sluice::base {
namespace {

struct Entry {
  ErrorCode code;
  std::string_view text;
};

constexpr auto kTexts = std::to_array<Entry>({
    {ErrorCode::ok, "No error"},
    {ErrorCode::failure, "Unspecified error"},
    {ErrorCode::invalid_argument, "Invalid argument"},
    {ErrorCode::not_found, "Nothing found with query"},
    {ErrorCode::io, "Input/output error"},
    {ErrorCode::protocol, "Unexpected message received"},
    {ErrorCode::unavailable, "Unable to contact slurm controller (connect failure)"},
    {ErrorCode::busy, "Resource temporarily unavailable"},
    {ErrorCode::storage, "The cluster's state can not be saved, nothing was changed"},
    {ErrorCode::internal, "Slurm internal error, contact system administrator"},
    {ErrorCode::access_denied, "Access/permission denied"},
    {ErrorCode::invalid_job_id, "Invalid job id specified"},
    {ErrorCode::invalid_partition, "Invalid partition name specified"},
    {ErrorCode::invalid_node_name, "Invalid node name specified"},
    {ErrorCode::invalid_feature, "Invalid feature specification"},
    {ErrorCode::invalid_time_limit,
     "Requested time limit is invalid (missing or exceeds some limit)"},
    {ErrorCode::invalid_qos, "Invalid qos specification"},
    {ErrorCode::invalid_account, "Invalid account or account/partition combination specified"},
    {ErrorCode::invalid_dependency, "Job dependency problem"},
    {ErrorCode::invalid_array, "Invalid job array specification"},
    {ErrorCode::invalid_reservation, "Requested reservation is invalid"},
    {ErrorCode::invalid_licenses, "Invalid license specification"},
    {ErrorCode::invalid_gres, "Invalid generic resource (gres) specification"},
    {ErrorCode::invalid_time, "Invalid time specified"},
    {ErrorCode::already_done, "Job/step already completing or completed"},
    {ErrorCode::job_pending, "Job is pending execution"},
    {ErrorCode::job_not_pending, "Job is no longer pending execution"},
    {ErrorCode::job_suspended, "Job is current suspended, requested operation disabled"},
    {ErrorCode::job_held, "Job is in held state, pending scheduler release"},
    {ErrorCode::transition_not_allowed, "Job can not be altered now, try again later"},
    {ErrorCode::node_config_unavailable, "Requested node configuration is not available"},
    {ErrorCode::nodes_busy, "Requested nodes are busy"},
    {ErrorCode::too_many_nodes, "Node count specification invalid"},
    {ErrorCode::node_count, "Node count specification invalid"},
    {ErrorCode::cpu_count, "CPU count specification invalid"},
    {ErrorCode::memory_too_large, "Memory required by task is not available"},
    {ErrorCode::partition_down, "Required partition not available (inactive or drain)"},
    {ErrorCode::partition_limits, "Requested partition configuration not available now"},
    {ErrorCode::partition_access, "User's group not permitted to use this partition"},
    {ErrorCode::script_missing, "Batch script is empty!"},
    {ErrorCode::script_too_large, "Batch script is too large"},
    {ErrorCode::environment_too_large, "Job environment is too large"},
    {ErrorCode::pathname_too_long, "Pathname of a file, directory or other parameter too long"},
    {ErrorCode::job_not_running, "Job is not running"},
    {ErrorCode::step_not_found, "Job step not running"},
    {ErrorCode::already_exists, "File exists"},
    {ErrorCode::unsupported, "Requested operation not supported on this system"},
    {ErrorCode::max_jobs,
     "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"},
    {ErrorCode::stale_epoch, "The order comes from a controller that has been replaced"},
    {ErrorCode::no_change, "Data has not changed since time specified"},
    {ErrorCode::launch_failed, "Task launch failed"},
    {ErrorCode::node_down, "Required node not available (down, drained or reserved)"},
    {ErrorCode::not_on_this_host, "The user has no job on the host that sent the request"},
    {ErrorCode::job_not_requeueable, "Requested operation is presently disabled"},
    {ErrorCode::interrupted, "Interrupted system call"},
    {ErrorCode::default_partition_missing, "No partition specified or system default partition"},
    {ErrorCode::core_specialization, "Invalid core specialization"},
    {ErrorCode::het_component,
     "Operation not permitted on individual component of heterogeneous job"},
    {ErrorCode::het_not_leader, "Job not heterogeneous job leader"},
    {ErrorCode::invalid_preference, "Invalid preferred feature specification"},
});

}  // namespace

std::string_view error_text(ErrorCode code) {
  for (const Entry& entry : kTexts) {
    if (entry.code == code) return entry.text;
  }
  return "Unspecified error";  // a number from a newer peer
}

}  // namespace sluice::base
