// Reading words by a table: the command line with glibc's getopt_long, #SBATCH lines, environment
// variables. The result is a list of uses, in the order given; what they mean is the setters' part.
//
// Not reentrant: getopt_long keeps its state in globals. Commands read their line once, at start.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "opt/row.hpp"

namespace sluice::opt {

struct Line {
  std::vector<Given> given;
  std::vector<std::string> operands;  // what is no option, in order
};

// Options stop at the first operand for sbatch, salloc and srun; elsewhere they may follow.
// Fails as getopt does: message, hint, exit code.
[[nodiscard]] Parsed<Line> read_line(Command command, const RowList& rows,
                                     const std::vector<std::string>& arguments);

// A script's #SBATCH lines up to its first command, by component: "#SBATCH hetjob" begins the next
// one. `name` is for messages.
[[nodiscard]] Parsed<std::vector<std::vector<Given>>> read_script(const RowList& rows,
                                                                  std::string_view script,
                                                                  std::string_view name);

[[nodiscard]] std::vector<Given> read_environment(Command command, const RowList& rows,
                                                  const base::Environment& environment);

// Cuts an #SBATCH line into words by sbatch's rules: blanks separate; '...' and "..." group; a
// backslash takes the next character literally, except that a blank still separates; an unquoted
// '#' ends the line. Fails on an open quote.
[[nodiscard]] Result<std::vector<std::string>> split_directive(std::string_view text);

// A script that sbatch may submit: not empty, begins with "#!", has no DOS line ends and no zero
// byte. The complaint is Slurm's.
[[nodiscard]] Outcome check_script(std::string_view script);

// "sbatch: error: text" for each line, and the exit code.
[[nodiscard]] Stop stop_for(Command command, const Complaint& complaint);
[[nodiscard]] Complaint refusal_of(const RowInfo& row);
// Exit code of a command line that can't be read.
[[nodiscard]] int usage_exit_code(Command command);

// The answer to --help, --usage or --version.
[[nodiscard]] std::optional<Stop> find_help(Command command, const std::vector<Given>& given);

// Runs the setters of the uses in order. `tables` holds every row that a use may point to.
template <class State>
Outcome apply(State& state, const std::vector<Given>& given,
              std::span<const std::span<const Row<State>>> tables) {
  const auto setter_of = [tables](const RowInfo* info) -> typename Row<State>::Setter {
    for (const auto& table : tables) {
      for (const Row<State>& row : table) {
        if (&row.info == info) return row.set;
      }
    }
    return nullptr;
  };
  for (const Given& use : given) {
    if (!use.row->refusal.empty()) return tl::unexpected<Complaint>(refusal_of(*use.row));
    const auto set = setter_of(use.row);
    if (set == nullptr) continue;  // --version and its like have been answered already
    if (Outcome done = set(state, use); !done) return done;
  }
  return {};
}

}  // namespace sluice::opt
