// See the header. What the request adds (-c, --mem, --gpus, …) is in environment_request.cpp; what
// the granted devices add, in devices.cpp.
#include "daemon/stepd/environment.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "daemon/stepd/devices.hpp"
#include "model/het_variables.hpp"

namespace sluice::stepd {
namespace {

using base::Environment;

void set_number(Environment& environment, std::string_view name, std::uint64_t value) {
  environment.set(name, std::to_string(value));
}

void set_text(Environment& environment, std::string_view name, const Text& value) {
  if (!value.empty()) environment.set(name, value.view());
}

std::uint32_t cpus_of(const model::NodeShare& share) {
  return share.cpu_count != 0 ? share.cpu_count : static_cast<std::uint32_t>(share.cpus.count());
}

// A job that was submitted from inside another one came with that one's variables.
void forget_outer_job(Environment& environment) {
  if (!environment.has("SLURM_JOB_ID")) return;
  std::vector<std::string> groups;
  for (const std::string& entry : environment.entries()) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    if (name.find("_HET_GROUP_") != std::string_view::npos) groups.emplace_back(name);
  }
  for (const std::string& name : groups) environment.unset(name);
  for (const std::string_view prefix :
       {"SLURM_HET_SIZE", "SLURM_STEP", "SLURM_JOB_", "SLURM_ARRAY_", "SLURM_MEM_PER_",
        "SLURM_NTASKS", "SLURM_GPU", "SLURM_CPUS_PER_", "SLURM_CPU_BIND", "SLURM_SRUN_COMM_"}) {
    environment.unset_prefix(prefix);
  }
  for (const std::string_view name :
       {"SLURM_JOBID", "SLURM_NPROCS", "SLURM_RESTART_COUNT", "SLURM_DISTRIBUTION",
        "SLURM_DIST_PLANESIZE", "SLURM_THREADS_PER_CORE", "SLURM_OVERCOMMIT", "SLURM_HINT",
        "SLURM_LABELIO", "SLURM_LAUNCH_NODE_IPADDR", "SLURM_UMASK", "SLURM_MPI_TYPE"}) {
    environment.unset(name);
  }
}

void set_array_variables(Environment& environment, const model::Job& job) {
  if (job.array_task == model::kNoTask) return;
  set_number(environment, "SLURM_ARRAY_JOB_ID", job.array_job.value);
  set_number(environment, "SLURM_ARRAY_TASK_ID", job.array_task);
  set_number(environment, "SLURM_ARRAY_TASK_COUNT", job.array_count);
  set_number(environment, "SLURM_ARRAY_TASK_MAX", job.array_max);
  set_number(environment, "SLURM_ARRAY_TASK_MIN", job.array_min);
  set_number(environment, "SLURM_ARRAY_TASK_STEP", std::max(job.array_step, 1U));
}

void set_times(Environment& environment, const worker::StepSettings& settings) {
  if (settings.job_start_s != 0) {
    environment.set("SLURM_JOB_START_TIME", std::to_string(settings.job_start_s));
  }
  if (settings.job_end_s != 0) {
    environment.set("SLURM_JOB_END_TIME", std::to_string(settings.job_end_s));
  }
}

std::string job_cpus_per_node(const model::Allocation& allocation) {
  std::vector<std::uint32_t> counts;
  counts.reserve(allocation.shares.size());
  for (const model::NodeShare& share : allocation.shares) counts.push_back(cpus_of(share));
  return base::repeat_list(counts);
}

std::string job_tasks_per_node(const model::Allocation& allocation) {
  std::vector<std::uint32_t> counts;
  counts.reserve(allocation.shares.size());
  for (const model::NodeShare& share : allocation.shares) {
    counts.push_back(std::max(share.tasks, 1U));
  }
  return base::repeat_list(counts);
}

std::string step_tasks_per_node(const wire::StepLayout& layout) {
  std::vector<std::uint32_t> counts;
  counts.reserve(layout.nodes.size());
  for (const wire::StepNode& node : layout.nodes) {
    counts.push_back(static_cast<std::uint32_t>(node.tasks.size()));
  }
  return base::repeat_list(counts);
}

std::string task_list(const std::vector<std::uint32_t>& tasks) {
  std::string list;
  for (const std::uint32_t task : tasks) {
    if (!list.empty()) list += ',';
    list += std::to_string(task);
  }
  return list;
}

// Where the node stands: "top.leaf2.n7" and "switch.switch.node".
void set_topology_variables(Environment& environment, const StepView& step) {
  const Text& address = step.node().share.topology;
  std::string pattern = "node";
  for (const char c : address.view()) {
    if (c == '.') pattern.insert(0, "switch.");
  }
  environment.set("SLURM_TOPOLOGY_ADDR", address.empty() ? step.settings.node_name : address.str());
  environment.set("SLURM_TOPOLOGY_ADDR_PATTERN", pattern);
}

// What every task on this node has, of a batch script or a step.
void set_node_variables(Environment& environment, const StepView& step) {
  const wire::StepNode& node = step.node();
  environment.set("SLURMD_NODENAME", step.settings.node_name);
  set_number(environment, "SLURM_CPUS_ON_NODE", cpus_of(node.share));
  set_number(environment, "SLURM_NODEID", step.launch.first);
  environment.set("SLURM_GTIDS", task_list(node.tasks));
  set_topology_variables(environment, step);
  environment.set_default("SLURM_PRIO_PROCESS", "0");
  environment.set_default("TMPDIR", "/tmp");
  if (!step.settings.agent_socket.empty()) {
    environment.set("SLUICE_AGENT_SOCKET", step.settings.agent_socket);
  }
  if (!step.settings.client_conf.empty()) {
    environment.set("SLUICE_CONF", step.settings.client_conf);
  }
  // Open MPI's own daemons take processes on one host for neighbours by the host's name, which
  // several of our nodes may share: their shared memory files must not meet.
  const auto& argv = step.launch.spec.argv;
  const bool launcher = !argv.empty() && argv.front().view().ends_with("orted");
  if (launcher && !step.settings.node_folder.empty()) {
    environment.set("OMPI_MCA_btl_vader_backing_directory", step.settings.node_folder);
  }
}

// The allocations that the step's tasks see as one: those of its components.
model::Allocation seen_allocation(const StepView& step) {
  model::Allocation seen;
  std::vector<std::string> names;
  for (const wire::StepPortion& portion : step.launch.portions) {
    if (portion.count == 0 || !portion.job.allocation) continue;
    for (const model::NodeShare& share : portion.job.allocation->shares) {
      names.push_back(share.name.str());
      seen.shares.push_back(share);
      seen.cpus += share.cpu_count;
    }
  }
  if (seen.shares.empty() && step.job().allocation) return *step.job().allocation;
  seen.nodes = base::compress_hosts(names);
  return seen;
}

void set_het_variables(Environment& environment, const StepView& step) {
  std::vector<const model::Job*> components;
  for (const wire::StepPortion& portion : step.launch.portions) {
    if (portion.job.allocation) components.push_back(&portion.job);
  }
  if (components.empty()) return;
  for (const auto& [name, value] : model::het_variables(components, model::HetFor::script)) {
    environment.set(name, value);
  }
}

void set_batch_variables(Environment& environment, const StepView& step) {
  set_het_variables(environment, step);
  environment.set("ENVIRONMENT", "BATCH");
  environment.set("HOSTNAME", step.settings.node_name);
  if (const auto& allocation = step.job().allocation) {
    environment.set("SLURM_TASKS_PER_NODE", job_tasks_per_node(*allocation));
    set_number(environment, "SLURM_NNODES", allocation->shares.size());
  }
}

}  // namespace

