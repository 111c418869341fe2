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
  EXPECT_NEAR(slowdown_rank(1000, 7200, 64), slowdown_rank(2000, 7200, 1), 64);
}

TEST(Slowdown, PatienceComesBeforeAllElse) {
  const std::uint32_t oldest = slowdown_rank(kPatienceS + 100, 1'000'000, 1);
  const std::uint32_t old = slowdown_rank(kPatienceS, 1, 100'000);
  EXPECT_GT(oldest, old);
  EXPECT_GT(old, slowdown_rank(kPatienceS - 1, 1, 1'000'000));
  EXPECT_EQ(slowdown_rank(0, 1, 1), 0U);
}

}  // namespace
}  // namespace sluice::core
