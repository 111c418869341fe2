// The exact choice on one node, core by core and device by device.
#include "core/share.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "base/assert.hpp"
#include "base/hostlist.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kBlocked = 0xffffffff;

// How many jobs stand on each CPU; those that a sharing demand can't have count as kBlocked.
std::vector<std::uint32_t> thread_use(const NodeSlot& slot, const Demand& demand) {
  std::vector<std::uint32_t> use(slot.hardware->cpus(), 0);
  for (const Hold& hold : slot.holds) {
    const bool mixes = hold.shared && hold.holder.partition == demand.partition;
    for (std::uint32_t cpu = 0; cpu < use.size(); ++cpu) {
      if (use[cpu] == kBlocked || cpu >= hold.cpus.size() || !hold.cpus.test(cpu)) continue;
      use[cpu] = mixes && use[cpu] + 1 < demand.share_depth ? use[cpu] + 1 : kBlocked;
    }
  }
  return use;
}

// The same for cores: the deepest of a core's threads counts.
std::vector<std::uint32_t> core_use(const NodeSlot& slot, const Demand& demand) {
  const Hardware& hardware = *slot.hardware;
  std::vector<std::uint32_t> use(hardware.cores(), 0);
  if (demand.share_depth <= 1) {
    for (std::uint32_t core = 0; core < hardware.cores(); ++core) {
      if (!core_is_idle(slot.busy, core, hardware.threads)) use[core] = kBlocked;
    }
    return use;
  }
  const std::vector<std::uint32_t> threads = thread_use(slot, demand);
  for (std::uint32_t core = 0; core < hardware.cores(); ++core) {
    const auto first = threads.begin() + std::ptrdiff_t{core} * hardware.threads;
    use[core] = *std::max_element(first, first + hardware.threads);
  }
  return use;
}

void set_core(base::Bitmap& cpus, std::uint32_t core, std::uint32_t threads) {
  cpus.set_range(std::size_t{core} * threads, std::size_t{core + 1} * threads);
}

// The socket's cores, least used first, then lowest first; blocked ones left out.
std::vector<std::uint32_t> usable_cores(const Hardware& hardware, std::uint32_t socket,
                                        const std::vector<std::uint32_t>& use) {
  std::vector<std::uint32_t> cores;
  for (std::uint32_t c = 0; c < hardware.cores_per_socket; ++c) {
    const std::uint32_t core = socket * hardware.cores_per_socket + c;
    if (use[core] != kBlocked) cores.push_back(core);
  }
  std::stable_sort(cores.begin(), cores.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return use[a] < use[b]; });
  return cores;
}

// The cores of one task are taken from one socket.
std::uint32_t cores_of_task(const Demand& demand, const Hardware& hardware) {
  const std::uint32_t threads =
      demand.use_threads == 0 ? hardware.threads : std::min(demand.use_threads, hardware.threads);
  return (demand.cpus_per_task + threads - 1) / threads;
}

// Cores that a socket may give to a job with a limit of tasks per socket.
std::uint64_t socket_limit(const Demand& demand, const Hardware& hardware) {
  if (demand.tasks_per_socket == 0) return hardware.cores_per_socket;
  return std::uint64_t{demand.tasks_per_socket} * cores_of_task(demand, hardware);
}

// Whole sockets, the least used first.
void take_sockets(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                  base::Bitmap& cpus) {
  const Hardware& hardware = *slot.hardware;
  const std::vector<std::uint32_t> use = core_use(slot, demand);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sockets;  // deepest use, number
  for (std::uint32_t socket = 0; socket < hardware.sockets; ++socket) {
    const auto first = use.begin() + std::ptrdiff_t{socket} * hardware.cores_per_socket;
    sockets.emplace_back(*std::max_element(first, first + hardware.cores_per_socket), socket);
  }
  std::sort(sockets.begin(), sockets.end());
  const std::size_t size = std::size_t{hardware.cores_per_socket} * hardware.threads;
  for (const auto& [deepest, socket] : sockets) {
    if (wanted == 0 || deepest == kBlocked) break;
    cpus.set_range(socket * size, (socket + 1) * size);
    wanted -= hardware.cores_per_socket;
  }
  SLUICE_ASSERT(wanted == 0, "{} lacks idle sockets", slot.name.view());
}

