// Small enumerations and numbers that several records share. The numeric values are stored and
// travel: they never change.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace sluice::model {

// Wall-clock time in microseconds since 1970 UTC. 0 means unknown or never.
using WallTime = std::int64_t;
inline constexpr WallTime kSecond = 1'000'000;

inline constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint32_t kNoTask = std::numeric_limits<std::uint32_t>::max();

enum class JobState : std::uint8_t {
  pending = 0,
  running = 1,
  suspended = 2,
  completed = 3,
  cancelled = 4,
  failed = 5,
  timeout = 6,
  node_fail = 7,
  preempted = 8,
  boot_fail = 9,
  deadline = 10,
  out_of_memory = 11,
};

// States that may be shown instead of, or beside, the base state.
enum JobFlag : std::uint32_t {
  kFlagCompleting = 1U << 0U,   // ended, but nodes still clean up
  kFlagConfiguring = 1U << 1U,  // allocated, nodes not ready yet
  kFlagRequeued = 1U << 2U,     // waits for the end of its former attempt
  kFlagRequeueHold = 1U << 3U,  // requeued and held
  kFlagSpecialExit = 1U << 4U,
  kFlagStopped = 1U << 5U,  // SIGSTOP without giving up resources
  kFlagSignaling = 1U << 6U,
  kFlagResizing = 1U << 7U,
  kFlagLaunchFailed = 1U << 8U,        // a node could not start it
  kFlagTimeLimitSignalled = 1U << 9U,  // --signal was sent
  kFlagResvDelHold = 1U << 10U,        // held because its reservation is gone
};

[[nodiscard]] bool is_finished(JobState state);
// "PENDING", "PD". `flags` may turn the answer into COMPLETING, CONFIGURING, …, as Slurm does.
[[nodiscard]] std::string_view long_name(JobState state, std::uint32_t flags);
[[nodiscard]] std::string_view short_name(JobState state, std::uint32_t flags);

// Why a job waits, or why it ended as it did. Names as Slurm prints them: reason_name().
enum class Reason : std::uint16_t {
  none = 0,
  priority = 1,
  resources = 2,
  dependency = 3,
  dependency_never_satisfied = 4,
  begin_time = 5,
  job_held_user = 6,
  job_held_admin = 7,
  partition_down = 8,
  partition_inactive = 9,
  partition_node_limit = 10,
  partition_time_limit = 11,
  node_down = 12,  // ReqNodeNotAvail
  bad_constraints = 13,
  job_array_task_limit = 14,
  job_launch_failure = 15,
  job_requeued_in_held_state = 16,  // JobHeldAdmin after repeated launch failures
  non_zero_exit_code = 17,
  time_limit = 18,
  out_of_memory = 19,
  node_fail = 20,
  system_failure = 21,
  cleaning = 22,  // BeginTime after a requeue / former attempt still ends
  association_limit = 23,
  qos_limit = 24,
  licenses = 25,
  reservation = 26,
  prolog = 27,
  invalid_account = 28,
  invalid_qos = 29,
  deadline = 30,
  raised_signal = 31,     // RaisedSignal:N(name)
  partition_access = 32,  // AccountNotAllowed and the like; detail says which
  unkillable = 33,        // processes that can't be killed hold the resources
  controller_image = 34,
};
[[nodiscard]] std::string_view reason_name(Reason reason);

enum class NodeState : std::uint8_t {
  unknown = 0,
  down = 1,
  idle = 2,
  allocated = 3,
  mixed = 4,
  future = 5
};
enum NodeFlag : std::uint32_t {
  kNodeDrain = 1U << 0U,
  kNodeNoRespond = 1U << 1U,
  kNodeFail = 1U << 2U,
  kNodeMaint = 1U << 3U,
  kNodeCompleting = 1U << 4U,
  kNodePlanned = 1U << 5U,
  kNodeReserved = 1U << 6U,
  kNodeReboot = 1U << 7U,
  kNodeInvalidRegistration = 1U << 8U,
};

enum class PartitionState : std::uint8_t { up = 0, down = 1, drain = 2, inactive = 3 };

// How CPUs of a node may be shared between jobs (partition's OverSubscribe).
enum class OverSubscribe : std::uint8_t { no = 0, yes = 1, force = 2, exclusive = 3 };
// What a job asks for (--exclusive, --oversubscribe).
enum class Sharing : std::uint8_t {
  partition_default = 0,
  exclusive = 1,
  oversubscribe = 2,
  exclusive_user = 3,
  exclusive_topo = 4
};

// The unit in which CPUs are handed to jobs.
enum class CpuUnit : std::uint8_t { core = 0, thread = 1, socket = 2, node = 3 };

// How a job of lower standing makes room.
enum class PreemptMode : std::uint8_t {
  off = 0,
  cancel = 1,
  requeue = 2,
  suspend = 3,
  cluster_default = 4,  // of a QOS or partition that doesn't say
  within = 5,           // QOS only: jobs of the same QOS, by priority
};

enum class JobKind : std::uint8_t {
  batch = 0,
  allocation = 1,
  step_allocation = 2
};  // sbatch salloc srun

}  // namespace sluice::model
