// sluice-relay: sends the controller's events to web servers and message queues, as the section
// `relay` of sluice.yaml says. It ends by SIGTERM; SIGHUP reads the configuration again.
#include <csignal>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "base/file.hpp"
#include "base/lock_file.hpp"
#include "base/log/log.hpp"
#include "config/cluster_config.hpp"
#include "daemon/relay/relay.hpp"

using namespace sluice;

namespace {

int fail_start(const std::string& why) {
  std::fprintf(stderr, "sluice-relay: error: %s\n", why.c_str());
  return 1;
}

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

Result<std::unique_ptr<relay::Relay>> make(const relay::RelayOptions& options,
                                           const std::string& config_file) {
  const Result<config::ClusterConfig> config = config::load_cluster_config(config_file);
  if (!config) return tl::unexpected(config.error());
  if (config->relay.empty()) {
    return fail(ErrorCode::invalid_argument, config_file + ": relay names no target");
  }
  return relay::Relay::create(options, config->relay);
}

// The old couriers end before new ones begin: one at a time has a target's cursor.
void reload(std::unique_ptr<relay::Relay>& relay, const relay::RelayOptions& options,
            const std::string& config_file) {
  const auto checked = make(options, config_file);
  if (!checked) return log::error("configuration not changed: {}", checked.error().text);
  relay.reset();
  auto made = make(options, config_file);
  if (!made) return log::error("nothing is sent any more: {}", made.error().text);
  relay = std::move(*made);
  relay->start();
  log::info("configuration read again");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Sends Sluice's events to web servers and message queues", "sluice-relay"};
  relay::RelayOptions options;
  std::string config_file;
  std::string log_file;
  std::string level = "info";
  bool show_version = false;
  app.add_option("--dir", options.dir, "directory of the cursors");
  app.add_option("--config", config_file, "the cluster's sluice.yaml");
  app.add_option("--socket", options.socket, "the controller's socket");
  app.add_option("--log-file", log_file, "append the log here (default: standard error)");
  app.add_option("--log-level", level, "error, warn, info or debug");
  app.add_flag("-V,--version", show_version, "print the version and exit");
  CLI11_PARSE(app, argc, argv);
  if (show_version) {
    std::puts("slurm 25.11.0");
    return 0;
  }
  if (options.dir.empty() || config_file.empty() || options.socket.empty()) {
    return fail_start("--dir, --config and --socket are needed");
  }
  const auto parsed_level = log::parse_level(level);
  if (!parsed_level) return fail_start(parsed_level.error().text);
  if (const Status ready = log::init({"sluice-relay", log_file, *parsed_level}); !ready) {
    return fail_start(ready.error().text);
  }
  if (Status made = base::make_directories(options.dir, 0750); !made) {
    return fail_start(made.error().text);
  }
  const auto lock = base::take_lock(options.dir + "/lock", "sluice-relay");
  if (!lock) return fail_start(lock.error().text);
  const sigset_t awaited = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  auto relay = make(options, config_file);
  if (!relay) return fail_start(relay.error().text);
  (*relay)->start();
  log::info("sending events");
  for (int signal = 0; signal != SIGTERM && signal != SIGINT;) {
    if (sigwait(&awaited, &signal) != 0) break;
    if (signal == SIGHUP) reload(*relay, options, config_file);
  }
  relay->reset();
  log::info("stopped");
  return 0;
}
