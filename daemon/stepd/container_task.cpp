// See the header.
#include "daemon/stepd/container_task.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "daemon/stepd/container_pattern.hpp"

namespace sluice::stepd {
namespace {

constexpr int kFirstKeptFd = 20;
constexpr const char* kHostPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

Status go_to(const std::string& path) {
  if (::chdir(path.c_str()) == 0) return {};
  return fail(ErrorCode::not_found, fmt::format("couldn't chdir to `{}' in the container: {}", path,
                                                base::errno_text(errno)));
}

// From now on the entrypoint prints to the log, until the command gets its streams back.
Status divert_output(const TaskContainer& container, const TaskPlan& task, TaskCommand& command) {
  const std::string& path = container.entrypoint_log;
  const base::UniqueFd log(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0666));
  if (!log.is_open()) return tl::unexpected(base::errno_error(path, errno));
  const int out = ::fcntl(STDOUT_FILENO, F_DUPFD, kFirstKeptFd);
  const int err = ::fcntl(STDERR_FILENO, F_DUPFD, kFirstKeptFd);
  if (out < 0 || err < 0) return tl::unexpected(base::errno_error("entrypoint log", errno));
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
  const std::vector<std::string> runner = {container.log_runner, "exec", std::to_string(out),
                                           std::to_string(err)};
  const auto at = command.argv.begin() + static_cast<std::ptrdiff_t>(task.entrypoint_words);
  command.argv.insert(at, runner.begin(), runner.end());
  return {};
}

Result<std::string> find_on_host(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (const std::string_view folder : base::split_nonempty(kHostPath, ':')) {
    std::string candidate = fmt::format("{}/{}", folder, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(ErrorCode::not_found,
              fmt::format("the container runtime '{}' isn't on this node", name));
}

Status write_env_file(const std::string& path, const base::Environment& environment) {
  std::string text;
  for (const std::string& entry : environment.entries()) {
    if (entry.find('\n') == std::string::npos) text += entry + '\n';
  }
  return base::write_file_atomic(path, text, {.mode = 0600});
}

Result<TaskCommand> command_by_pattern(const StepPlan& plan, const TaskPlan& task,
                                       const TaskContainer& container,
                                       const base::Environment& environment) {
  const auto variable = [&environment](std::string_view name) {
    return std::string(environment.get(name).value_or(""));
  };
  PatternValues values;
  values.argv = task.argv;
  values.bundle = container.scratch;
  values.env_file = fmt::format("{}/env.{}", container.scratch, task.task);
  values.job = container.job;
  values.spool = container.scratch;
  values.node = variable("SLURMD_NODENAME");
  values.pid = ::getpid();
  values.rootfs = container.root;
  values.step = container.step;
  values.task = task.task;
  values.user = plan.user.name;
  values.uid = plan.user.uid;
  values.work_dir = plan.work_dir;
  if (pattern_uses(container.pattern, 'e')) {
    if (auto written = write_env_file(values.env_file, environment); !written) {
      return tl::unexpected(written.error());
    }
  }
  TaskCommand command;
  auto words = expand_pattern(container.pattern, values);
  if (!words) return tl::unexpected(words.error());
  command.argv = std::move(*words);
  auto program = find_on_host(command.argv[0]);
  if (!program) return tl::unexpected(program.error());
  command.program = std::move(*program);
  return command;
}

}  // namespace

Result<TaskCommand> enter_container(const StepPlan& plan, const TaskPlan& task,
                                    const TaskContainer& container,
                                    const base::Environment& environment) {
  TaskCommand command{task.argv, {}};
  if (!container.entrypoint_log.empty()) {
    if (auto diverted = divert_output(container, task, command); !diverted) {
      return tl::unexpected(diverted.error());
    }
  }
  if (auto joined = join_container(container.door); !joined) {
    return tl::unexpected(joined.error());
  }
  if (!container.pattern.empty()) {
    // Joining led to the root folder of the host.
    if (::chdir(plan.work_dir.c_str()) != 0 && ::chdir("/") != 0) {
      return tl::unexpected(base::errno_error("/", errno));
    }
    auto by_pattern = command_by_pattern(plan, task, container, environment);
    if (!by_pattern) return by_pattern;
    command = std::move(*by_pattern);
  } else if (auto gone = go_to(container.workdir); !gone) {
    return tl::unexpected(gone.error());
  }
  if (auto dropped = drop_privileges(container.door.root_inside); !dropped) {
    return tl::unexpected(dropped.error());
  }
  return command;
}

}  // namespace sluice::stepd
