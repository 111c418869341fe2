// Counts of a group of nodes that both sinfo's columns and its JSON show.
#pragma once

#include <cstdint>

#include "report/node_fields.hpp"

namespace sluice::report {

// Slurm's "A/I/O/T": what is allocated, what is idle and may be used, the rest, all.
struct Tally {
  std::uint64_t allocated = 0;
  std::uint64_t idle = 0;
  std::uint64_t other = 0;
  [[nodiscard]] std::uint64_t total() const { return allocated + idle + other; }
};
[[nodiscard]] Tally count_nodes(const NodeGroup& group);
[[nodiscard]] Tally count_cpus(const NodeGroup& group);

}  // namespace sluice::report
