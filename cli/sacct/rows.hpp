// From an answer to the rows of sacct: each job, followed by its steps.
#pragma once

#include <cstdint>
#include <vector>

#include "cli/common/job_stream.hpp"
#include "opt/query_options.hpp"
#include "report/history_fields.hpp"

namespace sluice::cli {

// The records that the rows point to must outlive them.
struct HistoryRows {
  std::vector<report::HistoryRow> rows;
  std::vector<model::JobPtr> made;  // tasks of arrays, shown one by one (--array)
};

[[nodiscard]] HistoryRows history_rows(const JobAnswer& answer, const opt::SacctOptions& options,
                                       std::int64_t until);

}  // namespace sluice::cli
