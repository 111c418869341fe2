// See the header.
#include "daemon/stepd/task_child.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "daemon/stepd/container_task.hpp"
#include "daemon/stepd/task_prolog.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kMaxPrologOutput = 1U << 20U;

class Child {
 public:
  Child(const ChildContext& context, const TaskPlan& task, const TaskFds& fds)
      : context_(context),
        plan_(context.plan),
        task_(task),
        fds_(fds),
        environment_(task.environment) {}
  [[noreturn]] void run();

 private:
  [[noreturn]] void fail_launch(std::string text);
  void join_group();
  void take_terminal();
  void bind();
  void limit();
  void become();
  void open_streams();
  void open_stream(const StreamPlan& stream, int pipe, int target);
  int open_shared(const std::string& path);
  void enter_folder();
  void complete_environment();
  void run_prologs();
  void run_prolog(const std::string& path);
  [[nodiscard]] TaskCommand enter();
  [[noreturn]] void execute(const TaskCommand& command);

  const ChildContext& context_;
  const StepPlan& plan_;
  const TaskPlan& task_;
  const TaskFds& fds_;
  base::Environment environment_;
  int folder_error_ = 0;
};

void say(const std::string& line) { static_cast<void>(base::write_all(STDERR_FILENO, line)); }

void complain(const std::string& text) { say(fmt::format("{}{}\n", kMessagePrefix, text)); }

void Child::fail_launch(std::string text) {
  text.resize(std::min(text.size(), kMaxProblem));
  const LaunchProblem head{task_.task, static_cast<std::uint32_t>(text.size())};
  std::string message(reinterpret_cast<const char*>(&head), sizeof head);
  message += text;
  static_cast<void>(base::write_all(fds_.report, message));
  ::_exit(1);
}

void Child::join_group() {
  if (auto joined = context_.tree.attach(context_.group, 0); !joined) {
    fail_launch(joined.error().text);
  }
}

void Child::take_terminal() {
  if (fds_.pty < 0) {
    ::setpgid(0, 0);
    return;
  }
  ::setsid();
  ::ioctl(fds_.pty, TIOCSCTTY, 0);
}

void Child::bind() {
  if (task_.cpus.size() == 0) return;
  const std::size_t size = CPU_ALLOC_SIZE(task_.cpus.size());
  cpu_set_t* set = CPU_ALLOC(task_.cpus.size());
  if (set == nullptr) return;
  CPU_ZERO_S(size, set);
  task_.cpus.for_each([&](std::size_t cpu) { CPU_SET_S(cpu, size, set); });
  // Numbers outside of what the cgroup allows are no reason not to run.
  static_cast<void>(::sched_setaffinity(0, size, set));
  CPU_FREE(set);
}

void Child::limit() {
  const std::size_t count = std::min<std::size_t>(plan_.limits.size(), RLIM_NLIMITS);
  for (std::size_t i = 0; i < count; ++i) {
    if (plan_.limits[i] == kKeepLimit) continue;
    const auto resource = static_cast<__rlimit_resource>(i);
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) continue;
    const auto wanted = std::min<rlim_t>(plan_.limits[i], now.rlim_max);
    if (wanted == now.rlim_cur) continue;
    now.rlim_cur = wanted;
    static_cast<void>(::setrlimit(resource, &now));
  }
}

void Child::become() {
  if (!plan_.change_user) return;
  if (const int code = auth::become_user(plan_.user); code != 0) {
    fail_launch(fmt::format("becoming user {}: {}", plan_.user.uid, base::errno_text(code)));
  }
}

int Child::open_shared(const std::string& path) {
  for (std::size_t i = 0; i < plan_.shared_files.size(); ++i) {
    if (plan_.shared_files[i].path == path) return context_.shared_files[i].get();
  }
  return -1;
}

void Child::open_stream(const StreamPlan& stream, int pipe, int target) {
  const bool input = target == STDIN_FILENO;
  int fd = pipe;
  bool opened = false;
  switch (stream.kind) {
    case StreamKind::agent: break;
    case StreamKind::pty: fd = fds_.pty; break;
    case StreamKind::same: fd = STDOUT_FILENO; break;
    case StreamKind::shared: fd = open_shared(stream.path); break;
    case StreamKind::null:
      fd = ::open("/dev/null", input ? O_RDONLY : O_WRONLY);
      opened = true;
      break;
    case StreamKind::file: {
      const int write_flags = O_WRONLY | O_CREAT | O_APPEND | (stream.append ? 0 : O_TRUNC);
      fd = ::open(stream.path.c_str(), (input ? O_RDONLY : write_flags) | O_NOCTTY, 0666);
      opened = true;
      break;
    }
  }
  if (fd < 0) {
    static constexpr const char* kNames[] = {"stdin", "stdout", "stderr"};
    fail_launch(fmt::format("Could not open {} file {}: {}", kNames[target], stream.path,
                            base::errno_text(errno)));
  }
  if (fd == target) return;
  ::dup2(fd, target);
  if (opened) ::close(fd);
}

