// Views of nodes, and the arithmetic of what tasks take. All of it is monotone: more tasks never
// take less, so the most that fit is found by bisection.
#include "core/node_view.hpp"

#include <algorithm>

#include "core/gres_choice.hpp"
#include "core/shards.hpp"

namespace sluice::core {

namespace {

constexpr int kMaxReductions = 1024;  // devices of a node that an offer may leave out

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

bool conflicts(const Hold& hold, const Demand& demand) {
  return hold.holder.uid != demand.uid &&
         (demand.exclusive_user || hold.holder.sharing == model::Sharing::exclusive_user);
}

// The CPUs that a sharing demand can't have: held by jobs that don't share with it, or full.
void block_shared(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms,
                  NodeView& view) {
  const std::uint32_t cpus = slot.hardware->cpus();
  view.busy = slot.hardware->idle_busy();
  std::vector<std::uint32_t> depth(cpus, 0);
  for (const Hold& hold : slot.holds) {
    if (hold.expected_end_ms <= time_ms) continue;
    const bool mixes = hold.shared && hold.holder.partition == demand.partition;
    for (std::size_t cpu = hold.cpus->find_first(); cpu < cpus; cpu = hold.cpus->find_next(cpu)) {
      if (!mixes || ++depth[cpu] >= demand.share_depth) view.busy.set(cpu);
    }
  }
}

void count_detail(const Demand& demand, NodeView& view) {
  if (demand.share_depth <= 1) return;
  view.idle_cores = count_idle_cores(view.busy, *view.hardware);
  view.idle_threads = view.hardware->cpus() - static_cast<std::uint32_t>(view.busy.count());
}

void view_users(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms, NodeView& view) {
  view.user_conflict = false;
  view.partition_cpus = 0;
  const bool limited = demand.max_partition_cpus != model::kUnlimited;
  if (!limited && !demand.exclusive_user && slot.user_holds == 0) return;
  for (const Hold& hold : slot.holds) {
    if (hold.expected_end_ms <= time_ms) continue;
    view.user_conflict = view.user_conflict || conflicts(hold, demand);
    if (limited && hold.holder.partition == demand.partition) {
      view.partition_cpus += hold.cpu_count;
    }
  }
}

std::uint64_t free_of(const GresNeed& need, const NodeView& view) {
  std::uint64_t sum = 0;
  for (std::size_t e = 0; e < view.free_gres.size(); ++e) {
    if (!matches(need, view.hardware->gres[e])) continue;
    sum = need.any_accelerator ? std::max(sum, view.free_gres[e]) : sum + view.free_gres[e];
  }
  return sum;
}

// Devices of any type are left to untyped needs only after the typed ones have theirs.
bool gres_fit(const Demand& demand, const NodeView& view, std::uint32_t tasks,
              const JobGres& job_gres) {
  if (demand.any_accelerator) {
    return split_gres(*view.hardware, demand, wanted_gres(demand, tasks, job_gres), view.free_gres)
        .has_value();
  }
  for (const GresNeed& need : demand.gres) {
    std::uint64_t wanted = gres_for(need, tasks, job_gres);
    if (need.type.empty()) {
      for (const GresNeed& other : demand.gres) {
        if (&other != &need && other.name == need.name) {
          wanted += gres_for(other, tasks, job_gres);
        }
      }
    }
    if (wanted > free_of(need, view)) return false;
  }
  return true;
}

// With --gres-flags=enforce-binding: whether enough CPUs are idle beside the devices that would be
// taken.
bool binding_fits(const Demand& demand, const NodeView& view, std::uint32_t tasks,
                  const JobGres& job_gres) {
  const Hardware& hardware = *view.hardware;
  auto taken = split_gres(hardware, demand, wanted_gres(demand, tasks, job_gres), view.free_gres);
  if (!taken) return false;
  const NodeNeed need = need_for(demand, hardware, tasks, job_gres);
  base::Bitmap usable = view.busy.complement();
  for (std::uint32_t core = 0; need.cores != 0 && core < hardware.cores(); ++core) {
    if (core_is_idle(view.busy, core, hardware.threads)) continue;
    usable.reset_range(std::size_t{core} * hardware.threads,
                       std::size_t{core + 1} * hardware.threads);
  }
  const PickedDevices picked = pick_devices(hardware, demand,
                                            {.taken = std::move(*taken),
                                             .blocked = view.busy_devices,
                                             .cpus = usable,
                                             .cpus_wanted = need.threads});
  return picked.beside.size() == 0 || picked.beside.count_common(usable) >= need.threads;
}

void block_devices(const Hold& hold, const Hardware& hardware, std::vector<base::Bitmap>& busy) {
  for (const model::GresShare& share : hold.gres) {
    for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
      const GresEntry& entry = hardware.gres[e];
      if (entry.name == share.name && entry.type == share.type) mark_devices(share, entry, busy[e]);
    }
  }
}

std::vector<base::Bitmap> no_devices(const Hardware& hardware) {
  std::vector<base::Bitmap> none;
  for (const GresEntry& entry : hardware.gres) none.emplace_back(entry.devices);
  return none;
}

// Counts and, where they matter, devices of the holds that are still there at a time.
void view_devices_at(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms,
                     NodeView& view) {
  if (slot.faulty.empty() && !demand.gres_enforce_binding) return;
  std::vector<base::Bitmap> held = no_devices(*slot.hardware);
  for (const Hold& hold : slot.holds) {
    if (hold.expected_end_ms > time_ms) block_devices(hold, *slot.hardware, held);
  }
  for (std::size_t e = 0; e < slot.faulty.size(); ++e) {
    view.free_gres[e] -= std::min(view.free_gres[e], lost_devices(slot, e, held[e]));
    held[e] |= slot.faulty[e];
  }
  if (demand.gres_enforce_binding) view.busy_devices = std::move(held);
}

void view_shards_at(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms,
                    NodeView& view) {
  const Hardware& hardware = *slot.hardware;
  if (hardware.shards_per_gpu == 0) return;
  ShardUse use = no_shards(hardware);
  for (const Hold& hold : slot.holds) {
    if (hold.expected_end_ms <= time_ms) continue;
    for (const model::GresShare& share : hold.gres) add_use(share, use);
  }
  settle_free(slot, use, view.free_gres);
  if (demand.gres_enforce_binding) block_lending(hardware, use, view.busy_devices);
}

// CPUs that a run of tasks wants, before they are rounded to the partition's unit.
std::uint64_t cpus_wanted(const Demand& demand, std::uint32_t tasks, const JobGres& job_gres) {
  std::uint64_t cpus = std::uint64_t{demand.cpus_per_task} * (demand.overcommit ? 1 : tasks);
  cpus = std::max<std::uint64_t>(cpus, demand.min_cpus);
  if (demand.cpus_per_gpu != 0) {
    std::uint64_t gpus = 0;
    for (const GresNeed& need : demand.gres) {
      if (counts_as_gpu(need)) gpus += gres_for(need, tasks, job_gres);
    }
    cpus = std::max(cpus, demand.cpus_per_gpu * gpus);
  }
  return std::max<std::uint64_t>(1, cpus);
}

std::uint32_t threads_used(const Demand& demand, const Hardware& hardware) {
  return demand.use_threads == 0 ? hardware.threads
                                 : std::min(demand.use_threads, hardware.threads);
}

// Threads may be given out one by one only if no core has to be kept whole.
bool by_thread(const Demand& demand, const Hardware& hardware) {
  return demand.unit == model::CpuUnit::thread && hardware.threads > 1 &&
         demand.tasks_per_core == 0 && demand.tasks_per_socket == 0 &&
         threads_used(demand, hardware) == hardware.threads;
}

std::uint64_t cores_wanted(const Demand& demand, const Hardware& hardware, std::uint32_t tasks,
                           const JobGres& job_gres) {
  const std::uint32_t threads = threads_used(demand, hardware);
  std::uint64_t cores = divide_up(cpus_wanted(demand, tasks, job_gres), threads);
  if (demand.tasks_per_core != 0 && !demand.overcommit) {
    cores = std::max(cores, divide_up(tasks, demand.tasks_per_core));
    if (demand.tasks_per_core == 1) {
      cores = std::max(cores, tasks * divide_up(demand.cpus_per_task, threads));
    }
  }
  if (demand.unit == model::CpuUnit::socket) {
    cores = divide_up(cores, hardware.cores_per_socket) * hardware.cores_per_socket;
  }
  return cores;
}

// Whole cores that the tasks hold.
std::uint32_t cores_held(const Demand& demand, const Hardware& hardware, std::uint32_t tasks,
                         const JobGres& job_gres) {
  if (demand.whole_node) {
    const std::uint32_t more =
        demand.reserved_cores - std::min(demand.reserved_cores, hardware.reserved_cores);
    return hardware.job_cores() - std::min(hardware.job_cores() - 1, more);
  }
  if (by_thread(demand, hardware)) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      model::kUnlimited / hardware.threads, cores_wanted(demand, hardware, tasks, job_gres)));
}

