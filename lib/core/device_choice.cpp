// The comparison of sets, all of them or grown greedily.
#include "core/device_choice.hpp"

#include <algorithm>

namespace sluice::core {

namespace {

constexpr std::uint64_t kMaxSets = 20'000;      // compared one by one (16 over 8 are 12,870)
constexpr std::size_t kMaxSeeds = 16;           // of greedy growth
constexpr std::size_t kMaxDevices = 256;        // beyond, where they sit is not looked at
constexpr std::uint64_t kLinkUnit = 1U << 16U;  // one link outweighs any number of neighbours

using Weight = std::uint64_t;

// How good a set is; the greater the better.
struct Rank {
  Weight links = 0;
  std::uint64_t cpus = 0;
  Weight kept = 0;  // what is lost with it, subtracted from a constant
  bool cpus_first = false;

  [[nodiscard]] bool beats(const Rank& other) const {
    if (cpus_first && cpus != other.cpus) return cpus > other.cpus;
    if (links != other.links) return links > other.links;
    if (cpus != other.cpus) return cpus > other.cpus;
    return kept > other.kept;
  }
};

class Chooser {
 public:
  Chooser(std::span<const DeviceSite> sites, const DeviceWish& wish) : sites_(sites), wish_(wish) {
    for (const std::uint32_t device : wish.free.members()) free_.push_back(device);
    count_ = static_cast<std::size_t>(std::min<std::uint64_t>(wish.count, free_.size()));
    matters_ = wish.cpus.any() && wish.cpus_wanted != 0;
    fill_weights();
  }

  [[nodiscard]] base::Bitmap choose() {
    if (count_ == free_.size() || count_ == 0 || all_alike()) return wish_.free.first_n(count_);
    if (sets() <= kMaxSets) {
      extend(0, 0);
    } else {
      grow();
    }
    base::Bitmap chosen(wish_.free.size());
    for (const std::size_t member : best_) chosen.set(free_[member]);
    return chosen;
  }

 private:
  // Links in both directions are one; devices at one place are neighbours, if only by a little.
  [[nodiscard]] Weight weight_of(std::uint32_t a, std::uint32_t b) const {
    const DeviceSite& one = sites_[a];
    const DeviceSite& other = sites_[b];
    const std::uint32_t there = b < one.links.size() ? one.links[b] : 0;
    const std::uint32_t back = a < other.links.size() ? other.links[a] : 0;
    const bool same_cpus = one.cpus.any() && one.cpus == other.cpus;
    const bool same_numa = one.numa != model::kNoNuma && one.numa == other.numa;
    return std::max(there, back) * kLinkUnit + (same_cpus || same_numa ? 1 : 0);
  }

  void fill_weights() {
    const std::size_t n = free_.size();
    weights_.assign(n * n, 0);
    sums_.assign(n, 0);
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) {
        if (a == b) continue;
        weights_[a * n + b] = weight_of(free_[a], free_[b]);
        sums_[a] += weights_[a * n + b];
      }
      total_ += sums_[a];
    }
  }
  [[nodiscard]] Weight weight(std::size_t a, std::size_t b) const {
    return weights_[a * free_.size() + b];
  }

  // No set of that size is better than another.
  [[nodiscard]] bool all_alike() const {
    for (std::size_t a = 0; a < free_.size(); ++a) {
      for (std::size_t b = a + 1; b < free_.size(); ++b) {
        if (weight(a, b) != weight(0, 1)) return false;
      }
      if (matters_ && sites_[free_[a]].cpus != sites_[free_[0]].cpus) return false;
    }
    return true;
  }

  // How many sets there are, or more than kMaxSets.
  [[nodiscard]] std::uint64_t sets() const {
    std::uint64_t sets = 1;
    for (std::uint64_t n = 0; n < count_ && sets <= kMaxSets; ++n) {
      sets = sets * (free_.size() - n) / (n + 1);
    }
    return sets;
  }

  [[nodiscard]] std::uint64_t cpus_beside(const std::vector<std::size_t>& members) const {
    if (!matters_) return 0;
    base::Bitmap beside(wish_.cpus.size());
    for (const std::size_t member : members) {
      const base::Bitmap& cpus = sites_[free_[member]].cpus;
      if (cpus.size() != beside.size()) return wish_.cpus_wanted;  // it sits anywhere
      beside |= cpus;
    }
    return std::min<std::uint64_t>(wish_.cpus_wanted, beside.count_common(wish_.cpus));
  }

