// See container_runtime.hpp.
#include "daemon/worker/host/container_runtime.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <initializer_list>

#include "base/clock.hpp"
#include "base/fd.hpp"

extern char** environ;

namespace sluice::worker {

namespace {

constexpr std::array<std::string_view, 4> kFolders{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                   "/usr/bin"};
constexpr std::uint64_t kVersionMs = 3'000;
constexpr std::size_t kMaxVersion = 4096;

std::string find_program(std::string_view name) {
  for (const std::string_view folder : kFolders) {
    std::string path = std::string(folder) + "/" + std::string(name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// What comes until the end or the time limit.
std::string read_for_a_while(int fd) {
  std::string text;
  const std::uint64_t until = base::monotonic_ms() + kVersionMs;
  while (text.size() < kMaxVersion) {
    const std::uint64_t now = base::monotonic_ms();
    pollfd one{fd, POLLIN, 0};
    if (now >= until || ::poll(&one, 1, static_cast<int>(until - now)) <= 0) break;
    char buffer[512];
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

std::string version_of(const std::string& program) {
  Result<base::FdPair> pipe = base::make_pipe();
  if (!pipe) return {};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, pipe->second.get(), 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  std::string words[] = {program, "--version"};
  char* argv[] = {words[0].data(), words[1].data(), nullptr};
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, program.c_str(), &files, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return {};
  pipe->second.reset();
  std::string text = read_for_a_while(pipe->first.get());
  ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return text;
}

}  // namespace

ContainerRuntime find_container_runtime(const std::string& wanted, const std::string& pattern) {
  ContainerRuntime found;
  if (wanted == "none") {
    found.why_not = "containers are switched off (container_runtime: none)";
    return found;
  }
  if (!pattern.empty()) {
    const std::string program = pattern.substr(0, pattern.find_first_of(" \t"));
    if (::access(program.c_str(), X_OK) != 0) found.why_not = program + " isn't there";
    return found;
  }
  if (wanted.starts_with('/')) {
    found.path = wanted;
  } else if (wanted == "crun" || wanted == "runc") {
    found.path = find_program(wanted);
  } else {
    found.path = find_program("crun");
    if (found.path.empty()) found.path = find_program("runc");
  }
  if (found.path.empty() || ::access(found.path.c_str(), X_OK) != 0) {
    const bool any = wanted.empty() || wanted == "auto";
    found.why_not = (any ? "neither crun nor runc" : "no " + wanted) + std::string(" is there");
    found.path.clear();
    return found;
  }
  found.version = version_of(found.path);
  return found;
}

}  // namespace sluice::worker