// How many tasks the sockets take when each may have only so many.
std::uint64_t tasks_by_socket(const Demand& demand, const NodeView& view) {
  const Hardware& hardware = *view.hardware;
  const std::uint32_t threads = threads_used(demand, hardware);
  std::uint64_t tasks = 0;
  for (std::uint32_t socket = 0; socket < hardware.sockets; ++socket) {
    std::uint64_t idle = 0;
    for (std::uint32_t c = 0; c < hardware.cores_per_socket; ++c) {
      if (core_is_idle(view.busy, socket * hardware.cores_per_socket + c, hardware.threads)) ++idle;
    }
    tasks +=
        std::min<std::uint64_t>(demand.tasks_per_socket, idle * threads / demand.cpus_per_task);
  }
  return tasks;
}

std::uint32_t idle_socket_cores(const NodeView& view) {
  const Hardware& hardware = *view.hardware;
  std::uint32_t idle_sockets = 0;
  for (std::uint32_t socket = 0; socket < hardware.sockets; ++socket) {
    bool idle = true;
    for (std::uint32_t c = 0; c < hardware.cores_per_socket && idle; ++c) {
      idle = core_is_idle(view.busy, socket * hardware.cores_per_socket + c, hardware.threads);
    }
    if (idle) ++idle_sockets;
  }
  return idle_sockets * hardware.cores_per_socket;
}

