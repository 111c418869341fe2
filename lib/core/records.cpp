// What follows from a record alone.
#include "core/records.hpp"

#include "model/task_set.hpp"

namespace sluice::core {

Tally tally_of(const model::Job& job) {
  Tally tally{
      .phase = Phase::waiting, .tasks = 1, .order = submit_order(job), .name = job.spec->name};
  if (is_completing(job)) {
    tally.phase = Phase::active;
  } else if (model::is_finished(job.state)) {
    tally.phase = job.state == model::JobState::completed ? Phase::ok : Phase::bad;
  } else if (job.state != model::JobState::pending) {
    tally.phase = Phase::active;
  }
  if (is_rest(job)) tally.tasks = model::task_count(*job.array_rest);
  return tally;
}

std::uint64_t submit_order(const model::Job& job) {
  if (!job.array_job.is_set()) return std::uint64_t{job.id.value} << 32U;
  return (std::uint64_t{job.array_job.value} << 32U) | job.array_task;
}

JobId base_id(const model::Job& job) { return job.array_job.is_set() ? job.array_job : job.id; }

bool is_rest(const model::Job& job) { return job.array_rest != nullptr; }

bool is_completing(const model::Job& job) { return (job.flags & model::kFlagCompleting) != 0; }

}  // namespace sluice::core
