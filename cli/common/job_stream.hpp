// Answers that come in pieces: job records with their specs and requests, steps, nodes. Puts the
// pieces together again; what many jobs share stays shared.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"
#include "wire/client_messages.hpp"

namespace sluice::cli {

struct JobAnswer {
  std::vector<model::JobPtr> jobs;  // by id
  std::vector<model::StepPtr> steps;
};

[[nodiscard]] Result<JobAnswer> fetch_jobs(Client& client, const wire::QueryJobs& query);
[[nodiscard]] Result<JobAnswer> fetch_history(Client& client, const wire::QueryHistory& query);
[[nodiscard]] Result<std::vector<model::NodePtr>> fetch_nodes(Client& client,
                                                              const wire::QueryNodes& query);
[[nodiscard]] Result<std::vector<model::PartitionPtr>> fetch_partitions(
    Client& client, const wire::QueryPartitions& query);

}  // namespace sluice::cli
