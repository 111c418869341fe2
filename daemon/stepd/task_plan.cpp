// See the header. CPU binding of the plan is in task_binding.cpp.
#include "daemon/stepd/task_plan.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "daemon/stepd/filename.hpp"
#include "daemon/stepd/multi_prog.hpp"
#include "daemon/stepd/task_binding.hpp"

namespace sluice::stepd {
namespace {

FileNameValues name_values(const StepView& step) {
  const model::Job& job = step.job();
  FileNameValues values;
  values.job_id = job.het_job.is_set() ? job.het_job.value : job.id.value;
  values.array_job = job.array_job.value;
  values.array_task = job.array_task;
  values.step = step.launch.layout.step;
  values.node = step.settings.node_name;
  values.node_number = step.launch.first;
  values.user = job.spec->user.str();
  values.job_name = job.spec->name.str();
  return values;
}

std::string absolute(const std::string& directory, std::string path) {
  if (path.starts_with('/')) return path;
  return directory + (directory.ends_with('/') ? "" : "/") + path;
}

class StreamPlanner {
 public:
  explicit StreamPlanner(const StepView& step) : step_(step), values_(name_values(step)) {
    const model::StepSpec& spec = step.launch.spec;
    const bool again = step.is_batch() && step.job().restarts > 0;
    append_ = spec.append_output || again;
  }

  void plan(TaskPlan& task) {
    values_.task = task.task;
    const model::StepSpec& spec = step_.launch.spec;
    if (spec.pty) return plan_pty(task);
    task.in = input(task.task);
    task.out = output(spec.std_out);
    task.err = output(spec.std_err);
    const bool only_out = spec.std_err.empty() && !spec.std_out.empty();
    const bool one_file = task.err.kind == StreamKind::file && task.out.kind == StreamKind::file &&
                          task.err.path == task.out.path;
    if (only_out || one_file) task.err = StreamPlan{StreamKind::same, {}, false};
  }

 private:
  static void plan_pty(TaskPlan& task) {
    const StreamKind kind = task.task == 0 ? StreamKind::pty : StreamKind::null;
    task.in.kind = kind;
    task.out.kind = kind;
    task.err.kind = kind;
  }

  [[nodiscard]] StreamPlan named(const Text& pattern) const {
    const std::string path = expand_file_name(pattern.view(), values_);
    if (path == "/dev/null") return StreamPlan{StreamKind::null, {}, false};
    return StreamPlan{StreamKind::file, absolute(step_.launch.spec.work_dir.str(), path), append_};
  }

  [[nodiscard]] StreamPlan input(std::uint32_t task) const {
    const model::StepSpec& spec = step_.launch.spec;
    switch (spec.input) {
      case model::InputMode::none: return {};
      case model::InputMode::file: return spec.std_in.empty() ? StreamPlan{} : named(spec.std_in);
      case model::InputMode::one_task:
        if (task != spec.input_task) return {};
        break;
      case model::InputMode::all: break;
    }
    return StreamPlan{StreamKind::agent, {}, false};
  }

  [[nodiscard]] StreamPlan output(const Text& pattern) const {
    if (pattern.empty()) return StreamPlan{StreamKind::agent, {}, false};
    return named(pattern);
  }

