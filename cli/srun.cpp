// srun: runs tasks. Inside a job it asks the job's first node for a step; outside it first gets an
// allocation of its own and gives it back afterwards.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/entropy.hpp"
#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "cli/common/allocation.hpp"
#include "cli/common/client.hpp"
#include "cli/common/components.hpp"
#include "cli/common/program.hpp"
#include "cli/common/submission.hpp"
#include "cli/srun/files.hpp"
#include "cli/srun/hooks.hpp"
#include "cli/srun/step_client.hpp"
#include "opt/export.hpp"
#include "opt/job_options.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "srun";
constexpr std::size_t kMaxFile = 16 * 1024 * 1024;

// Set by signal handlers while waiting for an allocation; StepClient uses a signalfd afterwards.
volatile std::sig_atomic_t g_interrupted = 0;

void on_interrupt(int /*signal*/) { g_interrupted = 1; }

int fail_with(const opt::SrunOptions& options, const Error& error) {
  const std::string text = cli::as_seen_by_user(error).text;
  cli::print_error(kProgram, text);
  return options.exit_error;
}

// No step can be made in the job that was named; the second line says where to look.
int fail_on_job(const opt::SrunOptions& options, const Error& error) {
  const int code = fail_with(options, error);
  const bool about_job = error.code == ErrorCode::job_pending ||
                         error.code == ErrorCode::already_done ||
                         error.code == ErrorCode::invalid_job_id;
  if (!about_job) return code;
  cli::print_info(kProgram, "Check SLURM_JOB_ID environment variable. Expired or invalid job " +
                                std::to_string(options.job_id));
  return code;
}

std::string job_text(JobId job) { return std::to_string(job.value); }

// What the step's tasks start with: our environment as --export says.
Status fill_step(model::StepSpec& step, const opt::SrunOptions& options,
                 const base::Environment& own) {
  Result<base::Environment> environment =
      opt::exported_environment(own, options.job.spec.export_env, opt::ExportTo::step);
  if (!environment) return tl::unexpected(environment.error());
  if (!step.mpi.empty() && step.mpi != Text("none")) environment->set("SLURM_MPI_TYPE", step.mpi);
  if (options.label) environment->set("SLURM_LABELIO", "1");
  for (const std::string& entry : environment->entries()) step.environment.emplace_back(entry);
  Result<std::string> here = cli::working_directory();
  if (!here) return tl::unexpected(here.error());
  cli::make_absolute(step.container, *here);
  if (step.work_dir.empty()) step.work_dir = *here;
  if (step.work_dir.view().front() != '/') step.work_dir = *here + "/" + step.work_dir.str();
  step.umask = options.job.umask.value_or(cli::current_umask());
  step.limits = cli::current_limits(options.job.propagate);
  if (step.pty) {
    if (const auto size = cli::window_size()) {
      step.rows = size->first;
      step.columns = size->second;
    }
  }
  return {};
}

// The job's first node: from the environment inside a job, else from the controller.
Result<std::string> manager_of(const opt::SrunOptions& options, const base::Environment& own,
                               const cli::Sockets& sockets) {
  if (options.job_id_from_environment) {
    auto list = own.get("SLURM_JOB_NODELIST");
    if (!list) list = own.get("SLURM_NODELIST");
    if (list) {
      Result<std::vector<std::string>> hosts = base::parse_hosts(*list);
      if (hosts && !hosts->empty()) return hosts->front();
    }
  }
  cli::Client client(sockets);
  wire::QueryJobs query;
  query.filter.jobs.push_back({JobId(options.job_id), {}, model::kNoTask});
  const auto reply = client.call<wire::JobsReply>(query);
  if (!reply) return tl::unexpected(cli::as_seen_by_user(reply.error()));
  const std::string id = std::to_string(options.job_id);
  for (const wire::JobRow& row : reply->jobs) {
    if (row.job.id.value != options.job_id) continue;
    if (row.job.state == model::JobState::pending) {
      return fail(ErrorCode::job_pending,
                  "Unable to confirm allocation for job " + id + ": Job is pending execution");
    }
    if (model::is_finished(row.job.state) || !row.job.allocation) {
      return fail(ErrorCode::already_done, "Slurm job " + id + " has expired");
    }
    return row.job.allocation->shares.front().name.str();
  }
  return fail(ErrorCode::invalid_job_id,
              "Unable to confirm allocation for job " + id + ": Invalid job id specified");
}

