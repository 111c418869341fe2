// scancel: ends or signals jobs, array tasks and steps, by id or by what they are. The selection by
// account, partition and the like is made by the controller; only where each job has to be named
// first (-i, -v, --admin-comment) are they fetched.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "base/entropy.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/common/program.hpp"
#include "opt/query_options.hpp"
#include "report/job_text.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "scancel";
constexpr std::size_t kMaxNodeFile = 1024 * 1024;
constexpr int kDenied = 210;  // what scripts know from Slurm
constexpr int kComponent = 60;

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

Result<wire::JobFilter> filter_of(const opt::ScancelOptions& options) {
  Result<std::vector<wire::JobRef>> jobs = cli::wire_refs(options.jobs);
  if (!jobs) return tl::unexpected(jobs.error());
  wire::JobFilter filter;
  filter.jobs = std::move(*jobs);
  if (options.user) filter.uids.push_back(*options.user);
  filter.accounts = cli::one_text(options.account);
  filter.partitions = cli::one_text(options.partition);
  filter.names = cli::one_text(options.name);
  filter.qos = cli::one_text(options.qos);
  filter.nodes = cli::texts(options.nodes);
  filter.reservations = cli::one_text(options.reservation);
  filter.wckeys = cli::one_text(options.wckey);
  filter.states = cli::state_mask(options.states);
  return filter;
}

// What is to be done, in the words of the message. SIGKILL ends a job as no signal at all does:
// with a chance to finish first.
wire::JobAction action_of(const opt::ScancelOptions& options) {
  wire::JobAction action;
  action.request_id = base::random_uid();
  action.full = options.full;
  action.batch_only = options.batch && !options.full;
  if ((options.signal == 0 || options.signal == SIGKILL) && !action.batch_only) {
    action.verb = model::JobVerb::cancel;
    return action;
  }
  action.verb = model::JobVerb::signal;
  action.signal = options.signal == 0 ? SIGKILL : options.signal;
  return action;
}

std::string ref_text(const wire::JobRef& ref) {
  std::string text = std::to_string(ref.job.value);
  if (!ref.tasks.empty()) {
    const bool one = ref.tasks.size() == 1 && ref.tasks[0].first == ref.tasks[0].last;
    const std::string tasks = report::task_runs_text(ref.tasks);
    text += one ? "_" + tasks : "_[" + tasks + "]";
  }
  if (ref.step != model::kNoTask) text += "." + report::step_number_text(ref.step);
  return text;
}

// A plain yes; the end of input is a no to everything.
bool confirmed(const std::string& question) {
  std::printf("%s [y/n]? ", question.c_str());
  std::fflush(stdout);
  int first = std::getchar();
  for (int c = first; c != '\n' && c != EOF;) c = std::getchar();
  return first == 'y' || first == 'Y';
}

std::string question_for(const model::Job& job, const wire::JobRef& ref) {
  const bool step = ref.step != model::kNoTask;
  return std::string(step ? "Cancel step_id=" : "Cancel job_id=") + ref_text(ref) +
         " name=" + job.spec->name.str() + " partition=" + job.partition.str();
}

// The jobs that the filter means, each with the reference to act on it by. Steps stay steps.
struct Target {
  wire::JobRef ref;
  model::JobPtr job;
};
Result<std::vector<Target>> find_targets(cli::Client& client, const wire::JobFilter& filter) {
  wire::QueryJobs query;
  query.filter = filter;
  Result<cli::JobAnswer> answer = cli::fetch_jobs(client, query);
  if (!answer) return tl::unexpected(answer.error());
  std::vector<Target> targets;
  for (const model::JobPtr& job : answer->jobs) {
    if (model::is_finished(job->state)) continue;
    bool named_by_step = false;
    for (const wire::JobRef& wanted : filter.jobs) {
      if (wanted.step == model::kNoTask ||
          (wanted.job != job->id && wanted.job != job->array_job)) {
        continue;
      }
      targets.push_back({wanted, job});
      named_by_step = true;
    }
    if (!named_by_step) targets.push_back({cli::ref_of(*job), job});
  }
  return targets;
}

void announce(const wire::JobAction& action, const std::vector<wire::JobRef>& refs) {
  for (const wire::JobRef& ref : refs) {
    const std::string what = (ref.step == model::kNoTask ? "job " : "step ") + ref_text(ref);
    cli::print_info(kProgram, action.verb == model::JobVerb::cancel
                                  ? "Terminating " + what
                                  : "Signal " + std::to_string(action.signal) + " to " + what);
  }
}

