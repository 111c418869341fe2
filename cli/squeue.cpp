// squeue: jobs and steps that wait, run or have just ended.
#include <cstdio>

#include "base/clock.hpp"
#include "cli/common/client.hpp"
#include "cli/common/document.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "cli/common/submission.hpp"
#include "cli/squeue/selection.hpp"
#include "cli/squeue/table.hpp"
#include "opt/query_options.hpp"
#include "report/json_records.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "squeue";
constexpr std::size_t kMaxNodeFile = 1024 * 1024;

// The words before the text are what scripts look for.
int fail_with(const Error& error) {
  const bool about_input =
      error.code == ErrorCode::invalid_node_name || error.code == ErrorCode::invalid_argument;
  if (about_input) {
    cli::print_error(kProgram, error.text);
  } else {
    std::fprintf(stderr, "slurm_load_jobs error: %s\n", error.text.c_str());
  }
  return 1;
}

// Only where something shows it, or -M has to be compared with it.
Result<std::string> cluster_name(cli::Client& client, const opt::SqueueOptions& options) {
  const bool needed =
      !options.clusters.empty() || options.dump != opt::Dump::none || cli::shows_cluster(options);
  if (!needed) return std::string();
  const auto ping = client.call<wire::PingReply>(wire::Ping{});
  if (!ping) return tl::unexpected(cli::as_seen_by_user(ping.error()));
  if (const Status named = cli::check_cluster(options.clusters, ping->cluster); !named) {
    return tl::unexpected(named.error());
  }
  return ping->cluster.str();
}

int print_once(cli::Client& client, const opt::SqueueOptions& options, const cli::Caller& caller,
               report::JobContext& context) {
  Result<cli::JobAnswer> answer = cli::select_jobs(client, options, caller);
  if (!answer) return fail_with(answer.error());
  context.now = base::wall_seconds();
  if (options.verbose > 0) {
    cli::print_info(kProgram, "records: " + std::to_string(answer->jobs.size()) + " jobs, " +
                                  std::to_string(answer->steps.size()) + " steps");
  }
  std::string text;
  const bool dated = (options.long_form || options.iterate != 0) && !options.no_header;
  if (!options.clusters.empty() && !options.no_header) text += "CLUSTER: " + context.cluster + "\n";
  if (dated) text += cli::date_line(context.now);
  cli::TableText table = options.show_steps
                             ? cli::step_table(*answer, options, context)
                             : cli::job_table(std::move(answer->jobs), options, context);
  for (const std::string& problem : table.problems) cli::print_error(kProgram, problem);
  if (!cli::write_out(text) || !cli::write_out(table.out)) return 1;
  return table.exit_code;
}

// --json, --yaml: all that is known of the jobs, or of their steps with -s.
int print_document(cli::Client& client, const opt::SqueueOptions& options,
                   const opt::Invocation& invocation, const report::JobContext& context) {
  Result<cli::JobAnswer> answer = cli::select_jobs(client, options, {invocation.uid});
  if (!answer) return fail_with(answer.error());
  Result<std::vector<model::NodePtr>> nodes = cli::fetch_nodes(client, {});
  if (!nodes && nodes.error().code == ErrorCode::access_denied) nodes.emplace();
  if (!nodes) return fail_with(nodes.error());
  const report::JsonContext json{base::wall_seconds(), context.cluster, *nodes};
  report::JsonWriter writer = cli::writer_for(options.dump);
  report::begin_document(writer);
  writer.key(options.show_steps ? "steps" : "jobs");
  writer.open_array();
  if (options.show_steps) {
    for (const report::StepRecord& step : cli::steps_of(*answer)) {
      report::write_step(writer, step, json);
    }
  } else {
    for (const model::JobPtr& job : answer->jobs) report::write_job(writer, *job, json);
  }
  writer.close();
  writer.member("last_backfill", report::OptionalNumber::of(0));
  writer.member("last_update", report::OptionalNumber::of(json.now));
  report::end_document(writer, cli::origin_of(kProgram, invocation, context.cluster));
  return cli::write_out(writer.take()) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxNodeFile);
  opt::Parsed<opt::SqueueOptions> options = opt::parse_squeue(invocation);
  if (!options) return cli::stop_with(options.error());
  if (options->dump != opt::Dump::none) {
    const std::string list = report::data_parser_list(options->data_parser);
    if (!list.empty()) return cli::write_out(list) ? 0 : 1;
    const Status parser = report::check_data_parser(options->data_parser);
    if (!parser) return fail_with(parser.error());
  }
  for (const std::string& warning : options->warnings) cli::print_error(kProgram, warning);
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  Result<std::string> cluster = cluster_name(*client, *options);
  if (!cluster) return fail_with(cluster.error());
  report::JobContext context;
  context.cluster = std::move(*cluster);
  context.time_format = invocation.environment.get("SLURM_TIME_FORMAT").value_or("");
  context.task_list_room = report::task_list_room(invocation.environment.get("SLURM_BITSTR_LEN"));
  context.no_convert = options->no_convert;
  context.expand_patterns = options->expand_patterns;
  if (options->dump != opt::Dump::none) {
    return print_document(*client, *options, invocation, context);
  }
  while (true) {
    const int exit_code = print_once(*client, *options, {invocation.uid}, context);
    if (options->iterate == 0 || exit_code != 0) return exit_code;
    cli::wait_seconds(options->iterate);
  }
}
