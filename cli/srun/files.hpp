// Who opens which file of a step. A path with a pattern of tasks or nodes (%t, %n, %N) means a file
// per task, opened on the task's node; anything else is one file that srun itself reads or writes.
#pragma once

#include "base/result.hpp"
#include "cli/srun/step_client.hpp"

namespace sluice::cli {

// Moves srun's own files out of the step's specification.
[[nodiscard]] Status split_files(StepClientOptions& options);

// True if `path` has a pattern that differs between tasks.
[[nodiscard]] bool is_per_task(std::string_view path);

}  // namespace sluice::cli
