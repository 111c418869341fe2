// The site order: its logarithm, its monotony, its patience.
#include "core/slowdown.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

TEST(Slowdown, LogarithmAgreesWithTheLibrarys) {
  for (const std::uint64_t value :
       {1ULL, 2ULL, 3ULL, 10ULL, 1023ULL, 1024ULL, 86'400ULL, 604'800ULL, 1ULL << 40U, ~0ULL}) {
    const double exact = std::log2(static_cast<double>(value)) * (1 << 20);
    EXPECT_NEAR(static_cast<double>(log2_scaled(value)), exact, 2.0) << value;
  }
}

TEST(Slowdown, GrowsWithTheWaitAndTheWidthAndFallsWithTheEstimate) {
  const unsigned seed = 20261122;
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const std::int64_t wait = 1 + random() % (kPatienceS - 1);
    const std::int64_t estimate = 1 + random() % 1'000'000;
    const std::uint64_t cpus = 1 + random() % 100'000;
    const std::uint32_t rank = slowdown_rank(wait, estimate, cpus);
    EXPECT_LE(rank, slowdown_rank(wait + random() % 1000, estimate, cpus)) << "seed " << seed;
    EXPECT_GE(rank, slowdown_rank(wait, estimate + random() % 1000, cpus)) << "seed " << seed;
    EXPECT_LE(rank, slowdown_rank(wait, estimate, cpus + random() % 1000)) << "seed " << seed;
  }
}

TEST(Slowdown, OrdersAsTheFormula) {
  EXPECT_LT(slowdown_rank(3600, 36'000, 1), slowdown_rank(3600, 360, 1));
  // 64 CPUs count as much as a wait twice as long.
  EXPECT_NEAR(slowdown_rank(1000, 7200, 64), slowdown_rank(2000, 7200, 1), 1 << 18);
}

TEST(Slowdown, PatienceComesBeforeAllElse) {
  const std::uint32_t oldest = slowdown_rank(kPatienceS + 100, 1'000'000, 1);
  const std::uint32_t old = slowdown_rank(kPatienceS, 1, 100'000);
  EXPECT_GT(oldest, old);
  EXPECT_GT(old, slowdown_rank(kPatienceS - 1, 1, 1'000'000));
}

// Who has just come stands behind all who wait, and has points left that --nice can take.
TEST(Slowdown, FreshJobsStandAlikeAboveNothing) {
  EXPECT_EQ(slowdown_rank(0, 1, 1), slowdown_rank(-5, 86'400, 4096));
  EXPECT_GT(slowdown_rank(0, 1, 1), 1U << 25U);
  EXPECT_LT(slowdown_rank(0, 1, 1), slowdown_rank(1, 86'400 * 365, 1));
}

// In a crowd the oldest stand first, by age; the others by size, whatever they have waited.
TEST(Slowdown, ACrowdIsServedOldestFirstAndFilledLargestFirst) {
  const Crowd crowd{.crowded = true, .oldest_wait_s = 400'000};
  const std::uint32_t oldest = slowdown_rank(400'000, 60, 1, crowd);
  const std::uint32_t as_old = slowdown_rank(400'000 - kAsOldS, 86'400, 512, crowd);
  const std::uint32_t younger = slowdown_rank(400'000 - kAsOldS - 1, 86'400, 512, crowd);
  EXPECT_GT(oldest, as_old);
  EXPECT_GT(as_old, younger);
  EXPECT_EQ(younger, slowdown_rank(10, 86'400, 512, crowd));
  EXPECT_GT(younger, slowdown_rank(10, 43'200, 512, crowd));
  EXPECT_GT(younger, slowdown_rank(10, 86'400, 256, crowd));
  // 16 times as wide is as good as twice as long.
  EXPECT_NEAR(slowdown_rank(10, 7200, 16, crowd), slowdown_rank(10, 14'400, 1, crowd), 1 << 8);
}

}  // namespace
}  // namespace sluice::core
