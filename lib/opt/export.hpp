// --export and --export-file: which variables of the submitting shell a job or its tasks get. The
// rest of a job's environment (SLURM_*, what the node adds) is made elsewhere.
// Pure: usable without I/O.
#pragma once

#include <string_view>

#include "base/env.hpp"
#include "base/result.hpp"

namespace sluice::opt {

// Where the variables go. With "ALL,A=1" a batch job gets A=1 in any case, a step only if `own` has
// no A: so does Slurm.
enum class ExportTo { batch, step };

// "" and "ALL": all of `own`; "ALL,A=1": all, and A; "A=1,B": SLURM_* and those; "NONE" and "NIL":
// SLURM_* alone. Quotes ('...', "...") hide commas and stay in the value. Fails on an empty name.
[[nodiscard]] Result<base::Environment> exported_environment(const base::Environment& own,
                                                             std::string_view export_text,
                                                             ExportTo destination);
// True for NONE and for lists without ALL: sbatch then gives the job the user's login environment
// beside the SLURM_* variables and those named.
[[nodiscard]] bool export_hides_own(std::string_view export_text);

// A file for --export-file: NAME=value entries ended by zero bytes.
[[nodiscard]] Result<base::Environment> parse_export_file(std::string_view bytes);

}  // namespace sluice::opt
