// See host_jobs.hpp.
#include "daemon/worker/host_jobs.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "accel/detect.hpp"
#include "auth/user/become_user.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/log/log.hpp"
#include "base/user.hpp"
#include "daemon/worker/host/device_grant.hpp"
#include "daemon/worker/host/energy.hpp"

namespace sluice::worker {

namespace {

// The daemon's umask is 022, which takes nothing from the modes used here.
Status make_dir(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return tl::unexpected(base::errno_error("making " + path, errno));
}

bool is_mpirun_daemon(const wire::LaunchStep& launch) {
  return !launch.spec.argv.empty() && launch.spec.argv.front().view().ends_with("orted");
}

}  // namespace

HostSettings host_settings(const std::vector<wire::KeyValue>& settings) {
  HostSettings out;
  for (const wire::KeyValue& entry : settings) {
    const std::string_view key = entry.key.view();
    const std::string_view value = entry.value.view();
    const auto number = [&](std::uint32_t& target) {
      std::from_chars(value.data(), value.data() + value.size(), target);
    };
    const auto flag = [&](bool& target) {
      target = value == "yes" || value == "true" || value == "1";
    };
    if (key == "prolog") out.prolog = value;
    if (key == "epilog") out.epilog = value;
    if (key == "task_prolog") out.task_prolog = value;
    if (key == "task_epilog") out.task_epilog = value;
    if (key == "mpi_default") out.mpi_default = value;
    if (key == "kill_wait") number(out.kill_wait_s);
    if (key == "unkillable_step_timeout") number(out.unkillable_s);
    if (key == "job_acct_gather_frequency") number(out.sample_interval_s);
    if (key == "acct_gather_energy_type") out.gather_energy = value == "rapl";
    if (key == "allowed_swap_space") number(out.swap_percent);
    if (key == "accelerator_health_interval") number(out.accelerator_health_s);
    if (key == "require_cgroups") flag(out.require_cgroups);
    if (key == "constrain_cores") flag(out.constrain_cores);
    if (key == "constrain_ram_space") flag(out.constrain_memory);
    if (key == "constrain_devices") flag(out.constrain_devices);
  }
  return out;
}

HostJobs::HostJobs(net::Loop& loop, const AgentConfig& config, HostFacts facts, CgroupTree cgroups)
    : loop_(loop),
      config_(config),
      facts_(std::move(facts)),
      cgroups_(std::move(cgroups)),
      folders_(config.spool_dir),
      cgroup_node_(cgroup_node_name(config)) {}

// Unique among all agents of this host, also those of other clusters.
std::string cgroup_node_name(const AgentConfig& config) {
  const auto hash = static_cast<std::uint32_t>(base::hash_bytes(config.dir));
  return fmt::format("{}-{:08x}", config.name, hash);
}

std::string HostJobs::job_dir(const JobOnHost& job) const {
  return fmt::format("{}/job_{}.{}", config_.spool_dir, job.job->id.value, job.attempt.number);
}

std::string HostJobs::step_dir(const JobOnHost& job, StepNumber step) const {
  return job_dir(job) + "/step_" + step_name(step);
}

void HostJobs::later(std::function<void()> function) { loop_.post(std::move(function)); }

void HostJobs::prepare(const JobOnHost& job, Done done) {
  Status made = folders_.make(job_dir(job));
  if (made) made = make_job_group(job);
  if (!made || settings_.prolog.empty()) {
    return later([done = std::move(done), made] { done(made); });
  }
  run_hook(settings_.prolog, job, [this, done = std::move(done)](const Status& status) {
    if (status) return done({});
    done(fail(ErrorCode::launch_failed, "Prolog error: " + status.error().text));
  });
}

std::string HostJobs::node_folder(const JobOnHost& job) const { return job_dir(job) + "/node"; }

// The user's, in a folder where only root writes: nobody can have put something else there.
Status HostJobs::make_user_dir(const std::string& path, const JobOnHost& job) const {
  if (Status made = make_dir(path, 0700); !made || config_.single_user) return made;
  if (::lchown(path.c_str(), job.uid(), job.job->spec->gid) == 0) return {};
  return tl::unexpected(base::errno_error("handing " + path + " over", errno));
}

// A job that has all of the node's memory needs no group for it, which costs.
bool HostJobs::memory_is_limited(const JobOnHost& job) const {
  const std::uint64_t memory = job.my_share().memory;
  return settings_.constrain_memory && memory > 0 && memory < facts_.facts.memory;
}

CpuMap HostJobs::map_of(const JobOnHost& job) const {
  const std::size_t cpus = job.my_share().cpus.size();
  if (cpus == 0 || cpus == facts_.map.cpus()) return facts_.map;
  // The configuration gives this node other CPUs than the host has.
  model::NodeFacts configured = facts_.facts;
  configured.sockets = 1;
  configured.cores_per_socket = static_cast<std::uint32_t>(cpus);
  configured.threads_per_core = 1;
  return map_for(facts_.map, configured);
}

bool HostJobs::cpus_are_bound(const CpuMap& map) const {
  return settings_.constrain_cores && !map.pretended && !settings_.shared_host;
}

Status HostJobs::make_job_group(const JobOnHost& job) const {
  if (!cgroups_.usable()) {
    if (settings_.require_cgroups) {
      return fail(ErrorCode::failure, "cgroups are required: " + cgroups_.mounts().why_not);
    }
    return {};
  }
  CgroupLimits limits;
  const CpuMap map = map_of(job);
  if (cpus_are_bound(map)) {
    limits.cpus = map.to_os(job.my_share().cpus).to_ranges();
    limits.mems = map.numa_of(job.my_share().cpus);
  }
  if (memory_is_limited(job)) {
    limits.memory_mib = job.my_share().memory;
    limits.swap_mib = limits.memory_mib * settings_.swap_percent / 100;
  }
  if (settings_.constrain_devices) {
    limits.denied = denied_devices({facts_.facts.gres, vendors_, job.my_share().gres});
  }
  const CgroupName group = job_group(job.job->id.value);
  return cgroups_.create(group, limits);
}

ProcessQuery HostJobs::processes_of(const JobOnHost& job) const {
  ProcessQuery query;
  query.uid = config_.single_user ? static_cast<std::uint32_t>(::getuid()) : job.uid();
  query.markers = {"SLURM_JOB_ID=" + std::to_string(job.job->id.value),
                   "SLUICE_AGENT_SOCKET=" + config_.socket};
  return query;
}

Status HostJobs::sweep_out(const JobOnHost& job) const {
  if (!cgroups_.usable()) {
    if (signal_processes(processes_of(job), SIGKILL) == 0) return {};
    return fail(ErrorCode::busy, "processes of the job are still there");
  }
  const CgroupName group = job_group(job.job->id.value);
  Status removed = cgroups_.remove(group);
  if (!removed && removed.error().code == ErrorCode::busy) {
    const Result<std::size_t> killed = cgroups_.kill_all(group, SIGKILL);
    if (killed && *killed == 0) removed = cgroups_.remove(group);
  }
  return removed;
}

void HostJobs::clean(const JobOnHost& job, Done done) {
  const Status swept = sweep_out(job);
  const bool busy = !swept && swept.error().code == ErrorCode::busy;
  if (busy) return later([done = std::move(done), swept] { done(swept); });
  if (!swept) log::warn("job {}: {}", job.job->id.value, swept.error().text);
  const std::string dir = job_dir(job);
  const auto finish = [this, dir, done = std::move(done)](const Status& status) {
    if (Status removed = folders_.remove(dir); !removed) {
      log::warn("removing {}: {}", dir, removed.error().text);
    }
    done(status);
  };
  if (settings_.epilog.empty()) return later([finish] { finish({}); });
  run_hook(settings_.epilog, job, [finish](const Status& status) {
    if (status) return finish({});
    finish(fail(ErrorCode::launch_failed, "Epilog error: " + status.error().text));
  });
}

void HostJobs::freeze(const JobOnHost& job, bool frozen) {
  const CgroupName group = job_group(job.job->id.value);
  if (cgroups_.usable() && !cgroups_.mounts().freezer.empty()) {
    const Status done = frozen ? cgroups_.freeze(group) : cgroups_.thaw(group);
    if (done) return;
    log::warn("job {}: {}", job.job->id.value, done.error().text);
  }
  const int signal = frozen ? SIGSTOP : SIGCONT;
  if (cgroups_.usable()) {
    const auto sent = cgroups_.kill_all(group, signal);
    if (!sent) log::warn("job {}: {}", job.job->id.value, sent.error().text);
  } else {
    const std::size_t count = signal_processes(processes_of(job), signal);
    log::debug("job {}: {} processes got signal {}", job.job->id.value, count, signal);
  }
}

std::size_t HostJobs::kill_step(const JobOnHost& job, StepNumber step) {
  if (cgroups_.usable()) {
    const CgroupName group = step_group(job_group(job.job->id.value), step_name(step));
    const auto killed = cgroups_.kill_all(group, SIGKILL);
    return killed ? *killed : 0;
  }
  ProcessQuery query = processes_of(job);
  if (step != base::kBatchStep) query.markers.push_back("SLURM_STEP_ID=" + std::to_string(step));
  return signal_processes(query, SIGKILL);
}

Status HostJobs::make_step_dir(const JobOnHost& job, StepNumber step) {
  return folders_.make_step(step_dir(job, step));
}

void HostJobs::remove_step(const JobOnHost& job, StepNumber step) {
  if (cgroups_.usable()) {
    const CgroupName group = step_group(job_group(job.job->id.value), step_name(step));
    if (cgroups_.exists(group)) {
      const Status removed = cgroups_.remove(group);
      if (!removed) log::debug("{}: {}", group.path, removed.error().text);
    }
  }
  if (Status removed = folders_.remove_step(step_dir(job, step)); !removed) {
    log::warn("job {}: {}", job.job->id.value, removed.error().text);
  }
}

std::optional<wire::StepDone> HostJobs::record(const JobOnHost& job, StepNumber step) const {
  const Result<std::string> bytes =
      base::read_file(step_dir(job, step) + "/" + kStepdRecord, 1 << 20);
  if (!bytes) return std::nullopt;
  Result<wire::StepDone> done = wire::decode<wire::StepDone>(*bytes);
  if (!done) return std::nullopt;
  return std::move(*done);
}

// Version 1: without the hierarchies in which no step of the job can have a group, as each costs
// fruitless calls for every task.
CgroupMounts HostJobs::mounts_for(const StepSettings& settings) const {
  CgroupMounts mounts = cgroups_.mounts();
  if (mounts.version != CgroupVersion::v1) return mounts;
  mounts.pids.clear();
  mounts.cpuacct.clear();
  if (!settings.confine_cpus) mounts.cpuset.clear();
  if (!settings.confine_memory) mounts.memory.clear();
  if (facts_.facts.gres.empty() || !settings_.constrain_devices) mounts.devices.clear();
  return mounts;
}

void HostJobs::take_in(const JobOnHost& job, pid_t pid) const {
  if (!cgroups_.usable()) return;
  // Beside the steps: a job's own group has no processes.
  const CgroupName group = step_group(job_group(job.job->id.value), "images");
  Status placed = cgroups_.create(group, {});
  if (placed) placed = cgroups_.attach(group, pid);
  if (!placed) log::warn("job {}: {}", job.job->id.value, placed.error().text);
}

void HostJobs::complete(const JobOnHost& job, wire::LaunchStep& launch,
                        ContainerSettings container) const {
  const StepNumber step = launch.layout.step;
  const CpuMap map = map_of(job);
  StepSettings settings;
  settings.node_name = config_.name;
  settings.cluster = settings_.cluster;
  settings.job_dir = job_dir(job);
  settings.step_dir = step_dir(job, step);
  settings.script_path = settings.job_dir + "/slurm_script";
  settings.agent_socket = config_.socket;
  settings.client_conf = config_.client_conf;
  settings.plugin_dir = config_.plugin_dir;
  settings.mpi_default = settings_.mpi_default;
  settings.task_prolog = settings_.task_prolog;
  settings.task_epilog = settings_.task_epilog;
  settings.single_user = config_.single_user;
  settings.kill_wait_s = settings_.kill_wait_s;
  settings.unkillable_s = settings_.unkillable_s;
  settings.sample_interval_s = settings_.sample_interval_s;
  if (settings_.gather_energy) {
    settings.energy_folder = config_.accelerator_root + kPowercapFolder;
  }
  settings.job_start_s = job.job->start / model::kSecond;
  settings.job_end_s = job.ends / model::kSecond;
  settings.cgroup_node = cgroup_node_;
  settings.confine_cpus = cpus_are_bound(map);
  settings.confine_memory = memory_is_limited(job);
  settings.cgroups = mounts_for(settings);
  settings.confine_devices = settings_.constrain_devices;
  settings.swap_percent = settings_.swap_percent;
  settings.cpus = map;
  settings.gres = facts_.facts.gres;
  settings.vendors = vendors_;
  for (accel::Vendor& vendor : settings.vendors) accel::refresh_control_files(vendor);
  settings.node_memory = facts_.facts.memory;
  settings.container = std::move(container);
  if (settings_.shared_host && is_mpirun_daemon(launch)) {
    const Status made = make_user_dir(node_folder(job), job);
    if (made) settings.node_folder = node_folder(job);
    if (!made) log::warn("job {}: {}", job.job->id.value, made.error().text);
  }
  if (cpus_are_bound(map)) launch.os_cpus = map.os;
  put_step_settings(launch, settings);
}

std::vector<std::string> HostJobs::hook_environment(const JobOnHost& job) const {
  const model::Job& record = *job.job;
  const model::JobSpec& spec = *record.spec;
  const std::string id = std::to_string(record.id.value);
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
          "SLURM_JOB_ID=" + id,
          "SLURM_JOBID=" + id,
          "SLURM_JOB_UID=" + std::to_string(spec.uid),
          "SLURM_JOB_GID=" + std::to_string(spec.gid),
          "SLURM_JOB_USER=" + spec.user.str(),
          "SLURM_JOB_NAME=" + spec.name.str(),
          "SLURM_JOB_PARTITION=" + record.partition.str(),
          "SLURM_JOB_ACCOUNT=" + record.request->account.str(),
          "SLURM_JOB_NODELIST=" + record.allocation->nodes.str(),
          "SLURM_NODELIST=" + record.allocation->nodes.str(),
          "SLURM_JOB_WORK_DIR=" + spec.work_dir.str(),
          "SLURM_JOB_EXIT_CODE=" + std::to_string(record.exit_code),
          "SLURM_CLUSTER_NAME=" + settings_.cluster,
          "SLURMD_NODENAME=" + config_.name};
}

