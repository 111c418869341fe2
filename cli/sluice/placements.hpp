// Where the jobs of a replayed log ran, as a table that another program can check: `sluice sim
// --placements`.
#pragma once

#include <string>
#include <vector>

#include "replay/submissions.hpp"

namespace sluice::cli {

// Lines of columns between tabulators, the first with their names: one for each node of each
// stretch, in order of the starts; then one for each job that was refused or never started.
[[nodiscard]] std::string placements_tsv(const std::vector<replay::Submission>& log,
                                         const replay::Replayed& replayed);

}  // namespace sluice::cli
