// Which devices are taken, against an obvious search over all sets on small nodes.
#include "core/device_choice.hpp"

#include <random>

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

constexpr std::uint32_t kCpus = 8;

std::vector<DeviceSite> sites(std::size_t count) { return std::vector<DeviceSite>(count); }

void link(std::vector<DeviceSite>& all, std::size_t a, std::size_t b, std::uint32_t weight) {
  for (DeviceSite& site : all) site.links.resize(all.size(), 0);
  all[a].links[b] = all[b].links[a] = weight;
}

base::Bitmap cpus(std::size_t first, std::size_t end) {
  base::Bitmap made(kCpus);
  made.set_range(first, end);
  return made;
}

std::string chosen(const std::vector<DeviceSite>& all, std::uint64_t count,
                   base::Bitmap free = base::Bitmap()) {
  DeviceWish wish{.count = count, .free = std::move(free)};
  if (wish.free.size() == 0) wish.free = base::Bitmap::full(all.size());
  return choose_devices(all, wish).to_ranges();
}

TEST(DeviceChoice, without_anything_known_the_lowest_free_are_taken) {
  EXPECT_EQ(chosen(sites(4), 2), "0-1");
  EXPECT_EQ(chosen(sites(4), 2, base::Bitmap(4, {1, 3})), "1,3");
  EXPECT_EQ(chosen(sites(4), 9), "0-3");
  EXPECT_EQ(chosen(sites(4), 0), "");
  EXPECT_EQ(choose_devices({}, {.count = 2, .free = base::Bitmap(5, {1, 2, 4})}).to_ranges(),
            "1-2");
}

TEST(DeviceChoice, the_best_linked_pair_is_taken) {
  auto all = sites(4);
  link(all, 0, 1, 10);
  link(all, 1, 3, 100);
  EXPECT_EQ(chosen(all, 2), "1,3");
}

TEST(DeviceChoice, a_link_that_only_one_side_knows_counts) {
  auto all = sites(3);
  all[2].links = {0, 7, 0};
  EXPECT_EQ(chosen(all, 2), "1-2");
}

TEST(DeviceChoice, well_connected_groups_stay_whole) {
  auto all = sites(8);  // 0-3 and 4-7 are rings
  for (std::size_t a = 0; a < 8; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      if (a / 4 == b / 4) link(all, a, b, 50);
    }
  }
  EXPECT_EQ(chosen(all, 1), "0");
  EXPECT_EQ(chosen(all, 4, base::Bitmap(8, {1, 2, 3, 4, 5, 6, 7})), "4-7");
  // One of the second ring is in use: what fits there goes there.
  const base::Bitmap free(8, {0, 1, 2, 3, 4, 6, 7});
  EXPECT_EQ(chosen(all, 1, free), "4");
  EXPECT_EQ(chosen(all, 2, free), "4,6");
  EXPECT_EQ(chosen(all, 3, free), "4,6-7");
  EXPECT_EQ(chosen(all, 4, free), "0-3");
}

TEST(DeviceChoice, among_equals_those_beside_usable_cpus) {
  auto all = sites(4);
  all[0].cpus = all[1].cpus = cpus(0, 4);
  all[2].cpus = all[3].cpus = cpus(4, 8);
  DeviceWish wish{.count = 1, .free = base::Bitmap::full(4), .cpus = cpus(3, 8), .cpus_wanted = 2};
  EXPECT_EQ(choose_devices(all, wish).to_ranges(), "2");
  wish.count = 2;
  EXPECT_EQ(choose_devices(all, wish).to_ranges(), "2-3");
  wish.cpus_wanted = 5;  // two of one place are nearer to each other than two of two places
  EXPECT_EQ(choose_devices(all, wish).to_ranges(), "2-3");
  wish.cpus_first = true;
  EXPECT_EQ(choose_devices(all, wish).to_ranges(), "0,2");
}

TEST(DeviceChoice, many_devices_are_chosen_in_bounded_work) {
  auto all = sites(64);
  for (std::size_t a = 0; a < 64; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      if (a / 8 == b / 8) link(all, a, b, 5);
    }
  }
  EXPECT_EQ(chosen(all, 8), "0-7");
  base::Bitmap free = base::Bitmap::full(64);
  free.reset(3);
  EXPECT_EQ(chosen(all, 8, free), "8-15");
}

