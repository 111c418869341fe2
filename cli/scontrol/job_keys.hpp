// The keys of `scontrol update job`: from a word to a field of the patch.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "cli/scontrol/update.hpp"
#include "model/requests.hpp"

namespace sluice::cli {

// What a patch is made in: times are relative to `now`, seconds; a time limit may be raised or
// lowered from `time_limit`, minutes.
struct JobEdit {
  model::JobPatch patch;
  bool changed = false;
  std::int64_t now = 0;
  std::uint32_t time_limit = 0;
};

// Sets the field that the word names. What fails says everything that is to be printed, in `text`.
// Keys that name the job (JobId, UserID) are no matter of this function.
[[nodiscard]] Status apply_job_key(JobEdit& edit, const Change& change);

}  // namespace sluice::cli
