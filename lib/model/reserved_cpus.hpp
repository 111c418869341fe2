// CPUs of a node that are kept for the system (CoreSpecCount, CpuSpecList).
#pragma once

#include "base/bitmap.hpp"
#include "model/node.hpp"

namespace sluice::model {

// As many bits as the node has CPUs; none set if nothing is kept, or all of it would be. Of a count
// of cores they are the last of each socket, from the last socket backwards and round again, as in
// Slurm.
[[nodiscard]] base::Bitmap reserved_cpus(const NodeFacts& facts);

// How many CPUs jobs may have.
[[nodiscard]] std::uint32_t job_cpus(const NodeFacts& facts);

}  // namespace sluice::model