void set_job_variables(Environment& environment, const StepView& step) {
  const model::Job& job = step.job();
  environment.set("SLURM_CLUSTER_NAME", step.settings.cluster);
  const JobId id = job.het_job.is_set() ? job.het_job : job.id;
  set_number(environment, "SLURM_JOBID", id.value);
  set_number(environment, "SLURM_JOB_ID", id.value);
  set_text(environment, "SLURM_JOB_PARTITION", job.partition);
  if (const auto& spec = job.spec) {
    set_number(environment, "SLURM_JOB_GID", spec->gid);
    set_number(environment, "SLURM_JOB_UID", spec->uid);
    set_text(environment, "SLURM_JOB_USER", spec->user);
    set_text(environment, "SLURM_JOB_NAME", spec->name);
    // sbatch and salloc say it themselves; a job of srun alone was submitted from its folder.
    environment.set_default("SLURM_SUBMIT_DIR", spec->work_dir.view());
    environment.set_default("SLURM_SUBMIT_HOST", spec->submit_host.view());
    set_text(environment, "SLURM_JOB_DEPENDENCY", spec->dependency);
    if (!spec->container.empty()) {
      set_text(environment, "SLURM_CONTAINER", spec->container.front().bundle);
    }
  }
  if (const auto& request = job.request) {
    set_text(environment, "SLURM_JOB_ACCOUNT", request->account);
    set_text(environment, "SLURM_JOB_QOS", request->qos);
    set_text(environment, "SLURM_JOB_RESERVATION", job.reservation);
    set_text(environment, "SLURM_JOB_LICENSES", request->licenses);
  }
  if (job.allocation) {
    const model::Allocation seen = seen_allocation(step);
    environment.set("SLURM_JOB_CPUS_PER_NODE", job_cpus_per_node(seen));
    environment.set("SLURM_JOB_NODELIST", seen.nodes.view());
    environment.set("SLURM_NODELIST", seen.nodes.view());
    set_number(environment, "SLURM_JOB_NUM_NODES", seen.shares.size());
  }
  if (job.restarts > 0) set_number(environment, "SLURM_RESTART_COUNT", job.restarts);
  set_array_variables(environment, job);
  set_times(environment, step.settings);
}