  void compare(const std::vector<std::size_t>& members, Weight links) {
    Weight sums = 0;
    for (const std::size_t member : members) sums += sums_[member];
    const Rank rank{.links = links,
                    .cpus = cpus_beside(members),
                    .kept = total_ - (sums - 2 * links),
                    .cpus_first = wish_.cpus_first};
    if (!best_.empty() && !rank.beats(best_rank_)) return;
    best_ = members;
    best_rank_ = rank;
  }

  [[nodiscard]] Weight links_to(const std::vector<std::size_t>& members, std::size_t other) const {
    Weight links = 0;
    for (const std::size_t member : members) links += weight(member, other);
    return links;
  }

  // All sets, in the order of their members, so that the first of equals has the lowest ones.
  void extend(std::size_t from, Weight links) {
    if (set_.size() == count_) return compare(set_, links);
    for (std::size_t next = from; next + (count_ - set_.size()) <= free_.size(); ++next) {
      const Weight more = links_to(set_, next);
      set_.push_back(next);
      extend(next + 1, links + more);
      set_.pop_back();
    }
  }

  // From each of the first devices: add what is linked best to those taken, then what has fewest
  // links elsewhere, then the lowest.
  void grow() {
    for (std::size_t seed = 0; seed < std::min(free_.size(), kMaxSeeds); ++seed) {
      std::vector<std::size_t> members{seed};
      std::vector<bool> taken(free_.size(), false);
      taken[seed] = true;
      Weight links = 0;
      while (members.size() < count_) {
        const std::size_t next = next_for(members, taken);
        links += links_to(members, next);
        taken[next] = true;
        members.push_back(next);
      }
      compare(members, links);
    }
  }

  [[nodiscard]] std::size_t next_for(const std::vector<std::size_t>& members,
                                     const std::vector<bool>& taken) const {
    std::size_t best = free_.size();
    Rank best_rank;
    for (std::size_t next = 0; next < free_.size(); ++next) {
      if (taken[next]) continue;
      std::vector<std::size_t> with = members;
      with.push_back(next);
      const Rank rank{.links = links_to(members, next),
                      .cpus = cpus_beside(with),
                      .kept = total_ - sums_[next],
                      .cpus_first = wish_.cpus_first};
      if (best != free_.size() && !rank.beats(best_rank)) continue;
      best = next;
      best_rank = rank;
    }
    return best;
  }

  std::span<const DeviceSite> sites_;
  const DeviceWish& wish_;
  std::vector<std::uint32_t> free_;  // positions
  std::size_t count_ = 0;
  bool matters_ = false;          // where the devices sit
  std::vector<Weight> weights_;   // between the free ones
  std::vector<Weight> sums_;      // of each to all the others
  Weight total_ = 0;              // twice all links
  std::vector<std::size_t> set_;  // being extended
  std::vector<std::size_t> best_;
  Rank best_rank_;
};

}  // namespace

std::strong_ordering DeviceSite::operator<=>(const DeviceSite& other) const {
  const auto words = cpus.words();
  const auto others = other.cpus.words();
  if (auto order = cpus.size() <=> other.cpus.size(); order != 0) return order;
  if (auto order = std::lexicographical_compare_three_way(words.begin(), words.end(),
                                                          others.begin(), others.end());
      order != 0) {
    return order;
  }
  if (auto order = numa <=> other.numa; order != 0) return order;
  if (auto order = parted <=> other.parted; order != 0) return order;
  return links <=> other.links;
}

std::vector<DeviceSite> sites_of(const model::NodeGres& gres, std::uint32_t cpus) {
  std::vector<DeviceSite> sites;
  if (gres.devices.size() != gres.files.size()) return sites;
  for (const model::Device& device : gres.devices) {
    DeviceSite site{.numa = device.numa, .links = device.links};
    if (device.cpus.any()) {
      site.cpus = device.cpus;
      site.cpus.resize(cpus);
    }
    if (!site.cpus.any() || site.cpus.all()) site.cpus = base::Bitmap();
    sites.push_back(std::move(site));
  }
  return sites;
}

base::Bitmap choose_devices(std::span<const DeviceSite> sites, const DeviceWish& wish) {
  if (sites.size() < wish.free.size() || sites.size() > kMaxDevices) {
    return wish.free.first_n(
        static_cast<std::size_t>(std::min<std::uint64_t>(wish.count, wish.free.size())));
  }
  return Chooser(sites, wish).choose();
}

}  // namespace sluice::core
