// See outcomes.hpp.
#include "cli/scontrol/outcomes.hpp"

#include <unistd.h>

#include <string>

#include "cli/common/program.hpp"

namespace sluice::cli {

namespace {

// Whether the job is known to be somebody else's.
bool is_foreign(Console& console, JobId job) {
  wire::QueryJobs query;
  query.filter.jobs.push_back({job, {}, model::kNoTask});
  const auto found = console.call<wire::JobsReply>(query);
  return found && !found->specs.empty() && found->specs.front().uid != ::geteuid();
}

std::string text_of(Console& console, const wire::JobActionOutcome& outcome, Wording wording) {
  const bool owner_matters = wording == Wording::update || wording == Wording::hold;
  if (outcome.code == ErrorCode::already_done) return "Job has already finished";
  if (outcome.code == ErrorCode::job_not_running && wording == Wording::resume) {
    return "Job is not suspended";
  }
  if (outcome.code == ErrorCode::access_denied && owner_matters &&
      is_foreign(console, outcome.job)) {
    return "Invalid user id";
  }
  return refusal_of({outcome.code, outcome.text.str()}).text;
}

}  // namespace

int tell_outcomes(Console& console, const wire::JobActionReply& reply, Wording wording) {
  int code = 0;
  for (const wire::JobActionOutcome& outcome : reply.outcomes) {
    if (outcome.code == ErrorCode::ok) continue;
    const std::string text = text_of(console, outcome, wording);
    if (outcome.array_task != model::kNoTask) {
      code = console.complain(std::to_string(outcome.array_job.value) + "_" +
                              std::to_string(outcome.array_task) + ": " + text);
      continue;
    }
    code = console.complain(text + " for job " + std::to_string(outcome.job.value));
    if (wording == Wording::hold) console.complain("slurm_suspend error: " + text);
  }
  return code;
}

}  // namespace sluice::cli
