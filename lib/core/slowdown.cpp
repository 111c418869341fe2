// See slowdown.hpp.
#include "core/slowdown.hpp"

#include <algorithm>
#include <bit>

namespace sluice::core {

namespace {

constexpr int kFraction = 20;  // bits of the logarithm behind the point
constexpr std::int64_t kMost = std::int64_t{64} << kFraction;  // scores beyond 2^64 are alike
constexpr std::uint32_t kHalf = 1U << 31U;   // above: those whose patience is over
constexpr std::uint32_t kFresh = 1U << 26U;  // below: nobody

// The width's exponents are one in so many.
constexpr std::int64_t kWidthRoot = 6;
constexpr std::int64_t kFillRoot = 4;

std::uint32_t overdue(std::int64_t wait_s) {
  return kHalf + static_cast<std::uint32_t>(std::min<std::int64_t>(wait_s, kHalf - 1));
}

// Below those whose patience is over, above nobody.
std::uint32_t rank_of(std::int64_t score) {
  const std::int64_t shifted = std::clamp(score, -kMost, kMost - 1) + kMost;
  return std::max(kFresh, static_cast<std::uint32_t>(shifted << (31 - 7 - kFraction)));
}

}  // namespace

// The digits of the fraction by squaring: a square of 2 and more is a one.
std::int64_t log2_scaled(std::uint64_t value) {
  if (value <= 1) return 0;
  const int whole = static_cast<int>(std::bit_width(value)) - 1;
  std::uint64_t mantissa = whole > 31 ? value >> (whole - 31) : value << (31 - whole);
  std::int64_t result = whole;
  for (int bit = 0; bit < kFraction; ++bit) {
    mantissa = (mantissa * mantissa) >> 31U;
    const bool one = (mantissa >> 32U) != 0;
    if (one) mantissa >>= 1U;
    result = result * 2 + (one ? 1 : 0);
  }
  return result;
}

std::uint32_t slowdown_rank(std::int64_t wait_s, std::int64_t estimate_s, std::uint64_t cpus,
                            const Crowd& crowd) {
  const auto asked = static_cast<std::uint64_t>(std::max<std::int64_t>(estimate_s, 1));
  if (crowd.crowded) {
    if (wait_s > 0 && wait_s >= crowd.oldest_wait_s - kAsOldS) return overdue(wait_s);
    return rank_of(log2_scaled(asked) + log2_scaled(cpus) / kFillRoot);
  }
  if (wait_s <= 0) return kFresh;
  if (wait_s >= kPatienceS) return overdue(wait_s);
  const auto waited = static_cast<std::uint64_t>(wait_s);
  return rank_of(log2_scaled(waited) - log2_scaled(asked) + log2_scaled(cpus) / kWidthRoot);
}

}  // namespace sluice::core
