// The plan: everything about the tasks of this node that can be decided before a process is forked.
// Made from the launch by make_plan(), a pure function but for the look-up of a user's groups where
// the launch doesn't name them. What a task does with its plan is task_child.hpp's business.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/user/become_user.hpp"
#include "base/bitmap.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "daemon/stepd/environment.hpp"

namespace sluice::stepd {

// JobSpec::limits and StepSpec::limits: soft limits by the number of their resource (RLIMIT_CPU is
// 0, RLIMIT_FSIZE 1, …, as Linux counts them on every architecture that we know); RLIM_INFINITY is
// all ones. Resources beyond the end, and those with kKeepLimit, stay as the node has them. A value
// above the node's hard limit becomes that limit.
inline constexpr std::uint64_t kKeepLimit = 0xfffffffffffffffe;

// Beginning of every line that we write to a job's standard error.
inline constexpr std::string_view kMessagePrefix = "slurmstepd: error: ";

enum class StreamKind : std::uint8_t {
  agent,   // through stepd to srun
  file,    // opened by the task, as the user
  shared,  // a file of several tasks: opened once, before them (StepPlan::shared_files)
  null,
  pty,
  same,  // standard error: where standard output goes
};
struct StreamPlan {
  StreamKind kind = StreamKind::null;
  std::string path;     // of file and shared: absolute
  bool append = false;  // else the file is emptied
};

struct TaskPlan {
  std::uint32_t task = 0;   // in the step
  std::uint32_t local = 0;  // on this node
  std::vector<std::string> argv;
  std::size_t entrypoint_words = 0;  // of argv, at its beginning: the image's own
  base::Environment environment;
  StreamPlan in;
  StreamPlan out;
  StreamPlan err;
  base::Bitmap cpus;         // in OS numbers; of size 0: where we may run ourselves
  std::string binding_note;  // for --cpu-bind=verbose, up to the pid
  std::string binding_note_end;
  std::string notes;    // lines for its standard error, about its devices
  std::string problem;  // not empty: the task can't run, and this is why
};

struct StepPlan {
  auth::UserIdentity user;
  bool change_user = true;  // false: the daemon is the user's own
  std::string work_dir;
  std::uint32_t umask = 022;
  std::vector<std::uint64_t> limits;
  std::vector<std::string> prologs;  // run before each task, as the user
  std::string epilogs[2];            // the user's, then the site's; may be empty
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  std::vector<TaskPlan> tasks;  // at least one
  std::vector<StreamPlan> shared_files;
};

[[nodiscard]] Result<StepPlan> make_plan(const StepView& step);

// "5.batch", "5.0": how Slurm names a step in messages.
[[nodiscard]] std::string step_label(const StepView& step);
// "JOB 5" or "STEP 5.0".
[[nodiscard]] std::string step_title(const StepView& step);

}  // namespace sluice::stepd
