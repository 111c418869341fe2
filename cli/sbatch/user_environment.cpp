// See user_environment.hpp.
#include "cli/sbatch/user_environment.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/user.hpp"

namespace sluice::cli {

namespace {

constexpr std::uint32_t kDefaultSeconds = 8;
constexpr std::size_t kMaxOutput = 16 * 1024 * 1024;

// The child: a login shell that prints its environment, each entry ended by a zero byte.
[[noreturn]] void run_shell(const base::User& user, ShellMode mode, int out) {
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  ::setsid();
  const std::string home = "HOME=" + user.home;
  const std::string name = "USER=" + user.name;
  const std::string login = "LOGNAME=" + user.name;
  const std::string shell = "SHELL=" + user.shell;
  const char* environment[] = {
      home.c_str(), name.c_str(), login.c_str(), shell.c_str(), "PATH=/usr/local/bin:/usr/bin:/bin",
      nullptr};
  const char* login_argv[] = {"-sh", "-l", "-c", "exec env -0", nullptr};
  const char* plain_argv[] = {"sh", "-c", "exec env -0", nullptr};
  const char** argv = mode == ShellMode::login ? login_argv : plain_argv;
  ::execve(user.shell.c_str(), const_cast<char* const*>(argv),
           const_cast<char* const*>(environment));
  ::_exit(127);
}

bool read_all(int fd, std::uint64_t until, std::string& bytes) {
  char buffer[65536];
  while (bytes.size() < kMaxOutput) {
    const std::uint64_t now = base::monotonic_ms();
    pollfd poll{fd, POLLIN, 0};
    if (now >= until || ::poll(&poll, 1, static_cast<int>(until - now)) <= 0) return false;
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) return count == 0;
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
  return false;
}

}  // namespace

Result<base::Environment> user_environment(std::uint32_t seconds, ShellMode mode) {
  Result<base::User> user = base::find_user(::geteuid());
  if (!user) return tl::unexpected(user.error());
  if (user->shell.empty()) user->shell = "/bin/sh";
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::io, "can't make a pipe");
  base::UniqueFd in(ends[0]);
  base::UniqueFd out(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail(ErrorCode::io, "can't start the login shell");
  if (child == 0) run_shell(*user, mode, out.get());
  out.reset();
  const std::uint64_t limit_ms = 1000ULL * (seconds == 0 ? kDefaultSeconds : seconds);
  std::string bytes;
  const bool whole = read_all(in.get(), base::monotonic_ms() + limit_ms, bytes);
  if (!whole) ::kill(-child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  if (!whole) {
    return fail(ErrorCode::failure, "the login environment could not be read in time");
  }
  std::vector<std::string> entries;
  std::size_t start = 0;
  for (std::size_t end = bytes.find('\0'); end != std::string::npos;
       end = bytes.find('\0', start)) {
    entries.push_back(bytes.substr(start, end - start));
    start = end + 1;
  }
  base::Environment environment(std::move(entries));
  environment.unset("_");
  environment.unset("SHLVL");
  return environment;
}

}  // namespace sluice::cli
