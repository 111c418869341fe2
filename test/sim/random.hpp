// Random: the only source of chance of a simulated world. Own arithmetic, so that a seed gives the
// same world everywhere and for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // SplitMix64.
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  std::uint32_t below(std::uint32_t bound) {
    return bound == 0 ? 0 : static_cast<std::uint32_t>(next() % bound);
  }
  // Both ends belong to it.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  // Mostly near `low`, rarely near `high`.
  std::int64_t mostly_low(std::int64_t low, std::int64_t high) {
    const double unit = static_cast<double>(next() >> 11U) * 0x1.0p-53;
    return low +
           static_cast<std::int64_t>(static_cast<double>(high - low) * unit * unit * unit * unit);
  }
  // True in so many of 1,000 cases.
  bool permille(std::uint32_t share) { return below(1000) < share; }
  bool percent(std::uint32_t share) { return below(100) < share; }
  template <class List>
  auto& pick(List& list) {
    return list[below(static_cast<std::uint32_t>(std::size(list)))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::sim
