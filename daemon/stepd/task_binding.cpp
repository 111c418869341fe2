// See the header.
#include "daemon/stepd/task_binding.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "daemon/stepd/binding.hpp"
#include "daemon/stepd/device_binding.hpp"

namespace sluice::stepd {
namespace {

using base::Bitmap;

// The step's CPUs in OS numbers.
Bitmap to_os(const StepView& step, const Bitmap& cpus) {
  const auto& map = step.launch.os_cpus;
  std::uint32_t greatest = 0;
  for (const std::uint32_t os : map) greatest = std::max(greatest, os);
  Bitmap result(greatest + std::size_t{1});
  cpus.for_each([&](std::size_t cpu) {
    if (cpu < map.size()) result.set(map[cpu]);
  });
  return result;
}

NodeShare share_of(const StepView& step) {
  const worker::CpuMap& map = step.settings.cpus;
  NodeShare share;
  share.sockets = map.sockets;
  share.cores = map.cores;
  share.threads = map.threads;
  share.cpus = step.node().share.cpus;
  share.cpus.resize(map.cpus());
  share.ldom = map.numa;
  share.os_cpus = to_os(step, share.cpus);
  return share;
}

Result<BindingRequest> request_of(const StepView& step) {
  const model::StepSpec& spec = step.launch.spec;
  BindingRequest request;
  request.tasks = static_cast<std::uint32_t>(step.node().tasks.size());
  request.cpus_per_task = std::max(step.launch.layout.cpus_per_task, 1U);
  request.kind = spec.cpu_bind;
  request.list = spec.cpu_bind_list.str();
  request.verbose = spec.cpu_bind_verbose;
  request.threads_per_core = spec.threads_per_core;
  request.no_multithread = spec.no_multithread;
  request.overcommit = spec.overcommit;
  auto distribution = worker::parse_distribution(spec.distribution.view());
  if (!distribution) return tl::unexpected(distribution.error());
  request.distribution = *distribution;
  return request;
}

void report_binding(const StepView& step, const Binding& binding, const Bitmap& mask,
                    TaskPlan& task) {
  BindingReport who;
  who.node = step.settings.node_name;
  who.task = task.task;
  who.local_task = task.local;
  // The pid is known only in the task: the line is made around a mark.
  constexpr std::int32_t kMark = 2'147'483'646;
  who.pid = kMark;
  const std::string line = binding_report(binding, mask, who);
  const std::string mark = std::to_string(kMark);
  const std::size_t at = line.find(mark);
  task.binding_note = line.substr(0, at);
  if (at != std::string::npos) task.binding_note_end = line.substr(at + mark.size());
}

Status bind_cpus(const StepView& step, StepPlan& plan) {
  const model::StepSpec& spec = step.launch.spec;
  if (step.launch.os_cpus.empty() || spec.external_launcher) return {};
  const NodeShare share = share_of(step);
  if (share.cpus.none()) return {};
  const auto request = request_of(step);
  if (!request) return tl::unexpected(request.error());
  auto binding = bind_tasks(share, *request);
  if (!binding) return tl::unexpected(binding.error());
  std::vector<Bitmap> masks;
  for (const Bitmap& mask : binding->masks) {
    masks.push_back(binding->os_numbers ? mask : to_os(step, mask));
  }
  // What the cgroup confines already needs no mask of its own.
  const bool free = binding->kind == model::CpuBind::none && step.settings.confine_cpus;
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    TaskPlan& task = plan.tasks[i];
    if (!free) task.cpus = masks[i];
    if (step.is_batch()) continue;
    if (spec.cpu_bind_verbose) report_binding(step, *binding, masks[i], task);
    for (const auto& [name, value] : binding_environment(*binding, spec.cpu_bind_verbose, masks)) {
      task.environment.set(name, value);
    }
  }
  return {};
}

}  // namespace

Status plan_binding(const StepView& step, StepPlan& plan) {
  if (auto bound = bind_cpus(step, plan); !bound) return bound;
  bind_devices(step, plan);
  return {};
}

}  // namespace sluice::stepd
