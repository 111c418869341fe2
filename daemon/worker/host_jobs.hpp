// HostJobs: what a job is on this host, beyond processes of its steps: folders in the spool, the
// job's cgroup, prolog and epilog, and the last broom. All paths are below the spool, which root
// owns; nothing here follows a path that a user made.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/worker/agent_config.hpp"
#include "daemon/worker/hook.hpp"
#include "daemon/worker/host/cgroup.hpp"
#include "daemon/worker/host/facts.hpp"
#include "daemon/worker/host/processes.hpp"
#include "daemon/worker/host/step_settings.hpp"
#include "daemon/worker/job_folders.hpp"
#include "daemon/worker/service/env.hpp"
#include "net/loop.hpp"

namespace sluice::worker {

// Of what the controller's settings say, the part for the host.
struct HostSettings {
  std::string cluster;
  std::string prolog;
  std::string epilog;
  std::string task_prolog;
  std::string task_epilog;
  std::string mpi_default = "none";
  std::uint32_t kill_wait_s = 30;
  std::uint32_t unkillable_s = 60;
  std::uint32_t sample_interval_s = 30;
  std::uint32_t swap_percent = 0;
  std::uint32_t accelerator_health_s = 60;  // 0: never looked at
  bool gather_energy = false;
  bool require_cgroups = false;
  bool constrain_cores = true;
  bool constrain_memory = true;
  bool constrain_devices = false;
  bool shared_host = false;  // other nodes of the cluster are this same host: no CPU binding
};
// The name of this agent's directory below sluice/ in the cgroup trees.
[[nodiscard]] std::string cgroup_node_name(const AgentConfig& config);
[[nodiscard]] HostSettings host_settings(const std::vector<wire::KeyValue>& settings);

class HostJobs {
 public:
  HostJobs(net::Loop& loop, const AgentConfig& config, HostFacts facts, CgroupTree cgroups);

  void configure(HostSettings settings) { settings_ = std::move(settings); }
  void set_vendors(std::vector<accel::Vendor> vendors) { vendors_ = std::move(vendors); }
  [[nodiscard]] const HostSettings& settings() const { return settings_; }

  using Done = std::function<void(Status)>;
  // Both answer later, never from inside.
  void prepare(const JobOnHost& job, Done done);
  void clean(const JobOnHost& job, Done done);
  void freeze(const JobOnHost& job, bool frozen);
  [[nodiscard]] std::size_t kill_step(const JobOnHost& job, StepNumber step);
  [[nodiscard]] Status make_step_dir(const JobOnHost& job, StepNumber step);
  void remove_step(const JobOnHost& job, StepNumber step);
  [[nodiscard]] std::optional<wire::StepDone> record(const JobOnHost& job, StepNumber step) const;

  // The launch as stepd needs it on this host.
  void complete(const JobOnHost& job, wire::LaunchStep& launch, ContainerSettings container) const;
  // Puts a process that works for the job, but is of no step, into its group.
  void take_in(const JobOnHost& job, pid_t pid) const;
  [[nodiscard]] std::string job_dir(const JobOnHost& job) const;
  [[nodiscard]] std::string step_dir(const JobOnHost& job, StepNumber step) const;
  // After a restart: folders and groups of jobs that nobody knows any more.
  void sweep(const std::vector<std::string>& known, const std::vector<JobId>& jobs);
  void remove_node_group();

 private:
  [[nodiscard]] Status make_job_group(const JobOnHost& job) const;
  [[nodiscard]] std::string node_folder(const JobOnHost& job) const;
  [[nodiscard]] Status make_user_dir(const std::string& path, const JobOnHost& job) const;
  [[nodiscard]] bool memory_is_limited(const JobOnHost& job) const;
  [[nodiscard]] CgroupMounts mounts_for(const StepSettings& settings) const;
  [[nodiscard]] bool cpus_are_bound(const CpuMap& map) const;
  [[nodiscard]] CpuMap map_of(const JobOnHost& job) const;
  [[nodiscard]] ProcessQuery processes_of(const JobOnHost& job) const;
  [[nodiscard]] std::vector<std::string> hook_environment(const JobOnHost& job) const;
  void run_hook(const std::string& program, const JobOnHost& job, Done done);
  void later(std::function<void()> function);
  [[nodiscard]] Status sweep_out(const JobOnHost& job) const;

  net::Loop& loop_;
  const AgentConfig& config_;
  HostFacts facts_;
  std::vector<accel::Vendor> vendors_;
  CgroupTree cgroups_;
  JobFolders folders_;
  HostSettings settings_;
  std::string cgroup_node_;
  std::vector<std::unique_ptr<Hook>> hooks_;
};

}  // namespace sluice::worker
