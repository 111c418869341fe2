// What sacct asks the controller for, and what it sorts out by itself afterwards.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "cli/common/job_stream.hpp"
#include "opt/query_options.hpp"

namespace sluice::cli {

// The time that sacct looks at, seconds; `to` 0: open.
struct HistoryWindow {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

// By Slurm's rules: since midnight, or since ever with -j, or just now with -s. Fails if it ends
// before it begins.
[[nodiscard]] Result<HistoryWindow> window_of(const opt::SacctOptions& options, std::int64_t now);

// `uid` is the caller's: without -a, -u and -j an ordinary user sees his own jobs.
[[nodiscard]] Result<wire::QueryHistory> history_query(const opt::SacctOptions& options,
                                                       const HistoryWindow& window,
                                                       std::uint32_t uid);

// Components that are wanted too, by --whole-hetjob and its default, and weren't found by name.
[[nodiscard]] std::vector<opt::JobRef> further_components(const JobAnswer& answer,
                                                          const opt::SacctOptions& options);

// What the message can't say: groups, sizes, limits, features, reasons; and whether it could have
// started in a window that ends then, seconds.
[[nodiscard]] bool is_wanted(const model::Job& job, const opt::SacctOptions& options,
                             std::int64_t until);

// With JOB.STEP only those steps are meant, and not the job's own row.
[[nodiscard]] bool job_row_wanted(const model::Job& job, const opt::SacctOptions& options);
[[nodiscard]] bool step_row_wanted(const model::Job& job, const model::Step& step,
                                   const opt::SacctOptions& options);

}  // namespace sluice::cli
