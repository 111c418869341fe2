// Settings: what the administrator configured, as the core needs it. lib/config builds it from
// sluice.yaml; `scontrol reconfigure` hands in a new one as a Configure event. Names are Slurm's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/text.hpp"
#include "model/local_clock.hpp"
#include "model/node.hpp"
#include "model/policy_settings.hpp"
#include "model/topology.hpp"
#include "model/types.hpp"

namespace sluice::model {

// A node as configured. Facts that the configuration leaves open (0 or empty) come from the node's
// daemon at registration; facts that it gives override what the daemon found.
struct NodeSetting {
  Text name;
  Text address;
  NodeFacts facts;           // cores etc.: 0 means "as discovered"
  bool facts_fixed = false;  // configuration gives the CPUs and memory
  Text features;
  std::uint32_t weight = 1;
  // For `sluice up`, which writes them into the node's agent.conf.
  bool autodetect = true;
  Text accelerator_root;
  Text accelerator_table;
};

// What becomes of a job that holds a device which goes out of service.
enum class DeviceFaultPolicy : std::uint8_t { keep = 0, requeue = 1, cancel = 2 };

// What may start while the first in line is blocked. `window` is how a cluster is run; the others
// are the rules of the textbooks, for comparison.
enum class BackfillPolicy : std::uint8_t {
  window = 0,        // who delays no planned start; starts are planned for many, inside a window
  easy = 1,          // who doesn't delay the first in line
  conservative = 2,  // who delays nobody: each job gets a planned start when it comes, and keeps it
};

struct Settings {
  Text cluster_name = "sluice";
  std::vector<NodeSetting> nodes;     // position = NodeIndex
  std::vector<Partition> partitions;  // position = PartitionIndex; `nodes` is compressed
  std::uint32_t first_job_id = 1;
  std::uint32_t max_job_id = 0x03ff0000;
  std::uint32_t max_job_count = 2'000'000;
  std::uint32_t max_array_size = 1'000'001;
  std::uint32_t min_job_age_s = 300;        // finished jobs stay visible to squeue
  std::uint32_t kill_wait_s = 30;           // SIGTERM to SIGKILL
  std::uint32_t unkillable_timeout_s = 60;  // then the node is drained, the job ends all the same
  std::uint32_t node_timeout_s = 300;       // silent for so long: DOWN (SlurmdTimeout)
  std::uint32_t over_time_limit_min = 0;
  // What one unit of every time limit lasts. A minute; where the limits of a trace are replayed,
  // which are exact to the second, a second.
  std::int64_t limit_unit_ms = 60'000;
  // A pass that has taken at most so many steps is done anew when something changed; after a
  // costlier one, planned starts are kept for up to half a minute (core/planner_pass.hpp).
  std::uint64_t plan_anew_steps = 10'000;
  std::uint32_t launch_failure_limit = 3;     // then the job is held (JobHeldAdmin)
  std::uint64_t default_memory_per_node = 0;  // MiB; 0: all memory of the node
  std::uint64_t default_memory_per_cpu = 0;
  std::uint64_t max_memory_per_node = 0;
  std::uint64_t max_memory_per_cpu = 0;
  CpuUnit cpu_unit_default = CpuUnit::core;  // of partitions that don't say (CR_Core, CR_CPU, …)
  bool track_memory = true;                  // memory is a consumable (CR_Core_Memory)
  bool job_requeue = true;                   // default of --requeue
  std::vector<std::uint32_t> requeue_exit;   // exit codes of batch jobs that run again
  std::vector<std::uint32_t> requeue_exit_hold;  // … that then wait for a release (SPECIAL_EXIT)
  bool enforce_partition_limits = false;         // refuse at submit what exceeds partition limits
  bool config_overrides = false;                 // nodes that report less than configured are taken
                                                 // at the configuration's word, not drained
  std::uint32_t return_to_service = 1;           // 0, 1 or 2, as Slurm's ReturnToService
  std::uint32_t reason_interval_ms = 1000;  // how often at most a plan's reasons are written down
  DeviceFaultPolicy device_fault_policy = DeviceFaultPolicy::keep;
  // GRES of these names are accelerators (--gres=accel:N) also where no vendor was detected.
  std::vector<Text> accelerator_names = {"gpu", "npu", "mlu", "gcu", "dcu", "xpu", "ppu"};
  Topology topology;
  Text job_defaults;                  // DefCpuPerGPU=, DefMemPerGPU= of partitions that don't say
  bool least_loaded = false;          // CR_LLN: the nodes with the most idle CPUs first
  bool pack_nodes = false;            // CR_Pack_Nodes: tasks fill a node before the next one
  bool one_task_per_core = false;     // CR_ONE_TASK_PER_CORE, unless a job says otherwise
  bool allow_spec_resources = false;  // AllowSpecResourcesUsage: jobs may use -S
  std::uint32_t max_switch_wait_s = 300;  // of --switches: the longest wait
  // Backfill
  bool backfill = true;
  BackfillPolicy backfill_policy = BackfillPolicy::window;
  std::uint32_t backfill_window_min = 1440;    // bf_window
  std::uint32_t backfill_max_job_test = 1000;  // bf_max_job_test: groups given a planned start
  std::uint32_t backfill_resolution_s = 60;    // bf_resolution
  // bf_job_part_count_reserve: so many jobs of each partition get one; 0 and nothing: all that may
  std::optional<std::uint32_t> backfill_reserve;
  PrioritySettings priority;
  EnforceSettings enforce;
  PreemptSettings preempt;
  std::vector<LicenseSetting> licenses;   // by name
  std::uint32_t resv_over_run_min = 0;    // ResvOverRun; kUnlimited: jobs outlive reservations
  std::vector<Text> accounting_tres;      // AccountingStorageTRES, beyond the first eight
  std::uint32_t billing_period_s = 3600;  // running jobs are charged so often
  LocalClock clock;                       // of the controller: what repeats does so by it
};
using SettingsPtr = std::shared_ptr<const Settings>;

}  // namespace sluice::model
