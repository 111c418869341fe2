// squeue's columns: every letter of -o and every name of -O for jobs, and those for steps.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/job.hpp"
#include "model/step.hpp"
#include "report/format.hpp"
#include "report/job_text.hpp"

namespace sluice::report {

// What a report of jobs or steps needs beside the records.
struct JobContext {
  std::int64_t now = 0;  // seconds
  std::string cluster;
  std::string time_format;  // SLURM_TIME_FORMAT
  std::size_t task_list_room = kTaskListRoom;
  bool no_convert = false;       // --noconvert
  bool expand_patterns = false;  // in names of files
};

struct StepRecord {
  const model::Step* step = nullptr;
  const model::Job* job = nullptr;  // null if unknown
};

using JobField = Field<model::Job, JobContext>;
using StepField = Field<StepRecord, JobContext>;

[[nodiscard]] std::span<const JobField> job_fields();
[[nodiscard]] std::span<const StepField> step_fields();

}  // namespace sluice::report
