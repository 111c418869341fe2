// Reads the lines of sbatch, salloc and srun: collects the uses of options from all sources, lets
// the setters run weakest source first, and settles what several options decide together.
#include <algorithm>

#include "base/strings.hpp"
#include "opt/line.hpp"
#include "opt/submit_finish.hpp"
#include "opt/submit_state.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

auto stop(Command command, const Complaint& complaint) {
  return tl::unexpected<Stop>(stop_for(command, complaint));
}

std::string submit_line(Command command, const Invocation& in) {
  std::string line(command_name(command));
  for (const std::string& word : in.arguments) line += " " + word;
  return line;
}

// Everything that one line gives, before it is settled.
struct Collected {
  SubmitState state;
  Line line;
  RowList rows;
};

Parsed<Collected> collect(Command command, const Invocation& in) {
  Collected all;
  all.state.command = command;
  all.state.in = &in;
  all.state.job.spec.submit_line = submit_line(command, in);
  all.rows = rows_of(command);
  auto line = read_line(command, all.rows, in.arguments);
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  if (auto help = find_help(command, line->given)) return tl::unexpected<Stop>(std::move(*help));
  all.line = std::move(*line);
  return all;
}

Outcome apply_all(SubmitState& state, const std::vector<Given>& given) {
  const auto tables = submit_tables();
  return apply<SubmitState>(state, given, tables);
}

// Environment, then command line.
Outcome apply_outside(Collected& all) {
  const auto given = read_environment(all.state.command, all.rows, all.state.in->environment);
  if (Outcome done = apply_all(all.state, given); !done) return done;
  if (Outcome done = apply_all(all.state, all.line.given); !done) return done;
  return read_other_variables(all.state);
}

// ':' stands between the parts of a heterogeneous job.
Outcome refuse_het(const std::vector<std::string>& operands) {
  if (std::find(operands.begin(), operands.end(), ":") == operands.end()) return {};
  return complain("the ':' separator is not supported by Sluice: no heterogeneous jobs", 1);
}

bool wants_wrap(const Line& line) {
  return std::any_of(line.given.begin(), line.given.end(),
                     [](const Given& use) { return use.row->name == "wrap"; });
}

// The script's text: from --wrap, a file or standard input.
Parsed<std::string> load_script(const Collected& all) {
  const auto& operands = all.line.operands;
  if (wants_wrap(all.line)) {
    if (!operands.empty()) {
      return stop(Command::sbatch, {"Script arguments not permitted with --wrap option", 1});
    }
    std::string command;
    for (const Given& use : all.line.given) {
      if (use.row->name == "wrap") command = use.value;
    }
    return "#!/bin/sh\n# This script was created by sbatch --wrap.\n\n" + command + "\n";
  }
  const std::string path = operands.empty() ? "" : operands.front();
  auto text = read_named(all.state, path);
  if (!text && path.empty()) return stop(Command::sbatch, {text.error().text, 1});
  if (!text && text.error().code == ErrorCode::script_too_large) {
    return stop(Command::sbatch, {text.error().text, 1});
  }
  if (!text) return stop(Command::sbatch, {fmt::format("Unable to open file {}", path), 1});
  if (Outcome checked = check_script(*text); !checked) {
    return stop(Command::sbatch, checked.error());
  }
  return std::move(*text);
}

}  // namespace

Parsed<SbatchOptions> parse_sbatch(const Invocation& invocation) {
  auto all = collect(Command::sbatch, invocation);
  if (!all) return tl::unexpected<Stop>(std::move(all.error()));
  const auto& operands = all->line.operands;
  const bool het = !operands.empty() && operands.front() == ":";
  if (het) return stop(Command::sbatch, refuse_het(operands).error());

  auto script = load_script(*all);
  if (!script) return tl::unexpected<Stop>(std::move(script.error()));
  const bool wrapped = wants_wrap(all->line);
  if (!wrapped) {
    auto given = read_script(all->rows, *script, operands.empty() ? "stdin" : operands.front());
    if (!given) return tl::unexpected<Stop>(std::move(given.error()));
    if (Outcome done = apply_all(all->state, *given); !done) {
      return stop(Command::sbatch, done.error());
    }
  }
  if (Outcome done = apply_outside(*all); !done) return stop(Command::sbatch, done.error());

  SubmitState& state = all->state;
  state.sbatch.script = std::move(*script);
  state.sbatch.wrapped = wrapped;
  if (!operands.empty()) {
    state.sbatch.script_arguments.assign(operands.begin() + 1, operands.end());
    state.job.spec.command = operands.front();
  }
  auto options = finish_sbatch(std::move(state));
  if (!options) return stop(Command::sbatch, options.error());
  return std::move(*options);
}

Parsed<SallocOptions> parse_salloc(const Invocation& invocation) {
  auto all = collect(Command::salloc, invocation);
  if (!all) return tl::unexpected<Stop>(std::move(all.error()));
  if (Outcome het = refuse_het(all->line.operands); !het) return stop(Command::salloc, het.error());
  if (Outcome done = apply_outside(*all); !done) return stop(Command::salloc, done.error());
  all->state.salloc.command = std::move(all->line.operands);
  auto options = finish_salloc(std::move(all->state));
  if (!options) return stop(Command::salloc, options.error());
  return std::move(*options);
}

Parsed<SrunOptions> parse_srun(const Invocation& invocation) {
  auto all = collect(Command::srun, invocation);
  if (!all) return tl::unexpected<Stop>(std::move(all.error()));
  if (Outcome het = refuse_het(all->line.operands); !het) return stop(Command::srun, het.error());
  if (Outcome done = apply_outside(*all); !done) return stop(Command::srun, done.error());
  auto options = finish_srun(std::move(all->state), all->line.operands);
  if (!options) return stop(Command::srun, options.error());
  return std::move(*options);
}

}  // namespace sluice::opt
