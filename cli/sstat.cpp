// sstat: what the steps of running jobs use now. As Slurm's it succeeds even if a step can't be
// shown, and says so on standard error.
#include <string>

#include "cli/common/client.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/live_usage.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "opt/query_options.hpp"
#include "report/history_format.hpp"
#include "report/job_text.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sstat";

struct Shown {
  report::HistoryFormat format;
  report::HistoryContext context;
  std::string out;
};

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

Result<report::HistoryFormat> format_of(const opt::SstatOptions& options) {
  std::string_view text = options.pids ? report::kLivePids : report::kLiveDefault;
  if (!options.format.empty()) text = options.format;
  auto format = report::HistoryFormat::parse(text, report::live_fields());
  if (!format) return format;
  if (options.parsable2) {
    format->set_shape(report::HistoryShape::delimited, "|");
  } else if (options.parsable) {
    format->set_shape(report::HistoryShape::delimited_end, "|");
  }
  return format;
}

std::string step_text(JobId job, StepNumber step) {
  return std::to_string(job.value) + "." + report::step_number_text(step);
}

void show_step(const cli::Client& client, const cli::RunningJob& running, const model::Step& step,
               Shown& shown) {
  const Result<wire::StepStatus> status =
      cli::fetch_status(client.sockets(), *running.job, step.number);
  if (!status) {
    const bool not_ours = status.error().code == ErrorCode::access_denied;
    const std::string why = not_ours ? "Invalid user id" : status.error().text;
    cli::print_error(kProgram, "slurm_job_step_stat: there was an error with the request to " +
                                   running.job->allocation->shares.front().name.str() +
                                   " rc = " + why);
    cli::print_error(kProgram, "problem getting step_layout for StepId=" +
                                   step_text(step.job, step.number) + ": " + why);
    return;
  }
  report::HistoryRow row;
  row.job = running.job.get();
  row.step = &step;
  row.usage = status->usage;
  for (const wire::TaskStart& task : status->tasks) row.pids.push_back(task.pid);
  shown.format.row(row, shown.context, shown.out);
}

// Without a step the first numbered one, or what else there is.
void show_job(const cli::Client& client, const cli::RunningJob& running, bool all, Shown& shown) {
  const model::Step* first = nullptr;
  for (const model::StepPtr& step : running.steps) {
    if (all) show_step(client, running, *step, shown);
    const bool named = step->number >= base::kInteractiveStep;
    const bool was_named = first != nullptr && first->number >= base::kInteractiveStep;
    if (first == nullptr || (was_named && !named)) first = step.get();
  }
  if (first == nullptr) {
    cli::print_error(kProgram, "no steps running for job " + std::to_string(running.job->id.value));
  } else if (!all) {
    show_step(client, running, *first, shown);
  }
}

Status show(cli::Client& client, const opt::SstatOptions& options, const opt::JobRef& ref,
            Shown& shown) {
  const Result<wire::JobRef> wanted = cli::wire_ref(ref);
  if (!wanted) return tl::unexpected(wanted.error());
  const Result<cli::RunningJob> running = cli::fetch_running(client, *wanted);
  if (!running) {
    if (running.error().code != ErrorCode::invalid_job_id) return tl::unexpected(running.error());
    cli::print_error(kProgram, "couldn't get steps for job " + std::to_string(ref.job));
    return {};
  }
  if (!ref.step) {
    show_job(client, *running, options.all_steps, shown);
    return {};
  }
  for (const model::StepPtr& step : running->steps) {
    if (step->number != *ref.step) continue;
    show_step(client, *running, *step, shown);
    return {};
  }
  cli::print_error(kProgram,
                   "StepId=" + step_text(running->job->id, *ref.step) + " not found running.");
  return {};
}

int run(const opt::SstatOptions& options, const opt::Invocation& invocation) {
  if (options.help_format) {
    return cli::write_out(report::history_field_list(report::live_fields())) ? 0 : 1;
  }
  Result<report::HistoryFormat> format = format_of(options);
  if (!format) return fail_with(format.error());
  Shown shown{std::move(*format), {}, {}};
  shown.context.live = true;
  shown.context.time.now = invocation.now;
  if (options.no_convert) shown.context.units = report::SizeUnits::kept;
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  if (!options.no_header) shown.format.header(shown.out);
  for (const opt::JobRef& ref : options.jobs) {
    if (const Status told = show(*client, options, ref, shown); !told) {
      return fail_with(cli::as_seen_by_user(told.error()));
    }
  }
  return cli::write_out(shown.out) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, 0);
  const opt::Parsed<opt::SstatOptions> options = opt::parse_sstat(invocation);
  if (!options) return cli::stop_with(options.error());
  return run(*options, invocation);
}
