// What stepd must know of its node and is not in the order itself: paths, limits to enforce, how
// CPUs and devices are called here. The agent fills it in for its own stepd; LaunchStep.settings
// carries it as one entry (kStepSettingsKey). It never leaves the host.
//
// Who does what on a node:
//   sluiced  makes the spool folders and the job's cgroup (with its limits), starts stepd with
//            `--dir DIR` and a socket as descriptor 3, and removes folders and group at the end.
//   stepd    makes step_<name> and task groups below the job's cgroup, writes the batch script,
//            builds all SLURM_* variables (job, step and task), opens users' files as the user,
//            leaves nothing of the step behind but its record.
// Folders: <spool>/job_<id>.<attempt>        root, 0711: users reach their script through it
//          <spool>/job_<id>.<attempt>/step_<name>  root, 0700: stepd.sock, record
// <name> is step_name(): "batch", "extern", "interactive" or the number.
//
// SignalStep to stepd: without a task it means every process of the step (SIGKILL: until none is
// left, also frozen ones); with a task only that task's first process (scancel --batch).
// StepAbort to stepd (node 0 only) asks for one line on the step's standard error, by task 0's
// stream: "slurmstepd-NODE: error: *** STEP 7.0 ON NODE <reason> ***", for a batch step
// "slurmstepd: error: *** JOB 7 ON NODE <reason> ***"; <reason> is "CANCELLED AT … DUE TO TIME
// LIMIT". AttachStep to stepd: send the state again (StepStarted, TaskExit, StepDone if over) and
// all output that was not acknowledged, from `positions` where they are given. A batch step
// (layout.step is kBatchStep) runs `script_path` with argv[1..] as its arguments.
// Pure: values only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accel/vendor.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "daemon/worker/host/cgroup.hpp"
#include "daemon/worker/host/container_settings.hpp"
#include "daemon/worker/host/facts.hpp"
#include "model/node.hpp"
#include "wire/codec.hpp"
#include "wire/step_messages.hpp"

namespace sluice::worker {

struct StepSettings {
  std::string node_name;     // SLURMD_NODENAME
  std::string cluster;       // SLURM_CLUSTER_NAME
  std::string job_dir;       // exists
  std::string step_dir;      // exists
  std::string script_path;   // where stepd writes the batch script (in job_dir), the user's, 0500
  std::string agent_socket;  // SLUICE_AGENT_SOCKET
  std::string client_conf;   // SLUICE_CONF; empty: leave the user's
  std::string plugin_dir;    // holds mpi_*.so
  std::string mpi_default;   // for an empty StepSpec::mpi
  std::string task_prolog;   // run for each task, before the user's own (TaskProlog)
  std::string task_epilog;
  std::string tmp_dir = "/tmp";          // for short-lived folders with sockets of the MPI helper
  bool single_user = false;              // no change of uid: the daemon is an ordinary user's
  std::uint32_t kill_wait_s = 30;        // SIGTERM to SIGKILL
  std::uint32_t unkillable_s = 60;       // then StepDone says what stays (`error`)
  std::uint32_t sample_interval_s = 30;  // JobAcctGatherFrequency of tasks
  std::int64_t job_start_s = 0;          // SLURM_JOB_START_TIME, wall clock
  std::int64_t job_end_s = 0;            // SLURM_JOB_END_TIME; 0: no limit
  std::string cgroup_node;               // CgroupTree(cgroups, cgroup_node)
  CgroupMounts cgroups;
  bool confine_cpus = false;
  bool confine_memory = false;
  bool confine_devices = false;
  std::uint32_t swap_percent = 0;     // swap allowed beside memory, percent of it
  CpuMap cpus;                        // geometry, for binding. OS numbers stand in os_cpus
  std::vector<model::NodeGres> gres;  // of the node: devices by index
  std::uint64_t node_memory = 0;      // MiB, of the node
  // Only where several nodes share this host, with one name: a folder of the user's for files that
  // must differ between them although the host's name doesn't (Open MPI's shared memory).
  std::string node_folder;
  ContainerSettings container;  // looked at where the step asks for a container
  // Of the accelerator table, with what of their files exists here: those whose devices the node
  // has (NodeGres::vendor names one).
  std::vector<accel::Vendor> vendors;
  std::string energy_folder;  // counters of energy (energy.hpp); empty: it is not gathered

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node_name", self.node_name);
    visit(2, "cluster", self.cluster);
    visit(3, "job_dir", self.job_dir);
    visit(4, "step_dir", self.step_dir);
    visit(5, "script_path", self.script_path);
    visit(6, "agent_socket", self.agent_socket);
    visit(7, "client_conf", self.client_conf);
    visit(8, "plugin_dir", self.plugin_dir);
    visit(9, "mpi_default", self.mpi_default);
    visit(10, "task_prolog", self.task_prolog);
    visit(11, "task_epilog", self.task_epilog);
    visit(12, "tmp_dir", self.tmp_dir);
    visit(13, "single_user", self.single_user);
    visit(14, "kill_wait_s", self.kill_wait_s);
    visit(15, "unkillable_s", self.unkillable_s);
    visit(16, "sample_interval_s", self.sample_interval_s);
    visit(17, "job_start_s", self.job_start_s);
    visit(18, "job_end_s", self.job_end_s);
    visit(19, "cgroup_node", self.cgroup_node);
    visit(20, "cgroups", self.cgroups);
    visit(21, "confine_cpus", self.confine_cpus);
    visit(22, "confine_memory", self.confine_memory);
    visit(23, "confine_devices", self.confine_devices);
    visit(24, "swap_percent", self.swap_percent);
    visit(25, "cpus", self.cpus);
    visit(26, "gres", self.gres);
    visit(27, "node_memory", self.node_memory);
    visit(28, "node_folder", self.node_folder);
    visit(29, "container", self.container);
    visit(30, "vendors", self.vendors);
    visit(31, "energy_folder", self.energy_folder);
  }
};

inline constexpr std::string_view kStepSettingsKey = "step_settings";
inline constexpr const char* kStepdSocket = "stepd.sock";  // in step_dir
inline constexpr const char* kStepdRecord = "record";      // in step_dir: an encoded StepDone
inline constexpr int kStepdLinkFd = 3;

inline void put_step_settings(wire::LaunchStep& launch, const StepSettings& settings) {
  launch.settings = {wire::KeyValue{kStepSettingsKey, wire::encode(settings)}};
}

[[nodiscard]] inline Result<StepSettings> step_settings_of(const wire::LaunchStep& launch) {
  for (const wire::KeyValue& entry : launch.settings) {
    if (entry.key.view() == kStepSettingsKey) return wire::decode<StepSettings>(entry.value.view());
  }
  return fail(ErrorCode::protocol, "the launch has no step settings");
}

[[nodiscard]] inline std::string step_name(StepNumber step) {
  if (step == base::kBatchStep) return "batch";
  if (step == base::kExternStep) return "extern";
  if (step == base::kInteractiveStep) return "interactive";
  return std::to_string(step);
}

}  // namespace sluice::worker
