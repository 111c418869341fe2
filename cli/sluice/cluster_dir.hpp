// The directory of a cluster of one's own (`sluice up --dir`): who lives where in it, and how its
// processes are started, found and ended. Each daemon's command line names its directory; that, and
// the pid file beside its log, is how it is recognised later.
//
//   sluice.yaml            configuration of the cluster
//   client.conf            what commands read (SLUICE_CONF)
//   ports                  ports in use, chosen once
//   controller/            sluicectld: key, hosts.d, state, socket, log
//   nodes/NAME/, login/    sluiced: key, agent.conf, spool, socket, log
//   relay/                 sluice-relay: cursors, log; where events are sent somewhere
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace sluice::cli {

struct Daemon {
  std::string name;     // "controller", "login", "n1", …
  std::string program;  // "sluicectld", "sluiced" or "sluice-relay"
  std::string dir;      // its directory, absolute
  std::vector<std::string> options;

  [[nodiscard]] std::string pid_file() const { return dir + "/pid"; }
  [[nodiscard]] std::string log_file() const { return dir + "/log"; }
};

class ClusterDir {
 public:
  explicit ClusterDir(std::string path) : path_(std::move(path)) {}
  // --dir, else SLUICE_DIR, else ~/.sluice; made absolute.
  [[nodiscard]] static Result<ClusterDir> locate(const std::string& given);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string config() const { return path_ + "/sluice.yaml"; }
  [[nodiscard]] std::string client_conf() const { return path_ + "/client.conf"; }
  [[nodiscard]] std::string controller() const { return path_ + "/controller"; }
  [[nodiscard]] std::string login() const { return path_ + "/login"; }
  [[nodiscard]] std::string relay() const { return path_ + "/relay"; }
  [[nodiscard]] std::string node(const std::string& name) const { return path_ + "/nodes/" + name; }
  [[nodiscard]] bool exists() const;

  // All daemons of the cluster as configured, controller first.
  [[nodiscard]] Result<std::vector<Daemon>> daemons() const;
  // All that have a folder here, whatever the configuration says by now; without options to start.
  [[nodiscard]] std::vector<Daemon> made() const;

 private:
  std::string path_;
};

// The daemon's process, if it runs: alive, and its command line names the directory.
[[nodiscard]] std::optional<pid_t> find_running(const Daemon& daemon);
// Starts it in a session of its own, its output to its log, and writes the pid file.
[[nodiscard]] Status start_daemon(const Daemon& daemon);
// The last line of the daemon's log, for messages about a daemon that didn't stay.
[[nodiscard]] std::string last_log_line(const Daemon& daemon);
// The folder of the running program: the other programs lie beside it.
[[nodiscard]] std::string program_folder();

}  // namespace sluice::cli
