// Small things that stepd has done in the user's name, each by a child that becomes the user first
// (R1): adding a line to the job's error file, taking a folder apart, running an epilog. Nothing is
// waited for here: the caller reaps the child.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/env.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/stepd/task_plan.hpp"
#include "daemon/worker/host/cgroup.hpp"

namespace sluice::stepd {

// Appends to a file that exists; `more` are further flags of open(), as O_CREAT. -1 if no child
// could be made.
[[nodiscard]] pid_t append_as_user(const StepPlan& plan, const std::string& path,
                                   std::string_view text, int more = 0);
// Empties the folder, and removes it if its parent is writable for the user.
[[nodiscard]] pid_t remove_folder_as_user(const StepPlan& plan, const std::string& path);

struct EpilogPlace {
  const worker::CgroupTree& tree;
  const worker::CgroupName& group;
};
// Runs a program with a task's environment, its output going nowhere.
[[nodiscard]] pid_t run_epilog(const StepPlan& plan, const EpilogPlace& place,
                               const std::string& path, base::Environment environment);

// Opens a file that several tasks write, as the user, within bounded time.
[[nodiscard]] Result<base::UniqueFd> open_shared_file(const StepPlan& plan,
                                                      const StreamPlan& stream);

// Writes the batch script: root's folder, the user's file, executable for the user alone.
[[nodiscard]] Status write_script(const StepPlan& plan, const std::string& path,
                                  std::string_view script);

}  // namespace sluice::stepd
