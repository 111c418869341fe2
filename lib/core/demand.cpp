// From Request to Demand. The order of precedence is Slurm's: what the job asks, then the
// partition's default, then the cluster's.
#include "core/demand.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "model/gres.hpp"
#include "model/shards.hpp"

namespace sluice::core {

namespace {

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

void resolve_nodes(Demand& demand, const model::Request& request,
                   const model::Partition& partition) {
  demand.min_nodes = std::max(1U, request.min_nodes);
  demand.max_nodes = request.max_nodes == 0 ? model::kUnlimited : request.max_nodes;
  demand.fill_range = request.max_nodes > demand.min_nodes && !request.use_min_nodes;
  demand.max_nodes = std::max(demand.min_nodes, std::min(demand.max_nodes, partition.max_nodes));
  if (request.max_nodes == 0) demand.min_nodes = std::max(demand.min_nodes, partition.min_nodes);
  demand.spread = request.spread;
  demand.contiguous = request.contiguous;
  demand.switches = request.switches;
  demand.segment = request.segment;
  demand.hw_sockets = request.sockets_per_node;
  demand.hw_cores_per_socket = request.cores_per_socket;
  demand.hw_threads = request.threads_per_core;
  demand.hw_tmp_disk = request.tmp_disk;
}

void resolve_tasks(Demand& demand, const model::Request& request,
                   const model::Partition& partition) {
  demand.tasks = request.tasks;
  demand.tasks_each = std::max(1U, request.tasks_per_node);
  if (request.tasks_per_node != 0) demand.max_tasks_per_node = request.tasks_per_node;
  demand.cpus_per_task = std::max(1U, request.cpus_per_task);
  demand.tasks_per_core = request.tasks_per_core;
  demand.tasks_per_socket = request.tasks_per_socket;
  demand.use_threads = request.no_multithread ? 1 : request.threads_per_core;
  demand.min_cpus = request.min_cpus_per_node;
  if (request.cores_per_socket != 0) {  // also an amount: the product of what is given (-B)
    demand.min_cpus = std::max(demand.min_cpus, request.cores_per_socket *
                                                    std::max(1U, request.sockets_per_node) *
                                                    std::max(1U, request.threads_per_core));
  }
  demand.cpus_per_gpu = request.cpus_per_gpu;
  demand.overcommit = request.overcommit;
  demand.unit = partition.cpu_unit;
  demand.max_partition_cpus = partition.max_cpus_per_node;
}

void resolve_sharing(Demand& demand, const model::Request& request,
                     const model::Partition& partition) {
  using model::OverSubscribe;
  const bool forced = partition.oversubscribe == OverSubscribe::force;
  demand.whole_node =
      partition.oversubscribe == OverSubscribe::exclusive || demand.unit == model::CpuUnit::node ||
      (request.sharing == model::Sharing::exclusive && !forced) || request.reserved_cores != 0;
  demand.reserved_cores = request.reserved_cores;
  demand.exclusive_user =
      partition.exclusive_user || request.sharing == model::Sharing::exclusive_user;
  const bool shares = forced || (partition.oversubscribe == OverSubscribe::yes &&
                                 request.sharing == model::Sharing::oversubscribe);
  if (shares && !demand.whole_node) demand.share_depth = std::max(1U, partition.oversubscribe_jobs);
}

struct MemoryRules {
  std::uint64_t per_cpu = 0;
  std::uint64_t per_node = 0;
};

MemoryRules first_given(const MemoryRules& a, const MemoryRules& b) {
  return a.per_cpu != 0 || a.per_node != 0 ? a : b;
}

Status resolve_memory(Demand& demand, const model::Request& request,
                      const model::Partition& partition, const Settings& settings) {
  demand.track_memory = settings.track_memory;
  demand.all_memory = request.all_memory;
  demand.memory_per_node = request.memory_per_node;
  demand.memory_per_cpu = request.memory_per_cpu;
  demand.memory_per_gpu = request.memory_per_gpu;
  if (!demand.all_memory && demand.memory_per_node == 0 && demand.memory_per_cpu == 0 &&
      demand.memory_per_gpu == 0) {
    const MemoryRules rules =
        first_given({partition.default_memory_per_cpu, partition.default_memory_per_node},
                    {settings.default_memory_per_cpu, settings.default_memory_per_node});
    demand.memory_per_cpu = rules.per_cpu;
    if (rules.per_cpu == 0) demand.memory_per_node = rules.per_node;
    demand.all_memory = rules.per_cpu == 0 && rules.per_node == 0 && settings.track_memory;
  }
  const MemoryRules most =
      first_given({partition.max_memory_per_cpu, partition.max_memory_per_node},
                  {settings.max_memory_per_cpu, settings.max_memory_per_node});
  if (most.per_node != 0 && demand.memory_per_node > most.per_node) {
    return fail(ErrorCode::memory_too_large,
                fmt::format("{}: asks for {} MiB on one node; the limit in partition {} is {}",
                            base::error_text(ErrorCode::memory_too_large), demand.memory_per_node,
                            partition.name.view(), most.per_node));
  }
  // Beyond MaxMemPerCPU a task pays for its memory with more CPUs, as Slurm does it.
  if (most.per_cpu != 0 && demand.memory_per_cpu > most.per_cpu) {
    const std::uint64_t times = divide_up(demand.memory_per_cpu, most.per_cpu);
    demand.cpus_per_task = static_cast<std::uint32_t>(demand.cpus_per_task * times);
    demand.memory_per_cpu = divide_up(demand.memory_per_cpu, times);
  }
  if (most.per_cpu != 0 && demand.memory_per_node != 0) {
    demand.min_cpus =
        std::max(demand.min_cpus,
                 static_cast<std::uint32_t>(divide_up(demand.memory_per_node, most.per_cpu)));
  }
  return {};
}

GresNeed& need_of(Demand& demand, const Text& name, const Text& type) {
  for (GresNeed& need : demand.gres) {
    if (need.name == name && need.type == type) return need;
  }
  demand.gres.push_back({.name = name, .type = type});
  return demand.gres.back();
}

void add_counts(Demand& demand, const model::Request& request) {
  for (const model::GresRequest& asked : model::without_repeats(request.gres)) {
    if (asked.count == 0) continue;
    GresNeed& need = need_of(demand, asked.name, asked.type);
    switch (asked.scope) {
      case model::GresScope::node: need.per_node += asked.count; break;
      case model::GresScope::task: need.per_task += asked.count; break;
      case model::GresScope::job: need.per_job += asked.count; break;
      case model::GresScope::socket:
        need.per_node += asked.count * std::max(1U, request.sockets_per_node);
        need.per_socket += asked.count;
        break;
    }
  }
  for (GresNeed& need : demand.gres) {
    need.any_accelerator = need.name.view() == model::kAnyAccelerator;
    demand.any_accelerator |= need.any_accelerator;
  }
}

Status resolve_gres(Demand& demand, const model::Request& request) {
  if (request.gres.size() > kMaxGresNeeds) {
    return fail(ErrorCode::invalid_gres, "Invalid generic resource (gres) specification: too long");
  }
  add_counts(demand, request);
  const auto names = [&](std::string_view name) {
    return std::any_of(demand.gres.begin(), demand.gres.end(),
                       [&](const GresNeed& need) { return need.name.view() == name; });
  };
  const bool whole = names(model::kShared) || demand.any_accelerator || request.tasks_per_gpu != 0;
  if (whole && names(model::kShard)) {
    return fail(ErrorCode::invalid_gres, fmt::format("{}: whole GPUs or shards, not both",
                                                     base::error_text(ErrorCode::invalid_gres)));
  }
  if (request.tasks_per_gpu != 0) {
    const bool counted = std::any_of(demand.gres.begin(), demand.gres.end(),
                                     [](const auto& need) { return need.name.view() == "gpu"; });
    if (!counted) need_of(demand, "gpu", "").tasks_each = request.tasks_per_gpu;
  }
  if (!demand.gres.empty()) {
    demand.gres_enforce_binding = request.gres_enforce_binding;
    demand.gres_disable_binding = request.gres_disable_binding;
  }
  for (GresNeed& need : demand.gres) {
    if (need.per_job == 0) continue;
    if (demand.job_gres == kMaxJobGres) {
      return fail(ErrorCode::unsupported, "more than four kinds of GRES counted per job");
    }
    need.job_slot = demand.job_gres++;
    demand.max_nodes = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(demand.max_nodes, std::max<std::uint64_t>(1, need.per_job)));
  }
  if (demand.max_nodes < demand.min_nodes) {
    return fail(
        ErrorCode::node_config_unavailable,
        fmt::format("{}: asks for {} nodes with fewer GRES than nodes",
                    base::error_text(ErrorCode::node_config_unavailable), demand.min_nodes));
  }
  return {};
}

}  // namespace

