// See the header.
#include "daemon/stepd/step_group.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/worker/host/device_grant.hpp"
#include "daemon/worker/host/processes.hpp"

namespace sluice::stepd {
namespace {

using worker::CgroupLimits;

worker::ProcessQuery descendants(const std::vector<pid_t>& spared) {
  worker::ProcessQuery query;
  query.ancestors = {::getpid()};
  query.except = spared;
  return query;
}

const model::NodeShare* job_share(const StepView& step) {
  if (!step.job().allocation) return nullptr;
  for (const model::NodeShare& share : step.job().allocation->shares) {
    if (share.name.view() == step.settings.node_name) return &share;
  }
  return nullptr;
}

// The job's group has the job's limits; the step's are needed where it has less.
CgroupLimits limits_of(const StepView& step) {
  CgroupLimits limits;
  if (step.is_batch()) return limits;
  const model::NodeShare& own = step.node().share;
  const model::NodeShare* whole = job_share(step);
  const worker::StepSettings& settings = step.settings;
  const bool fewer_cpus = whole == nullptr || whole->cpus.count() != own.cpus.count();
  if (settings.confine_cpus && fewer_cpus && own.cpus.any() && !settings.cpus.pretended) {
    limits.cpus = settings.cpus.to_os(own.cpus).to_ranges();
    limits.mems = settings.cpus.numa_of(own.cpus);
  }
  if (settings.confine_memory && own.memory != 0) {
    limits.memory_mib = own.memory;
    limits.swap_mib = own.memory * settings.swap_percent / 100;
  }
  if (settings.confine_devices && whole != nullptr && whole->gres != own.gres) {
    limits.denied = worker::denied_devices({settings.gres, settings.vendors, own.gres});
  }
  return limits;
}

}  // namespace

StepGroup::StepGroup(const StepView& step)
    : view_(step),
      tree_(step.settings.cgroups, step.settings.cgroup_node),
      job_(worker::job_group(step.job().id.value)),
      step_(worker::step_group(job_, worker::step_name(step.launch.layout.step))) {}

Status StepGroup::create() {
  if (!tree_.usable()) return {};
  CgroupLimits limits = limits_of(view_);
  const bool unified = tree_.mounts().version == worker::CgroupVersion::v2;
  limits.count_memory = view_.settings.confine_memory && (unified || limits.memory_mib != 0);
  counts_memory_ = limits.count_memory;
  if (auto made = tree_.create(step_, limits); !made) return made;
  // A group of one's own, and a job that begins with its batch script, count from nothing.
  if (!counts_memory_ && !view_.is_batch()) oom_before_ = count_oom_kills();
  return {};
}

std::vector<pid_t> StepGroup::pids() const {
  if (!tree_.usable()) return worker::find_processes(descendants(spared_));
  return tree_.pids(step_);
}

std::size_t StepGroup::signal(int number) const {
  if (!tree_.usable()) return worker::signal_processes(descendants(spared_), number);
  const auto signalled = tree_.kill_all(step_, number);
  if (signalled) return *signalled;
  return tree_.pids(step_).size();
}

// Without a memory group of its own (a batch script, version 1) the step's processes count in the
// job's; what the groups of other steps count is taken off.
std::uint64_t StepGroup::count_oom_kills() const {
  if (!tree_.usable() || !view_.settings.confine_memory) return 0;
  if (counts_memory_) return tree_.memory(step_).oom_kills;
  std::uint64_t kills = tree_.memory(job_).oom_kills;
  for (const worker::CgroupName& child : tree_.children(job_)) {
    if (child == step_ || kills == 0) continue;
    kills -= std::min(kills, tree_.memory(child).oom_kills);
  }
  return kills;
}

std::uint64_t StepGroup::oom_kills() const {
  const std::uint64_t now = count_oom_kills();
  return now - std::min(now, oom_before_);
}

Status StepGroup::remove() const {
  if (!tree_.usable()) return {};
  return tree_.remove(step_);
}

}  // namespace sluice::stepd