int run_step(const opt::SrunOptions& options, const base::Environment& own,
             cli::StepClientOptions client_options, std::uint32_t& wait_status) {
  if (const Status split = cli::split_files(client_options); !split) {
    return fail_with(options, split.error());
  }
  const std::string job = job_text(client_options.request.job);
  base::Environment hooks = own;
  hooks.set("SLURM_JOB_ID", job);
  if (!cli::run_hook(options.prolog, options.step, hooks)) {
    return fail_with(options, {ErrorCode::failure, "the --prolog program failed"});
  }
  cli::StepClient client(std::move(client_options));
  if (const Status granted = client.begin(); !granted) {
    const Error error = cli::as_seen_by_user(granted.error());
    if (client.has_step()) return fail_with(options, error);
    const cli::Refusal refusal = cli::refusal_of(error);
    if (!refusal.cause.empty()) cli::print_error("srun", refusal.cause);
    return fail_with(options,
                     {error.code, "Unable to create step for job " + job + ": " + refusal.text});
  }
  Result<int> code = client.run();
  wait_status = client.wait_status();
  if (!cli::run_hook(options.epilog, options.step, hooks)) {
    cli::print_error(kProgram, "the --epilog program failed");
  }
  if (!code) return fail_with(options, code.error());
  return *code;
}

cli::StepClientOptions client_options(const opt::SrunOptions& options,
                                      const cli::Sockets& sockets) {
  cli::StepClientOptions all;
  all.sockets = sockets;
  all.request.request_id = base::random_uid();
  all.request.spec = options.step;
  all.output.label = options.label;
  all.quiet = options.job.quiet;
  all.verbose = options.job.verbose > 0;
  all.disable_status = options.disable_status;
  all.quit_on_interrupt = options.quit_on_interrupt;
  return all;
}

// The request's parts, each with an environment of its own.
Status fill_parts(wire::StepRequest& request, const opt::SrunOptions& options,
                  const base::Environment& own) {
  for (const opt::ComponentOptions& component : options.components) {
    opt::SrunOptions one = options;
    one.job = component.job;
    model::StepSpec spec = component.step;
    if (const Status filled = fill_step(spec, one, own); !filled) return filled;
    request.parts.push_back({component.component, std::move(spec)});
  }
  if (!request.parts.empty()) request.spec = request.parts.front().spec;
  return {};
}

int run_inside(const opt::SrunOptions& options, const base::Environment& own,
               const cli::Sockets& sockets) {
  Result<std::string> manager = manager_of(options, own, sockets);
  if (!manager) return fail_on_job(options, manager.error());
  cli::StepClientOptions all = client_options(options, sockets);
  all.manager = *manager;
  all.request.job = JobId(options.job_id);
  const Status filled = options.components.empty() ? fill_step(all.request.spec, options, own)
                                                   : fill_parts(all.request, options, own);
  if (!filled) return fail_with(options, filled.error());
  std::uint32_t status = 0;
  return run_step(options, own, std::move(all), status);
}

template <class Request>
int test_only(const opt::SrunOptions& options, const Request& request,
              const cli::Sockets& sockets) {
  cli::Client client(sockets);
  const auto reply = client.call<wire::SubmitReply>(request);
  if (!reply) {
    const Error error = cli::as_seen_by_user(reply.error());
    std::fprintf(stderr, "allocation failure: %s\n", cli::refusal_of(error).text.c_str());
    return options.exit_error;
  }
  std::fprintf(
      stderr, "srun: Job %u to start at %s using %u processors on nodes %s in partition %s\n",
      reply->job.value, base::format_time(reply->planned_start / model::kSecond).c_str(),
      reply->planned_cpus, reply->planned_nodes.str().c_str(), reply->partition.str().c_str());
  return 0;
}

// Waits for the grant with Slurm's words on the way.
Result<model::Job> wait_for_grant(const opt::SrunOptions& options, cli::Allocation& allocation) {
  constexpr std::int64_t kQuietMs = 500;
  const auto interrupted = [] { return g_interrupted != 0; };
  if (options.immediate) {
    return allocation.wait_ready(std::int64_t{options.immediate_seconds} * 1000 + kQuietMs,
                                 interrupted);
  }
  Result<model::Job> job = allocation.wait_ready(kQuietMs, interrupted);
  if (job || job.error().code != ErrorCode::busy) return job;
  const std::string id = job_text(allocation.job());
  if (!options.job.quiet)
    cli::print_info(kProgram, "job " + id + " queued and waiting for resources");
  job = allocation.wait_ready(-1, interrupted);
  if (job && !model::is_finished(job->state) && !options.job.quiet) {
    cli::print_info(kProgram, "job " + id + " has been allocated resources");
  }
  return job;
}

// The job of several components; without parts if there is only one.
Result<wire::SubmitHeterogeneous> whole_job(const wire::Submit& first,
                                            const opt::SrunOptions& options,
                                            const base::Environment& own) {
  if (options.components.empty()) return wire::SubmitHeterogeneous{};
  std::vector<opt::JobOptions> more;
  for (std::size_t i = 1; i < options.components.size(); ++i) {
    more.push_back(options.components[i].job);
  }
  return cli::make_whole(first, more, own);
}

