// See gres_choice.hpp.
#include "core/gres_choice.hpp"

#include <algorithm>

#include "core/node_view.hpp"
#include "model/gres.hpp"

namespace sluice::core {

namespace {

class Splitter {
 public:
  Splitter(const Hardware& hardware, std::vector<std::uint64_t> free)
      : hardware_(hardware), free_(std::move(free)), taken_(hardware.gres.size(), 0) {}

  // False if there is too little.
  bool take(const GresNeed& need, std::uint64_t wanted) {
    if (wanted == 0) return true;
    if (need.any_accelerator) return take_one_kind(need, wanted);
    const std::size_t kinds = hardware_.gres.size();
    for (std::size_t e = 0; e < kinds; ++e) {
      if (matches(need, hardware_.gres[e]) && free_[e] >= wanted) return take_from(e, wanted), true;
    }
    for (std::size_t e = 0; e < kinds && wanted != 0; ++e) {
      if (!matches(need, hardware_.gres[e])) continue;
      const std::uint64_t part = std::min(wanted, free_[e]);
      take_from(e, part);
      wanted -= part;
    }
    return wanted == 0;
  }
  std::vector<std::uint64_t> taken() && { return std::move(taken_); }

 private:
  bool take_one_kind(const GresNeed& need, std::uint64_t wanted) {
    std::size_t best = hardware_.gres.size();
    for (std::size_t e = 0; e < hardware_.gres.size(); ++e) {
      if (!matches(need, hardware_.gres[e]) || free_[e] < wanted) continue;
      if (best == hardware_.gres.size() || free_[e] < free_[best]) best = e;
    }
    if (best == hardware_.gres.size()) return false;
    take_from(best, wanted);
    return true;
  }
  void take_from(std::size_t kind, std::uint64_t count) {
    taken_[kind] += count;
    free_[kind] -= count;
  }

  const Hardware& hardware_;
  std::vector<std::uint64_t> free_;
  std::vector<std::uint64_t> taken_;
};

// 0: a type is named, 1: any type, 2: any accelerator. Who may have less is served first.
int freedom(const GresNeed& need) {
  if (need.any_accelerator) return 2;
  return need.type.empty() ? 1 : 0;
}

void add_beside(PickedDevices& picked, const GresEntry& entry, std::size_t cpus) {
  picked.devices.back().for_each([&](std::size_t d) {
    if (d >= entry.sites.size() || entry.sites[d].cpus.size() != cpus) return;
    if (picked.beside.size() == 0) picked.beside = base::Bitmap(cpus);
    picked.beside |= entry.sites[d].cpus;
  });
}

// With --gpus-per-socket: as many beside each socket as it asks for. What no socket can give is
// taken anywhere.
base::Bitmap choose_by_socket(const Hardware& hardware, const GresEntry& entry, DeviceWish wish,
                              std::uint64_t per_socket) {
  base::Bitmap chosen(entry.devices);
  const std::uint64_t count = wish.count;
  const std::size_t size = std::size_t{hardware.cores_per_socket} * hardware.threads;
  const base::Bitmap free = wish.free;
  for (std::size_t socket = 0; per_socket != 0 && socket < hardware.sockets; ++socket) {
    wish.count = std::min(per_socket, count - chosen.count());
    wish.free = base::Bitmap(entry.devices);
    for (std::size_t d = 0; d < entry.sites.size(); ++d) {
      const base::Bitmap& cpus = entry.sites[d].cpus;
      const bool beside =
          cpus.size() != 0 && cpus.count_range(socket * size, (socket + 1) * size) != 0;
      if (beside && free.test(d) && !chosen.test(d)) wish.free.set(d);
    }
    chosen |= choose_devices(entry.sites, wish);
  }
  wish.count = count - chosen.count();
  wish.free = free - chosen;
  return chosen | choose_devices(entry.sites, wish);
}

std::uint64_t per_socket(const Demand& demand, const GresEntry& entry) {
  std::uint64_t most = 0;
  for (const GresNeed& need : demand.gres) {
    if (matches(need, entry)) most = std::max(most, need.per_socket);
  }
  return most;
}

}  // namespace

bool matches(const GresNeed& need, const GresEntry& entry) {
  if (!need.type.empty() && entry.type != need.type) return false;
  if (!need.any_accelerator) return entry.name == need.name;
  if (!entry.accelerator && entry.name != need.name) return false;
  return need.kind.name.empty() || (entry.name == need.kind.name && entry.type == need.kind.type);
}

bool counts_as_gpu(const GresNeed& need) {
  return need.any_accelerator || need.name.view() == "gpu";
}

std::optional<std::vector<std::uint64_t>> split_gres(const Hardware& hardware, const Demand& demand,
                                                     std::vector<std::uint64_t> wanted_by_need,
                                                     std::vector<std::uint64_t> free) {
  Splitter splitter(hardware, std::move(free));
  bool enough = true;
  for (int turn = 0; turn <= 2; ++turn) {
    for (std::size_t n = 0; n < demand.gres.size(); ++n) {
      if (freedom(demand.gres[n]) != turn) continue;
      enough = splitter.take(demand.gres[n], wanted_by_need[n]) && enough;
    }
  }
  if (!enough) return std::nullopt;
  return std::move(splitter).taken();
}

std::vector<std::uint64_t> wanted_gres(const Demand& demand, std::uint32_t tasks,
                                       const JobGres& job_gres) {
  std::vector<std::uint64_t> wanted;
  for (const GresNeed& need : demand.gres) wanted.push_back(gres_for(need, tasks, job_gres));
  return wanted;
}

PickedDevices pick_devices(const Hardware& hardware, const Demand& demand,
                           const DevicePlace& place) {
  PickedDevices picked;
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    const GresEntry& entry = hardware.gres[e];
    picked.devices.emplace_back(entry.devices);
    if (place.taken[e] == 0 || entry.devices == 0) continue;
    DeviceWish wish{.count = place.taken[e], .free = base::Bitmap::full(entry.devices)};
    if (!place.blocked.empty()) wish.free -= place.blocked[e];
    for (std::size_t d = 0; d < entry.sites.size(); ++d) {
      if (entry.sites[d].parted) wish.free.reset(d);
    }
    if (!demand.gres_disable_binding) {
      wish.cpus = place.cpus;
      wish.cpus_wanted = place.cpus_wanted;
      wish.cpus_first = demand.gres_enforce_binding;
    }
    picked.devices.back() =
        choose_by_socket(hardware, entry, std::move(wish), per_socket(demand, entry));
    if (!demand.gres_disable_binding) add_beside(picked, entry, hardware.cpus());
  }
  return picked;
}

}  // namespace sluice::core
