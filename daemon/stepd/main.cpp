// sluice-stepd: supervises the tasks of one step on one node. Started by sluiced as
// `sluice-stepd --dir DIR` with a socket as descriptor 3, on which the launch comes. DIR is the
// step's folder and stands on the command line for whoever looks at the list of processes.
// It outlives sluiced; see supervisor.hpp. `sluice-stepd --nursery --dir DIR` makes such processes
// on demand; see nursery.hpp.
//
// No event library and no logger: it is started for each step, and each library costs.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/core.h>

#include "daemon/stepd/supervisor.hpp"
#include "daemon/worker/host/nursery.hpp"
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

int supervise(base::UniqueFd link) {
  static_cast<void>(worker::become_subreaper());
  auto session = net::BlockingSession::adopt(std::move(link));
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

// The list of processes shows what stands where the arguments were; our environment, which lies
// behind them and isn't needed, gives room for a longer one.
class Title {
 public:
  Title(char** argv, char** environment) : begin_(argv[0]) {
    const char* end = begin_;
    for (char** word = argv; *word != nullptr; ++word) end = *word + std::strlen(*word) + 1;
    for (char** word = environment; *word != nullptr && *word == end; ++word) {
      end += std::strlen(*word) + 1;
    }
    room_ = static_cast<std::size_t>(end - begin_);
  }
  void set(const std::string& program, const std::string& dir) const {
    std::string words = program;
    // One text: the kernel shows a title that outgrew the arguments up to its first zero byte.
    words.append(" --dir ").append(dir);
    words.resize(std::min(words.size(), room_ - 1));
    std::memset(begin_, 0, room_);
    std::memcpy(begin_, words.data(), words.size());
  }

 private:
  char* begin_;
  std::size_t room_ = 0;
};

int hatch(base::UniqueFd control, char** argv) {
  const std::string program = argv[0];
  const Title title(argv, environ);
  return stepd::run_nursery(std::move(control), [&](const std::string& dir, base::UniqueFd link) {
    ::setsid();
    title.set(program, dir);
    // Descriptors of the nursery's time are gone: what is left is the link.
    return supervise(std::move(link));
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::puts("slurm 25.11.0");
    return 0;
  }
  const bool nursery = argc == 4 && std::strcmp(argv[1], "--nursery") == 0;
  if ((argc != 3 && !nursery) || std::strcmp(argv[argc - 2], "--dir") != 0) {
    return complain(
        "usage: sluice-stepd [--nursery] --dir DIR (started by sluiced, with a socket "
        "as descriptor 3)");
  }
  become_daemon();
  if (auto set = base::close_on_exec(worker::kStepdLinkFd); !set) {
    return complain("descriptor 3 is no link to sluiced");
  }
  base::UniqueFd link(worker::kStepdLinkFd);
  return nursery ? hatch(std::move(link), argv) : supervise(std::move(link));
}
