// See job_environment.hpp.
#include "cli/salloc/job_environment.hpp"

#include <vector>

#include "base/hostlist.hpp"

namespace sluice::cli {

namespace {

void set_memory(base::Environment& environment, const model::Request& request) {
  if (request.memory_per_cpu != 0) {
    environment.set("SLURM_MEM_PER_CPU", std::to_string(request.memory_per_cpu));
  } else if (request.memory_per_gpu != 0) {
    environment.set("SLURM_MEM_PER_GPU", std::to_string(request.memory_per_gpu));
  } else if (request.memory_per_node != 0) {
    environment.set("SLURM_MEM_PER_NODE", std::to_string(request.memory_per_node));
  }
}

void set_asked(base::Environment& environment, const model::Request& request) {
  const auto set_if = [&](const char* name, std::uint32_t value) {
    if (value != 0) environment.set(name, std::to_string(value));
  };
  set_if("SLURM_NTASKS", request.tasks);
  set_if("SLURM_NPROCS", request.tasks);
  set_if("SLURM_CPUS_PER_TASK", request.cpus_per_task);
  set_if("SLURM_NTASKS_PER_NODE", request.tasks_per_node);
  set_if("SLURM_NTASKS_PER_SOCKET", request.tasks_per_socket);
  set_if("SLURM_NTASKS_PER_CORE", request.tasks_per_core);
  set_if("SLURM_NTASKS_PER_GPU", request.tasks_per_gpu);
  set_if("SLURM_CPUS_PER_GPU", request.cpus_per_gpu);
  set_if("SLURM_THREADS_PER_CORE", request.threads_per_core);
}

std::string joined(const std::vector<Text>& words, char separator) {
  std::string text;
  for (const Text& word : words) {
    if (!text.empty()) text += separator;
    text += word.view();
  }
  return text;
}

std::string mounts_text(const std::vector<model::ContainerMount>& mounts) {
  std::string text;
  for (const model::ContainerMount& mount : mounts) {
    if (!text.empty()) text += ",";
    text += mount.source.str() + ":" + mount.target.str();
    if (!mount.flags.empty()) text += ":" + joined(mount.flags, '+');
  }
  return text;
}

std::string unshare_text(std::uint32_t bits) {
  std::vector<Text> words;
  if ((bits & model::kUnshareNet) != 0) words.emplace_back("net");
  if ((bits & model::kUnshareIpc) != 0) words.emplace_back("ipc");
  if ((bits & model::kUnshareUts) != 0) words.emplace_back("uts");
  return joined(words, ',');
}

// What salloc was told of a container is what srun takes where it isn't told otherwise.
void set_container(base::Environment& environment, const model::ContainerSpec& spec) {
  const auto set_text = [&](const char* name, std::string_view value) {
    if (!value.empty()) environment.set(name, value);
  };
  const auto set_wish = [&](const char* name, model::Wish wish) {
    if (wish != model::Wish::unset) environment.set(name, wish == model::Wish::yes ? "1" : "0");
  };
  set_text("SLURM_CONTAINER", spec.bundle);
  set_text("SRUN_CONTAINER", spec.bundle);
  set_text("SRUN_CONTAINER_ID", spec.id);
  set_text("PYXIS_CONTAINER_IMAGE", spec.image);
  set_text("PYXIS_CONTAINER_MOUNTS", mounts_text(spec.mounts));
  set_text("PYXIS_CONTAINER_WORKDIR", spec.workdir);
  set_text("PYXIS_CONTAINER_NAME", spec.name);
  set_text("PYXIS_CONTAINER_SAVE", spec.save);
  set_wish("PYXIS_CONTAINER_MOUNT_HOME", spec.mount_home);
  set_wish("PYXIS_CONTAINER_REMAP_ROOT", spec.remap_root);
  set_wish("PYXIS_CONTAINER_ENTRYPOINT", spec.entrypoint);
  set_wish("PYXIS_CONTAINER_WRITABLE", spec.writable);
  set_text("PYXIS_CONTAINER_ENTRYPOINT_LOG", spec.entrypoint_log);
  set_text("PYXIS_CONTAINER_ENV", joined(spec.host_first, ','));
  set_text("PYXIS_CONTAINER_UNSHARE", unshare_text(spec.unshare));
}

}  // namespace

base::Environment allocation_environment(const base::Environment& own, const model::Job& job) {
  base::Environment environment = own;
  const std::string id = std::to_string(job.id.value);
  const model::Allocation& allocation = *job.allocation;
  std::vector<std::uint32_t> cpus;
  std::vector<std::uint32_t> tasks;
  for (const model::NodeShare& share : allocation.shares) {
    cpus.push_back(share.cpu_count);
    tasks.push_back(share.tasks);
  }
  const std::string count = std::to_string(allocation.shares.size());
  const std::pair<const char*, std::string> values[] = {
      {"SLURM_JOB_ID", id},
      {"SLURM_JOBID", id},
      {"SLURM_JOB_NAME", job.spec->name.str()},
      {"SLURM_JOB_NODELIST", allocation.nodes.str()},
      {"SLURM_NODELIST", allocation.nodes.str()},
      {"SLURM_JOB_NUM_NODES", count},
      {"SLURM_NNODES", count},
      {"SLURM_JOB_CPUS_PER_NODE", base::repeat_list(cpus)},
      {"SLURM_TASKS_PER_NODE", base::repeat_list(tasks)},
      {"SLURM_JOB_PARTITION", job.partition.str()},
      {"SLURM_SUBMIT_DIR", job.spec->work_dir.str()},
      {"SLURM_SUBMIT_HOST", job.spec->submit_host.str()},
      {"SLURM_NODE_ALIASES", "(null)"},
      {"SLURM_JOB_START_TIME", std::to_string(job.start / model::kSecond)},
  };
  for (const auto& [name, value] : values) environment.set(name, value);
  if (!job.request->account.empty()) environment.set("SLURM_JOB_ACCOUNT", job.request->account);
  if (!job.request->qos.empty()) environment.set("SLURM_JOB_QOS", job.request->qos);
  if (job.time_limit != model::kUnlimited) {
    const std::int64_t end = job.start / model::kSecond + std::int64_t{job.time_limit} * 60;
    environment.set("SLURM_JOB_END_TIME", std::to_string(end));
  }
  if (!job.spec->distribution.empty()) {
    environment.set("SLURM_DISTRIBUTION", job.spec->distribution);
  }
  for (const model::ContainerSpec& spec : job.spec->container) set_container(environment, spec);
  set_memory(environment, *job.request);
  set_asked(environment, *job.request);
  return environment;
}

}  // namespace sluice::cli
