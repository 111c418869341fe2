// Defaults, limits and access of partitions.
#include "core/request_rules.hpp"

#include <algorithm>
#include <string>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "core/constraint.hpp"
#include "core/job_standing.hpp"
#include "model/gres.hpp"

namespace sluice::core {

namespace {

using model::Partition;
using model::Reason;
using model::Request;

bool lists(const Text& list, std::string_view name) {
  for (const std::string_view piece : base::Pieces(list, ',')) {
    if (!piece.empty() && base::iequals(piece, name)) return true;
  }
  return false;
}

bool in_some_group(const Text& allowed, std::span<const Text> groups) {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const Text& group) { return lists(allowed, group); });
}

// Accounts below a listed one are meant as well. A list of the allowed makes one of the denied
// superfluous.
Status check_account(const Partition& partition, const Request& request, const AccessCheck& who) {
  const auto listed = [&](const Text& list) {
    return who.tree != nullptr ? lists_account(*who.tree, list, request.account)
                               : lists(list, request.account);
  };
  const bool allowed = partition.allow_accounts.empty() || listed(partition.allow_accounts);
  const bool denied = partition.allow_accounts.empty() && !partition.deny_accounts.empty() &&
                      listed(partition.deny_accounts);
  if (allowed && !denied) return {};
  return fail(ErrorCode::invalid_account,
              "Job's account not permitted to use this partition (" + partition.name.str() +
                  (allowed ? " denies " + partition.deny_accounts.str()
                           : " allows " + partition.allow_accounts.str()) +
                  " not " + request.account.str() + ")");
}

// One of those asked for must be permitted.
Status check_qos(const Partition& partition, const Request& request) {
  if (partition.allow_qos.empty() && partition.deny_qos.empty()) return {};
  std::vector<std::string_view> asked = base::split_nonempty(request.qos, ',');
  if (asked.empty()) asked.emplace_back();
  const auto permitted = [&](std::string_view qos) { return permits_qos(partition, qos); };
  if (std::ranges::any_of(asked, permitted)) return {};
  const bool allowed = partition.allow_qos.empty();
  return fail(ErrorCode::invalid_qos, "Job's QOS not permitted to use this partition (" +
                                          partition.name.str() +
                                          (allowed ? " denies " + partition.deny_qos.str()
                                                   : " allows " + partition.allow_qos.str()) +
                                          " not " + request.qos.str() + ")");
}

Status complete_counts(Request& request) {
  if (request.tasks > kMaxTasks || request.tasks_per_node > kMaxTasks) {
    return fail(ErrorCode::cpu_count);
  }
  if (request.cpus_per_task > kMaxCpusPerTask) return fail(ErrorCode::cpu_count);
  const std::uint32_t asked_nodes = request.min_nodes;
  if (request.tasks == 0 && request.tasks_per_node != 0) {
    const std::uint64_t tasks = std::uint64_t{std::max(asked_nodes, 1U)} * request.tasks_per_node;
    if (tasks > kMaxTasks) return fail(ErrorCode::cpu_count);
    request.tasks = static_cast<std::uint32_t>(tasks);
    // Each node gets that many: one that can't hold them is of no use.
    const std::uint64_t cpus =
        std::uint64_t{request.tasks_per_node} * std::max(request.cpus_per_task, 1U);
    if (cpus > kMaxCpusPerTask) return fail(ErrorCode::cpu_count);
    if (!request.overcommit) {
      request.min_cpus_per_node =
          std::max(request.min_cpus_per_node, static_cast<std::uint32_t>(cpus));
    }
  }
  if (request.min_nodes == 0) {
    const std::uint32_t per_node = request.tasks_per_node;
    const bool spread = per_node != 0 && request.tasks != 0;
    request.min_nodes = spread ? (request.tasks + per_node - 1) / per_node : 1;
    if (request.max_nodes != 0) request.min_nodes = std::min(request.min_nodes, request.max_nodes);
  }
  return {};
}