bool fits(const Demand& demand, const NodeView& view, std::uint32_t tasks,
          const JobGres& job_gres) {
  const Hardware& hardware = *view.hardware;
  const NodeNeed need = need_for(demand, hardware, tasks, job_gres);
  if (need.cores > view.idle_cores || need.threads > view.idle_threads) return false;
  // A whole node is had whole; what was asked must still fit into it.
  if (demand.whole_node && cores_wanted(demand, hardware, tasks, job_gres) > need.cores) {
    return false;
  }
  if (demand.unit == model::CpuUnit::socket && need.cores > idle_socket_cores(view)) return false;
  if (demand.max_partition_cpus != model::kUnlimited &&
      std::uint64_t{view.partition_cpus} + need.threads > demand.max_partition_cpus) {
    return false;
  }
  if (demand.track_memory ? need.memory > view.free_memory : need.memory > hardware.memory) {
    return false;
  }
  if (!gres_fit(demand, view, tasks, job_gres)) return false;
  const bool bound = demand.gres_enforce_binding && !demand.whole_node;
  return !bound || binding_fits(demand, view, tasks, job_gres);
}

std::uint32_t most_tasks(const Demand& demand, const NodeView& view, std::uint32_t limit,
                         const JobGres& job_gres) {
  if (limit == 0) return 0;
  if (fits(demand, view, limit, job_gres)) return limit;
  std::uint32_t good = 0;
  std::uint32_t bad = limit;
  while (bad - good > 1) {
    const std::uint32_t middle = good + (bad - good) / 2;
    (fits(demand, view, middle, job_gres) ? good : bad) = middle;
  }
  return good;
}

}  // namespace

