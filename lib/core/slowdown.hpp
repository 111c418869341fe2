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
// What is short is gone within hours and leaves nothing to fill the holes with that a wide job
// needs. Where the queue stays days long (a Crowd), that costs more than it gains: then the oldest
// stand first, and the others as estimate * CPUs^(1/4), largest first, so that what fits beside the
// oldest uses the holes well.
//
// Integers only: a score is kept as its logarithm, so that products become sums.
#pragma once

#include <cstdint>

namespace sluice::core {

inline constexpr std::int64_t kPatienceS = 4 * 86'400;
// A partition is crowded when those who have waited so long for nodes ask together for so many
// times its CPUs.
inline constexpr std::int64_t kCrowdedAfterS = 3 * 86'400;
inline constexpr std::uint64_t kCrowdedTimes = 2;
// In a crowd, who is younger than the oldest by no more than this counts as old as he.
inline constexpr std::int64_t kAsOldS = 86'400 / 10;

// Those who wait for nodes, as of the last calculation of priorities.
struct Crowd {
  bool crowded = false;
  std::int64_t oldest_wait_s = 0;
};

// From 2^26, who has just come, to 2^32 - 1: the higher the sooner. `estimate_s` is the time limit
// in force; `cpus` what the job asks for. The same wait in the same crowd gives the same value on
// every machine.
[[nodiscard]] std::uint32_t slowdown_rank(std::int64_t wait_s, std::int64_t estimate_s,
                                          std::uint64_t cpus, const Crowd& crowd = {});

// log2(value) * 2^20, rounded down; 0 for 0 and 1.
[[nodiscard]] std::int64_t log2_scaled(std::uint64_t value);

}  // namespace sluice::core
