// squeue's columns: every letter of -o and every name of -O for jobs, and those for steps.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/user.hpp"
#include "model/job.hpp"
#include "model/step.hpp"
#include "report/format.hpp"

namespace sluice::report {

struct JobContext {
  std::int64_t now = 0;              // seconds
  std::string cluster;
  bool no_convert = false;           // --noconvert
  // For steps: the job that a step is of.
  std::map<JobId, model::JobPtr> jobs;
};

struct StepRecord {
  const model::Step* step = nullptr;
  const model::Job* job = nullptr;   // null if unknown
};

using JobField = Field<model::Job, JobContext>;
using StepField = Field<StepRecord, JobContext>;

[[nodiscard]] std::span<const JobField> job_fields();
[[nodiscard]] std::span<const StepField> step_fields();

}  // namespace sluice::report