Status complete_nodes(Request& request, const Partition& partition) {
  if (!request.node_list.empty()) {
    Result<std::vector<std::string>> names = base::parse_hosts(request.node_list);
    if (!names) return tl::unexpected(names.error());
    std::sort(names->begin(), names->end());
    names->erase(std::unique(names->begin(), names->end()), names->end());
    const auto listed = static_cast<std::uint32_t>(names->size());
    request.min_nodes = std::max(request.min_nodes, listed);
    if (request.max_nodes != 0 && request.max_nodes < listed) return fail(ErrorCode::node_count);
    // In one form, so that requests that mean the same are the same.
    request.node_list = base::compress_sorted_hosts(std::move(*names));
  } else if (request.tasks != 0 && !request.overcommit) {
    // A node without a task would be of no use.
    request.min_nodes = std::min(request.min_nodes, request.tasks);
    if (request.max_nodes > request.tasks) request.max_nodes = request.tasks;
  }
  const bool open = request.max_nodes == 0 || request.max_nodes >= partition.min_nodes;
  if (open && request.min_nodes < partition.min_nodes) request.min_nodes = partition.min_nodes;
  if (request.max_nodes != 0 && request.max_nodes < request.min_nodes) {
    return fail(ErrorCode::node_count);
  }
  return {};
}

// Counts of features are counts of nodes; waits for switches are bounded by the site.
Status complete_wishes(Request& request, const Settings& settings) {
  const Result<Constraint> constraint = Constraint::parse(request.features);
  if (!constraint) return tl::unexpected(constraint.error());
  const std::uint32_t counted = constraint->counted_nodes();
  if (request.max_nodes != 0 && counted > request.max_nodes) {
    return fail(ErrorCode::node_config_unavailable,
                fmt::format("{}: the features {} are of {} nodes, at most {} are asked for",
                            base::error_text(ErrorCode::node_config_unavailable),
                            request.features.view(), counted, request.max_nodes));
  }
  request.min_nodes = std::max(request.min_nodes, counted);
  if (request.segment != 0 && settings.topology.kind != model::TopologyKind::block) {
    return fail(ErrorCode::unsupported, fmt::format("{}: --segment needs a topology of blocks",
                                                    base::error_text(ErrorCode::unsupported)));
  }
  if (request.switches == 0) {
    request.switch_wait_s = 0;
  } else {
    request.switch_wait_s = std::min(request.switch_wait_s, settings.max_switch_wait_s);
  }
  return {};
}

std::uint64_t first_set(std::uint64_t a, std::uint64_t b) { return a != 0 ? a : b; }

// A number of "DefCpuPerGPU=4,DefMemPerGPU=2048"; 0: not there.
std::uint64_t default_of(const Text& defaults, std::string_view name) {
  for (const std::string_view part : base::split_nonempty(defaults, ',')) {
    const base::Cut pair = base::cut(part, '=');
    const Result<std::uint64_t> amount = base::parse_count(pair.after);
    if (base::iequals(pair.before, name) && amount) return *amount;
  }
  return 0;
}

// What comes with each GPU where the job says nothing of it.
void complete_per_gpu(Request& request, const Partition& partition, const Settings& settings) {
  const bool gpus = std::any_of(request.gres.begin(), request.gres.end(),
                                [](const auto& gres) { return gres.name.view() == "gpu"; });
  if (!gpus) return;
  const auto in_force = [&](std::string_view name) {
    const std::uint64_t of_partition = default_of(partition.job_defaults, name);
    return of_partition != 0 ? of_partition : default_of(settings.job_defaults, name);
  };
  if (request.cpus_per_gpu == 0 && request.cpus_per_task == 0) {
    request.cpus_per_gpu = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(in_force("DefCpuPerGPU"), kMaxCpusPerTask));
  }
  const bool memory = request.memory_per_node != 0 || request.memory_per_cpu != 0 ||
                      request.memory_per_gpu != 0 || request.all_memory;
  if (!memory) request.memory_per_gpu = in_force("DefMemPerGPU");
}

