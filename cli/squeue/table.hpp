// squeue's tables: the column formats by options, the order, the text.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/common/job_stream.hpp"
#include "opt/query_options.hpp"
#include "report/job_fields.hpp"

namespace sluice::cli {

// A report: what goes to stdout, complaints for stderr, and how to exit.
struct TableText {
  std::string out;
  std::vector<std::string> problems;
  int exit_code = 0;
};

[[nodiscard]] TableText job_table(std::vector<model::JobPtr> jobs,
                                  const opt::SqueueOptions& options,
                                  const report::JobContext& context);
// The steps with the jobs that they are of; they point into `answer`.
[[nodiscard]] std::vector<report::StepRecord> steps_of(const JobAnswer& answer);
[[nodiscard]] TableText step_table(const JobAnswer& answer, const opt::SqueueOptions& options,
                                   const report::JobContext& context);

// True if a column shows the cluster's name.
[[nodiscard]] bool shows_cluster(const opt::SqueueOptions& options);

}  // namespace sluice::cli