// --- against an obvious search ------------------------------------------------------------------

struct Worth {
  std::uint64_t links = 0;
  std::uint64_t cpus = 0;
  std::uint64_t cut = 0;
};

bool better(const Worth& a, const Worth& b, bool cpus_first) {
  if (cpus_first && a.cpus != b.cpus) return a.cpus > b.cpus;
  if (a.links != b.links) return a.links > b.links;
  if (a.cpus != b.cpus) return a.cpus > b.cpus;
  return a.cut < b.cut;
}

std::uint64_t near(const DeviceSite& a, const DeviceSite& b, std::size_t i, std::size_t j) {
  const std::uint64_t linked = std::max(a.links[j], b.links[i]);
  const bool together =
      (a.cpus.any() && a.cpus == b.cpus) || (a.numa != 0xffffffff && a.numa == b.numa);
  return linked * 65536 + (together ? 1 : 0);
}

Worth worth_of(const std::vector<DeviceSite>& all, const DeviceWish& wish, std::uint32_t set) {
  Worth worth;
  base::Bitmap beside(kCpus);
  bool anywhere = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((set >> i & 1U) == 0) continue;
    anywhere = anywhere || all[i].cpus.size() == 0;
    if (all[i].cpus.size() != 0) beside |= all[i].cpus;
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (j == i || !wish.free.test(j)) continue;
      const bool inside = (set >> j & 1U) != 0;
      if (inside && j < i) worth.links += near(all[i], all[j], i, j);
      if (!inside) worth.cut += near(all[i], all[j], i, j);
    }
  }
  const bool matters = wish.cpus.any() && wish.cpus_wanted != 0;
  if (matters) {
    worth.cpus = anywhere
                     ? wish.cpus_wanted
                     : std::min<std::uint64_t>(wish.cpus_wanted, beside.count_common(wish.cpus));
  }
  return worth;
}

// Of sets that are worth the same, the one whose first different member is lower.
bool is_lower(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t different = a ^ b;
  return (a & (different & (0U - different))) != 0;
}

base::Bitmap search(const std::vector<DeviceSite>& all, const DeviceWish& wish) {
  std::uint32_t free = 0;
  wish.free.for_each([&](std::size_t d) { free |= 1U << d; });
  const auto count = std::min<std::uint64_t>(wish.count, wish.free.count());
  std::uint32_t best = 0;
  bool found = false;
  for (std::uint32_t set = 0; set < 1U << all.size(); ++set) {
    if ((set & ~free) != 0 || std::popcount(set) != static_cast<int>(count)) continue;
    const Worth now = worth_of(all, wish, set);
    const Worth then = worth_of(all, wish, best);
    const bool wins = better(now, then, wish.cpus_first) ||
                      (!better(then, now, wish.cpus_first) && is_lower(set, best));
    if (!found || wins) best = set;
    found = true;
  }
  base::Bitmap chosen(all.size());
  for (std::size_t d = 0; d < all.size(); ++d) {
    if ((best >> d & 1U) != 0) chosen.set(d);
  }
  return chosen;
}

TEST(DeviceChoice, is_the_best_of_all_sets) {
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](std::uint32_t below) {
      return static_cast<std::uint32_t>(random() % below);
    };
    auto all = sites(1 + pick(6));
    const bool places = pick(2) == 0;
    for (DeviceSite& site : all) {
      site.links.resize(all.size());
      for (std::uint32_t& weight : site.links) weight = pick(3) == 0 ? 10 * pick(3) : 0;
      if (places && pick(5) != 0) site.cpus = pick(2) == 0 ? cpus(0, 4) : cpus(4, 8);
      if (pick(3) == 0) site.numa = pick(2);
    }
    DeviceWish wish{.count = pick(5), .free = base::Bitmap(all.size())};
    for (std::size_t d = 0; d < all.size(); ++d) {
      if (pick(4) != 0) wish.free.set(d);
    }
    if (pick(2) == 0) wish.cpus = cpus(pick(4), 4 + pick(4));
    wish.cpus_wanted = pick(6);
    wish.cpus_first = pick(3) == 0;
    ASSERT_EQ(choose_devices(all, wish).to_ranges(), search(all, wish).to_ranges())
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::core
