// 128-bit integers, for sums and products that must be exact.
#pragma once

#include <cstdint>

namespace sluice::core {

__extension__ using Wide = unsigned __int128;

inline constexpr std::uint64_t kBillion = 1'000'000'000;

// part / whole in billionths, rounded down; 0 if the whole is 0. `part` is below 2^98.
[[nodiscard]] inline std::int64_t billionths(Wide part, Wide whole) {
  return whole == 0 ? 0 : static_cast<std::int64_t>(part * kBillion / whole);
}

}  // namespace sluice::core