Status complete_memory(Request& request, const Partition& partition, const Settings& settings) {
  if (request.memory_per_node == 0 && request.memory_per_cpu == 0 && request.memory_per_gpu == 0 &&
      !request.all_memory) {
    const std::uint64_t per_cpu =
        first_set(partition.default_memory_per_cpu,
                  partition.default_memory_per_node != 0 ? 0 : settings.default_memory_per_cpu);
    const std::uint64_t per_node =
        first_set(partition.default_memory_per_node, settings.default_memory_per_node);
    if (per_cpu != 0) {
      request.memory_per_cpu = per_cpu;
    } else if (per_node != 0) {
      request.memory_per_node = per_node;
    } else {
      request.all_memory = settings.track_memory;
    }
  }
  const std::uint64_t most = first_set(partition.max_memory_per_node, settings.max_memory_per_node);
  if (most != 0 && request.memory_per_node > most) return fail(ErrorCode::memory_too_large);
  const std::uint64_t most_per_cpu =
      first_set(partition.max_memory_per_cpu, settings.max_memory_per_cpu);
  if (most_per_cpu != 0 && request.memory_per_cpu > most_per_cpu) {
    // The job gets as many CPUs as its memory is worth.
    const std::uint64_t factor = (request.memory_per_cpu + most_per_cpu - 1) / most_per_cpu;
    const std::uint64_t cpus = factor * std::max(request.cpus_per_task, 1U);
    if (cpus > kMaxCpusPerTask) return fail(ErrorCode::memory_too_large);
    request.cpus_per_task = static_cast<std::uint32_t>(cpus);
    request.memory_per_cpu = (request.memory_per_cpu + factor - 1) / factor;
  }
  return {};
}

}  // namespace

bool permits_qos(const Partition& partition, std::string_view qos) {
  return partition.allow_qos.empty() ? !lists(partition.deny_qos, qos)
                                     : lists(partition.allow_qos, qos);
}

Status may_use(const Partition& partition, const Request& request, const AccessCheck& who) {
  if (who.uid == 0) {
    return partition.disable_root_jobs ? Status(fail(ErrorCode::access_denied)) : Status();
  }
  if (who.tree != nullptr && !partition.qos.empty() && who.tree->qos(partition.qos) == nullptr) {
    return fail(ErrorCode::invalid_qos, "the QOS of partition " + partition.name.str() + ", " +
                                            partition.qos.str() + ", doesn't exist");
  }
  if (partition.root_only) return fail(ErrorCode::access_denied);
  if (!partition.allow_groups.empty() && who.groups_known &&
      !in_some_group(partition.allow_groups, who.groups)) {
    return fail(ErrorCode::partition_access);
  }
  if (Status account = check_account(partition, request, who); !account) return account;
  return check_qos(partition, request);
}

// The time in force where a job gives none stays the partition's.
PartitionRules::PartitionRules(const Partition& given, std::uint32_t waived) : given_(given) {
  if ((waived & kWaivers) == 0) return;
  other_ = given;
  other_->default_time = default_time(given);
  if ((waived & model::kQosPartitionMaxNodes) != 0) other_->max_nodes = model::kUnlimited;
  if ((waived & model::kQosPartitionMinNodes) != 0) other_->min_nodes = 0;
  if ((waived & model::kQosPartitionTimeLimit) != 0) other_->max_time = model::kUnlimited;
}

Reason limit_reason(const Partition& partition, const Request& request) {
  const std::uint32_t least_time = request.time_min != 0 ? request.time_min : request.time_limit;
  if (least_time != 0 && least_time > partition.max_time) return Reason::partition_time_limit;
  if (request.min_nodes > partition.max_nodes) return Reason::partition_node_limit;
  if (request.max_nodes != 0 && request.max_nodes < partition.min_nodes) {
    return Reason::partition_node_limit;
  }
  return Reason::none;
}

Result<Request> complete_request(Request request, const Partition& partition,
                                 const Settings& settings) {
  if (request.time_min != 0 && request.time_limit != 0 && request.time_min > request.time_limit) {
    return fail(ErrorCode::invalid_time_limit,
                "Invalid time-min specification (exceeds job's time or other limits)");
  }
  if (Status gres = model::settle_gres(request); !gres) return tl::unexpected(gres.error());
  if (Status counts = complete_counts(request); !counts) return tl::unexpected(counts.error());
  if (Status nodes = complete_nodes(request, partition); !nodes) {
    return tl::unexpected(nodes.error());
  }
  if (Status wishes = complete_wishes(request, settings); !wishes) {
    return tl::unexpected(wishes.error());
  }
  complete_per_gpu(request, partition, settings);
  if (Status memory = complete_memory(request, partition, settings); !memory) {
    return tl::unexpected(memory.error());
  }
  return request;
}

std::uint32_t default_time(const Partition& partition) {
  return partition.default_time != 0 ? partition.default_time : partition.max_time;
}

}  // namespace sluice::core
