// sbatch: reads a script with its #SBATCH lines, submits it, prints the job's id. With --wait it
// stays until the job has ended and exits with the job's code.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/timetext.hpp"
#include "base/user.hpp"
#include "cli/common/client.hpp"
#include "cli/common/program.hpp"
#include "cli/common/quote_text.hpp"
#include "cli/common/submission.hpp"
#include "cli/sbatch/user_environment.hpp"
#include "opt/export.hpp"
#include "opt/job_options.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sbatch";
constexpr std::size_t kMaxScriptFile = 4 * 1024 * 1024 + 1;
constexpr std::size_t kMaxExportFile = 16 * 1024 * 1024;

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

Result<base::Environment> read_export_file(const std::string& name) {
  const bool is_number = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
  Result<std::string> bytes = is_number ? base::read_to_end(std::atoi(name.c_str()), kMaxExportFile)
                                        : base::read_file(name, kMaxExportFile);
  if (!bytes) return fail(ErrorCode::io, "Could not open user environment file " + name);
  return opt::parse_export_file(*bytes);
}

// The environment that the job starts with, by --export, --export-file and --get-user-env.
Result<base::Environment> job_environment(const opt::SbatchOptions& options,
                                          const base::Environment& own) {
  if (!options.export_file.empty()) return read_export_file(options.export_file);
  const Text& export_text = options.job.spec.export_env;
  Result<base::Environment> environment =
      opt::exported_environment(own, export_text, opt::ExportTo::batch);
  if (!environment) return environment;
  const bool hidden = opt::export_hides_own(export_text);
  if (hidden || options.get_user_env) {
    const auto mode =
        options.get_user_env_mode == 'S' ? cli::ShellMode::plain : cli::ShellMode::login;
    Result<base::Environment> login = cli::user_environment(options.get_user_env_seconds, mode);
    if (!login) return login;
    for (const std::string& entry : environment->entries()) {
      const std::size_t equals = entry.find('=');
      login->set(entry.substr(0, equals), entry.substr(equals + 1));
    }
    *environment = std::move(*login);
  }
  if (hidden) {
    environment->set("SLURM_EXPORT_ENV", export_text);
    environment->set("SLURM_GET_USER_ENV", "1");
  }
  return environment;
}

void print_test(const wire::SubmitReply& reply) {
  std::fprintf(
      stderr, "sbatch: Job %u to start at %s using %u processors on nodes %s in partition %s\n",
      reply.job.value, base::format_time(reply.planned_start / model::kSecond).c_str(),
      reply.planned_cpus, reply.planned_nodes.str().c_str(), reply.partition.str().c_str());
}

int exit_code_of(const model::Job& job) {
  const int status = static_cast<int>(job.exit_code);
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return WEXITSTATUS(status);
  return job.state == model::JobState::completed ? 0 : 1;
}

// An array has ended when all its records have; the highest code counts.
int wait_for_end(cli::Client& client, JobId id) {
  int worst = 0;
  while (true) {
    wire::QueryJobs query;
    query.filter.jobs.push_back({id, {}, model::kNoTask});
    const auto found = client.call<wire::JobsReply>(query);
    if (!found) return fail_with(cli::as_seen_by_user(found.error()));
    JobId waiting;
    for (const wire::JobRow& row : found->jobs) {
      if (!model::is_finished(row.job.state)) {
        waiting = row.job.id;
      } else {
        worst = std::max(worst, exit_code_of(row.job));
      }
    }
    if (!waiting.is_set()) return worst;
    wire::WaitJob wait;
    wait.job = waiting;
    wait.ended = true;
    const auto ended = client.call<wire::WaitJobReply>(wait, {-1, cli::kRetryMs});
    if (!ended && ended.error().code != ErrorCode::invalid_job_id) {
      return fail_with(cli::as_seen_by_user(ended.error()));
    }
    if (ended) worst = std::max(worst, exit_code_of(ended->job));
    // The record of an array that waits becomes one of its tasks: only the others tell the end.
    const bool alone = found->jobs.size() == 1 && !found->jobs.front().job.array_job.is_set();
    if (alone) return worst;
  }
}

