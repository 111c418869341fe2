// The outcomes that a peer or a script can tell apart. The numbers travel and are stored, so they
// never change; the texts are what Slurm's commands print, because scripts match them.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::base {

enum class ErrorCode : std::uint16_t {
  ok = 0,
  failure = 1,  // anything that needs no code of its own
  invalid_argument = 2,
  not_found = 3,
  io = 4,
  protocol = 5,     // a peer broke the rules; its connection is closed
  unavailable = 6,  // the controller or an agent can't be reached; may be retried
  busy = 7,
  storage = 8,  // the store can't commit; nothing was changed
  internal = 9,
  access_denied = 20,
  invalid_job_id = 21,
  invalid_partition = 22,
  invalid_node_name = 23,
  invalid_feature = 24,
  invalid_time_limit = 25,
  invalid_qos = 26,
  invalid_account = 27,
  invalid_dependency = 28,
  invalid_array = 29,
  invalid_reservation = 30,
  invalid_licenses = 31,
  invalid_gres = 32,
  invalid_time = 33,
  already_done = 34,     // the job or step has ended
  job_pending = 35,      // the action needs a running job
  job_not_pending = 36,  // the action needs a pending job
  job_suspended = 37,
  job_held = 38,
  transition_not_allowed = 39,
  node_config_unavailable = 40,  // no set of nodes can ever satisfy the request
  nodes_busy = 41,
  too_many_nodes = 42,
  node_count = 43,
  cpu_count = 44,
  memory_too_large = 45,
  partition_down = 46,
  partition_limits = 47,
  partition_access = 48,  // the user's groups or account may not use the partition
  script_missing = 49,
  script_too_large = 50,
  environment_too_large = 51,
  pathname_too_long = 52,
  job_not_running = 53,
  step_not_found = 54,
  already_exists = 55,
  unsupported = 56,  // a known option that Sluice refuses
  max_jobs = 57,
  stale_epoch = 58,
  no_change = 59,
  launch_failed = 60,
  node_down = 61,
  not_on_this_host = 62,  // a compute node spoke for a user without a job on it
  job_not_requeueable = 63,
  interrupted = 64,
  default_partition_missing = 65,
  core_specialization = 66,
  invalid_preference = 67,
  het_component = 90,   // a part of a heterogeneous job, where only the whole will do
  het_not_leader = 91,  // the same, of actions that name the whole by its first part
};

// Slurm's words for the code; never empty.
[[nodiscard]] std::string_view error_text(ErrorCode code);

}  // namespace sluice::base
