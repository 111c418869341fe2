// sdiag: what the controller counts about itself: jobs, planning, requests.
#include <cstdio>
#include <string>

#include "base/user.hpp"
#include "cli/common/client.hpp"
#include "cli/common/document.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "cli/sdiag/report.hpp"
#include "opt/query_options.hpp"
#include "wire/cluster_messages.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sdiag";
constexpr int kRefused = 255;  // as Slurm's

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

int refused(std::string_view what, const Error& error) {
  const std::string text = cli::refusal_of(cli::as_seen_by_user(error)).text;
  std::fprintf(stderr, "%s: %s\n", std::string(what).c_str(), text.c_str());
  return kRefused;
}

int reset(cli::Client& client) {
  const auto reply = client.call<wire::StatsReply>(wire::QueryStats{.reset = true});
  if (!reply) return refused("slurm_reset_statistics", reply.error());
  return cli::write_out("Reset scheduling statistics\n") ? 0 : 1;
}

int print_document(cli::Client& client, const opt::SdiagOptions& options,
                   const opt::Invocation& invocation, const wire::SchedulerStats& stats) {
  const auto ping = client.call<wire::PingReply>(wire::Ping{});
  if (!ping) return fail_with(cli::as_seen_by_user(ping.error()));
  report::JsonWriter writer = cli::writer_for(options.dump);
  report::begin_document(writer);
  writer.key("statistics");
  writer.open_object();
  cli::write_stats(writer, stats);
  writer.close();
  report::end_document(writer, cli::origin_of(kProgram, invocation, ping->cluster.str()));
  return cli::write_out(writer.take()) ? 0 : 1;
}

int run(const opt::SdiagOptions& options, const opt::Invocation& invocation) {
  if (options.dump != opt::Dump::none) {
    const std::string list = report::data_parser_list(options.data_parser);
    if (!list.empty()) return cli::write_out(list) ? 0 : 1;
    const Status parser = report::check_data_parser(options.data_parser);
    if (!parser) return fail_with(parser.error());
  }
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  if (const Status cluster = cli::check_named_cluster(*client, options.clusters); !cluster) {
    return fail_with(cluster.error());
  }
  if (options.reset) return reset(*client);
  auto reply = client->call<wire::StatsReply>(wire::QueryStats{});
  if (!reply) return refused("slurm_get_statistics", reply.error());
  wire::SchedulerStats& stats = reply->scheduler;
  for (wire::RequestStats& user : stats.by_user) user.name = Text(base::user_label(user.id));
  if (options.dump != opt::Dump::none) return print_document(*client, options, invocation, stats);
  return cli::write_out(cli::stats_report(std::move(stats), options.order)) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, 0);
  const opt::Parsed<opt::SdiagOptions> options = opt::parse_sdiag(invocation);
  if (!options) return cli::stop_with(options.error());
  return run(*options, invocation);
}
