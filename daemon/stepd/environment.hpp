// The environment of a task: what the user exported, and over it every SLURM_* variable that Slurm
// documents for batch scripts and srun's tasks, in Slurm's form. Pure: all that they say comes from
// the launch; the pid and what MPI and task prologs add are put in later, by whoever knows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "daemon/worker/host/step_settings.hpp"
#include "wire/step_messages.hpp"

namespace sluice::stepd {

struct StepView {
  const wire::LaunchStep& launch;
  const worker::StepSettings& settings;

  [[nodiscard]] const wire::StepNode& node() const { return launch.layout.nodes[launch.first]; }
  [[nodiscard]] const model::Job& job() const { return launch.job; }
  [[nodiscard]] bool is_batch() const { return launch.layout.step == base::kBatchStep; }
};

// What is common to the tasks of this node.
[[nodiscard]] base::Environment step_environment(const StepView& step);

// SLURM_PROCID, SLURM_LOCALID; the pid follows in the task itself (kTaskPidVariable).
void set_task_variables(base::Environment& environment, std::uint32_t task, std::uint32_t local);

inline constexpr std::string_view kTaskPidVariable = "SLURM_TASK_PID";

// The parts, for tests: of the job (also salloc's), and of the step on this node.
void set_job_variables(base::Environment& environment, const StepView& step);
void set_request_variables(base::Environment& environment, const StepView& step);
void set_step_variables(base::Environment& environment, const StepView& step);

}  // namespace sluice::stepd
