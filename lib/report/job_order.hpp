// squeue --sort: "P,t,-p" and the like, letters of --format with a sign. Numbers are compared as
// numbers and everything else as its text; what stays equal keeps the order it came in.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "report/job_fields.hpp"

namespace sluice::report {

struct SortLetter {
  char letter = 0;
  bool down = false;
  bool configured = false;  // '#' stood before it
};
// `known` holds the letters that may be sorted by. The error's text is the letter that may not.
[[nodiscard]] Result<std::vector<SortLetter>> parse_sort(std::string_view text,
                                                         std::string_view known);

[[nodiscard]] std::string_view job_sort_letters();
void sort_jobs(std::vector<model::JobPtr>& jobs, std::span<const SortLetter> order,
               const JobContext& context);

[[nodiscard]] std::string_view step_sort_letters();
void sort_steps(std::vector<StepRecord>& steps, std::span<const SortLetter> order,
                const JobContext& context);

}  // namespace sluice::report
