// sluice: one command for what Slurm has no word for. Clusters of one's own (up, down, env) and
// hosts that join (token, join); how well jobs used what they had (eff); why they wait or
// run where they do (why, why-placed); what happens (events); replays of traces (sim).
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/common/client.hpp"
#include "cli/sluice/bill.hpp"
#include "cli/sluice/eff.hpp"
#include "cli/sluice/events.hpp"
#include "cli/sluice/image.hpp"
#include "cli/sluice/join.hpp"
#include "cli/sluice/rebuild.hpp"
#include "cli/sluice/sim.hpp"
#include "cli/sluice/sim_state.hpp"
#include "cli/sluice/up.hpp"
#include "cli/sluice/why.hpp"

using namespace sluice;

namespace {

int report(const Status& status) {
  if (status) return 0;
  const Error error = cli::as_seen_by_user(status.error());
  std::fprintf(stderr, "sluice: error: %s\n", error.text.c_str());
  return 1;
}

int print(const Result<std::string>& text) {
  if (!text) return report(tl::unexpected(text.error()));
  std::fputs(text->c_str(), stdout);
  return 0;
}

void add_up(CLI::App& app, cli::UpOptions& options) {
  CLI::App* up = app.add_subcommand("up", "start a cluster on this machine");
  up->add_option("--dir", options.dir, "its directory (default: $SLUICE_DIR or ~/.sluice)");
  up->add_option("--nodes", options.nodes, "number of nodes")->check(CLI::Range(1U, 4096U));
  up->add_option("--cpus-per-node", options.cpus_per_node, "CPUs of each node")
      ->check(CLI::Range(1U, 65536U));
  up->add_option("--memory-per-node", options.memory_per_node, "memory of each node, as 4G");
  up->add_option("--gres", options.gres, "generic resources of each node, as gpu:2");
  up->add_option("--config", options.config, "a sluice.yaml with nodes and partitions")
      ->check(CLI::ExistingFile);
}

void add_eff(CLI::App& app, cli::EffOptions& options) {
  CLI::App* eff = app.add_subcommand("eff", "how well jobs used what they had");
  eff->add_option("job", options.jobs, "a job, an array or one of its tasks")->required();
  eff->add_flag("--json", options.json, "print JSON");
}

void add_events(CLI::App& app, cli::EventsOptions& options) {
  CLI::App* events = app.add_subcommand("events", "what happens: jobs, nodes, money");
  events->add_option("--since", options.since, "after this cursor, or from this time on");
  events->add_flag("--follow", options.follow, "go on as things happen");
  events->add_flag("--json", options.json, "a line of JSON for each");
  events->add_option("--kind", options.kinds, "job, node, ledger, or several of them");
  events->add_option("--job", options.job, "a job, or an array with its tasks")
      ->check(CLI::Range(1U, UINT32_MAX));
  events->add_option("--user", options.user, "of whom");
  events->add_option("--account", options.account, "of which account");
  events->add_option("--partition", options.partition, "of which partition");
  events->add_option("--limit", options.limit, "end after so many")
      ->check(CLI::Range(1U, UINT32_MAX));
}

void add_why(CLI::App& app, cli::WhyOptions& why, cli::WhyOptions& placed) {
  CLI::App* waits = app.add_subcommand("why", "why a job waits, and what would start it sooner");
  waits->add_option("job", why.job, "a job, or a task of an array")->required();
  waits->add_flag("--json", why.json, "print JSON");
  waits->add_flag("--no-changes", why.no_changes, "don't plan changed requests");
  CLI::App* runs = app.add_subcommand("why-placed", "why a job runs on its nodes");
  runs->add_option("job", placed.job, "a job, or a task of an array")->required();
  runs->add_flag("--json", placed.json, "print JSON");
  placed.placed = true;
}

// A trace, a log of submissions, or a copy of the living cluster; the options of the one don't go
// with the other.
void add_sim(CLI::App& app, cli::SimOptions& options, cli::WhatIfOptions& live) {
  CLI::App* sim = app.add_subcommand("sim", "replay a trace, or ask what would be if");
  CLI::Option* trace =
      sim->add_option("--trace", options.trace, "SWF file, also packed by xz; -: standard input");
  CLI::Option* state = sim->add_option("--from-state", live.dir,
                                       "lead on a copy of the living cluster (its directory)")
                           ->expected(0, 1)
                           ->excludes(trace);
  CLI::Option* log = sim->add_option("--submissions", options.submissions,
                                     "log of submissions with their options, also packed by xz")
                         ->excludes(trace)
                         ->excludes(state);
  sim->add_option("--accounts", options.accounts, "commands for sacctmgr, or what it dumped")
      ->check(CLI::ExistingFile)
      ->needs(log);
  sim->add_option("--placements", options.placements,
                  "write what each submission held of which node, and when")
      ->needs(log);
  sim->add_option("--runs", live.runs, "how long jobs run: limit, mean or N% of their limits")
      ->needs(state);
  sim->add_option("--days", live.days, "how far to look ahead (30)")
      ->check(CLI::Range(1U, 3650U))
      ->needs(state);
  sim->add_option("--procs", options.processors, "processors (default: as the trace says)")
      ->check(CLI::Range(1, 1 << 30))
      ->needs(trace);
  sim->add_option("--config", options.config, "a sluice.yaml, or Slurm's slurm.conf")
      ->check(CLI::ExistingFile);
  sim->add_option("--policy", options.policy, "fcfs, easy, conservative or site")->excludes(state);
  sim->add_option("--per-node", options.per_node, "processors to a node (default: all in one)")
      ->check(CLI::Range(1, 1 << 30))
      ->needs(trace);
  sim->add_option("--shake", options.shake_s, "move each submission by up to so many seconds")
      ->check(CLI::Range(0, 1 << 30))
      ->excludes(state);
  sim->add_option("--seed", options.seed, "of the shaking")->excludes(state);
  sim->add_option("--replays", options.replays, "with seeds from there on; means are shown")
      ->check(CLI::Range(1U, 100000U))
      ->excludes(state);
  sim->add_option("--starts", options.starts, "write each job's id and start")->excludes(state);
  sim->add_option("--csv", options.csv, "write a line for each job");
  sim->add_option("--svg", options.svg, "write a picture of the load")->excludes(state);
}

int run_sim(const CLI::App& app, const cli::SimOptions& sim, cli::WhatIfOptions live) {
  if (app.get_subcommand("sim")->count("--from-state") != 0) {
    live.config = sim.config;
    live.csv = sim.csv;
    return print(cli::what_if(live));
  }
  if (!sim.trace.empty()) return print(cli::simulate(sim));
  if (!sim.submissions.empty()) return print(cli::simulate_submissions(sim));
  return report(
      fail(ErrorCode::invalid_argument, "sim: --trace, --submissions or --from-state is needed"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "image") return report(cli::run_image(argc, argv));
  if (argc > 1 && std::string_view(argv[1]) == "bill") return cli::run_bill(argc - 1, argv + 1);
  CLI::App app{"Sluice: clusters, hosts and what Slurm has no word for", "sluice"};
  app.require_subcommand(1);
  app.set_version_flag("-V,--version", "slurm 25.11.0");
  cli::UpOptions up;
  std::string dir;
  cli::TokenOptions token;
  cli::JoinOptions join;
  add_up(app, up);
  cli::EffOptions eff;
  add_eff(app, eff);
  cli::EventsOptions events;
  add_events(app, events);
  cli::SimOptions sim;
  cli::WhatIfOptions live;
  add_sim(app, sim, live);
  cli::WhyOptions why;
  cli::WhyOptions placed;
  add_why(app, why, placed);
  app.add_subcommand("down", "end a cluster on this machine")
      ->add_option("--dir", dir, "its directory");
  app.add_subcommand("bill", "customers, prices, money, invoices; see sluice-bill(1)");
  app.add_subcommand("image", "container images; see sluice-image(1)");
  app.add_subcommand("rebuild", "make the sums of use anew from the records of jobs");
  app.add_subcommand("env", "shell lines that point commands to a cluster")
      ->add_option("--dir", dir, "its directory");
  CLI::App* make_token = app.add_subcommand("token", "make a one-time token for a new host");
  make_token->add_option("--role", token.role, "node, login or gateway");
  make_token->add_option("--valid", token.valid_s, "seconds until it expires");
  make_token->add_option("--uses", token.uses, "how many hosts may use it")
      ->check(CLI::Range(1U, 100000U));
  CLI::App* join_host = app.add_subcommand("join", "make this host part of a cluster");
  join_host->add_option("token", join.token, "from `sluice token`")->required();
  join_host->add_option("--name", join.name, "this host's name in the cluster");
  join_host->add_option("--address", join.address, "how others reach this host");
  join_host->add_option("--port", join.port, "where its agent listens")
      ->check(CLI::Range(1U, 65535U));
  join_host->add_option("--dir", join.dir, "the agent's directory");
  CLI11_PARSE(app, argc, argv);

  if (app.got_subcommand("up")) return report(cli::bring_up(up));
  if (app.got_subcommand("down")) return report(cli::bring_down(dir));
  if (app.got_subcommand("env")) return print(cli::environment_lines(dir));
  if (app.got_subcommand("sim")) return run_sim(app, sim, live);
  if (app.got_subcommand("why")) return print(cli::why_report(why));
  if (app.got_subcommand("why-placed")) return print(cli::why_report(placed));
  if (app.got_subcommand("events")) return report(cli::show_events(events));
  if (app.got_subcommand("eff")) return print(cli::efficiency_report(eff));
  if (app.got_subcommand("rebuild")) return print(cli::rebuild_sums());
  if (app.got_subcommand("token")) return print(cli::request_token(token));
  return report(cli::join_cluster(join));
}