// The step of a job that was made for it.
Status fill_own_step(wire::StepRequest& request, const opt::SrunOptions& options,
                     const base::Environment& own, const cli::Sockets& sockets,
                     const model::Job& job) {
  if (options.components.empty()) return fill_step(request.spec, options, own);
  const Result<std::vector<model::Job>> components = cli::components_of(sockets, job);
  if (!components) return tl::unexpected(components.error());
  return fill_parts(request, options, cli::components_environment(own, *components));
}

int run_outside(const opt::SrunOptions& options, const base::Environment& own,
                const cli::Sockets& sockets) {
  if (options.step.relative_node != model::kNoTask) {
    std::fputs("srun: fatal: --relative option invalid for job allocation request\n", stderr);
    return 1;
  }
  Result<wire::Submit> request = cli::make_submission(options.job, own);
  if (!request) return fail_with(options, request.error());
  request->spec.kind = model::JobKind::step_allocation;
  request->environment.clear();  // the tasks get ours from the step
  Result<wire::SubmitHeterogeneous> whole = whole_job(*request, options, own);
  if (!whole) return fail_with(options, whole.error());
  const bool het = !whole->parts.empty();
  if (options.job.test_only) {
    return het ? test_only(options, *whole, sockets) : test_only(options, *request, sockets);
  }
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  Result<cli::Allocation> allocation =
      het ? cli::Allocation::request(sockets, *whole) : cli::Allocation::request(sockets, *request);
  if (!allocation) {
    cli::print_refusal(kProgram, "Unable to allocate resources", allocation.error());
    return options.exit_error;
  }
  allocation->on_notice([](const Text& text) { cli::print_info(kProgram, text.str()); });
  Result<model::Job> job = wait_for_grant(options, *allocation);
  const std::string id = job_text(allocation->job());
  if (!job) {
    const bool by_user = job.error().code == ErrorCode::interrupted;
    const Status cancelled = allocation->cancel();
    if (by_user) cli::print_error(kProgram, "Job allocation " + id + " has been revoked");
    if (!cancelled) cli::print_error(kProgram, cancelled.error().text);
    if (by_user) return 1;
    const bool busy = job.error().code == ErrorCode::busy;
    const std::string text = busy ? "Requested nodes are busy" : job.error().text;
    fail_with(options, {job.error().code, "Unable to allocate resources: " + text});
    return busy ? options.exit_immediate : options.exit_error;
  }
  if (model::is_finished(job->state)) {
    cli::print_error(kProgram, "Job allocation " + id + " has been revoked");
    return options.exit_error;
  }
  cli::StepClientOptions all = client_options(options, sockets);
  all.manager = job->allocation->shares.front().name.str();
  all.request.job = allocation->job();
  all.allocation = &*allocation;
  std::uint32_t status = 0;
  int code = 0;
  if (const Status filled = fill_own_step(all.request, options, own, sockets, *job); !filled) {
    code = fail_with(options, filled.error());
  } else {
    code = run_step(options, own, std::move(all), status);
  }
  if (status == 0 && code != 0) status = static_cast<std::uint32_t>(code) << 8U;
  const Status done = allocation->complete(status);
  if (!done && done.error().code != ErrorCode::already_done) {
    cli::print_error(kProgram, done.error().text);
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::SrunOptions> options = opt::parse_srun(invocation);
  if (!options) return cli::stop_with(options.error());
  for (const std::string& warning : options->job.warnings) cli::print_info(kProgram, warning);
  if (const Status cluster = cli::check_wanted_cluster(options->job, invocation.environment);
      !cluster) {
    return fail_with(*options, cluster.error());
  }
  const base::Environment& own = invocation.environment;
  Result<cli::Sockets> sockets = cli::find_sockets(own);
  if (!sockets) {
    return fail_with(
        *options, {sockets.error().code,
                   "Unable to allocate resources: " + cli::as_seen_by_user(sockets.error()).text});
  }
  if (sockets->agent.empty() && !options->job.test_only) {
    return fail_with(*options,
                     {ErrorCode::unsupported,
                      "Unable to launch tasks from this host: client.conf names no agent_socket"});
  }
  if (options->test_exec && !cli::program_exists(options->step, own)) {
    return fail_with(*options, {ErrorCode::not_found, "Unable to run executable \"" +
                                                          options->step.argv.front().str() + "\""});
  }
  return options->job_id != 0 ? run_inside(*options, own, *sockets)
                              : run_outside(*options, own, *sockets);
}
