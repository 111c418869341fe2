// See hook.hpp. The end is seen through a pidfd.
#include "daemon/worker/hook.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace sluice::worker {

namespace {

int spawn(const std::string& program, std::vector<std::string>& environment, pid_t& pid) {
  std::vector<char*> envp;
  for (std::string& entry : environment) envp.push_back(entry.data());
  envp.push_back(nullptr);
  std::string name = program;
  char* argv[] = {name.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  for (int fd = 0; fd < 3; ++fd) {
    posix_spawn_file_actions_addopen(&files, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
  }
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
  const int failed = posix_spawn(&pid, program.c_str(), &files, &attributes, argv, envp.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

}  // namespace

std::unique_ptr<Hook> Hook::start(net::Loop& loop, Spec spec, std::function<void(Status)> done) {
  std::unique_ptr<Hook> hook(new Hook());
  Hook* self = hook.get();
  self->program_ = spec.program;
  self->done_ = std::move(done);
  const int failed = spawn(spec.program, spec.environment, self->pid_);
  if (failed != 0) {
    self->pid_ = -1;
    Error error = base::errno_error("starting " + spec.program, failed);
    self->timer_ = loop.after(0, [self, error] {
      self->over_ = true;
      self->done_(tl::unexpected(error));
    });
    return hook;
  }
  self->pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, self->pid_, 0)));
  auto watch =
      loop.watch(self->pidfd_.get(), {true, false}, [self](net::Readiness) { self->finished(); });
  if (watch) self->watch_ = std::move(*watch);
  self->timer_ = loop.after(spec.timeout_ms, [self] {
    self->late_ = true;
    ::kill(-self->pid_, SIGKILL);
  });
  return hook;
}

void Hook::finished() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return;
  // Children that it left behind go with it.
  ::kill(-pid_, SIGKILL);
  pid_ = -1;
  watch_ = {};
  timer_ = {};
  over_ = true;
  const std::function<void(Status)> done = std::move(done_);
  if (late_) return done(fail(ErrorCode::failure, program_ + " took too long"));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return done({});
  const std::string how = WIFEXITED(status) ? "exited with " + std::to_string(WEXITSTATUS(status))
                                            : "was killed by " + std::to_string(WTERMSIG(status));
  done(fail(ErrorCode::failure, program_ + " " + how));
}

Hook::~Hook() {
  watch_ = {};
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

}  // namespace sluice::worker
