// The site order: jobs that have waited long for what they ask come first, the wide ones a little
// earlier.
//
//   score = wait / estimate * CPUs^w,   w = 1/6 + min(2, (wait / 3 days)^3 / 2)
//
// after the WFP order of Tang et al. (2009), with a smaller part for the width at first: on the
// traces of the Parallel Workloads Archive that lowers the mean bounded slowdown further. What is
// short is gone within hours and leaves nothing to fill the holes with that a wide job needs; so
// where the queue is days long, the width counts for more: the wide start in a row, the narrow are
// kept to fill, and more of the machine is used. Such an order lets long jobs wait for ever under
// load, so who has waited for kPatience comes before all others, oldest first.
//
// Integers only: the score is kept as its logarithm, so that products become sums.
#pragma once

#include <cstdint>

namespace sluice::core {

inline constexpr std::int64_t kPatienceS = 7 * 86'400;

// From 2^26, who has just come, to 2^32 - 1: the higher the sooner. `estimate_s` is the time limit
// in force; `cpus` what the job asks for. The same wait gives the same value on every machine.
[[nodiscard]] std::uint32_t slowdown_rank(std::int64_t wait_s, std::int64_t estimate_s,
                                          std::uint64_t cpus);

// log2(value) * 2^20, rounded down; 0 for 0 and 1.
[[nodiscard]] std::int64_t log2_scaled(std::uint64_t value);

}  // namespace sluice::core