std::string_view own_cluster_name(const wire::SubmitReply& reply) { return reply.cluster; }

int print_quote(cli::Client& client, wire::Submit request, const opt::SbatchOptions& options,
                const base::Environment& environment) {
  std::vector<wire::Submit> parts;
  if (options.more.empty()) {
    parts.push_back(std::move(request));
  } else {
    Result<wire::SubmitHeterogeneous> whole =
        cli::make_whole(std::move(request), options.more, environment);
    if (!whole) return fail_with(whole.error());
    parts = std::move(whole->parts);
  }
  const Result<wire::QuoteReply> quote = cli::ask_quote(client, std::move(parts));
  if (!quote) return fail_with(cli::as_seen_by_user(quote.error()));
  std::fputs(cli::quote_text(*quote).c_str(), stdout);
  return 0;
}

Result<wire::SubmitReply> send(cli::Client& client, wire::Submit request,
                               const opt::SbatchOptions& options,
                               const base::Environment& environment) {
  if (options.more.empty()) return client.call<wire::SubmitReply>(request);
  Result<wire::SubmitHeterogeneous> whole =
      cli::make_whole(std::move(request), options.more, environment);
  if (!whole) return tl::unexpected(whole.error());
  return client.call<wire::SubmitReply>(*whole);
}

int submit(const opt::SbatchOptions& options, const base::Environment& own) {
  Result<base::Environment> environment = job_environment(options, own);
  if (!environment) return fail_with(environment.error());
  Result<wire::Submit> request = cli::make_submission(options.job, *environment);
  if (!request) return fail_with(request.error());
  request->script = options.script;
  Text& command = request->spec.command;
  if (!command.empty() && command.view().front() != '/') {
    Result<std::string> here = cli::working_directory();
    if (!here) return fail_with(here.error());
    command = *here + "/" + command.str();
  }
  Result<cli::Client> client = cli::Client::create(own);
  if (client && options.quote) {
    return print_quote(*client, std::move(*request), options, *environment);
  }
  Result<wire::SubmitReply> reply = client
                                        ? send(*client, std::move(*request), options, *environment)
                                        : Result<wire::SubmitReply>(tl::unexpected(client.error()));
  if (!reply) {
    const Error error = cli::as_seen_by_user(reply.error());
    if (options.job.test_only) {
      std::fprintf(stderr, "allocation failure: %s\n", cli::refusal_of(error).text.c_str());
      return 1;
    }
    cli::print_refusal(kProgram, "Batch job submission failed", error);
    return 1;
  }
  if (options.job.test_only) {
    print_test(*reply);
    return 0;
  }
  if (!reply->message.empty()) cli::print_info(kProgram, reply->message);
  const bool named = !options.job.clusters.empty();
  const std::string cluster(own_cluster_name(*reply));
  if (options.parsable) {
    std::printf("%u%s\n", reply->job.value, named ? (";" + cluster).c_str() : "");
  } else if (!options.job.quiet) {
    std::printf("Submitted batch job %u%s\n", reply->job.value,
                named ? (" on cluster " + cluster).c_str() : "");
  }
  std::fflush(stdout);
  return options.wait ? wait_for_end(*client, reply->job) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxScriptFile);
  opt::Parsed<opt::SbatchOptions> options = opt::parse_sbatch(invocation);
  if (!options) return cli::stop_with(options.error());
  for (const std::string& warning : options->job.warnings) cli::print_info(kProgram, warning);
  for (const opt::JobOptions& part : options->more) {
    for (const std::string& warning : part.warnings) cli::print_info(kProgram, warning);
  }
  if (const Status cluster = cli::check_wanted_cluster(options->job, invocation.environment);
      !cluster) {
    return fail_with(cluster.error());
  }
  return submit(*options, invocation.environment);
}
