// A log of submissions, one on each line, as simulators of Slurm read them:
//
//     -dt 10.50 -e submit_batch_job | -sim-walltime 84805 --uid=ann -N 2 -n 64 -t 3-0 job.sh
//
// -dt: seconds from the log's beginning; -sim-walltime: for how many seconds the job's processes
// run, or -1: until its limit. What follows are sbatch's own options, read by sbatch's own parser;
// the script isn't opened. Blank lines and lines that begin with '#' are passed over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "replay/submissions.hpp"

namespace sluice::cli {

// All of it or nothing; `name` stands in messages: "name:LINE: …". Ids count the submissions from
// 1. Users' numbers are made up, those of the system don't matter.
[[nodiscard]] Result<std::vector<replay::Submission>> read_submission_log(std::string_view text,
                                                                          const std::string& name);

}  // namespace sluice::cli
