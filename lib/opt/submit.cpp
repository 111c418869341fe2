// Reads the lines of sbatch, salloc and srun: collects the uses of options from all sources, lets
// the setters run weakest source first, and settles what several options decide together.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "opt/collected.hpp"
#include "opt/submit_finish.hpp"
#include "opt/submit_state.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

auto stop(Command command, const Complaint& complaint) {
  return tl::unexpected<Stop>(stop_for(command, complaint));
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

bool wants_wrap(const Line& line) {
  return std::any_of(line.given.begin(), line.given.end(),
                     [](const Given& use) { return use.row->name == "wrap"; });
}

// The script's text: from --wrap, a file or standard input.
Parsed<std::string> load_script(const std::vector<Collected>& parts) {
  const std::vector<std::string>& operands = parts.back().line.operands;
  const Collected& all = parts.front();
  std::optional<std::string> wrapped;
  for (const Collected& part : parts) {
    for (const Given& use : part.line.given) {
      if (use.row->name == "wrap") wrapped = use.value;
    }
  }
  if (wrapped) {
    if (!operands.empty()) {
      return stop(Command::sbatch, {"Script arguments not permitted with --wrap option", 1});
    }
    return "#!/bin/sh\n# This script was created by sbatch --wrap.\n\n" + *wrapped + "\n";
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

// Which components each part of srun's line means: those it names, else the one at its own place.
tl::expected<std::vector<std::vector<std::uint32_t>>, Complaint> groups_of(
    const std::vector<Collected>& parts, std::uint32_t size) {
  std::vector<std::vector<std::uint32_t>> all;
  std::set<std::uint32_t> seen;
  for (std::uint32_t i = 0; i < parts.size(); ++i) {
    std::vector<std::uint32_t> groups{i};
    for (const Given& use : parts[i].line.given) {
      if (use.row->name != "het-group") continue;
      auto read = read_groups(use.value);
      if (!read) return tl::unexpected<Complaint>(read.error());
      groups = std::move(*read);
    }
    for (const std::uint32_t group : groups) {
      if (group >= std::max(size, 1U)) {
        return complain(fmt::format("Requested het-group offset exceeds highest hetjob index "
                                    "({} > {})",
                                    group, std::max(size, 1U) - 1),
                        1);
      }
      if (seen.insert(group).second) continue;
      return tl::unexpected<Complaint>(
          Complaint{"Duplicate het groups in single srun not supported", 1, Severity::fatal});
    }
    all.push_back(std::move(groups));
  }
  return all;
}

// What the job's variables say of one component, in place of what they say of the whole.
base::Environment environment_of(const base::Environment& whole, std::uint32_t group) {
  base::Environment own = whole;
  const std::string suffix = fmt::format("_HET_GROUP_{}", group);
  for (const std::string_view name :
       {"SLURM_NTASKS", "SLURM_NPROCS", "SLURM_NTASKS_PER_NODE", "SLURM_CPUS_PER_TASK",
        "SLURM_MEM_PER_CPU", "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_GPU", "SLURM_NNODES",
        "SLURM_JOB_NUM_NODES", "SLURM_TASKS_PER_NODE", "SLURM_JOB_CPUS_PER_NODE",
        "SLURM_JOB_PARTITION", "SLURM_GPUS", "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK",
        "SLURM_CPUS_PER_GPU", "SLURM_DISTRIBUTION"}) {
    own.unset(name);
    if (const auto value = whole.get(std::string(name) + suffix)) own.set(name, *value);
  }
  return own;
}

// One component's part of srun's line, settled in an environment of its own.
tl::expected<SrunOptions, Complaint> settle_srun(const Collected& part, const Invocation& in,
                                                 const std::vector<std::string>& command) {
  Collected one = another(part);
  one.state.in = &in;
  one.line = part.line;
  if (Outcome done = apply_outside(one); !done) return tl::unexpected<Complaint>(done.error());
  return finish_srun(std::move(one.state), command);
}

// A part without a program runs the next one's.
void share_programs(std::vector<Collected>& parts) {
  for (std::size_t i = parts.size() - 1; i-- > 0;) {
    if (parts[i].line.operands.empty()) parts[i].line.operands = parts[i + 1].line.operands;
  }
}

}  // namespace

Parsed<SbatchOptions> parse_sbatch(const Invocation& invocation) {
  auto parts = collect(Command::sbatch, invocation);
  if (!parts) return tl::unexpected<Stop>(std::move(parts.error()));
  const std::vector<std::string> operands = parts->back().line.operands;
  auto script = load_script(*parts);
  if (!script) return tl::unexpected<Stop>(std::move(script.error()));
  const bool wrapped = std::ranges::any_of(*parts, wants_wrap, &Collected::line);
  std::vector<std::vector<Given>> directives(1);
  if (!wrapped) {
    auto given =
        read_script(parts->front().rows, *script, operands.empty() ? "stdin" : operands.front());
    if (!given) return tl::unexpected<Stop>(std::move(given.error()));
    directives = std::move(*given);
  }
  while (parts->size() < directives.size()) parts->push_back(another(parts->front()));
  directives.resize(parts->size());
  hand_on(*parts, directives);

  std::optional<SbatchOptions> whole;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    Collected& part = (*parts)[i];
    if (Outcome done = apply_all(part.state, directives[i]); !done) {
      return stop(Command::sbatch, done.error());
    }
    if (Outcome done = apply_outside(part); !done) return stop(Command::sbatch, done.error());
    SubmitState& state = part.state;
    state.sbatch.wrapped = wrapped;
    if (i == 0) state.sbatch.script = std::move(*script);
    if (!operands.empty()) {
      state.sbatch.script_arguments.assign(operands.begin() + 1, operands.end());
      state.job.spec.command = operands.front();
    }
    auto options = finish_sbatch(std::move(state));
    if (!options) return stop(Command::sbatch, options.error());
    if (whole) {
      whole->more.push_back(std::move(options->job));
    } else {
      whole = std::move(*options);
    }
  }
  return std::move(*whole);
}

Parsed<SallocOptions> parse_salloc(const Invocation& invocation) {
  auto parts = collect(Command::salloc, invocation);
  if (!parts) return tl::unexpected<Stop>(std::move(parts.error()));
  std::vector<std::vector<Given>> none(parts->size());
  hand_on(*parts, none);
  const std::vector<std::string> command = parts->back().line.operands;
  std::optional<SallocOptions> whole;
  for (Collected& part : *parts) {
    if (Outcome done = apply_outside(part); !done) return stop(Command::salloc, done.error());
    part.state.salloc.command = command;
    auto options = finish_salloc(std::move(part.state));
    if (!options) return stop(Command::salloc, options.error());
    if (whole) {
      whole->more.push_back(std::move(options->job));
    } else {
      whole = std::move(*options);
    }
  }
  return std::move(*whole);
}

// Inside an allocation of components, each part of the line is read once for each component that it
// means, with that one's variables.
Parsed<SrunOptions> parse_srun(const Invocation& invocation) {
  auto parts = collect(Command::srun, invocation);
  if (!parts) return tl::unexpected<Stop>(std::move(parts.error()));
  share_programs(*parts);
  std::vector<std::vector<Given>> none(parts->size());
  hand_on(*parts, none);
  const base::Environment& outside = invocation.environment;
  const auto typed = base::parse_u32(outside.get("SLURM_HET_SIZE").value_or(""));
  auto first = settle_srun(parts->front(), invocation, parts->front().line.operands);
  if (!first) return stop(Command::srun, first.error());
  const bool inside = first->job_id != 0;
  const std::uint32_t size = !inside                          ? 0
                             : first->job_id_from_environment ? typed.value_or(0)
                             : first->het_groups.empty()      ? 0
                                                              : kMaxComponents;
  if (inside && size == 0 && parts->size() == 1 && first->het_groups.empty()) {
    return std::move(*first);
  }
  if (!inside && parts->size() == 1) return std::move(*first);

  std::vector<std::vector<std::uint32_t>> groups;
  if (inside) {
    auto read = groups_of(*parts, size);
    if (!read) return stop(Command::srun, read.error());
    groups = std::move(*read);
    if (size == 0) {
      return stop(Command::srun, {"No directives to start application on any available hetjob "
                                  "components",
                                  1});
    }
  } else {
    for (std::uint32_t i = 0; i < parts->size(); ++i) groups.push_back({i});
  }
  std::map<std::uint32_t, SrunOptions> by_group;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    for (const std::uint32_t group : groups[i]) {
      Invocation own = invocation;
      if (inside) own.environment = environment_of(outside, group);
      auto settled = settle_srun((*parts)[i], own, (*parts)[i].line.operands);
      if (!settled) return stop(Command::srun, settled.error());
      by_group.emplace(group, std::move(*settled));
    }
  }
  SrunOptions whole = by_group.begin()->second;
  if (inside && by_group.size() == 1 && by_group.begin()->first == 0) return whole;
  for (auto& [group, options] : by_group) {
    whole.components.push_back({std::move(options.job), std::move(options.step), group});
  }
  return whole;
}

}  // namespace sluice::opt
