// sluiced: the agent of a host. On a compute node it runs jobs; on every host it is the door
// through which local commands reach the controller (--login: only that). SIGTERM, SIGINT: stop;
// jobs go on and are found again at the next start. SIGUSR2: end all jobs of this node first.
// SIGHUP: open the log file again.
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "base/log/log.hpp"
#include "daemon/worker/accel_show.hpp"
#include "daemon/worker/agent.hpp"

namespace {

using namespace sluice;

constexpr std::int64_t kEndJobsMs = 20'000;

int complain(const Error& error) {
  log::error("{}", error.text);
  log::flush();
  return 1;
}

Status set_up_log(const worker::AgentConfig& config) {
  Result<log::Level> level = log::parse_level(config.log_level);
  if (!level) return tl::unexpected(level.error());
  return log::init({"sluiced", config.log_file, *level});
}

int show(const worker::AccelShowOptions& options) {
  const Result<std::string> text = worker::show_accelerators(options);
  if (!text) {
    std::fprintf(stderr, "sluiced: error: %s\n", text.error().text.c_str());
    return 1;
  }
  std::fputs(text->c_str(), stdout);
  return 0;
}

int run(worker::AgentConfig config) {
  if (Status ready = set_up_log(config); !ready) return complain(ready.error());
  auto loop = net::Loop::create();
  if (!loop) return complain(loop.error());
  auto agent = worker::Agent::create(**loop, std::move(config));
  if (!agent) return complain(agent.error());
  net::Loop& events = **loop;
  std::vector<net::SignalWatch> watches;
  const auto on = [&](int signal, std::function<void(int)> function) -> Status {
    auto watch = events.on_signal(signal, std::move(function));
    if (!watch) return tl::unexpected(watch.error());
    watches.push_back(std::move(*watch));
    return {};
  };
  const auto stop = [&](int) { events.stop(); };
  bool ending = false;
  const auto end = [&](int) {
    if (std::exchange(ending, true)) return;
    log::info("ending all jobs of this node");
    (*agent)->end_jobs(kEndJobsMs, [&] { events.stop(); });
  };
  const auto reopen = [](int) {
    if (Status opened = log::reopen(); !opened) log::error("{}", opened.error().text);
  };
  for (const Status& set :
       {on(SIGTERM, stop), on(SIGINT, stop), on(SIGUSR2, end), on(SIGHUP, reopen)}) {
    if (!set) return complain(set.error());
  }
  log::info("started");
  events.run();
  (*agent)->stop();
  watches.clear();
  agent->reset();
  log::flush();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The agent of a Sluice host", "sluiced");
  std::string dir;
  bool login = false;
  bool version = false;
  app.add_option("--dir", dir, "Directory with agent.conf (default: /var/lib/sluice/agent)");
  app.add_flag("--login", login, "Only serve local commands; run no jobs");
  app.add_flag("-V,--version", version, "Print the version");
  worker::AccelShowOptions accelerators;
  bool gres = false;
  app.add_flag("-G", gres, "Print the accelerators found here, as lines of gres.conf");
  app.add_flag("--json", accelerators.json, "With -G: as JSON");
  app.add_option("--cdi", accelerators.cdi, "Print a CDI specification for this vendor's devices");
  app.add_option("--root", accelerators.root, "With -G and --cdi: a folder that stands for a host");
  app.add_option("--table", accelerators.table, "With -G and --cdi: the accelerator table");
  CLI11_PARSE(app, argc, argv);
  if (version) {
    std::puts("slurm 25.11.0");
    return 0;
  }
  if (gres || !accelerators.cdi.empty()) return show(accelerators);
  if (dir.empty()) dir = "/var/lib/sluice/agent";
  char whole[PATH_MAX];
  if (::realpath(dir.c_str(), whole) == nullptr) {
    std::perror(("sluiced: " + dir).c_str());
    return 1;
  }
  ::umask(022);
  auto config = worker::load_agent_config(whole);
  if (!config) return complain(config.error());
  config->login = login;
  return run(std::move(*config));
}