void take_cores(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                base::Bitmap& cpus) {
  const Hardware& hardware = *slot.hardware;
  if (demand.unit == model::CpuUnit::socket) {
    take_sockets(slot, demand, wanted, cpus);
    return;
  }
  const std::vector<std::uint32_t> use = core_use(slot, demand);
  std::vector<std::vector<std::uint32_t>> sockets;
  for (std::uint32_t socket = 0; socket < hardware.sockets; ++socket) {
    sockets.push_back(usable_cores(hardware, socket, use));
  }
  // First within the limit per socket; --mincpus and the like may go beyond it.
  std::uint64_t limit = socket_limit(demand, hardware);
  std::vector<std::size_t> taken(sockets.size(), 0);
  const std::uint32_t together = cores_of_task(demand, hardware);
  while (wanted != 0) {
    bool progress = false;
    for (std::size_t s = 0; s < sockets.size(); ++s) {
      for (std::uint32_t c = 0; c < together && wanted != 0; ++c) {
        if (taken[s] == sockets[s].size() || taken[s] >= limit) break;
        set_core(cpus, sockets[s][taken[s]++], hardware.threads);
        --wanted;
        progress = true;
      }
    }
    if (progress) continue;
    SLUICE_ASSERT(limit < hardware.cores_per_socket, "{} lacks idle cores", slot.name.view());
    limit = hardware.cores_per_socket;
  }
}

bool thread_is_free(const NodeSlot& slot, const base::Bitmap& taken, std::size_t cpu) {
  return !slot.busy.test(cpu) && !taken.test(cpu);
}

// Whole idle cores for whole multiples, then threads of cores already in use, then what is left.
void take_threads(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                  base::Bitmap& cpus) {
  const Hardware& hardware = *slot.hardware;
  const std::uint32_t cores = std::min(wanted / hardware.threads, slot.idle_cores);
  Demand by_core = demand;
  by_core.unit = model::CpuUnit::core;
  take_cores(slot, by_core, cores, cpus);
  wanted -= cores * hardware.threads;
  for (const bool partly_used : {true, false}) {
    for (std::size_t cpu = 0; cpu < hardware.cpus() && wanted != 0; ++cpu) {
      const auto core = static_cast<std::uint32_t>(cpu / hardware.threads);
      const bool used = !core_is_idle(slot.busy, core, hardware.threads);
      if (used != partly_used || !thread_is_free(slot, cpus, cpu)) continue;
      cpus.set(cpu);
      --wanted;
    }
  }
  SLUICE_ASSERT(wanted == 0, "{} lacks idle threads", slot.name.view());
}

// Threads of cores shared by several jobs: the least used first.
void take_shared_threads(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                         base::Bitmap& cpus) {
  const std::vector<std::uint32_t> use = thread_use(slot, demand);
  std::vector<std::uint32_t> order(use.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return use[a] < use[b]; });
  SLUICE_ASSERT(wanted <= order.size() && (wanted == 0 || use[order[wanted - 1]] != kBlocked),
                "{} lacks threads to share", slot.name.view());
  for (std::uint32_t n = 0; n < wanted; ++n) cpus.set(order[n]);
}

base::Bitmap choose_cpus(const NodeSlot& slot, const Demand& demand, const NodeNeed& need) {
  base::Bitmap cpus(slot.hardware->cpus());
  if (need.cores != 0) {
    take_cores(slot, demand, need.cores, cpus);
  } else if (demand.share_depth > 1) {
    take_shared_threads(slot, demand, need.threads, cpus);
  } else {
    take_threads(slot, demand, need.threads, cpus);
  }
  return cpus;
}

