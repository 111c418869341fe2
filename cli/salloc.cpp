// salloc: gets an allocation, runs a command (or a shell) in it on this host, and gives it back.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/clock.hpp"
#include "base/user.hpp"
#include "cli/common/allocation.hpp"
#include "cli/common/components.hpp"
#include "cli/common/program.hpp"
#include "cli/common/submission.hpp"
#include "cli/salloc/job_environment.hpp"
#include "opt/job_options.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "salloc";
constexpr std::size_t kMaxFile = 16 * 1024 * 1024;
constexpr int kLookMs = 200;
constexpr std::uint64_t kBellAfterMs = 10'000;

volatile std::sig_atomic_t g_interrupted = 0;

void on_interrupt(int /*signal*/) { g_interrupted = 1; }

int fail_with(const opt::SallocOptions& options, const Error& error) {
  cli::print_error(kProgram, error.text);
  return options.exit_error;
}

void say(const opt::SallocOptions& options, const std::string& text) {
  if (!options.job.quiet) cli::print_info(kProgram, text);
}

std::vector<std::string> command_of(const opt::SallocOptions& options,
                                    const base::Environment& own) {
  if (!options.command.empty()) return options.command;
  const std::string shell(own.get("SHELL").value_or(""));
  if (!shell.empty()) return {shell};
  const Result<base::User> user = base::find_user(::geteuid());
  return {user && !user->shell.empty() ? user->shell : "/bin/sh"};
}

pid_t start(const std::vector<std::string>& command, base::Environment environment) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> variables = environment.pointers();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  ::execvpe(argv[0], argv.data(), variables.data());
  std::fprintf(stderr, "salloc: error: _fork_command: Unable to find command \"%s\"\n", argv[0]);
  ::_exit(1);
}

// Waits for the command; ends it if the allocation ends first.
struct CommandEnd {
  int status = 0;
  bool revoked = false;
};
CommandEnd attend(const opt::SallocOptions& options, cli::Allocation& allocation, pid_t child) {
  bool told = false;
  std::uint64_t kill_at_ms = 0;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    pollfd poll{allocation.fd(), POLLIN, 0};
    ::poll(&poll, 1, kLookMs);
    if (!told && allocation.attend()) {
      told = true;
      cli::print_info(kProgram, "Job allocation " + std::to_string(allocation.job().value) +
                                    " has been revoked.");
      const std::uint32_t signal = options.kill_command_signal;
      ::kill(child, signal != 0 ? static_cast<int>(signal) : SIGHUP);
      kill_at_ms = base::monotonic_ms() + 30'000;
    }
    if (kill_at_ms != 0 && base::monotonic_ms() > kill_at_ms) ::kill(child, SIGKILL);
  }
  return {status, told};
}

Result<model::Job> wait_for_grant(const opt::SallocOptions& options, cli::Allocation& allocation) {
  constexpr std::int64_t kQuietMs = 500;
  const auto interrupted = [] { return g_interrupted != 0; };
  if (options.immediate) {
    return allocation.wait_ready(std::int64_t{options.immediate_seconds} * 1000 + kQuietMs,
                                 interrupted);
  }
  Result<model::Job> job = allocation.wait_ready(kQuietMs, interrupted);
  if (job || job.error().code != ErrorCode::busy) return job;
  const std::string id = std::to_string(allocation.job().value);
  say(options, "Pending job allocation " + id);
  say(options, "job " + id + " queued and waiting for resources");
  const std::uint64_t since = base::monotonic_ms();
  job = allocation.wait_ready(-1, interrupted);
  if (job && !model::is_finished(job->state)) {
    say(options, "job " + id + " has been allocated resources");
    const bool long_wait = base::monotonic_ms() - since > kBellAfterMs;
    if (options.bell.value_or(long_wait && ::isatty(STDOUT_FILENO) == 1)) std::fputs("\a", stdout);
  }
  return job;
}

Result<cli::Allocation> ask(const cli::Sockets& sockets, wire::Submit request,
                            const opt::SallocOptions& options, const base::Environment& own) {
  if (options.more.empty()) return cli::Allocation::request(sockets, request);
  Result<wire::SubmitHeterogeneous> whole = cli::make_whole(std::move(request), options.more, own);
  if (!whole) return tl::unexpected(whole.error());
  return cli::Allocation::request(sockets, *whole);
}

int run(const opt::SallocOptions& options, const base::Environment& own) {
  Result<cli::Sockets> sockets = cli::find_sockets(own);
  if (!sockets)
    return fail_with(options,
                     {sockets.error().code,
                      "Job submit/allocate failed: " + cli::as_seen_by_user(sockets.error()).text});
  Result<wire::Submit> request = cli::make_submission(options.job, own);
  if (!request) return fail_with(options, request.error());
  request->spec.kind = model::JobKind::allocation;
  request->environment.clear();
  Result<cli::Allocation> allocation = ask(*sockets, std::move(*request), options, own);
  if (!allocation) {
    cli::print_refusal(kProgram, "Job submit/allocate failed", allocation.error());
    return options.exit_error;
  }
  allocation->on_notice([](const Text& text) { cli::print_info(kProgram, text.str()); });
  Result<model::Job> job = wait_for_grant(options, *allocation);
  const std::string id = std::to_string(allocation->job().value);
  if (!job) {
    const Status cancelled = allocation->cancel();
    if (!cancelled) cli::print_error(kProgram, cancelled.error().text);
    if (job.error().code == ErrorCode::interrupted) {
      cli::print_info(kProgram, "Job allocation " + id + " has been revoked.");
      return 1;
    }
    const bool busy = job.error().code == ErrorCode::busy;
    fail_with(options,
              {job.error().code, "Job submit/allocate failed: " +
                                     (busy ? "Requested nodes are busy" : job.error().text)});
    return busy ? options.exit_immediate : options.exit_error;
  }
  if (model::is_finished(job->state)) {
    cli::print_error(kProgram, "Job allocation " + id + " has been revoked");
    return options.exit_error;
  }
  say(options, "Granted job allocation " + id);
  if (options.no_shell) {
    const Status left = allocation->disown();
    return left ? 0 : fail_with(options, cli::as_seen_by_user(left.error()));
  }
  base::Environment environment = cli::allocation_environment(own, *job);
  if (!options.more.empty()) {
    const Result<std::vector<model::Job>> parts = cli::components_of(*sockets, *job);
    if (!parts) return fail_with(options, parts.error());
    environment = cli::components_environment(own, *parts);
  }
  environment.set("SLURM_CLUSTER_NAME", allocation->cluster());
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C is the command's
  const pid_t child = start(command_of(options, own), std::move(environment));
  if (child < 0) return fail_with(options, {ErrorCode::failure, "fork failed"});
  const auto [status, revoked] = attend(options, *allocation, child);
  if (!revoked) say(options, "Relinquishing job allocation " + id);
  const Status done = allocation->complete(static_cast<std::uint32_t>(status));
  if (!done && done.error().code != ErrorCode::already_done) {
    cli::print_error(kProgram, done.error().text);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::SallocOptions> options = opt::parse_salloc(invocation);
  if (!options) return cli::stop_with(options.error());
  for (const std::string& warning : options->job.warnings) cli::print_info(kProgram, warning);
  for (const opt::JobOptions& part : options->more) {
    for (const std::string& warning : part.warnings) cli::print_info(kProgram, warning);
  }
  if (const Status cluster = cli::check_wanted_cluster(options->job, invocation.environment);
      !cluster) {
    return fail_with(*options, cluster.error());
  }
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  return run(*options, invocation.environment);
}
