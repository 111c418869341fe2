// See the header.
#include "cli/common/live_usage.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::cli {

namespace {

constexpr std::int64_t kStatusMs = 15'000;

// What has a name comes before what has a number.
std::tuple<bool, StepNumber> rank(const model::StepPtr& step) {
  const bool named = step->number == base::kBatchStep || step->number == base::kExternStep ||
                     step->number == base::kInteractiveStep;
  return {!named, step->number};
}

}  // namespace

Result<RunningJob> fetch_running(Client& client, const wire::JobRef& ref) {
  wire::QueryJobs query;
  query.filter.jobs = {ref};
  query.steps = true;
  Result<JobAnswer> answer = fetch_jobs(client, query);
  if (!answer) return tl::unexpected(answer.error());
  RunningJob found;
  for (const model::JobPtr& job : answer->jobs) {
    const bool runs =
        job->state == model::JobState::running || job->state == model::JobState::suspended;
    if (runs && job->allocation && !job->allocation->shares.empty()) found.job = job;
  }
  if (!found.job) return fail(ErrorCode::invalid_job_id, "no such job runs");
  for (model::StepPtr& step : answer->steps) {
    if (step->job == found.job->id && step->end == 0) found.steps.push_back(std::move(step));
  }
  std::ranges::sort(found.steps, {}, rank);
  return found;
}

Result<wire::StepStatus> fetch_status(const Sockets& sockets, const model::Job& job,
                                      StepNumber step) {
  const std::string& manager = job.allocation->shares.front().name.str();
  Result<Session> session = Session::to_node(sockets, manager);
  if (!session) return tl::unexpected(session.error());
  wire::QueryStep query;
  query.job = job.id;
  query.step = step;
  if (Status sent = session->send(query); !sent) return tl::unexpected(sent.error());
  return session->receive_as<wire::StepStatus>(kStatusMs);
}

}  // namespace sluice::cli
