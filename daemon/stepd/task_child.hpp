// What a task's process does between fork() and execve(): joins its cgroup, becomes the user, goes
// to its folder, opens its files, runs the task prologs, executes the program. stepd has one
// thread, so the child may use memory freely; it never returns.
//
// Nothing of the user's is touched before become_user (R1, R9). What goes wrong is told in two
// ways: what keeps the step from starting (identity, cgroup, files) by a LaunchProblem through
// `report`; what is the program's own fault (not found, not executable) on its standard error, with
// Slurm's words and exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "daemon/stepd/task_plan.hpp"
#include "daemon/worker/host/cgroup.hpp"

namespace sluice::stepd {

struct TaskContainer;

// The ends of pipes that become the task's streams; -1: not by a pipe. With a pty all three are
// its slave.
struct TaskFds {
  int in = -1;
  int out = -1;
  int err = -1;
  int pty = -1;
  int mpi = -1;     // kept open under its number
  int report = -1;  // closed by execve
};

struct ChildContext {
  const StepPlan& plan;
  const worker::CgroupTree& tree;
  const worker::CgroupName& group;
  const std::vector<base::UniqueFd>& shared_files;  // as plan.shared_files
  const std::vector<std::string>& mpi_environment;
  const TaskContainer* container = nullptr;  // the program runs inside of it
};

// Through `report`: this, then `length` bytes of text. Atomic: shorter than PIPE_BUF.
struct LaunchProblem {
  std::uint32_t task = 0;
  std::uint32_t length = 0;
};
inline constexpr std::size_t kMaxProblem = 1024;

// Wait status 53 (as a signal) is what Slurm records for a job that couldn't be set up.
inline constexpr int kLaunchFailedStatus = 53;

[[noreturn]] void run_task(const ChildContext& context, const TaskPlan& task, const TaskFds& fds);

// For other short processes of the user: default signals, nothing blocked.
void reset_child_signals();

}  // namespace sluice::stepd
