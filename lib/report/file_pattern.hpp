// Names of a job's files with their patterns filled in, as squeue --expand-patterns and scontrol
// show them. What differs between tasks and nodes takes the value of the first one.
#pragma once

#include <string>
#include <string_view>

#include "model/job.hpp"

namespace sluice::report {

// "out-%j.txt" -> "out-34.txt". "%4j" pads with zeros; an unknown letter stays as it is; a
// backslash anywhere switches the patterns off and is dropped itself.
[[nodiscard]] std::string expand_file_pattern(std::string_view pattern, const model::Job& job);

}  // namespace sluice::report