void Child::open_streams() {
  open_stream(task_.in, fds_.in, STDIN_FILENO);
  open_stream(task_.out, fds_.out, STDOUT_FILENO);
  open_stream(task_.err, fds_.err, STDERR_FILENO);
}

void Child::enter_folder() {
  if (::chdir(plan_.work_dir.c_str()) == 0) return;
  // A folder that only the container has.
  if (context_.container != nullptr && ::chdir("/") == 0) return;
  complain(fmt::format("couldn't chdir to `{}': {}: going to /tmp instead", plan_.work_dir,
                       base::errno_text(errno)));
  if (::chdir("/tmp") != 0) fail_launch("couldn't chdir to /tmp");
}

void Child::complete_environment() {
  const pid_t pid = ::getpid();
  environment_.set(kTaskPidVariable, std::to_string(pid));
  for (const std::string& entry : context_.mpi_environment) {
    const base::Cut parts = base::cut(entry, '=');
    environment_.set(parts.before, parts.after);
  }
  if (fds_.mpi >= 0) ::fcntl(fds_.mpi, F_SETFD, 0);
  if (!task_.binding_note.empty()) {
    say(fmt::format("{}{}{}", task_.binding_note, pid, task_.binding_note_end));
  }
  if (!task_.notes.empty()) say(task_.notes);
}

// The prolog's standard output is for us; its other streams are the task's.
void Child::run_prolog(const std::string& path) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail_launch("no pipe for the task prolog");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    std::string name = path;
    char* argv[] = {name.data(), nullptr};
    ::execve(path.c_str(), argv, environment_.pointers().data());
    complain(fmt::format("TaskProlog {}: {}", path, base::errno_text(errno)));
    ::_exit(127);
  }
  ::close(ends[1]);
  const auto output = base::read_to_end(ends[0], kMaxPrologOutput);
  ::close(ends[0]);
  int status = 0;
  while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (pid < 0 || status != 0) {
    complain(fmt::format("TaskProlog {} failed, status {}", path, status));
    ::_exit(1);
  }
  if (!output) return;
  const std::string printed = apply_prolog_output(*output, environment_);
  static_cast<void>(base::write_all(STDOUT_FILENO, printed));
}

void Child::run_prologs() {
  for (const std::string& prolog : plan_.prologs) run_prolog(prolog);
}

// The program's path: as typed if it names a folder, else found in the task's own PATH. What is
// found nowhere is tried as typed, for the reason.
std::string find_program(const std::string& name, const base::Environment& environment) {
  if (name.find('/') != std::string::npos) return name;
  const auto path = environment.get("PATH");
  if (!path) return name;
  std::string denied;
  for (const std::string_view folder : base::split_nonempty(*path, ':')) {
    std::string candidate = fmt::format("{}/{}", folder, name);
    struct stat info {};
    if (::stat(candidate.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    if (denied.empty()) denied = std::move(candidate);
  }
  return denied.empty() ? name : denied;
}

TaskCommand Child::enter() {
  if (!task_.problem.empty()) {
    complain(task_.problem);
    ::_exit(1);
  }
  if (context_.container == nullptr) return {task_.argv, {}};
  auto command = enter_container(plan_, task_, *context_.container, environment_);
  if (!command) fail_launch(command.error().text);
  return std::move(*command);
}

void Child::execute(const TaskCommand& command) {
  const std::string path =
      command.program.empty() ? find_program(command.argv[0], environment_) : command.program;
  std::vector<std::string> words = command.argv;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execve(path.c_str(), argv.data(), environment_.pointers().data());
  const int code = errno;
  complain(fmt::format("execve(): {}: {}", command.argv[0], base::errno_text(code)));
  ::_exit(code);
}

void Child::run() {
  // stepd's streams are not the task's; from here on 0, 1 and 2 are set one by one.
  join_group();
  take_terminal();
  bind();
  limit();
  become();
  ::umask(plan_.umask);
  open_streams();
  enter_folder();
  complete_environment();
  run_prologs();
  execute(enter());
}

}  // namespace

void reset_child_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGCHLD, SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT}) {
    ::sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void run_task(const ChildContext& context, const TaskPlan& task, const TaskFds& fds) {
  reset_child_signals();
  Child(context, task, fds).run();
}

}  // namespace sluice::stepd
