// See user_errand.hpp. Between fork and exec the child makes system calls only: the daemon has
// threads.
#include "daemon/worker/user_errand.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/strings.hpp"

namespace sluice::worker {

namespace {

constexpr std::size_t kMaxErrorText = 4096;
constexpr int kNotStarted = 127;

struct ChildFds {
  int go;
  int out;  // -1: /dev/null
  int err;
};

// Never returns. Async-signal-safe.
[[noreturn]] void be_child(const ChildFds& fds, const auth::UserIdentity* user, char* const* argv,
                           char* const* envp) {
  char byte = 0;
  if (::read(fds.go, &byte, 1) != 1) ::_exit(kNotStarted);  // the parent gave up
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) ::_exit(kNotStarted);
  if (::dup2(null, 0) < 0 || ::dup2(fds.out < 0 ? null : fds.out, 1) < 0 ||
      ::dup2(fds.err, 2) < 0) {
    ::_exit(kNotStarted);
  }
  if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0) ::_exit(kNotStarted);
  ::setsid();
  if (user != nullptr) auth::become_user_or_exit(*user, kNotStarted);
  if (::chdir("/") != 0) ::_exit(kNotStarted);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(argv[0], argv, envp);
  ::_exit(kNotStarted);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

// The last line that says something.
std::string last_line(std::string_view text) {
  const auto lines = base::split_nonempty(text, '\n');
  return lines.empty() ? std::string() : std::string(lines.back());
}

}  // namespace

Status UserErrand::spawn(Spec& spec) {
  Result<base::FdPair> go = base::make_pipe();
  Result<base::FdPair> err = base::make_pipe();
  Result<base::FdPair> out = spec.output ? base::make_pipe() : Result<base::FdPair>(base::FdPair{});
  if (!go) return tl::unexpected(go.error());
  if (!err) return tl::unexpected(err.error());
  if (!out) return tl::unexpected(out.error());
  std::vector<std::string> environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                                          "HOME=" + spec.user.home, "USER=" + spec.user.name};
  const std::vector<char*> argv = pointers(spec.command);
  const std::vector<char*> envp = pointers(environment);
  const ChildFds fds{go->first.get(), spec.output ? out->second.get() : -1, err->second.get()};
  const auth::UserIdentity* user = spec.change_user ? &spec.user : nullptr;
  pid_ = ::fork();
  if (pid_ == 0) {
    go->second.reset();
    be_child(fds, user, argv.data(), envp.data());
  }
  if (pid_ < 0) return tl::unexpected(base::errno_error("fork", errno));
  if (spec.before) spec.before(pid_);
  const Status told = base::write_all(go->second.get(), "g");
  if (!told) return told;
  output_ = std::move(out->first);
  errors_ = std::move(err->first);
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  for (const base::UniqueFd* fd : {&output_, &errors_}) {
    if (!fd->is_open()) continue;
    if (Status set = base::set_nonblocking(fd->get()); !set) return set;
  }
  return {};
}

std::unique_ptr<UserErrand> UserErrand::start(net::Loop& loop, Spec spec,
                                              std::function<void(Status)> done) {
  std::unique_ptr<UserErrand> errand(new UserErrand(loop));
  UserErrand* self = errand.get();
  self->program_ = spec.command.front();
  self->done_ = std::move(done);
  Status started = self->spawn(spec);
  if (started) {
    auto watch = loop.watch(self->pidfd_.get(), {true, false}, [self](auto) { self->exited(); });
    auto errors =
        loop.watch(self->errors_.get(), {true, false}, [self](auto) { self->take_errors(); });
    if (watch) self->pid_watch_ = std::move(*watch);
    if (errors) self->error_watch_ = std::move(*errors);
    if (!watch) started = tl::unexpected(watch.error());
    if (!errors) started = tl::unexpected(errors.error());
  }
  if (!started) {
    const Error error = started.error();
    self->timer_ = loop.after(0, [self, error] {
      const Error why = error;
      const std::function<void(Status)> tell = std::move(self->done_);
      self->over_ = true;
      if (tell) tell(tl::unexpected(why));
    });
    return errand;
  }
  if (spec.timeout_ms > 0) {
    self->timer_ = loop.after(spec.timeout_ms, [self] {
      self->late_ = true;
      ::kill(-self->pid_, SIGKILL);
    });
  }
  return errand;
}

void UserErrand::read(std::size_t most, std::function<void(std::string)> take) {
  most_ = most;
  take_ = std::move(take);
  if (!output_.is_open() || output_watch_.active()) return;
  auto watch = loop_.watch(output_.get(), {true, false}, [this](auto) { take_output(); });
  if (watch) output_watch_ = std::move(*watch);
}

void UserErrand::take_output() {
  std::string bytes(most_, '\0');
  const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  output_watch_ = {};  // until it is asked for more
  const std::function<void(std::string)> take = std::exchange(take_, nullptr);
  if (count <= 0) {
    output_.reset();
    return finish_if_over();
  }
  bytes.resize(static_cast<std::size_t>(count));
  take(std::move(bytes));
}

void UserErrand::abandon() {
  done_ = nullptr;
  take_ = nullptr;
  timer_ = {};
  output_watch_ = {};
  error_watch_ = {};
  output_.reset();
  errors_.reset();
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
  } else {
    over_ = true;
  }
}

void UserErrand::take_errors() {
  char buffer[1024];
  const ssize_t count = ::read(errors_.get(), buffer, sizeof buffer);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0) {
    error_text_.append(buffer, static_cast<std::size_t>(count));
    if (error_text_.size() > kMaxErrorText) {
      error_text_.erase(0, error_text_.size() - kMaxErrorText);
    }
    return;
  }
  error_watch_ = {};
  errors_.reset();
  finish_if_over();
}

void UserErrand::exited() {
  if (::waitpid(pid_, &status_, WNOHANG) == 0) return;
  ::kill(-pid_, SIGKILL);  // children that it left behind go with it
  pid_ = -1;
  pid_watch_ = {};
  exited_ = true;
  finish_if_over();
}

void UserErrand::finish_if_over() {
  if (over_ || !exited_ || output_.is_open() || errors_.is_open()) return;
  over_ = true;
  timer_ = {};
  const std::function<void(Status)> done = std::move(done_);
  if (!done) return;
  if (late_) return done(fail(ErrorCode::failure, program_ + " took too long"));
  if (WIFEXITED(status_) && WEXITSTATUS(status_) == 0) return done({});
  const std::string said = last_line(error_text_);
  if (!said.empty()) return done(fail(ErrorCode::failure, said));
  const std::string how = WIFEXITED(status_) ? "exited with " + std::to_string(WEXITSTATUS(status_))
                                             : "was killed by " + std::to_string(WTERMSIG(status_));
  done(fail(ErrorCode::failure, program_ + " " + how));
}

UserErrand::~UserErrand() {
  pid_watch_ = {};
  output_watch_ = {};
  error_watch_ = {};
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, WNOHANG);
  }
}

}  // namespace sluice::worker