Demand bound_to(Demand demand, const GresKind& kind) {
  for (GresNeed& need : demand.gres) {
    if (need.any_accelerator) need.kind = kind;
  }
  return demand;
}

Result<Demand> make_demand(const model::Request& request, std::uint32_t uid,
                           const model::Partition& partition, const Settings& settings) {
  if (request.use_reserved || request.reserved_threads != 0) {
    return fail(ErrorCode::core_specialization);
  }
  if (request.reserved_cores != 0 && !settings.allow_spec_resources) {
    return fail(ErrorCode::core_specialization,
                fmt::format("{}: -S needs allow_spec_resources_usage in the configuration",
                            base::error_text(ErrorCode::core_specialization)));
  }
  Demand demand;
  demand.partition = partition.index;
  demand.uid = uid;
  resolve_nodes(demand, request, partition);
  resolve_tasks(demand, request, partition);
  demand.least_loaded = partition.least_loaded || settings.least_loaded;
  demand.pack_tasks = settings.pack_nodes;
  if (settings.one_task_per_core && demand.tasks_per_core == 0 && !demand.overcommit) {
    demand.tasks_per_core = 1;
  }
  resolve_sharing(demand, request, partition);
  if (Status done = resolve_memory(demand, request, partition, settings); !done) {
    return tl::unexpected(done.error());
  }
  if (Status done = resolve_gres(demand, request); !done) return tl::unexpected(done.error());
  return demand;
}

}  // namespace sluice::core
