// sacct: the accounting of jobs and their steps, past and present. It prints nothing on standard
// error unless it fails: tools take any word there for an error.
#include <cstdio>
#include <string>

#include "base/timetext.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/common/program.hpp"
#include "cli/sacct/query.hpp"
#include "cli/sacct/rows.hpp"
#include "cli/sacct/scripts.hpp"
#include "opt/query_options.hpp"
#include "report/history_format.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sacct";
constexpr std::size_t kMaxFile = 1024 * 1024;

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

void print_all(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Result<report::HistoryFormat> format_of(const opt::SacctOptions& options) {
  std::string_view text = report::kHistoryDefault;
  if (options.brief) text = report::kHistoryBrief;
  if (options.long_form) text = report::kHistoryLong;
  if (!options.format.empty()) text = options.format;
  Result<report::HistoryFormat> format = report::HistoryFormat::parse(text);
  if (!format) return format;
  const std::string delimiter = options.delimiter.empty() ? "|" : options.delimiter;
  if (options.parsable2) {
    format->set_shape(report::HistoryShape::delimited, delimiter);
  } else if (options.parsable) {
    format->set_shape(report::HistoryShape::delimited_end, delimiter);
  }
  return format;
}

Result<report::HistoryContext> context_of(const opt::SacctOptions& options,
                                          const opt::Invocation& invocation,
                                          const cli::HistoryWindow& window) {
  report::HistoryContext context;
  context.time = {invocation.environment.get("SLURM_TIME_FORMAT").value_or(std::string_view()),
                  invocation.now};
  context.expand_patterns = options.expand_patterns;
  if (options.no_convert) context.units = report::SizeUnits::kept;
  if (options.units != 0) {
    Result<base::Unit> unit = base::parse_unit(options.units);
    if (!unit) return tl::unexpected(unit.error());
    context.units = report::SizeUnits::fixed;
    context.unit = *unit;
  }
  if (options.truncate) {
    context.from = window.from * model::kSecond;
    context.to = (window.to != 0 ? window.to : invocation.now) * model::kSecond;
  }
  return context;
}

int print_rows(const opt::SacctOptions& options, const cli::JobAnswer& answer,
               const report::HistoryContext& context, report::HistoryFormat& format) {
  const cli::HistoryRows found = cli::history_rows(answer, options);
  std::string out;
  if (!options.no_header) format.header(out);
  for (const report::HistoryRow& row : found.rows) format.row(row, context, out);
  print_all(out);
  return 0;
}

int check_scripts(const opt::SacctOptions& options) {
  if ((!options.batch_script && !options.env_vars) || !options.jobs.empty()) return 0;
  const std::string what = options.batch_script ? "job scripts" : "environment";
  cli::print_info(kProgram, "fatal: When requesting " + what +
                                " you must also request specific jobs with the '-j' option.");
  return 1;
}

int run(const opt::SacctOptions& options, const opt::Invocation& invocation) {
  if (options.help_format) {
    print_all(report::history_field_list());
    return 0;
  }
  if (const int code = check_scripts(options); code != 0) return code;
  Result<report::HistoryFormat> format = format_of(options);
  if (!format) return fail_with(format.error());
  const Result<cli::HistoryWindow> window = cli::window_of(options, invocation.now);
  if (!window) return fail_with(window.error());
  Result<report::HistoryContext> context = context_of(options, invocation, *window);
  if (!context) return fail_with(context.error());
  const Result<wire::QueryHistory> query =
      cli::history_query(options, *window, invocation.uid);
  if (!query) return fail_with(query.error());

  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  if (const Status cluster = cli::check_named_cluster(*client, options.clusters); !cluster) {
    return fail_with(cluster.error());
  }
  if (options.verbose > 0) {
    cli::print_info(kProgram, "Jobs eligible from " + base::format_time(window->from) + " - " +
                                  (window->to == 0 ? "Now" : base::format_time(window->to)));
  }
  const Result<cli::JobAnswer> answer = cli::fetch_history(*client, *query);
  if (!answer) return fail_with(answer.error());
  if (options.batch_script || options.env_vars) {
    print_all(cli::stored_text(*client, *answer,
                               options.batch_script ? cli::Stored::script
                                                    : cli::Stored::environment));
    return 0;
  }
  if (format->shows("Cluster")) {
    const auto ping = client->call<wire::PingReply>(wire::Ping{});
    if (!ping) return fail_with(cli::as_seen_by_user(ping.error()));
    context->cluster = ping->cluster.str();
  }
  return print_rows(options, *answer, *context, *format);
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::SacctOptions> options = opt::parse_sacct(invocation);
  if (!options) return cli::stop_with(options.error());
  return run(*options, invocation);
}
