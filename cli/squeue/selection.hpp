// Which jobs and steps squeue shows: what the controller selects, and the little that is left to
// the client (tasks of an array that have no record of their own yet, hidden partitions).
#pragma once

#include <vector>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_stream.hpp"
#include "opt/query_options.hpp"

namespace sluice::cli {

struct Caller {
  std::uint32_t uid = 0;
};

// The jobs to show, by id; with -s also their steps. Fails with invalid_job_id if the one job that
// was asked for is unknown; of several, unknown ones are passed over.
[[nodiscard]] Result<JobAnswer> select_jobs(Client& client, const opt::SqueueOptions& options,
                                            const Caller& caller);

}  // namespace sluice::cli