std::string name_of(const wire::JobActionOutcome& outcome) {
  const bool task = outcome.array_task != model::kNoTask;
  std::string id = std::to_string(task ? outcome.array_job.value : outcome.job.value);
  if (task) id += "_" + std::to_string(outcome.array_task);
  if (outcome.step == model::kNoTask) return "job id " + id;
  return "job step id " + id + "." + report::step_number_text(outcome.step);
}

// A job that is gone or ends already needs no ending: that is told only on demand. A signal that
// nothing received is an error.
int report(const opt::ScancelOptions& options, bool cancelling, const wire::JobActionReply& reply) {
  int exit_code = 0;
  for (const wire::JobActionOutcome& outcome : reply.outcomes) {
    if (outcome.code == ErrorCode::ok) continue;
    const bool over =
        outcome.code == ErrorCode::invalid_job_id || outcome.code == ErrorCode::already_done;
    const bool harmless = over && (cancelling || options.quiet);
    if (!harmless || (options.verbose > 0 && !options.quiet)) {
      const bool unheard = outcome.code == ErrorCode::already_done && !cancelling;
      const std::string text =
          unheard ? std::string(base::error_text(ErrorCode::invalid_job_id)) : outcome.text.str();
      cli::print_error(kProgram, "Kill job error on " + name_of(outcome) + ": " + text);
    }
    if (harmless) continue;
    const int code = outcome.code == ErrorCode::access_denied   ? kDenied
                     : outcome.code == ErrorCode::het_component ? kComponent
                                                                : 1;
    exit_code = std::max(exit_code, code);
  }
  return exit_code;
}

Status set_comment(cli::Client& client, const std::vector<wire::JobRef>& refs,
                   const std::string& comment) {
  wire::UpdateJob update;
  update.request_id = base::random_uid();
  update.jobs = refs;
  update.patch.admin_comment = Text(comment);
  const auto reply = client.call<wire::JobActionReply>(update);
  if (!reply) return tl::unexpected(cli::as_seen_by_user(reply.error()));
  for (const wire::JobActionOutcome& outcome : reply->outcomes) {
    if (outcome.code != ErrorCode::ok) return fail(outcome.code, outcome.text.str());
  }
  return {};
}

// Replaces what the filter says by the jobs it means today, as far as the user agrees.
Status name_jobs(cli::Client& client, const opt::ScancelOptions& options, wire::JobFilter& filter) {
  Result<std::vector<Target>> targets = find_targets(client, filter);
  if (!targets) return tl::unexpected(targets.error());
  std::vector<wire::JobRef> refs;
  for (const Target& target : *targets) {
    if (options.interactive && !confirmed(question_for(*target.job, target.ref))) continue;
    refs.push_back(target.ref);
  }
  filter = {};
  filter.jobs = std::move(refs);
  return {};
}

// The controller passes over what a caller may not touch; who names another user is told.
bool means_others(const opt::ScancelOptions& options, std::uint32_t uid) {
  return uid != 0 && options.user && *options.user != uid;
}

int cancel(const opt::ScancelOptions& options, cli::Client& client, std::uint32_t uid) {
  wire::JobAction action = action_of(options);
  Result<wire::JobFilter> filter = filter_of(options);
  if (!filter) return fail_with(filter.error());
  action.filter = std::move(*filter);
  const bool by_name =
      options.verbose > 0 || !options.admin_comment.empty() || means_others(options, uid);
  if (options.interactive || (by_name && options.has_filter())) {
    if (const Status named = name_jobs(client, options, action.filter); !named) {
      return fail_with(named.error());
    }
    if (action.filter.jobs.empty()) return 0;
  }
  if (options.verbose > 0 && !options.quiet) announce(action, action.filter.jobs);
  if (!options.admin_comment.empty()) {
    if (const Status set = set_comment(client, action.filter.jobs, options.admin_comment); !set) {
      return fail_with(set.error());
    }
  }
  const auto reply = client.call<wire::JobActionReply>(action);
  if (!reply) return fail_with(cli::as_seen_by_user(reply.error()));
  return report(options, action.verb == model::JobVerb::cancel, *reply);
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxNodeFile);
  opt::Parsed<opt::ScancelOptions> options = opt::parse_scancel(invocation);
  if (!options) return cli::stop_with(options.error());
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(client.error());
  if (const Status cluster = cli::check_named_cluster(*client, options->clusters); !cluster) {
    return fail_with(cluster.error());
  }
  return cancel(*options, *client, invocation.uid);
}