void set_step_variables(Environment& environment, const StepView& step) {
  const wire::StepLayout& layout = step.launch.layout;
  const model::StepSpec& spec = step.launch.spec;
  for (const std::string_view name : {"SLURM_STEPID", "SLURM_STEP_ID"}) {
    set_number(environment, name, layout.step);
  }
  environment.set("SLURM_STEP_NODELIST", layout.node_list.view());
  set_number(environment, "SLURM_STEP_NUM_NODES", layout.nodes.size());
  set_number(environment, "SLURM_STEP_NUM_TASKS", layout.tasks);
  const std::string per_node = step_tasks_per_node(layout);
  environment.set("SLURM_STEP_TASKS_PER_NODE", per_node);
  environment.set("SLURM_TASKS_PER_NODE", per_node);
  set_number(environment, "SLURM_NNODES", layout.nodes.size());
  set_number(environment, "SLURM_NTASKS", layout.tasks);
  set_number(environment, "SLURM_NPROCS", layout.tasks);
  if (spec.cpus_per_task != 0) {
    set_number(environment, "SLURM_CPUS_PER_TASK", spec.cpus_per_task);
  }
  if (!spec.distribution.empty()) {
    environment.set("SLURM_DISTRIBUTION", spec.distribution.view());
  } else {
    const bool one_each = layout.tasks <= layout.nodes.size();
    environment.set("SLURM_DISTRIBUTION", one_each ? "cyclic" : "block");
  }
  environment.set("SLURM_UMASK", fmt::format("{:04o}", spec.umask & 0777U));
  environment.set_default("SRUN_DEBUG", "3");
  if (spec.overcommit) environment.set("SLURM_OVERCOMMIT", "1");
  for (const std::string_view name : {"SLURM_LAUNCH_NODE_IPADDR", "SLURM_SRUN_COMM_HOST"}) {
    set_text(environment, name, layout.launch_address);
  }
  if (layout.launch_port == 0) return;
  for (const std::string_view name : {"SLURM_SRUN_COMM_PORT", "SLURM_STEP_LAUNCHER_PORT"}) {
    set_number(environment, name, layout.launch_port);
  }
}

void set_task_variables(Environment& environment, std::uint32_t task, std::uint32_t local) {
  set_number(environment, "SLURM_PROCID", task);
  set_number(environment, "SLURM_LOCALID", local);
}

Environment step_environment(const StepView& step) {
  std::vector<std::string> entries;
  entries.reserve(step.launch.spec.environment.size() + 64);
  for (const Text& entry : step.launch.spec.environment) entries.push_back(entry.str());
  Environment environment(std::move(entries));
  if (step.is_batch()) forget_outer_job(environment);
  set_job_variables(environment, step);
  if (step.is_batch()) {
    set_request_variables(environment, step);
    set_batch_variables(environment, step);
  } else {
    set_step_variables(environment, step);
  }
  set_node_variables(environment, step);
  set_device_variables(environment, step);
  return environment;
}

}  // namespace sluice::stepd
