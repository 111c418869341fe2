// sacct: the accounting of jobs and their steps, past and present. It prints nothing on standard
// error unless it fails: tools take any word there for an error.
#include <algorithm>
#include <cstdio>
#include <string>

#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "cli/common/accounts_query.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "cli/common/submission.hpp"
#include "cli/sacct/document.hpp"
#include "cli/sacct/query.hpp"
#include "cli/sacct/rows.hpp"
#include "cli/sacct/scripts.hpp"
#include "opt/query_options.hpp"
#include "report/history_format.hpp"
#include "report/json_envelope.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sacct";
constexpr std::size_t kMaxFile = 1024 * 1024;

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

// A reader that went away is no failure of ours to tell.
int put_out(const std::string& text) { return cli::write_out(text) ? 0 : 1; }

Result<report::HistoryFormat> format_of(const opt::SacctOptions& options) {
  std::string_view text = report::kHistoryDefault;
  if (options.brief) text = report::kHistoryBrief;
  if (options.long_form) text = report::kHistoryLong;
  std::string both;
  if (!options.format.empty()) {
    both = options.format + (options.brief ? "," + std::string(report::kHistoryBrief) : "");
    text = both;
  }
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
  context.task_list_room = report::task_list_room(invocation.environment.get("SLURM_BITSTR_LEN"));
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

struct Report {
  report::HistoryFormat format;
  report::HistoryContext context;
  std::int64_t until = 0;  // the end of the window, or now
};

// The first QOS asked for that there is not, by name or by number. Numbers of those that are shown
// are filled in.
Status check_qos(cli::Client& client, const opt::SacctOptions& options, Report& wanted) {
  if (options.qos.empty() && !wanted.format.shows("QOSRAW")) return {};
  const Result<cli::AccountsSnapshot> read = cli::read_accounts(client, cli::WithUsage::no);
  if (!read) return tl::unexpected(cli::as_seen_by_user(read.error()));
  std::string names;
  for (const model::Qos& qos : read->accounts.qos) {
    names += (names.empty() ? "" : ",") + qos.name.str();
    wanted.context.qos_ids.emplace(qos.name.str(), qos.id);
  }
  for (const std::string& asked : options.qos) {
    const bool known = std::ranges::any_of(read->accounts.qos, [&](const model::Qos& qos) {
      return base::iequals(qos.name.view(), asked) || std::to_string(qos.id) == asked;
    });
    if (known) continue;
    return fail(ErrorCode::invalid_qos,
                "You gave a bad qos '" + asked + "'. Valid QOS's are " + names);
  }
  return {};
}

int print_rows(const opt::SacctOptions& options, const opt::Invocation& invocation,
               const cli::JobAnswer& answer, Report& wanted) {
  const cli::HistoryRows found = cli::history_rows(answer, options, wanted.until);
  if (options.dump != opt::Dump::none) {
    return put_out(
        cli::history_document(found.rows, wanted.context, options.dump, invocation.arguments));
  }
  std::string out;
  if (!options.no_header) wanted.format.header(out);
  for (const report::HistoryRow& row : found.rows) wanted.format.row(row, wanted.context, out);
  return put_out(out);
}

int check_together(const opt::SacctOptions& options) {
  if (options.long_form && !options.format.empty()) {
    cli::print_info(kProgram,
                    "fatal: Options -o(--format) and -l(--long) are mutually exclusive. Please "
                    "remove one and retry.");
    return 1;
  }
  if ((!options.batch_script && !options.env_vars) || !options.jobs.empty()) return 0;
  const std::string what = options.batch_script ? "job scripts" : "environment";
  cli::print_info(kProgram, "fatal: When requesting " + what +
                                " you must also request specific jobs with the '-j' option.");
  return 1;
}

// Fills in the name of the cluster where it is shown, and checks it against -M.
Status find_cluster(cli::Client& client, const opt::SacctOptions& options, Report& wanted) {
  const bool shown = wanted.format.shows("Cluster") || options.dump != opt::Dump::none;
  if (options.clusters.empty() && !shown) return {};
  const auto ping = client.call<wire::PingReply>(wire::Ping{});
  if (!ping) return tl::unexpected(cli::as_seen_by_user(ping.error()));
  wanted.context.cluster = ping->cluster.str();
  return cli::check_cluster(options.clusters, ping->cluster);
}

int query(opt::SacctOptions options, const opt::Invocation& invocation,
          const cli::HistoryWindow& window, Report& wanted) {
  const Result<wire::QueryHistory> question = cli::history_query(options, window, invocation.uid);
  if (!question) return fail_with(question.error());
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  if (const Status cluster = find_cluster(*client, options, wanted); !cluster) {
    return fail_with(cluster.error());
  }
  if (const Status known = check_qos(*client, options, wanted); !known) {
    cli::print_error(kProgram, known.error().text);
    std::fputs("sacct: fatal: problem processing qos list\n", stderr);
    return 1;
  }
  if (options.verbose > 0) {
    cli::print_info(kProgram, "Jobs eligible from " + base::format_time(window.from) + " - " +
                                  (window.to == 0 ? "Now" : base::format_time(window.to)));
  }
  Result<cli::JobAnswer> answer = cli::fetch_history(*client, *question);
  if (!answer) return fail_with(answer.error());
  // Which jobs are heterogeneous is known by now.
  const std::vector<opt::JobRef> further = cli::further_components(*answer, options);
  if (!further.empty()) {
    options.jobs.insert(options.jobs.end(), further.begin(), further.end());
    const auto again = cli::history_query(options, window, invocation.uid);
    if (!again) return fail_with(again.error());
    answer = cli::fetch_history(*client, *again);
    if (!answer) return fail_with(answer.error());
  }
  if (options.batch_script || options.env_vars) {
    const cli::Stored what = options.batch_script ? cli::Stored::script : cli::Stored::environment;
    return put_out(cli::stored_text(*client, *answer, what));
  }
  return print_rows(options, invocation, *answer, wanted);
}

int run(const opt::SacctOptions& options, const opt::Invocation& invocation) {
  if (options.help_format) return put_out(report::history_field_list());
  if (const int code = check_together(options); code != 0) return code;
  if (const std::string list = report::data_parser_list(options.data_parser); !list.empty()) {
    return put_out(list);
  }
  if (const Status parser = report::check_data_parser(options.data_parser); !parser) {
    return fail_with(parser.error());
  }
  Result<report::HistoryFormat> format = format_of(options);
  if (!format) return fail_with(format.error());
  const Result<cli::HistoryWindow> window = cli::window_of(options, invocation.now);
  if (!window) return fail_with(window.error());
  Result<report::HistoryContext> context = context_of(options, invocation, *window);
  if (!context) return fail_with(context.error());
  const std::int64_t until = window->to != 0 ? window->to : invocation.now;
  Report wanted{std::move(*format), std::move(*context), until};
  return query(options, invocation, *window, wanted);
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::SacctOptions> options = opt::parse_sacct(invocation);
  if (!options) return cli::stop_with(options.error());
  return run(*options, invocation);
}
