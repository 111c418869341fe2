// See the header.
#include "image/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/fd.hpp"

namespace sluice::image {
namespace {

constexpr int kTickMs = 200;
constexpr std::size_t kMaxErrors = 64U << 10U;
constexpr int kNotFound = 127;

tl::unexpected<Error> failed(std::string_view doing) {
  return tl::unexpected(base::errno_error(doing, errno));
}

struct Pipes {
  base::FdPair output;
  base::FdPair errors;
};

[[noreturn]] void be_program(const ProgramCall& call, const Pipes& pipes, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kNotFound);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(pipes.output.second.get(), 1) < 0 ||
      ::dup2(pipes.errors.second.get(), 2) < 0) {
    ::_exit(kNotFound);
  }
  std::vector<char*> arguments;
  for (const std::string& word : call.command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  const std::string text = "cannot run " + call.command.front() + ": " + base::errno_text(errno);
  static_cast<void>(base::write_all(2, text));
  ::_exit(kNotFound);
}

// The running program, and what it has said.
class Running {
 public:
  Running(const ProgramCall& call, pid_t child, Pipes pipes)
      : call_(call),
        child_(child),
        output_(std::move(pipes.output.first)),
        errors_(std::move(pipes.errors.first)) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (child_ > 0) {
      ::kill(-child_, SIGKILL);
      ::kill(child_, SIGKILL);
      wait();
    }
  }

  Result<ProgramEnd> finish() {
    while (output_.is_open() || errors_.is_open()) {
      if (auto done = step(); !done) return tl::unexpected(done.error());
    }
    end_.exit_code = wait();
    return std::move(end_);
  }

 private:
  Status step() {
    std::array<pollfd, 2> waiting{{{output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}}};
    const int ready = ::poll(waiting.data(), waiting.size(), call_.deadline.wait_ms(kTickMs));
    if (ready < 0 && errno != EINTR) return failed("poll");
    if (call_.deadline.passed()) return fail(ErrorCode::busy, "the time for it is over");
    if (call_.tick) call_.tick();
    if (ready <= 0) return {};
    if (waiting[0].revents != 0) {
      if (auto done = take_output(); !done) return done;
    }
    return waiting[1].revents != 0 ? take_errors() : Status();
  }

  Status take_output() {
    auto piece = take(output_);
    if (!piece) return tl::unexpected(piece.error());
    if (call_.output) return piece->empty() ? Status() : call_.output(*piece);
    end_.output += *piece;
    if (end_.output.size() > kMaxProgramOutput) {
      return fail(ErrorCode::protocol, call_.command.front() + ": too long an answer");
    }
    return {};
  }

  Status take_errors() {
    auto piece = take(errors_);
    if (!piece) return tl::unexpected(piece.error());
    end_.errors += *piece;
    if (end_.errors.size() > 2 * kMaxErrors) end_.errors.erase(0, end_.errors.size() - kMaxErrors);
    return {};
  }

  Result<std::string> take(base::UniqueFd& fd) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) return std::string();
    if (got < 0) return failed("read");
    if (got == 0) fd.reset();
    return std::string(buffer.data(), static_cast<std::size_t>(got));
  }

  int wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  const ProgramCall& call_;
  pid_t child_;
  base::UniqueFd output_;
  base::UniqueFd errors_;
  ProgramEnd end_;
};

}  // namespace

Result<ProgramEnd> run_program(const ProgramCall& call) {
  auto output = base::make_pipe();
  if (!output) return tl::unexpected(output.error());
  auto errors = base::make_pipe();
  if (!errors) return tl::unexpected(errors.error());
  Pipes pipes{std::move(*output), std::move(*errors)};
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return failed("fork");
  if (child == 0) be_program(call, pipes, parent);
  pipes.output.second.reset();
  pipes.errors.second.reset();
  Running running(call, child, std::move(pipes));
  auto end = running.finish();
  if (end && end->exit_code == kNotFound && end->errors.rfind("cannot run ", 0) == 0) {
    return fail(ErrorCode::not_found, end->errors);
  }
  if (!end) return context(call.command.front(), std::move(end.error()));
  return end;
}

}  // namespace sluice::image
