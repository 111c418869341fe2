// A node of very many CPUs: only some words of its sets are kept, and words without an idle CPU are
// passed over. What jobs get must be what it is on a small one: the first idle CPUs.
#include <optional>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

constexpr std::uint32_t kCpus = 4003;

WorldOptions one_node() { return {.nodes = 1, .cpus = kCpus, .memory = 100'000'000}; }

class LargeNode : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  // The CPUs of a job that has started are the first that were idle.
  void starts(JobId id) {
    const model::Job& job = world.job(id);
    ASSERT_NE(job.allocation, nullptr);
    const std::vector<std::uint32_t> cpus = job.allocation->shares.front().cpus.members();
    auto next = idle.begin();
    for (const std::uint32_t cpu : cpus) {
      ASSERT_NE(next, idle.end());
      ASSERT_EQ(cpu, *next) << "seed " << GetParam();
      next = idle.erase(next);
    }
    running.push_back(id);
  }
  void ends(std::size_t which) {
    const JobId id = running[which];
    for (const std::uint32_t cpu : world.job(id).allocation->shares.front().cpus.members()) {
      idle.insert(cpu);
    }
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
    world.finish(id);
  }

  World world{one_node()};
  std::set<std::uint32_t> idle = [] {
    std::set<std::uint32_t> all;
    for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) all.insert(cpu);
    return all;
  }();
  std::vector<JobId> running;
};

TEST_P(LargeNode, GivesOutTheFirstIdleCpus) {
  std::mt19937 random(GetParam());
  for (int step = 0; step < 150; ++step) {
    const auto wanted =
        static_cast<std::uint32_t>(1 + (random() % 4 == 0 ? random() % 900 : random() % 70));
    if (wanted > idle.size() || (!running.empty() && random() % 2 == 0)) {
      ends(random() % running.size());
    } else {
      starts(world.submit(a_job().tasks(wanted).memory(1).minutes(10)));
    }
    if (HasFatalFailure()) return;
    if (step == 100) world.restart();
  }
  EXPECT_EQ(world.cluster->check(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LargeNode, ::testing::Range(1U, 6U));

}  // namespace
}  // namespace sluice::test
