// The site order: jobs that have waited long for what they ask come first, the wide ones a little
// earlier.
//
//   score = wait / estimate * CPUs^(1/6)
//
// after the WFP order of Tang et al. (2009), with a smaller part for the width: on the traces of
// the Parallel Workloads Archive that lowers the mean bounded slowdown further. Such an order lets
// long jobs wait for ever under load, so who has waited for kPatience comes before all others,
// oldest first.
//
// Integers only: the score is kept as its logarithm, so that products become sums.
#pragma once

#include <cstdint>

namespace sluice::core {

inline constexpr std::int64_t kPatienceS = 7 * 86'400;

// 0 to 2^32 - 1, the higher the sooner. `estimate_s` is the time limit in force; `cpus` what the
// job asks for. The same wait in seconds gives the same value on every machine.
[[nodiscard]] std::uint32_t slowdown_rank(std::int64_t wait_s, std::int64_t estimate_s,
                                          std::uint64_t cpus);

// log2(value) * 2^20, rounded down; 0 for 0 and 1.
[[nodiscard]] std::int64_t log2_scaled(std::uint64_t value);

}  // namespace sluice::core
