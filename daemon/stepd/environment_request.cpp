// The variables that tell what was asked for (-n, -c, --mem, --gpus, -m, …).
#include <fmt/core.h>

#include "daemon/stepd/environment.hpp"
#include "daemon/worker/host/distribution.hpp"

namespace sluice::stepd {
namespace {

using base::Environment;
using model::GresScope;

void set_asked(Environment& environment, std::string_view name, std::uint64_t value) {
  if (value != 0) environment.set(name, std::to_string(value));
}

// "2", "a100:1,v100:1": the GPUs asked for at one scope.
std::string gpus_asked(const model::Request& request, GresScope scope) {
  std::string text;
  for (const model::GresRequest& gres : request.gres) {
    if (gres.name != Text("gpu") || gres.scope != scope) continue;
    if (!text.empty()) text += ',';
    if (!gres.type.empty()) text += fmt::format("{}:", gres.type.view());
    text += std::to_string(gres.count);
  }
  return text;
}

void set_gpu_request(Environment& environment, const model::Job& job) {
  const struct {
    std::string_view name;
    GresScope scope;
  } kinds[] = {{"SLURM_GPUS", GresScope::job},
               {"SLURM_GPUS_PER_NODE", GresScope::node},
               {"SLURM_GPUS_PER_TASK", GresScope::task},
               {"SLURM_GPUS_PER_SOCKET", GresScope::socket}};
  for (const auto& kind : kinds) {
    const std::string asked = gpus_asked(*job.request, kind.scope);
    if (!asked.empty()) environment.set(kind.name, asked);
  }
  set_asked(environment, "SLURM_CPUS_PER_GPU", job.request->cpus_per_gpu);
  set_asked(environment, "SLURM_NTASKS_PER_GPU", job.request->tasks_per_gpu);
  set_asked(environment, "SLURM_MEM_PER_GPU", job.request->memory_per_gpu);
  if (job.spec && !job.spec->gpu_bind.empty()) {
    environment.set("SLURM_GPU_BIND", job.spec->gpu_bind.view());
  }
  if (job.spec && !job.spec->tres_bind.empty()) {
    environment.set("SLURM_TRES_BIND", job.spec->tres_bind.view());
  }
}

// -n, or what --ntasks-per-node and the nodes make of it.
std::uint64_t tasks_asked(const model::Job& job) {
  const model::Request& request = *job.request;
  if (request.tasks != 0) return request.tasks;
  const std::size_t nodes = job.allocation ? job.allocation->shares.size() : 0;
  return std::uint64_t{request.tasks_per_node} * nodes;
}

void set_distribution(Environment& environment, const Text& distribution) {
  if (distribution.empty()) return;
  environment.set("SLURM_DISTRIBUTION", distribution.view());
  const auto parsed = worker::parse_distribution(distribution.view());
  if (parsed && parsed->plane != 0) {
    environment.set("SLURM_DISTRIBUTION", "plane");
    environment.set("SLURM_DIST_PLANESIZE", std::to_string(parsed->plane));
  }
}

}  // namespace

void set_request_variables(Environment& environment, const StepView& step) {
  const model::Job& job = step.job();
  if (!job.request) return;
  const model::Request& request = *job.request;
  set_asked(environment, "SLURM_NTASKS", tasks_asked(job));
  set_asked(environment, "SLURM_NPROCS", tasks_asked(job));
  set_asked(environment, "SLURM_NTASKS_PER_NODE", request.tasks_per_node);
  set_asked(environment, "SLURM_NTASKS_PER_SOCKET", request.tasks_per_socket);
  set_asked(environment, "SLURM_NTASKS_PER_CORE", request.tasks_per_core);
  set_asked(environment, "SLURM_CPUS_PER_TASK", request.cpus_per_task);
  set_asked(environment, "SLURM_MEM_PER_CPU", request.memory_per_cpu);
  set_asked(environment, "SLURM_MEM_PER_NODE", request.memory_per_node);
  if (request.overcommit) environment.set("SLURM_OVERCOMMIT", "1");
  if (request.no_multithread) environment.set("SLURM_HINT", "nomultithread");
  const std::uint32_t threads = request.no_multithread ? 1 : request.threads_per_core;
  set_asked(environment, "SLURM_THREADS_PER_CORE", threads);
  set_gpu_request(environment, job);
  if (job.spec) set_distribution(environment, job.spec->distribution);
}

}  // namespace sluice::stepd