  const StepView& step_;
  FileNameValues values_;
  bool append_ = false;
};

// A file that several tasks of this node write is opened once for all of them: each emptying it
// for itself would lose what the others have written.
void share_files(StepPlan& plan) {
  const auto uses = [&](const std::string& path) {
    std::size_t count = 0;
    for (const TaskPlan& task : plan.tasks) {
      const bool out = task.out.kind == StreamKind::file && task.out.path == path;
      const bool err = task.err.kind == StreamKind::file && task.err.path == path;
      count += out || err ? 1 : 0;
    }
    return count;
  };
  if (plan.tasks.size() < 2) return;
  for (TaskPlan& task : plan.tasks) {
    for (StreamPlan* stream : {&task.out, &task.err}) {
      if (stream->kind != StreamKind::file || uses(stream->path) < 2) continue;
      plan.shared_files.push_back(*stream);
      const std::string path = stream->path;
      for (TaskPlan& other : plan.tasks) {
        if (other.out.path == path) other.out.kind = StreamKind::shared;
        if (other.err.path == path) other.err.kind = StreamKind::shared;
      }
    }
  }
}

auth::UserIdentity identity_of(const StepView& step) {
  const model::JobSpec& spec = *step.job().spec;
  if (step.launch.gids.empty() && !step.settings.single_user) {
    return auth::resolve_user_or_bare(spec.uid, spec.gid);
  }
  auth::UserIdentity user;
  user.uid = spec.uid;
  user.gid = spec.gid;
  user.groups.assign(step.launch.gids.begin(), step.launch.gids.end());
  user.name = spec.user.str();
  return user;
}

std::vector<std::string> batch_argv(const StepView& step) {
  std::vector<std::string> argv{step.settings.script_path};
  const auto& asked = step.launch.spec.argv;
  for (std::size_t i = 1; i < asked.size(); ++i) argv.push_back(asked[i].str());
  return argv;
}

void plan_program(const StepView& step, const std::vector<std::string>& argv, TaskPlan& task) {
  if (!step.launch.spec.multi_prog) {
    task.argv = argv;
    return;
  }
  auto program = program_of_task(step.launch.spec.multi_prog_text.view(), task.task);
  if (!program) {
    task.problem = program.error().text;
    return;
  }
  task.argv = std::move(*program);
  if (!argv.empty()) task.argv.insert(task.argv.end(), argv.begin() + 1, argv.end());
}

Status check(const StepView& step) {
  const wire::LaunchStep& launch = step.launch;
  const auto bad = [](std::string_view what) {
    return fail(ErrorCode::protocol, fmt::format("the launch is malformed: {}", what));
  };
  if (launch.first >= launch.layout.nodes.size()) return bad("no such node");
  if (!launch.job.spec) return bad("no job");
  if (step.node().tasks.empty()) return bad("no tasks");
  if (step.is_batch() && step.settings.script_path.empty()) return bad("no script");
  if (!step.is_batch() && launch.spec.argv.empty()) return bad("no program");
  return {};
}

}  // namespace

std::string step_label(const StepView& step) {
  const model::Job& job = step.job();
  return fmt::format("{}.{}", job.het_job.is_set() ? job.het_job.value : job.id.value,
                     worker::step_name(step.launch.layout.step));
}

std::string step_title(const StepView& step) {
  if (step.is_batch()) return fmt::format("JOB {}", step.job().id.value);
  return fmt::format("STEP {}", step_label(step));
}

Result<StepPlan> make_plan(const StepView& step) {
  if (auto checked = check(step); !checked) return tl::unexpected(checked.error());
  const model::StepSpec& spec = step.launch.spec;
  StepPlan plan;
  plan.user = identity_of(step);
  plan.change_user = !step.settings.single_user;
  plan.work_dir = spec.work_dir.empty() ? "/" : spec.work_dir.str();
  plan.umask = spec.umask & 0777U;
  plan.limits = spec.limits;
  plan.rows = spec.rows;
  plan.columns = spec.columns;
  if (!step.is_batch()) {
    for (const std::string& prolog : {step.settings.task_prolog, spec.task_prolog.str()}) {
      if (!prolog.empty()) plan.prologs.push_back(prolog);
    }
    plan.epilogs[0] = spec.task_epilog.str();
    plan.epilogs[1] = step.settings.task_epilog;
  }
  std::vector<std::string> argv;
  if (step.is_batch()) argv = batch_argv(step);
  for (const Text& word : spec.argv) {
    if (!step.is_batch()) argv.push_back(word.str());
  }
  const base::Environment common = step_environment(step);
  StreamPlanner streams(step);
  const std::vector<std::uint32_t>& tasks = step.node().tasks;
  for (std::uint32_t local = 0; local < tasks.size(); ++local) {
    TaskPlan task;
    task.task = tasks[local];
    task.local = local;
    task.environment = common;
    set_task_variables(task.environment, task.task, local);
    plan_program(step, argv, task);
    streams.plan(task);
    plan.tasks.push_back(std::move(task));
  }
  share_files(plan);
  if (auto bound = plan_binding(step, plan); !bound) return tl::unexpected(bound.error());
  return plan;
}

}  // namespace sluice::stepd
