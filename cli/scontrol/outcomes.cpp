// See outcomes.hpp.
#include "cli/scontrol/outcomes.hpp"

#include <string>

namespace sluice::cli {

namespace {

std::string text_of(const wire::JobActionOutcome& outcome) {
  if (outcome.code == ErrorCode::already_done) return "Job has already finished";
  return outcome.text.str();
}

}  // namespace

int tell_outcomes(const Console& console, const wire::JobActionReply& reply, Epilogue epilogue) {
  int code = 0;
  for (const wire::JobActionOutcome& outcome : reply.outcomes) {
    if (outcome.code == ErrorCode::ok) continue;
    const std::string text = text_of(outcome);
    if (outcome.array_task != model::kNoTask) {
      code = console.complain(std::to_string(outcome.array_job.value) + "_" +
                              std::to_string(outcome.array_task) + ": " + text);
      continue;
    }
    code = console.complain(text + " for job " + std::to_string(outcome.job.value));
    if (epilogue == Epilogue::suspend_error) console.complain("slurm_suspend error: " + text);
  }
  return code;
}

}  // namespace sluice::cli
