// sluice-stepd: supervises the tasks of one step on one node. Started by sluiced as
// `sluice-stepd --dir DIR` with a socket as descriptor 3, on which the launch comes. DIR is the
// step's folder and stands on the command line for whoever looks at the list of processes.
// It outlives sluiced; see supervisor.hpp.
//
// No event library and no logger: it is started for each step, and each library costs.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/core.h>

#include "daemon/stepd/supervisor.hpp"
#include "daemon/worker/host/processes.hpp"

namespace {

using namespace sluice;

constexpr std::int64_t kLaunchWaitMs = 30'000;

int complain(const std::string& text) {
  const std::string line = fmt::format("sluice-stepd: {}\n", text);
  static_cast<void>(base::write_all(STDERR_FILENO, line));
  return 1;
}

// What a process of one's own needs: no descriptors, signals or folder of whoever started us.
void become_daemon() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR)) {
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    break;
  }
  ::close_range(worker::kStepdLinkFd + 1, ~0U, 0);
  ::setsid();
  static_cast<void>(::chdir("/") == 0);
  ::umask(022);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT}) {
    ::sigaction(signal, &ignore, nullptr);
  }
  static_cast<void>(worker::become_subreaper());
}

Result<wire::LaunchStep> receive_launch(net::BlockingSession& session) {
  auto frame = session.receive(kLaunchWaitMs);
  if (!frame) return tl::unexpected(frame.error());
  if (!*frame) return fail(ErrorCode::unavailable, "no launch came");
  if ((*frame)->type != static_cast<std::uint16_t>(wire::LaunchStep::kType)) {
    return fail(ErrorCode::protocol, "the first message is no launch");
  }
  return wire::decode<wire::LaunchStep>((*frame)->payload);
}

int run() {
  become_daemon();
  if (auto set = base::close_on_exec(worker::kStepdLinkFd); !set) {
    return complain("descriptor 3 is no link to sluiced");
  }
  auto session = net::BlockingSession::adopt(base::UniqueFd(worker::kStepdLinkFd));
  if (!session) return complain(session.error().text);
  auto launch = receive_launch(*session);
  if (!launch) return complain(launch.error().text);
  auto settings = worker::step_settings_of(*launch);
  if (!settings) return complain(settings.error().text);
  launch->settings.clear();
  stepd::Supervisor supervisor(std::move(*launch), std::move(*settings), std::move(*session));
  supervisor.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::puts("slurm 25.11.0");
    return 0;
  }
  if (argc != 3 || std::strcmp(argv[1], "--dir") != 0) {
    return complain("usage: sluice-stepd --dir DIR (started by sluiced, with a socket as 3)");
  }
  return run();
}
