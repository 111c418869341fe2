// What running steps use at this moment: the controller knows the steps, the first node of a job
// what its steps do. For sstat and `sluice eff`.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_stream.hpp"
#include "wire/step_query_messages.hpp"

namespace sluice::cli {

// The running steps of a job, batch first, then by number. Fails if there is no such job that runs.
struct RunningJob {
  model::JobPtr job;
  std::vector<model::StepPtr> steps;
};
[[nodiscard]] Result<RunningJob> fetch_running(Client& client, const wire::JobRef& ref);

// Asks the job's first node; only its user and root are told.
[[nodiscard]] Result<wire::StepStatus> fetch_status(const Sockets& sockets, const model::Job& job,
                                                    StepNumber step);

}  // namespace sluice::cli
