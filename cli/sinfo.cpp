// sinfo: partitions and nodes.
#include <algorithm>
#include <cstdio>

#include "base/clock.hpp"
#include "cli/common/client.hpp"
#include "cli/common/document.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "cli/common/submission.hpp"
#include "cli/sinfo/table.hpp"
#include "opt/query_options.hpp"
#include "report/json_records.hpp"
#include "report/reservation_text.hpp"
#include "wire/reservation_messages.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sinfo";
constexpr std::size_t kMaxNodeFile = 1024 * 1024;

// The words before the text are what scripts look for.
int fail_with(const Error& error) {
  if (error.code == ErrorCode::invalid_argument) {
    cli::print_error(kProgram, error.text);
  } else {
    std::fprintf(stderr, "slurm_load_partitions: %s\n", error.text.c_str());
  }
  return 1;
}

// Empty unless something needs it.
Result<std::string> cluster_name(cli::Client& client, const opt::SinfoOptions& options) {
  if (options.clusters.empty() && options.dump == opt::Dump::none) return std::string();
  const auto ping = client.call<wire::PingReply>(wire::Ping{});
  if (!ping) return tl::unexpected(cli::as_seen_by_user(ping.error()));
  if (const Status named = cli::check_cluster(options.clusters, ping->cluster); !named) {
    return tl::unexpected(named.error());
  }
  return ping->cluster.str();
}

// root sees hidden partitions always, others on demand; who names one sees it.
bool is_shown(const model::Partition& partition, const opt::SinfoOptions& options, bool root) {
  if (!options.partitions.empty()) {
    return std::ranges::find(options.partitions, partition.name.view()) != options.partitions.end();
  }
  return !partition.hidden || ((options.all || root) && !options.hide);
}

Result<cli::NodeReport> fetch(cli::Client& client, const opt::SinfoOptions& options, bool root) {
  Result<std::vector<model::PartitionPtr>> partitions = cli::fetch_partitions(client, {});
  if (!partitions) return tl::unexpected(partitions.error());
  Result<std::vector<model::NodePtr>> nodes = cli::fetch_nodes(client, {});
  if (!nodes) return tl::unexpected(nodes.error());
  std::erase_if(*partitions, [&](const model::PartitionPtr& partition) {
    return !is_shown(*partition, options, root);
  });
  return cli::NodeReport{std::move(*nodes), std::move(*partitions)};
}

int print_once(cli::Client& client, const opt::SinfoOptions& options, bool root,
               report::NodeContext& context) {
  Result<cli::NodeReport> data = fetch(client, options, root);
  if (!data) return fail_with(data.error());
  context.now = base::wall_seconds();
  if (options.verbose > 0) {
    cli::print_info(kProgram, "records: " + std::to_string(data->nodes.size()) + " nodes, " +
                                  std::to_string(data->partitions.size()) + " partitions");
  }
  std::string text;
  const bool dated = (options.long_form || options.iterate != 0) && !options.no_header;
  if (!options.clusters.empty() && !options.no_header) text += "CLUSTER: " + context.cluster + "\n";
  if (dated) text += cli::date_line(context.now);
  cli::NodeTable table = cli::node_table(*data, options, context);
  for (const std::string& problem : table.problems) std::fprintf(stderr, "%s\n", problem.c_str());
  if (!cli::write_out(text) || !cli::write_out(table.out)) return 1;
  return table.exit_code;
}

// --json, --yaml: the rows of the table, each with all that is known.
int print_document(cli::Client& client, const opt::SinfoOptions& options,
                   const opt::Invocation& invocation, const report::NodeContext& context) {
  Result<cli::NodeReport> data = fetch(client, options, invocation.uid == 0);
  if (!data) return fail_with(data.error());
  const report::JsonContext json{base::wall_seconds(), context.cluster, data->nodes};
  report::JsonWriter writer = cli::writer_for(options.dump);
  report::begin_document(writer);
  writer.key("sinfo");
  writer.open_array();
  for (const report::NodeGroup& group : cli::state_groups(*data, options, context)) {
    report::write_node_group(writer, group, json);
  }
  writer.close();
  report::end_document(writer, cli::origin_of(kProgram, invocation, context.cluster));
  return cli::write_out(writer.take()) ? 0 : 1;
}

int print_reservations(cli::Client& client, const base::Environment& environment) {
  const auto reply = client.call<wire::ReservationsReply>(wire::QueryReservations{});
  if (!reply) return fail_with(cli::as_seen_by_user(reply.error()));
  if (reply->reservations.empty()) {
    return cli::write_out("No reservations in the system\n") ? 0 : 1;
  }
  const report::TimeStyle style{environment.get("SLURM_TIME_FORMAT").value_or(std::string_view()),
                                base::wall_seconds()};
  return cli::write_out(report::reservation_table(reply->reservations, reply->now, style)) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxNodeFile);
  opt::Parsed<opt::SinfoOptions> options = opt::parse_sinfo(invocation);
  if (!options) return cli::stop_with(options.error());
  if (options->dump != opt::Dump::none) {
    const std::string list = report::data_parser_list(options->data_parser);
    if (!list.empty()) return cli::write_out(list) ? 0 : 1;
    const Status parser = report::check_data_parser(options->data_parser);
    if (!parser) return fail_with(parser.error());
  }
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  Result<std::string> cluster = cluster_name(*client, *options);
  if (!cluster) return fail_with(cluster.error());
  if (options->reservations) {
    return print_reservations(*client, invocation.environment);
  }
  report::NodeContext context;
  context.cluster = std::move(*cluster);
  context.time_format = invocation.environment.get("SLURM_TIME_FORMAT").value_or("");
  // Sizes are never converted here, so --noconvert holds.
  if (options->dump != opt::Dump::none) {
    return print_document(*client, *options, invocation, context);
  }
  while (true) {
    const int exit_code = print_once(*client, *options, invocation.uid == 0, context);
    if (options->iterate == 0 || exit_code != 0) return exit_code;
    cli::wait_seconds(options->iterate);
  }
}
