// One row of an option table: everything that is known of one option of one or several commands.
// Parsing, environment variables, help, completion and the manual are all made from it.
// Rows are constants, built by the small functions below:
//
//   Row<State>::valued("account", 'A', "<name>", "Charge the job to this account.")
//       .on(kSubmit).in(Group::job).env("SBATCH_ACCOUNT", "SALLOC_ACCOUNT", "SLURM_ACCOUNT")
//       .sets(request_text<&model::Request::account>)
//
// A row either sets something or is refused with a reason.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "opt/invocation.hpp"
#include "opt/render.hpp"

namespace sluice::opt {

enum class Arg : std::uint8_t { none, required, optional };

enum class Group : std::uint8_t {
  job,
  timing,
  resources,
  nodes,
  affinity,
  gpu,
  container,
  step,
  output,
  filter,
  format,
  other,
  help
};

using CommandMask = std::uint32_t;
constexpr CommandMask mask_of(Command command) { return 1U << static_cast<unsigned>(command); }
inline constexpr CommandMask kSbatch = mask_of(Command::sbatch);
inline constexpr CommandMask kSalloc = mask_of(Command::salloc);
inline constexpr CommandMask kSrun = mask_of(Command::srun);
inline constexpr CommandMask kSubmit = kSbatch | kSalloc | kSrun;

struct RowInfo {
  std::string_view name;
  char letter = 0;
  Arg arg = Arg::none;
  std::string_view placeholder;  // "<name>"; "{a|b}" lists the choices
  std::string_view help;
  CommandMask commands = 0;
  Group group = Group::other;
  // Input variables. For the submitting commands: sbatch, salloc, srun; otherwise only the first.
  // Two names, the stronger one first, are separated by a comma.
  std::array<std::string_view, 3> variables;
  std::array<std::string_view, 2> aliases;
  std::string_view refusal;      // why; empty: supported
  bool takes_next_word = false;  // an optional argument that may also be the next word (squeue -j)
  bool reads_variable = false;  // no argument, but its variable has a value, which the setter reads

  [[nodiscard]] constexpr bool applies_to(Command command) const {
    return (commands & mask_of(command)) != 0;
  }
  [[nodiscard]] constexpr std::string_view variable(Command command) const {
    const bool submits = (mask_of(command) & kSubmit) != 0;
    return variables[submits ? static_cast<unsigned>(command) : 0];
  }
};

// Weakest first.
enum class Source : std::uint8_t { none, script, environment, command_line };

// One use of an option.
struct Given {
  const RowInfo* row = nullptr;
  std::string value;
  bool has_value = false;
  Source source = Source::command_line;
};

// What stands before each line of a complaint: "sbatch: error: ", "sbatch: fatal: ", nothing.
enum class Severity : std::uint8_t { error, fatal, bare };

// What is wrong with a value.
struct Complaint {
  std::string text;
  int exit_code = 255;
  Severity severity = Severity::error;
  // Ends the run without any of that (--hint=help): print this and exit 0.
  std::string notice;
  // A line that stands alone, without the program's name, before the text.
  std::string before;
};
using Outcome = tl::expected<void, Complaint>;

template <class State>
struct Row {
  using Setter = Outcome (*)(State&, const Given&);

  RowInfo info;
  Setter set = nullptr;

  static constexpr Row flag(std::string_view name, char letter, std::string_view help) {
    return make(Arg::none, {name, "", help}, letter);
  }
  static constexpr Row valued(std::string_view name, char letter, std::string_view placeholder,
                              std::string_view help) {
    return make(Arg::required, {name, placeholder, help}, letter);
  }
  static constexpr Row maybe(std::string_view name, char letter, std::string_view placeholder,
                             std::string_view help) {
    return make(Arg::optional, {name, placeholder, help}, letter);
  }

  [[nodiscard]] constexpr Row on(CommandMask commands) const {
    Row row = *this;
    row.info.commands = commands;
    return row;
  }
  [[nodiscard]] constexpr Row in(Group group) const {
    Row row = *this;
    row.info.group = group;
    return row;
  }
  [[nodiscard]] constexpr Row env(std::string_view sbatch, std::string_view salloc = "",
                                  std::string_view srun = "") const {
    Row row = *this;
    row.info.variables = {sbatch, salloc, srun};
    return row;
  }
  [[nodiscard]] constexpr Row also(std::string_view first, std::string_view second = "") const {
    Row row = *this;
    row.info.aliases = {first, second};
    return row;
  }
  [[nodiscard]] constexpr Row sets(Setter setter) const {
    Row row = *this;
    row.set = setter;
    return row;
  }
  [[nodiscard]] constexpr Row takes_next() const {
    Row row = *this;
    row.info.takes_next_word = true;
    return row;
  }
  [[nodiscard]] constexpr Row reads_variable() const {
    Row row = *this;
    row.info.reads_variable = true;
    return row;
  }
  [[nodiscard]] constexpr Row refused(std::string_view reason) const {
    Row row = *this;
    row.info.refusal = reason;
    return row;
  }

 private:
  struct Words {
    std::string_view name;
    std::string_view placeholder;
    std::string_view help;
  };
  static constexpr Row make(Arg arg, Words words, char letter) {
    Row row;
    row.info.name = words.name;
    row.info.placeholder = words.placeholder;
    row.info.help = words.help;
    row.info.letter = letter;
    row.info.arg = arg;
    return row;
  }
};

using RowList = std::vector<const RowInfo*>;
// The rows that apply to a command, sorted by name. The order is that of all outputs.
[[nodiscard]] RowList rows_of(Command command);

}  // namespace sluice::opt
