// --export and --export-file: which variables of the submitting shell a job or its tasks get. The
// rest of a job's environment (SLURM_*, what the node adds) is made elsewhere.
// Pure: usable without I/O.
#pragma once

#include <string_view>

#include "base/env.hpp"
#include "base/result.hpp"

namespace sluice::opt {

// "" and "ALL": all of `own`; "ALL,A=1,B": all, with A set; "A=1,B": SLURM_* and those; "NONE" and
// "NIL": SLURM_* alone. A value may be quoted ('...' or "...") to hold commas. Fails on a bad name.
[[nodiscard]] Result<base::Environment> exported_environment(const base::Environment& own,
                                                             std::string_view export_text);
// True if --export asks sbatch for the user's login environment instead (NONE, or a list without
// ALL): Slurm then acts as if --get-user-env were given on the node.
[[nodiscard]] bool export_hides_own(std::string_view export_text);

// A file for --export-file: NAME=value entries ended by zero bytes.
[[nodiscard]] Result<base::Environment> parse_export_file(std::string_view bytes);

}  // namespace sluice::opt