void view_present(const NodeSlot& slot, const Demand& demand, NodeView& view) {
  view.slot = &slot;
  view.hardware = slot.hardware;
  view.idle_cores = slot.idle_cores;
  view.idle_threads = slot.idle_threads;
  view.free_memory = slot.free_memory();
  view.jobs = static_cast<std::uint32_t>(slot.holds.size());
  view.free_gres.resize(slot.gres.size());
  for (std::size_t e = 0; e < slot.gres.size(); ++e) view.free_gres[e] = slot.free_gres(e);
  if (demand.gres_enforce_binding) {
    view.busy_devices.clear();
    for (const GresUse& use : slot.gres) view.busy_devices.push_back(use.devices);
    for (std::size_t e = 0; e < slot.faulty.size(); ++e) view.busy_devices[e] |= slot.faulty[e];
    if (slot.hardware->shards_per_gpu != 0) {
      block_lending(*slot.hardware, shards_of(slot), view.busy_devices);
    }
  }
  constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();
  view_users(slot, demand, kBeforeAll, view);
  if (!demand.needs_detail()) return;
  if (demand.share_depth > 1) {
    block_shared(slot, demand, kBeforeAll, view);
  } else {
    view.busy = slot.busy;
  }
  count_detail(demand, view);
}

void view_idle(const NodeSlot& slot, const Demand& demand, NodeView& view) {
  const Hardware& hardware = *slot.hardware;
  view.slot = &slot;
  view.hardware = &hardware;
  view.idle_cores = hardware.job_cores();
  view.idle_threads = hardware.job_cpus();
  view.free_memory = hardware.memory;
  view.jobs = 0;
  view.user_conflict = false;
  view.partition_cpus = 0;
  view.free_gres.resize(hardware.gres.size());
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    view.free_gres[e] = hardware.most_of(hardware.gres[e]);
  }
  if (demand.needs_detail()) view.busy = hardware.idle_busy();
  view.busy_devices.clear();
}

void view_at(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms, NodeView& view) {
  view_idle(slot, demand, view);
  view.busy = slot.hardware->idle_busy();
  std::uint64_t memory = 0;
  for (const Hold& hold : slot.holds) {
    if (hold.expected_end_ms <= time_ms) continue;
    ++view.jobs;
    memory += hold.memory;
    if (hold.cpus->size() == view.busy.size()) view.busy |= *hold.cpus;
    for (const model::GresShare& share : hold.gres) {
      for (std::size_t e = 0; e < view.free_gres.size(); ++e) {
        const GresEntry& entry = slot.hardware->gres[e];
        if (entry.name != share.name || entry.type != share.type) continue;
        view.free_gres[e] -= std::min(view.free_gres[e], share.count);
      }
    }
  }
  view_devices_at(slot, demand, time_ms, view);
  view_shards_at(slot, demand, time_ms, view);
  view.free_memory -= std::min(view.free_memory, memory);
  view.idle_cores = count_idle_cores(view.busy, *slot.hardware);
  view.idle_threads = slot.hardware->cpus() - static_cast<std::uint32_t>(view.busy.count());
  view_users(slot, demand, time_ms, view);
  if (demand.share_depth > 1) {
    block_shared(slot, demand, time_ms, view);
    count_detail(demand, view);
  }
}

std::uint64_t gres_for(const GresNeed& need, std::uint32_t tasks, const JobGres& job_gres) {
  std::uint64_t count = need.per_node + need.per_task * tasks;
  if (need.per_job != 0) count += job_gres[need.job_slot];
  if (need.tasks_each != 0) count += divide_up(tasks, need.tasks_each);
  return count;
}

