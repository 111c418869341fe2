// What is free on a node over time, with claims that come and go, against counting moment by
// moment.
#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/profile.hpp"
#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

constexpr std::uint32_t kCores = 64;
constexpr std::uint64_t kMemory = 10'000;
constexpr std::int64_t kResolution = 10;
constexpr std::int64_t kAhead = 120;  // moments that are looked at

struct Free {
  std::uint32_t cores = kCores;
  std::uint64_t memory = kMemory;
  std::uint32_t jobs = 0;
};

class Timelines : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  struct Running {
    JobId id;
    model::Allocation allocation;
    std::int64_t end = 0;
  };

  Timelines() {
    world.nodes(1, {.cores = kCores, .memory = kMemory}).up();
    profile.reset(1);
    tell_time();
  }

  std::uint32_t any(std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); }
  NodeSlot& slot() { return world.pool().state().nodes.front(); }
  void tell_time() { profile.set_time(world.pool().state(), now, kResolution); }

  void start() {
    const std::uint32_t cores = 1 + any(kCores / 4);
    if (cores > slot().idle_cores) return;
    Running made{.id = JobId(++jobs), .allocation = {}, .end = now + 1 + any(40)};
    model::NodeShare share;
    share.node = NodeIndex(0);
    share.cpus = slot().busy.complement().first_n(cores);
    share.cpu_count = cores;
    share.memory = std::min<std::uint64_t>(any(900), slot().free_memory());
    made.allocation.shares.push_back(std::move(share));
    world.pool().allocate(made.allocation, {.job = made.id, .uid = 1000});
    world.pool().state().set_expected_end(0, slot().holds.back(), made.end);
    running.push_back(std::move(made));
  }

  void end(std::size_t which) {
    world.pool().release(running[which].allocation.shares.front(),
                         {.job = running[which].id, .uid = 1000});
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void pass_time() {
    now += any(15);
    tell_time();
    for (std::size_t n = running.size(); n-- > 0;) {
      if (running[n].end <= now && any(4) != 0) end(n);  // others are late
    }
  }

  void claim() {
    Claim made;
    made.from_ms = now + any(30);
    made.until_ms = any(8) == 0 ? kNever : made.from_ms + 1 + any(50);
    made.cores = made.threads = any(kCores / 2);
    made.memory = any(2000);
    made.key = {.tier = 1, .priority = 1, .order = ++claims_made, .lane = 1};
    claims.push_back(made);
    profile.add(0, made);
  }

  // Where one has less than it asked for, all go: what others then have depends on their order.
  void drop() {
    static_cast<void>(expected());
    const auto which = static_cast<std::ptrdiff_t>(any(static_cast<std::uint32_t>(claims.size())));
    if (short_of_something || any(5) == 0) {
      profile.clear();
      claims.clear();
      return;
    }
    profile.drop({claims[static_cast<std::size_t>(which)].key});
    claims.erase(claims.begin() + which);
  }

  std::vector<Free> expected() {
    std::vector<Free> free(kAhead);
    const std::int64_t overdue = (now / kResolution + 1) * kResolution;
    const auto at = [&](std::int64_t n) -> Free& { return free[static_cast<std::size_t>(n)]; };
    for (const Running& job : running) {
      const model::NodeShare& share = job.allocation.shares.front();
      const std::int64_t until = (job.end <= now ? overdue : job.end) - now;
      for (std::int64_t n = 0; n < std::min(until, kAhead); ++n) {
        at(n).cores -= share.cpu_count;
        at(n).memory -= share.memory;
        ++at(n).jobs;
      }
    }
    short_of_something = false;
    for (const Claim& claim : claims) {
      for (std::int64_t n = 0; n < kAhead; ++n) {
        if (now + n < claim.from_ms || now + n >= claim.until_ms) continue;
        Free& here = at(n);
        short_of_something |= here.cores < claim.cores || here.memory < claim.memory;
        here.cores -= std::min(here.cores, claim.cores);
        here.memory -= std::min(here.memory, claim.memory);
        ++here.jobs;
      }
    }
    return free;
  }

  void check_spans(const std::vector<Free>& free) {
    for (int round = 0; round < 4; ++round) {
      const std::uint32_t first = any(60);
      const std::uint32_t length = 1 + any(60);
      Free least = free[first];
      for (std::uint32_t n = first; n < first + length; ++n) {
        least.cores = std::min(least.cores, free[n].cores);
        least.memory = std::min(least.memory, free[n].memory);
        least.jobs = std::max(least.jobs, free[n].jobs);
      }
      NodeView view;
      profile.outline(0, {}, nullptr)
          .view_span(now + first, now + std::int64_t{first} + length, slot(), view);
      ASSERT_EQ(view.idle_cores, least.cores) << now << "+" << first << ", " << length;
      ASSERT_EQ(view.idle_threads, least.cores);
      ASSERT_EQ(view.free_memory, least.memory);
      ASSERT_EQ(view.jobs, least.jobs);
    }
  }

  void check_steps(const std::vector<Free>& free) {
    const Timeline& timeline = profile.timeline(0);
    for (std::size_t n = 0; n < free.size(); ++n) {
      const auto& step = timeline.steps()[timeline.step_at(now + static_cast<std::int64_t>(n))];
      ASSERT_EQ(step.cores, free[n].cores) << now << "+" << n;
      ASSERT_EQ(step.memory, free[n].memory);
      ASSERT_EQ(step.jobs, free[n].jobs);
    }
    ASSERT_EQ(timeline.is_rising(), timeline.is_rising() && claims.empty());
    if (!timeline.is_rising()) return;
    const NodeNeed need{.cores = 1 + any(kCores), .threads = 1, .memory = any(kMemory)};
    const auto first = std::find_if(free.begin(), free.end(), [&](const Free& here) {
      return here.cores >= need.cores && here.memory >= need.memory;
    });
    ASSERT_NE(first, free.end());
    ASSERT_EQ(timeline.first_with(need, now), now + (first - free.begin()));
  }

  std::mt19937 random{GetParam()};
  World world;
  Profile profile;
  std::int64_t now = 1000;
  std::uint32_t jobs = 0;
  std::uint64_t claims_made = 0;
  std::vector<Running> running;
  std::vector<Claim> claims;
  bool short_of_something = false;
};

TEST_P(Timelines, AreWhatIsCounted) {
  for (int step = 0; step < 200; ++step) {
    switch (any(6)) {
      case 0:
      case 1: start(); break;
      case 2:
        if (!running.empty()) end(any(static_cast<std::uint32_t>(running.size())));
        break;
      case 3: pass_time(); break;
      case 4:
        if (claims.size() < 3) claim();
        break;
      default:
        if (!claims.empty()) drop();
    }
    const std::vector<Free> free = expected();
    ASSERT_NO_FATAL_FAILURE(check_spans(free)) << "seed " << GetParam() << ", step " << step;
    if (any(3) != 0) continue;
    ASSERT_NO_FATAL_FAILURE(check_steps(free)) << "seed " << GetParam() << ", step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Timelines, ::testing::Range(1U, 41U));

}  // namespace
}  // namespace sluice::core::test
