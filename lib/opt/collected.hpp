// The uses of options on one line of sbatch, salloc or srun, by component: ':' stands between the
// components of a heterogeneous job, each of which has options of its own. Some options are the
// whole job's: given for the first component, they hold for the others too, unless those say
// otherwise themselves.
#pragma once

#include <string>
#include <vector>

#include "opt/line.hpp"
#include "opt/submit_state.hpp"

namespace sluice::opt {

inline constexpr std::uint32_t kMaxComponents = 128;  // as in Slurm

// --het-group: "0,2-3", ascending.
[[nodiscard]] tl::expected<std::vector<std::uint32_t>, Complaint> read_groups(
    std::string_view text);

struct Collected {
  SubmitState state;
  Line line;  // operands: the program of this component; of sbatch and salloc only the last has any
  RowList rows;
};

// At least one. `in` must outlive the result.
[[nodiscard]] Parsed<std::vector<Collected>> collect(Command command, const Invocation& in);

// A component that the line doesn't have: the script does.
[[nodiscard]] Collected another(const Collected& first);

// Gives each later component what the first one's options say of the whole. `directives` are the
// script's, by component, as many as there are parts.
void hand_on(std::vector<Collected>& parts, std::vector<std::vector<Given>>& directives);

}  // namespace sluice::opt
