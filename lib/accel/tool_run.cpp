// See tool_run.hpp.
#include "accel/tool_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/clock.hpp"

namespace sluice::accel {

namespace {

constexpr std::size_t kMaxOutput = 4 * 1024 * 1024;

// An environment from nothing; the tools look for their libraries where the host's loader does.
std::vector<std::string> environment_of(const Vendor& vendor) {
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/",
          "SLUICE_ACCEL_ROOT=" + vendor.root.str()};
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int spawn(std::vector<std::string> command, std::vector<std::string> environment, int output,
          pid_t& pid) {
  const std::vector<char*> argv = pointers_to(command);
  const std::vector<char*> envp = pointers_to(environment);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t none;
  sigset_t usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int failed = posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

}  // namespace

Result<std::unique_ptr<ToolRun>> ToolRun::start(const Vendor& vendor) {
  if (vendor.tool.command.empty()) {
    return fail(ErrorCode::not_found, "no tool of " + vendor.name.str() + " here");
  }
  Result<base::FdPair> pipe = base::make_pipe();
  if (!pipe) return tl::unexpected(pipe.error());
  if (Status set = base::set_nonblocking(pipe->first.get()); !set) {
    return tl::unexpected(set.error());
  }
  std::unique_ptr<ToolRun> run(new ToolRun());
  run->tool_ = vendor.tool;
  std::vector<std::string> command;
  for (const Text& word : vendor.tool.command) command.push_back(word.str());
  run->name_ = command[0].substr(command[0].rfind('/') + 1);
  const int failed =
      spawn(std::move(command), environment_of(vendor), pipe->second.get(), run->pid_);
  if (failed != 0) {
    run->pid_ = -1;
    return tl::unexpected(base::errno_error("starting " + run->name_, failed));
  }
  run->output_ = std::move(pipe->first);
  run->pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, run->pid_, 0)));
  return run;
}

ToolRun::~ToolRun() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  // Usually it is dead at once. One that the driver holds must not hold us.
  for (int attempt = 0; attempt < 20; ++attempt) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
    ::poll(nullptr, 0, 1);
  }
}

void ToolRun::read_output() {
  std::array<char, 16 * 1024> buffer{};
  while (!closed_) {
    const ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      closed_ = true;
      return;
    }
    if (text_.size() + static_cast<std::size_t>(count) > kMaxOutput) {
      too_long_ = true;
      closed_ = true;
      ::kill(-pid_, SIGKILL);
      return;
    }
    text_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

bool ToolRun::advance() {
  if (over_) return true;
  read_output();
  const pid_t reaped = ::waitpid(pid_, &status_, WNOHANG);
  if (reaped == 0) return false;
  read_output();           // what came between the first look and the end
  ::kill(-pid_, SIGKILL);  // children that it left behind go with it
  closed_ = true;
  pid_ = -1;
  over_ = true;
  return true;
}

void ToolRun::kill_late() {
  if (over_) return;
  late_ = true;
  ::kill(-pid_, SIGKILL);
}

Result<std::vector<ToolRow>> ToolRun::rows() const {
  if (late_) return fail(ErrorCode::failure, name_ + " took too long");
  if (too_long_) return fail(ErrorCode::failure, name_ + " prints without end");
  if (WIFSIGNALED(status_)) {
    return fail(ErrorCode::failure, name_ + " was killed by " + std::to_string(WTERMSIG(status_)));
  }
  if (WEXITSTATUS(status_) != 0) {
    return fail(ErrorCode::failure, name_ + " exited with " + std::to_string(WEXITSTATUS(status_)));
  }
  Result<std::vector<ToolRow>> rows = parse_tool_output(tool_, text_);
  if (!rows) return context(name_, rows.error());
  return rows;
}

Result<std::vector<ToolRow>> run_tool(const Vendor& vendor) {
  Result<std::unique_ptr<ToolRun>> started = ToolRun::start(vendor);
  if (!started) return tl::unexpected(started.error());
  ToolRun& run = **started;
  const auto now = [] { return static_cast<std::int64_t>(base::monotonic_ms()); };
  const std::int64_t until = now() + std::int64_t{vendor.tool.timeout_s} * 1000;
  while (!run.advance()) {
    const std::int64_t left = until - now();
    if (left <= 0) {
      run.kill_late();
      break;
    }
    std::array<pollfd, 2> waiting{pollfd{run.end(), POLLIN, 0}, pollfd{run.output(), POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(left));
  }
  return run.rows();
}

}  // namespace sluice::accel
