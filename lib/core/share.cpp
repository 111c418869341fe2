// The exact choice on one node, core by core and device by device.
#include "core/share.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>
#include <string>

#include "base/assert.hpp"
#include "base/hostlist.hpp"
#include "core/gres_choice.hpp"
#include "core/shards.hpp"
#include "model/shards.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kBlocked = 0xffffffff;

// How many jobs stand on each CPU; those that a sharing demand can't have count as kBlocked.
std::vector<std::uint32_t> thread_use(const NodeSlot& slot, const Demand& demand) {
  std::vector<std::uint32_t> use(slot.hardware->cpus(), 0);
  slot.hardware->reserved.for_each([&](std::size_t cpu) { use[cpu] = kBlocked; });
  for (const Hold& hold : slot.holds) {
    const bool mixes = hold.shared && hold.holder.partition == demand.partition;
    for (std::uint32_t cpu = 0; cpu < use.size(); ++cpu) {
      if (use[cpu] == kBlocked || cpu >= hold.cpus->size() || !hold.cpus->test(cpu)) continue;
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

// The socket's cores, least used first, then lowest first; blocked ones left out, and those with a
// thread in `without`.
std::vector<std::uint32_t> usable_cores(const Hardware& hardware, std::uint32_t socket,
                                        const std::vector<std::uint32_t>& use,
                                        const base::Bitmap& without) {
  std::vector<std::uint32_t> cores;
  for (std::uint32_t c = 0; c < hardware.cores_per_socket; ++c) {
    const std::uint32_t core = socket * hardware.cores_per_socket + c;
    if (use[core] == kBlocked || !core_is_idle(without, core, hardware.threads)) continue;
    cores.push_back(core);
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

// Where a job's CPUs come from: `taken` is filled; `beside` (size 0: nowhere in particular) holds
// those to prefer.
struct CpuChoice {
  base::Bitmap taken;
  base::Bitmap beside;
};

// Whole sockets, the least used first.
void take_sockets(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                  CpuChoice& choice) {
  const Hardware& hardware = *slot.hardware;
  const std::vector<std::uint32_t> use = core_use(slot, demand);
  const std::size_t size = std::size_t{hardware.cores_per_socket} * hardware.threads;
  struct Socket {
    std::uint32_t deepest = 0;
    bool apart = false;  // not beside the devices
    std::uint32_t number = 0;
    auto operator<=>(const Socket&) const = default;
  };
  std::vector<Socket> sockets;
  for (std::uint32_t socket = 0; socket < hardware.sockets; ++socket) {
    const auto first = use.begin() + std::ptrdiff_t{socket} * hardware.cores_per_socket;
    const bool apart = choice.beside.size() != 0 &&
                       choice.beside.count_range(socket * size, (socket + 1) * size) == 0;
    sockets.push_back({*std::max_element(first, first + hardware.cores_per_socket), apart, socket});
  }
  std::sort(sockets.begin(), sockets.end());
  for (const Socket& socket : sockets) {
    if (wanted == 0 || socket.deepest == kBlocked) break;
    choice.taken.set_range(socket.number * size, (socket.number + 1) * size);
    wanted -= hardware.cores_per_socket;
  }
  SLUICE_ASSERT(wanted == 0, "{} lacks idle sockets", slot.name.view());
}

// Deals cores to tasks, socket by socket in turn.
class CoreDealer {
 public:
  CoreDealer(const NodeSlot& slot, const Demand& demand, CpuChoice& choice)
      : hardware_(*slot.hardware),
        use_(core_use(slot, demand)),
        together_(cores_of_task(demand, hardware_)),
        limit_(socket_limit(demand, hardware_)),
        dealt_(hardware_.sockets, 0),
        choice_(choice) {}

  // First beside the devices: whole tasks only, unless all fit there. What is left of `wanted`.
  std::uint32_t deal_beside(std::uint32_t wanted) {
    if (choice_.beside.size() == 0) return wanted;
    const std::vector<std::vector<std::uint32_t>> cores =
        cores_outside(choice_.beside.complement());
    std::uint32_t there = 0;
    for (const auto& socket : cores) there += static_cast<std::uint32_t>(socket.size());
    const std::uint32_t part = there < wanted ? there - there % together_ : wanted;
    return wanted - part + deal(part, cores);
  }
  std::uint32_t deal_anywhere(std::uint32_t wanted) {
    return deal(wanted, cores_outside(choice_.taken));
  }
  // --mincpus and the like may go beyond the limit of tasks per socket.
  void lift_limit() { limit_ = hardware_.cores_per_socket; }

 private:
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> cores_outside(
      const base::Bitmap& without) const {
    std::vector<std::vector<std::uint32_t>> sockets;
    for (std::uint32_t socket = 0; socket < hardware_.sockets; ++socket) {
      sockets.push_back(usable_cores(hardware_, socket, use_, without));
    }
    return sockets;
  }

  std::uint32_t deal(std::uint32_t wanted, const std::vector<std::vector<std::uint32_t>>& cores) {
    std::vector<std::size_t> next(cores.size(), 0);
    for (bool progress = true; progress && wanted != 0;) {
      progress = false;
      for (std::size_t s = 0; s < cores.size(); ++s) {
        for (std::uint32_t c = 0; c < together_ && wanted != 0; ++c) {
          if (next[s] == cores[s].size() || dealt_[s] >= limit_) break;
          set_core(choice_.taken, cores[s][next[s]++], hardware_.threads);
          ++dealt_[s];
          --wanted;
          progress = true;
        }
      }
    }
    return wanted;
  }

  const Hardware& hardware_;
  std::vector<std::uint32_t> use_;
  std::uint32_t together_;
  std::uint64_t limit_;
  std::vector<std::uint64_t> dealt_;  // cores of each socket
  CpuChoice& choice_;
};

void take_cores(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                CpuChoice& choice) {
  if (demand.unit == model::CpuUnit::socket) {
    take_sockets(slot, demand, wanted, choice);
    return;
  }
  CoreDealer dealer(slot, demand, choice);
  wanted = dealer.deal_beside(wanted);
  wanted = dealer.deal_anywhere(wanted);
  if (wanted == 0) return;
  dealer.lift_limit();
  wanted = dealer.deal_anywhere(wanted);
  SLUICE_ASSERT(wanted == 0, "{} lacks idle cores", slot.name.view());
}

bool thread_is_free(const NodeSlot& slot, const base::Bitmap& taken, std::size_t cpu) {
  return !slot.busy.test(cpu) && !taken.test(cpu);
}

// Whole idle cores for whole multiples, then threads of cores already in use, then what is left.
void take_threads(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                  CpuChoice& choice) {
  const Hardware& hardware = *slot.hardware;
  const std::uint32_t cores = std::min(wanted / hardware.threads, slot.idle_cores);
  Demand by_core = demand;
  by_core.unit = model::CpuUnit::core;
  take_cores(slot, by_core, cores, choice);
  wanted -= cores * hardware.threads;
  const auto is_apart = [&](std::size_t cpu) {
    return choice.beside.size() != 0 && !choice.beside.test(cpu);
  };
  for (const int pass : {0, 1, 2, 3}) {  // beside the devices or apart; of used or idle cores
    const bool apart = pass >= 2;
    if (apart && choice.beside.size() == 0) break;
    const bool partly_used = pass % 2 == 0;
    for (std::size_t cpu = 0; cpu < hardware.cpus() && wanted != 0; ++cpu) {
      const auto core = static_cast<std::uint32_t>(cpu / hardware.threads);
      const bool used = !core_is_idle(slot.busy, core, hardware.threads);
      if (used != partly_used || is_apart(cpu) != apart) continue;
      if (!thread_is_free(slot, choice.taken, cpu)) continue;
      choice.taken.set(cpu);
      --wanted;
    }
  }
  SLUICE_ASSERT(wanted == 0, "{} lacks idle threads", slot.name.view());
}

// Threads of cores shared by several jobs: the least used first.
void take_shared_threads(const NodeSlot& slot, const Demand& demand, std::uint32_t wanted,
                         CpuChoice& choice) {
  const std::vector<std::uint32_t> use = thread_use(slot, demand);
  std::vector<std::uint32_t> order(use.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto rank = [&](std::uint32_t cpu) {
    return std::pair(use[cpu], choice.beside.size() != 0 && !choice.beside.test(cpu));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return rank(a) < rank(b); });
  SLUICE_ASSERT(wanted <= order.size() && (wanted == 0 || use[order[wanted - 1]] != kBlocked),
                "{} lacks threads to share", slot.name.view());
  for (std::uint32_t n = 0; n < wanted; ++n) choice.taken.set(order[n]);
}

// CPUs that the job may get: of cores that it can have, or single threads.
base::Bitmap usable_cpus(const NodeSlot& slot, const Demand& demand, const NodeNeed& need) {
  const Hardware& hardware = *slot.hardware;
  base::Bitmap cpus(hardware.cpus());
  if (need.cores != 0) {
    const std::vector<std::uint32_t> use = core_use(slot, demand);
    for (std::uint32_t core = 0; core < hardware.cores(); ++core) {
      if (use[core] != kBlocked) set_core(cpus, core, hardware.threads);
    }
    return cpus;
  }
  if (demand.share_depth <= 1) return slot.busy.complement();
  const std::vector<std::uint32_t> use = thread_use(slot, demand);
  for (std::uint32_t cpu = 0; cpu < use.size(); ++cpu) {
    if (use[cpu] != kBlocked) cpus.set(cpu);
  }
  return cpus;
}

constexpr std::uint64_t kAllHeld = ~std::uint64_t{0};

// Calls visit(w) for each word of CPUs that may have an idle one, until it says that it has enough.
template <class Visit>
void visit_open(const NodeSlot& slot, Visit&& visit) {
  constexpr std::size_t kBits = 64;
  const std::size_t end = slot.busy.word_count();
  if (slot.full.size() == 0) {
    for (std::size_t w = 0; w < end; ++w) {
      if (slot.busy.word(w) != kAllHeld && !visit(w)) return;
    }
    return;
  }
  for (std::size_t at = 0; at * kBits < end; ++at) {
    for (std::uint64_t open = ~slot.full.word(at); open != 0; open &= open - 1) {
      const std::size_t w = at * kBits + static_cast<std::size_t>(std::countr_zero(open));
      if (w >= end || !visit(w)) return;
    }
  }
}

// The first idle CPUs, so many. There are enough.
base::Bitmap first_idle(const NodeSlot& slot, std::size_t wanted) {
  struct Run {  // of words that lie side by side, all idle; or one
    std::size_t word = 0;
    std::size_t end = 0;
    std::uint64_t idle = 0;
  };
  std::vector<Run> runs;
  visit_open(slot, [&](std::size_t w) {
    if (wanted == 0) return false;
    std::uint64_t idle = ~slot.busy.word(w);
    if (idle == 0) return true;
    auto here = static_cast<std::size_t>(idle == kAllHeld ? 64 : std::popcount(idle));
    for (; here > wanted; --here) idle &= ~std::bit_floor(idle);
    wanted -= here;
    const bool goes_on =
        idle == kAllHeld && !runs.empty() && runs.back().idle == kAllHeld && runs.back().end == w;
    if (goes_on) {
      ++runs.back().end;
    } else {
      runs.push_back({w, w + 1, idle});
    }
    return wanted != 0;
  });
  // The last right after the first, so that there is room for all.
  base::Bitmap taken(slot.busy.size());
  const auto take = [&](const Run& run) {
    taken.set_word(run.word, run.idle);
    if (run.end - run.word > 1) taken.set_range(run.word * 64, run.end * 64);
  };
  if (!runs.empty()) take(runs.front());
  for (std::size_t n = runs.size(); n-- > 1;) take(runs[n]);
  return taken;
}

base::Bitmap choose_cpus(const NodeSlot& slot, const Demand& demand, const NodeNeed& need,
                         base::Bitmap beside) {
  // One socket of single threads: dealing cores to tasks comes to the first idle ones.
  const Hardware& hardware = *slot.hardware;
  const bool plain = hardware.threads == 1 && hardware.sockets == 1 && demand.share_depth <= 1 &&
                     demand.unit != model::CpuUnit::socket && beside.size() == 0 &&
                     demand.tasks_per_socket == 0;
  if (plain && need.cores != 0) {
    SLUICE_ASSERT(need.cores <= slot.idle_cores, "{} lacks idle cores", slot.name.view());
    return first_idle(slot, need.cores);
  }
  CpuChoice choice{base::Bitmap(slot.hardware->cpus()), std::move(beside)};
  if (need.cores != 0) {
    take_cores(slot, demand, need.cores, choice);
  } else if (demand.share_depth > 1) {
    take_shared_threads(slot, demand, need.threads, choice);
  } else {
    take_threads(slot, demand, need.threads, choice);
  }
  return std::move(choice.taken);
}

// Whole GPUs are had instead of their parts.
std::vector<std::uint64_t> all_but_shards(const Hardware& hardware,
                                          std::vector<std::uint64_t> free) {
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    if (hardware.gres[e].name.view() == model::kShard) free[e] = 0;
  }
  return free;
}

// Fills in the share's GRES; the CPUs beside them.
base::Bitmap choose_gres(const NodeSlot& slot, const Demand& demand, const Chosen& chosen,
                         model::NodeShare& share) {
  const Hardware& hardware = *slot.hardware;
  const NodeNeed need = need_for(demand, hardware, chosen.sized_for, chosen.job_gres);
  DevicePlace place{.cpus = usable_cpus(slot, demand, need), .cpus_wanted = need.threads};
  std::vector<std::uint64_t> free;
  for (std::size_t e = 0; e < slot.gres.size(); ++e) {
    free.push_back(slot.free_gres(e));
    place.blocked.push_back(slot.gres[e].devices);
    if (!slot.faulty.empty()) place.blocked[e] |= slot.faulty[e];
  }
  const ShardUse use = hardware.shards_per_gpu == 0 ? ShardUse() : shards_of(slot);
  if (hardware.shards_per_gpu != 0) block_lending(hardware, use, place.blocked);
  // As in Slurm, who has the whole node has its devices too.
  auto taken =
      demand.whole_node && !wants_shards(demand)
          ? std::optional(all_but_shards(hardware, std::move(free)))
          : split_gres(hardware, demand, wanted_gres(demand, chosen.sized_for, chosen.job_gres),
                       std::move(free));
  SLUICE_ASSERT(taken.has_value(), "{} lacks free devices", slot.name.view());
  place.taken = std::move(*taken);
  PickedDevices picked = pick_devices(hardware, demand, place);
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    const GresEntry& entry = hardware.gres[e];
    if (place.taken[e] == 0) continue;
    model::GresShare got{.name = entry.name, .type = entry.type, .count = place.taken[e]};
    if (entry.devices != 0) {
      SLUICE_ASSERT(picked.devices[e].count() == got.count, "{} lacks {} devices", slot.name.view(),
                    entry.name.view());
      got.indices = base::Bitmap(hardware.devices_of(entry.name));
      picked.devices[e].for_each([&](std::size_t d) { got.indices.set(entry.first_device + d); });
    } else if (model::is_shards(got)) {
      const std::optional<std::uint32_t> gpu = choose_gpu(slot, use, got.count);
      SLUICE_ASSERT(gpu.has_value(), "{} lacks a GPU with shards", slot.name.view());
      got.indices = base::Bitmap(use.shards.size());
      got.indices.set(*gpu);
    }
    share.gres.push_back(std::move(got));
  }
  return std::move(picked.beside);
}

}  // namespace

model::AllocationPtr make_allocation(const NodePool::State& pool, const Demand& asked,
                                     const Selection& selection) {
  std::optional<Demand> bound;
  if (!selection.accelerator.name.empty()) bound = bound_to(asked, selection.accelerator);
  const Demand& demand = bound ? *bound : asked;
  auto made = std::make_shared<model::Allocation>();
  made->shares.reserve(selection.nodes.size());
  std::vector<std::uint32_t> nodes;
  nodes.reserve(selection.nodes.size());
  for (const Chosen& chosen : selection.nodes) {
    const NodeSlot& slot = pool.nodes[chosen.node];
    const NodeNeed need = need_for(demand, *slot.hardware, chosen.sized_for, chosen.job_gres);
    model::NodeShare share;
    share.node = NodeIndex(chosen.node);
    share.name = slot.name;
    if (pool.topology.known()) share.topology = pool.topology.address(chosen.node, slot.name);
    base::Bitmap beside;
    const bool takes_gres = !demand.gres.empty() || demand.whole_node;
    if (takes_gres) beside = choose_gres(slot, demand, chosen, share);
    share.cpus = choose_cpus(slot, demand, need, std::move(beside));
    share.cpu_count = static_cast<std::uint32_t>(share.cpus.count());
    share.memory = demand.track_memory ? need.memory : 0;
    share.tasks = chosen.tasks;
    made->cpus += share.cpu_count;
    made->shares.push_back(std::move(share));
    nodes.push_back(chosen.node);
  }
  made->nodes = names_of(pool, nodes);
  return made;
}

model::Allocation sketch_allocation(const NodePool::State& pool, const Demand& asked,
                                    const Selection& selection) {
  const Demand demand =
      selection.accelerator.name.empty() ? asked : bound_to(asked, selection.accelerator);
  model::Allocation made;
  for (const Chosen& chosen : selection.nodes) {
    const NodeSlot& slot = pool.nodes[chosen.node];
    const Hardware& hardware = *slot.hardware;
    const NodeNeed need = need_for(demand, hardware, chosen.sized_for, chosen.job_gres);
    model::NodeShare share;
    share.node = NodeIndex(chosen.node);
    share.name = slot.name;
    share.cpu_count = need.threads;
    share.memory = demand.track_memory ? need.memory : 0;
    share.tasks = chosen.tasks;
    std::vector<std::uint64_t> all;
    for (const GresEntry& entry : hardware.gres) all.push_back(entry.count);
    const auto taken =
        demand.whole_node && !wants_shards(demand)
            ? std::optional(all_but_shards(hardware, std::move(all)))
            : split_gres(hardware, demand, wanted_gres(demand, chosen.sized_for, chosen.job_gres),
                         std::move(all));
    for (std::size_t e = 0; taken && e < taken->size(); ++e) {
      if ((*taken)[e] == 0) continue;
      const GresEntry& entry = hardware.gres[e];
      share.gres.push_back({.name = entry.name, .type = entry.type, .count = (*taken)[e]});
    }
    made.cpus += share.cpu_count;
    made.shares.push_back(std::move(share));
  }
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
  claim.whole = demand.whole_node || demand.exclusive_user || demand.needs_detail() ||
                concerns_shards(demand, hardware);
  std::vector<std::uint64_t> all;
  for (const GresEntry& entry : hardware.gres) all.push_back(entry.count);
  if (!demand.gres.empty()) {
    auto taken = split_gres(hardware, demand,
                            wanted_gres(demand, chosen.sized_for, chosen.job_gres), std::move(all));
    if (taken) claim.gres = std::move(*taken);
  }
  return claim;
}

Text names_of(const NodePool::State& pool, const std::vector<std::uint32_t>& nodes) {
  if (nodes.size() == 1) return pool.nodes[nodes.front()].name;
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const std::uint32_t node : nodes) names.push_back(pool.nodes[node].name.str());
  return base::compress_hosts(names);
}

}  // namespace sluice::core
