// Names of output and input files: the patterns that sbatch -o and srun -o take (%j, %5t, …). The
// expansion is a pure text function; whose directory the name is relative to, and who opens it, is
// decided by the task plan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "model/types.hpp"

namespace sluice::stepd {

// What the patterns stand for. Slurm prints its "no value" number for %a outside of arrays.
struct FileNameValues {
  std::uint32_t job_id = 0;                   // %j, and %J before the step
  std::uint32_t array_job = 0;                // %A; 0: job_id
  std::uint32_t array_task = model::kNoTask;  // %a, and %b modulo 10
  StepNumber step = base::kBatchStep;         // %s; also behind the dot of %J, unless batch
  std::string node;                           // %N, up to the first dot
  std::uint32_t node_number = 0;              // %n, in the step
  std::uint32_t task = 0;                     // %t
  std::string user;                           // %u
  std::string job_name;                       // %x
};

// A number between % and a letter pads numbers with zeros, to 10 digits at most. A backslash
// anywhere switches patterns off and is removed. Unknown letters stay as they are.
[[nodiscard]] std::string expand_file_name(std::string_view pattern, const FileNameValues& values);

}  // namespace sluice::stepd