void HostJobs::run_hook(const std::string& program, const JobOnHost& job, Done done) {
  std::erase_if(hooks_, [](const std::unique_ptr<Hook>& hook) { return hook->over(); });
  Hook::Spec spec;
  spec.program = program;
  spec.environment = hook_environment(job);
  hooks_.push_back(Hook::start(loop_, std::move(spec), std::move(done)));
}

void HostJobs::sweep(const std::vector<std::string>& known, const std::vector<JobId>& jobs) {
  for (const CgroupName& group : cgroups_.usable() ? cgroups_.jobs() : std::vector<CgroupName>{}) {
    const bool wanted =
        std::ranges::any_of(jobs, [&](JobId job) { return job_group(job.value) == group; });
    if (wanted) continue;
    log::warn("killing what is left in {}", group.path);
    const Result<std::size_t> killed = cgroups_.kill_all(group, SIGKILL);
    const Status removed = killed ? cgroups_.remove(group) : Status{};
    if (!removed) log::debug("{}: {}", group.path, removed.error().text);
  }
  DIR* spool = ::opendir(config_.spool_dir.c_str());
  if (spool == nullptr) return;
  std::vector<std::string> strangers;
  while (const dirent* entry = ::readdir(spool)) {
    const std::string path = config_.spool_dir + "/" + entry->d_name;
    const std::string_view name = static_cast<const char*>(entry->d_name);
    const bool ours = name.starts_with("job_") || name.starts_with(kSpareFolder);
    if (ours && std::ranges::find(known, path) == known.end()) strangers.push_back(path);
  }
  ::closedir(spool);
  for (const std::string& path : strangers) {
    log::info("removing {}: left by a former daemon", path);
    if (Status removed = base::remove_tree(path); !removed) log::warn("{}", removed.error().text);
  }
}

void HostJobs::remove_node_group() {
  if (!cgroups_.usable()) return;
  if (Status removed = cgroups_.remove_node(); !removed) log::debug("{}", removed.error().text);
}

}  // namespace sluice::worker
