// See slowdown.hpp.
#include "core/slowdown.hpp"

#include <algorithm>
#include <bit>

namespace sluice::core {

namespace {

constexpr int kFraction = 20;  // bits of the logarithm behind the point
constexpr std::int64_t kMost = std::int64_t{32} << kFraction;  // scores beyond 2^32 are alike
constexpr std::uint32_t kHalf = 1U << 31U;  // above: those whose patience is over

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

std::uint32_t slowdown_rank(std::int64_t wait_s, std::int64_t estimate_s, std::uint64_t cpus) {
  if (wait_s <= 0) return 0;
  if (wait_s >= kPatienceS) {
    return kHalf + static_cast<std::uint32_t>(std::min<std::int64_t>(wait_s, kHalf - 1));
  }
  const auto waited = static_cast<std::uint64_t>(wait_s);
  const auto asked = static_cast<std::uint64_t>(std::max<std::int64_t>(estimate_s, 1));
  const std::int64_t score = log2_scaled(waited) - log2_scaled(asked) + log2_scaled(cpus) / 6;
  const std::int64_t shifted = std::clamp(score, -kMost, kMost - 1) + kMost;
  return static_cast<std::uint32_t>(shifted << (31 - 6 - kFraction));
}

}  // namespace sluice::core
