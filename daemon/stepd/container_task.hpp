// A task's last steps before its program, where it has a container. For the task's own process, as
// the user, with its streams open and the prologs behind it (those ran outside).
#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"
#include "base/result.hpp"
#include "daemon/stepd/container_bridge.hpp"
#include "daemon/stepd/task_plan.hpp"

namespace sluice::stepd {

struct TaskCommand {
  std::vector<std::string> argv;
  std::string program;  // not empty: the file to execute, already found
};

// Enters, goes to the working directory, gives up privileges. An error keeps the step from
// starting.
[[nodiscard]] Result<TaskCommand> enter_container(const StepPlan& plan, const TaskPlan& task,
                                                  const TaskContainer& container,
                                                  const base::Environment& environment);

}  // namespace sluice::stepd