// How many of each kind of the node's GRES a choice takes, given what is free of each.
std::vector<std::uint64_t> split_gres(const Hardware& hardware, const Demand& demand,
                                      const Chosen& chosen, std::vector<std::uint64_t> free) {
  std::vector<std::uint64_t> taken(hardware.gres.size(), 0);
  for (const bool typed : {true, false}) {
    for (const GresNeed& need : demand.gres) {
      if (need.type.empty() == typed) continue;
      std::uint64_t wanted = gres_for(need, chosen.sized_for, chosen.job_gres);
      for (std::size_t e = 0; e < hardware.gres.size() && wanted != 0; ++e) {
        const GresEntry& entry = hardware.gres[e];
        if (entry.name != need.name || (typed && entry.type != need.type)) continue;
        const std::uint64_t part = std::min(wanted, free[e]);
        taken[e] += part;
        free[e] -= part;
        wanted -= part;
      }
    }
  }
  return taken;
}

std::vector<model::GresShare> choose_gres(const NodeSlot& slot, const Demand& demand,
                                          const Chosen& chosen) {
  std::vector<model::GresShare> shares;
  if (demand.gres.empty()) return shares;
  const Hardware& hardware = *slot.hardware;
  std::vector<std::uint64_t> free(hardware.gres.size());
  for (std::size_t e = 0; e < free.size(); ++e) {
    free[e] = hardware.gres[e].count - std::min(hardware.gres[e].count, slot.gres[e].used);
  }
  const std::vector<std::uint64_t> taken = split_gres(hardware, demand, chosen, std::move(free));
  for (std::size_t e = 0; e < taken.size(); ++e) {
    if (taken[e] == 0) continue;
    const GresEntry& entry = hardware.gres[e];
    model::GresShare share{.name = entry.name, .type = entry.type, .count = taken[e]};
    if (entry.devices != 0) {
      share.indices = base::Bitmap(hardware.devices_of(entry.name));
      std::uint64_t wanted = taken[e];
      for (std::uint32_t d = 0; d < entry.devices && wanted != 0; ++d) {
        if (slot.gres[e].devices.test(d)) continue;
        share.indices.set(entry.first_device + d);
        --wanted;
      }
    }
    shares.push_back(std::move(share));
  }
  return shares;
}

}  // namespace

model::AllocationPtr make_allocation(const NodePool::State& pool, const Demand& demand,
                                     const Selection& selection) {
  auto made = std::make_shared<model::Allocation>();
  std::vector<std::uint32_t> nodes;
  for (const Chosen& chosen : selection.nodes) {
    const NodeSlot& slot = pool.nodes[chosen.node];
    const NodeNeed need = need_for(demand, *slot.hardware, chosen.sized_for, chosen.job_gres);
    model::NodeShare share;
    share.node = NodeIndex(chosen.node);
    share.name = slot.name;
    share.cpus = choose_cpus(slot, demand, need);
    share.cpu_count = static_cast<std::uint32_t>(share.cpus.count());
    share.memory = demand.track_memory ? need.memory : 0;
    share.tasks = chosen.tasks;
    share.gres = choose_gres(slot, demand, chosen);
    made->cpus += share.cpu_count;
    made->shares.push_back(std::move(share));
    nodes.push_back(chosen.node);
  }
  made->nodes = names_of(pool, nodes);
  return made;
}

Claim make_claim(const NodePool::State& pool, const Demand& demand, const Chosen& chosen) {
  const Hardware& hardware = *pool.nodes[chosen.node].hardware;
  const NodeNeed need = need_for(demand, hardware, chosen.sized_for, chosen.job_gres);
  Claim claim;
  claim.threads = need.threads;
  claim.cores =
      need.cores != 0 ? need.cores : (need.threads + hardware.threads - 1) / hardware.threads;
  claim.memory = demand.track_memory ? need.memory : 0;
  claim.whole = demand.whole_node || demand.exclusive_user || demand.needs_detail();
  std::vector<std::uint64_t> all;
  for (const GresEntry& entry : hardware.gres) all.push_back(entry.count);
  if (!demand.gres.empty()) claim.gres = split_gres(hardware, demand, chosen, std::move(all));
  return claim;
}

Text names_of(const NodePool::State& pool, const std::vector<std::uint32_t>& nodes) {
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const std::uint32_t node : nodes) names.push_back(pool.nodes[node].name.str());
  return base::compress_hosts(names);
}

}  // namespace sluice::core