NodeNeed need_for(const Demand& demand, const Hardware& hardware, std::uint32_t tasks,
                  const JobGres& job_gres) {
  NodeNeed need;
  if (!demand.whole_node && by_thread(demand, hardware)) {
    need.threads = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(model::kUnlimited, cpus_wanted(demand, tasks, job_gres)));
  } else {
    need.cores = cores_held(demand, hardware, tasks, job_gres);
    need.threads = need.cores * hardware.threads;
  }
  if (demand.all_memory) {
    need.memory = hardware.memory;
  } else {
    // Threads that stay idle on purpose (--threads-per-core) are charged, but have no memory.
    const std::uint32_t usable =
        need.cores == 0 ? need.threads : need.cores * threads_used(demand, hardware);
    need.memory = demand.memory_per_node + demand.memory_per_cpu * usable;
    if (demand.memory_per_gpu != 0) {
      std::uint64_t gpus = 0;
      for (const GresNeed& gres : demand.gres) {
        if (counts_as_gpu(gres)) gpus += gres_for(gres, tasks, job_gres);
      }
      need.memory += demand.memory_per_gpu * gpus;
    }
  }
  return need;
}

std::optional<NodeNeed> plain_need(const Demand& demand, const Hardware& hardware,
                                   std::uint32_t tasks) {
  const bool plain = demand.plans_by_counts() && !demand.whole_node && demand.gres.empty() &&
                     tasks <= demand.max_tasks_per_node;
  if (!plain) return std::nullopt;
  NodeNeed need = need_for(demand, hardware, tasks, {});
  if (demand.track_memory) return need;
  if (need.memory > hardware.memory) return std::nullopt;
  need.memory = 0;
  return need;
}

Offer evaluate(const Demand& demand, const NodeView& view, std::uint32_t want) {
  Offer offer;
  if (view.user_conflict || (demand.whole_node && view.jobs != 0)) return offer;
  std::uint64_t limit = std::min(want, demand.max_tasks_per_node);
  if (demand.tasks_per_socket != 0 && !demand.overcommit) {
    limit = std::min(limit, tasks_by_socket(demand, view));
  }
  for (const GresNeed& need : demand.gres) {
    if (need.per_job != 0) {
      offer.job_gres[need.job_slot] = std::min(need.per_job, free_of(need, view));
      if (offer.job_gres[need.job_slot] == 0) return offer;
    }
  }
  const auto most = static_cast<std::uint32_t>(limit);
  offer.tasks = most_tasks(demand, view, most, offer.job_gres);
  // CPUs or memory by GPU may not suffice for all free devices: offer fewer of them.
  for (int round = 0; round < kMaxReductions; ++round) {
    if (offer.tasks != 0 || most == 0 || demand.job_gres == 0) break;
    bool reduced = false;
    for (std::uint64_t& count : offer.job_gres) {
      if (count > 1) {
        --count;
        reduced = true;
      }
    }
    if (!reduced) break;
    offer.tasks = most_tasks(demand, view, most, offer.job_gres);
  }
  return offer;
}

std::uint32_t least_cores(const Demand& demand, const Hardware& hardware, std::uint32_t tasks) {
  if (demand.share_depth > 1) return 0;
  JobGres one{};
  for (std::uint32_t slot = 0; slot < demand.job_gres; ++slot) one[slot] = 1;
  return cores_held(demand, hardware, tasks, one);
}

std::optional<EvenCores> even_cores(const Demand& demand) {
  const bool evenly = demand.unit == model::CpuUnit::core && !demand.whole_node &&
                      demand.tasks_per_core == 0 && demand.cpus_per_gpu == 0 &&
                      !demand.overcommit && demand.share_depth <= 1;
  if (!evenly) return std::nullopt;
  return EvenCores{.cpus_per_task = demand.cpus_per_task,
                   .least_cpus = std::max(1U, demand.min_cpus),
                   .use_threads = demand.use_threads == 0 ? ~0U : demand.use_threads};
}

}  // namespace sluice::core
