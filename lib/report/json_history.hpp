// What sacct --json prints of one job: the accounting of the job and, inside it, of its steps, in
// the shape of data_parser v0.0.43.
#pragma once

#include <span>

#include "report/history_fields.hpp"
#include "report/json_writer.hpp"

namespace sluice::report {

// `job` is a job's row; `steps` are the rows of its steps.
void write_history_job(JsonWriter& writer, const HistoryRow& job, std::span<const HistoryRow> steps,
                       const HistoryContext& context);

}  // namespace sluice::report
