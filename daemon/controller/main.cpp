// sluicectld: the controller. Reads its directory, recovers its state, listens, and runs until a
// signal. A durable state that can't be kept ends it with an error: a restart recovers.
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "base/log/log.hpp"
#include "daemon/controller/shell.hpp"

using namespace sluice;

namespace {

int fail_start(const std::string& why) {
  std::fprintf(stderr, "sluicectld: error: %s\n", why.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Sluice's controller", "sluicectld"};
  controller::ShellOptions options;
  std::string log_file;
  std::string level = "info";
  bool show_version = false;
  app.add_option("--dir", options.dir, "directory with sluice.yaml, keys and state");
  app.add_option("--config", options.config_file, "configuration file (default: DIR/sluice.yaml)");
  app.add_option("--port", options.port, "listen here instead of slurmctld_port");
  app.add_option("--log-file", log_file, "append the log here (default: standard error)");
  app.add_option("--log-level", level, "error, warn, info or debug");
  app.add_flag("-V,--version", show_version, "print the version and exit");
  CLI11_PARSE(app, argc, argv);
  if (show_version) {
    std::puts("slurm 25.11.0");
    return 0;
  }
  if (options.dir.empty()) return fail_start("--dir is needed");
  const auto parsed_level = log::parse_level(level);
  if (!parsed_level) return fail_start(parsed_level.error().text);
  if (const Status ready = log::init({"sluicectld", log_file, *parsed_level}); !ready) {
    return fail_start(ready.error().text);
  }
  auto loop = net::Loop::create();
  if (!loop) return fail_start(loop.error().text);
  auto shell = controller::Shell::create(**loop, options);
  if (!shell) {
    log::error("{}", shell.error().text);
    if (!log_file.empty()) return fail_start(shell.error().text);
    return 1;
  }
  const auto stop = [&](int) { (*loop)->stop(); };
  auto on_term = (*loop)->on_signal(SIGTERM, stop);
  auto on_int = (*loop)->on_signal(SIGINT, stop);
  auto on_hup = (*loop)->on_signal(SIGHUP, [&](int) {
    const Status done = (*shell)->reconfigure();
    if (!done) log::error("configuration not changed: {}", done.error().text);
  });
  auto on_child = (*loop)->on_signal(SIGCHLD, [](int) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  });
  if (!on_term || !on_int || !on_hup || !on_child) return fail_start("can't watch signals");
  log::info("listening on port {}", (*shell)->port());
  (*loop)->run();
  const bool failed = (*shell)->failed();
  shell->reset();
  log::info("stopped");
  return failed ? 1 : 0;
}
