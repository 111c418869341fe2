// See up.hpp.
#include "cli/sluice/up.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "cli/common/client.hpp"
#include "model/node.hpp"

namespace sluice::cli {

namespace {

constexpr std::uint64_t kUpTimeoutMs = 90'000;
constexpr std::uint64_t kDownTimeoutMs = 60'000;
constexpr int kLookAgainMs = 50;

void say(const std::string& line) { std::fprintf(stderr, "sluice: %s\n", line.c_str()); }

void wait_a_moment() { ::poll(nullptr, 0, kLookAgainMs); }

// Two `sluice up` on one directory take turns.
Result<base::UniqueFd> lock_cluster(const ClusterDir& cluster) {
  if (Status made = base::make_directories(cluster.path(), 0755); !made) {
    return tl::unexpected(made.error());
  }
  const std::string path = cluster.path() + "/lock";
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0 || ::flock(fd.get(), LOCK_EX) != 0) {
    return fail(ErrorCode::io, path + ": can't be locked");
  }
  return fd;
}

bool is_up(const model::Node& node) {
  return node.state != model::NodeState::unknown && node.state != model::NodeState::down &&
         !(node.flags & model::kNodeNoRespond);
}

Client client_of(const ClusterDir& cluster) {
  Sockets sockets;
  sockets.controller = cluster.controller() + "/controller.sock";
  sockets.agent = cluster.login() + "/agent.sock";
  return Client(std::move(sockets));
}

// A daemon that we started and that has ended is a zombie of ours; one from before is just gone.
bool has_ended(const Daemon& daemon) {
  const Result<std::string> text = base::read_file(daemon.pid_file(), 64);
  if (!text) return false;
  const pid_t pid = static_cast<pid_t>(std::strtol(text->c_str(), nullptr, 10));
  return ::waitpid(pid, nullptr, WNOHANG) == pid || (::kill(pid, 0) != 0 && errno == ESRCH);
}

Status check_alive(const std::vector<Daemon>& daemons) {
  for (const Daemon& daemon : daemons) {
    if (!has_ended(daemon)) continue;
    return fail(ErrorCode::failure,
                daemon.program + " (" + daemon.name + ") has ended: " + last_log_line(daemon));
  }
  return {};
}

Status wait_for_nodes(const ClusterDir& cluster, const std::vector<Daemon>& daemons) {
  const std::uint64_t until = base::monotonic_ms() + kUpTimeoutMs;
  Client client = client_of(cluster);
  std::size_t reported = SIZE_MAX;
  while (base::monotonic_ms() < until) {
    const auto reply = client.call<wire::NodesReply>(wire::QueryNodes{}, {2000, 0});
    if (reply) {
      const auto up = static_cast<std::size_t>(std::ranges::count_if(reply->nodes, is_up));
      if (up != reported) {
        say(std::to_string(up) + " of " + std::to_string(reply->nodes.size()) + " nodes up");
      }
      reported = up;
      if (up == reply->nodes.size() && base::file_exists(cluster.login() + "/agent.sock"))
        return {};
    }
    if (Status alive = check_alive(daemons); !alive) return alive;
    wait_a_moment();
  }
  return fail(ErrorCode::failure,
              "the nodes did not come up; see the log files below " + cluster.path());
}

}  // namespace

Status bring_up(const UpOptions& options) {
  Result<ClusterDir> cluster = ClusterDir::locate(options.dir);
  if (!cluster) return tl::unexpected(cluster.error());
  Result<base::UniqueFd> lock = lock_cluster(*cluster);
  if (!lock) return tl::unexpected(lock.error());
  if (!cluster->exists()) {
    if (Status made = make_cluster(*cluster, options); !made) return made;
  }
  Result<std::vector<Daemon>> daemons = cluster->daemons();
  if (!daemons) return tl::unexpected(daemons.error());
  for (const Daemon& daemon : *daemons) {
    if (find_running(daemon)) continue;
    say("starting " + daemon.program + " (" + daemon.name + ")");
    if (Status started = start_daemon(daemon); !started) return started;
  }
  return wait_for_nodes(*cluster, *daemons);
}

Status bring_down(const std::string& dir) {
  Result<ClusterDir> cluster = ClusterDir::locate(dir);
  if (!cluster) return tl::unexpected(cluster.error());
  if (!cluster->exists()) return fail(ErrorCode::not_found, "no cluster in " + cluster->path());
  Result<base::UniqueFd> lock = lock_cluster(*cluster);
  if (!lock) return tl::unexpected(lock.error());
  const std::vector<Daemon> daemons = cluster->made();
  // The controller first, so that it doesn't take the nodes' leaving for failures; then the nodes,
  // which end their jobs when told by SIGUSR2.
  for (const Daemon& daemon : daemons) {
    if (const auto pid = find_running(daemon)) {
      const bool node = daemon.program == "sluiced" && daemon.name != "login";
      ::kill(*pid, node ? SIGUSR2 : SIGTERM);
    }
  }
  const std::uint64_t until = base::monotonic_ms() + kDownTimeoutMs;
  const auto any_left = [&] {
    return std::ranges::any_of(daemons,
                               [](const Daemon& d) { return find_running(d).has_value(); });
  };
  while (any_left()) {
    if (base::monotonic_ms() > until) {
      for (const Daemon& daemon : daemons) {
        const auto pid = find_running(daemon);
        if (!pid) continue;
        say(daemon.name + " did not end in time; killing it");
        ::kill(*pid, SIGKILL);
      }
    }
    wait_a_moment();
  }
  for (const Daemon& daemon : daemons) ::unlink(daemon.pid_file().c_str());
  return {};
}

Result<std::string> environment_lines(const std::string& dir) {
  Result<ClusterDir> cluster = ClusterDir::locate(dir);
  if (!cluster) return tl::unexpected(cluster.error());
  if (!cluster->exists()) return fail(ErrorCode::not_found, "no cluster in " + cluster->path());
  return "export PATH='" + program_folder() + "':\"$PATH\"\nexport SLUICE_CONF='" +
         cluster->client_conf() + "'\n";
}

}  // namespace sluice::cli
