// See collected.hpp.
#include "opt/collected.hpp"

#include <algorithm>
#include <array>

#include "model/task_set.hpp"

namespace sluice::opt {

namespace {

// What the first component's line says for all of them.
constexpr auto kOfTheWhole = std::to_array<std::string_view>({
    "account",
    "acctg-freq",
    "begin",
    "chdir",
    "clusters",
    "comment",
    "deadline",
    "delay-boot",
    "dependency",
    "distribution",
    "epilog",
    "error",
    "exclude",
    "export",
    "export-file",
    "get-user-env",
    "gid",
    "hint",
    "hold",
    "input",
    "job-name",
    "kill-on-bad-exit",
    "label",
    "mem",
    "mem-per-gpu",
    "mpi",
    "msg-timeout",
    "nice",
    "no-kill",
    "no-requeue",
    "open-mode",
    "output",
    "parsable",
    "priority",
    "prolog",
    "propagate",
    "qos",
    "quiet",
    "quit-on-interrupt",
    "reboot",
    "requeue",
    "reservation",
    "signal",
    "task-epilog",
    "task-prolog",
    "test-only",
    "time",
    "time-min",
    "uid",
    "unbuffered",
    "verbose",
    "wait",
    "wait-all-nodes",
    "wckey",
    "wrap",
});

constexpr auto kMemory = std::to_array<std::string_view>({"mem", "mem-per-cpu", "mem-per-gpu"});

bool is_memory(std::string_view name) { return std::ranges::find(kMemory, name) != kMemory.end(); }

bool says_of(const std::vector<Given>& given, std::string_view name) {
  return std::ranges::any_of(given, [&](const Given& use) {
    return use.row->name == name || (is_memory(use.row->name) && is_memory(name));
  });
}

// The uses in front of `own` that the component doesn't replace.
void inherit(std::vector<Given>& own, const std::vector<Given>& first, const Collected& part,
             const std::vector<Given>& directives) {
  std::vector<Given> all;
  for (const Given& use : first) {
    if (std::ranges::find(kOfTheWhole, use.row->name) == kOfTheWhole.end()) continue;
    if (says_of(part.line.given, use.row->name) || says_of(directives, use.row->name)) continue;
    all.push_back(use);
  }
  all.insert(all.end(), own.begin(), own.end());
  own = std::move(all);
}

std::string submit_line(Command command, const Invocation& in) {
  std::string line(command_name(command));
  for (const std::string& word : in.arguments) line += " " + word;
  return line;
}

}  // namespace

tl::expected<std::vector<std::uint32_t>, Complaint> read_groups(std::string_view text) {
  const auto tasks = model::parse_tasks(text, kMaxComponents - 1);
  const bool plain = text.find_first_not_of("0123456789,-") == std::string_view::npos;
  if (!tasks || !plain) return complain(fmt::format("Invalid --het-group value: {}", text), 1);
  std::vector<std::uint32_t> groups;
  for (std::uint32_t group = 0; group < kMaxComponents; ++group) {
    if (model::has_task(*tasks, group)) groups.push_back(group);
  }
  return groups;
}

Parsed<std::vector<Collected>> collect(Command command, const Invocation& in) {
  std::vector<Collected> parts;
  std::vector<std::string> words = in.arguments;
  for (bool more = true; more;) {
    Collected part;
    part.state.command = command;
    part.state.in = &in;
    part.state.job.spec.submit_line = submit_line(command, in);
    part.rows = rows_of(command);
    auto line = read_line(command, part.rows, words);
    if (!line) return tl::unexpected<Stop>(std::move(line.error()));
    if (auto help = find_help(command, line->given)) return tl::unexpected<Stop>(std::move(*help));
    part.line = std::move(*line);
    std::vector<std::string>& operands = part.line.operands;
    // A batch script's arguments and salloc's command are their own, whatever they look like.
    auto colon = operands.end();
    if (command == Command::srun) {
      colon = std::ranges::find(operands, ":");
    } else if (!operands.empty() && operands.front() == ":") {
      colon = operands.begin();
    }
    more = colon != operands.end();
    if (more) {
      words.assign(colon + 1, operands.end());
      operands.erase(colon, operands.end());
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Collected another(const Collected& first) {
  Collected part;
  part.state.command = first.state.command;
  part.state.in = first.state.in;
  part.state.job.spec.submit_line = first.state.job.spec.submit_line;
  part.rows = first.rows;
  return part;
}

void hand_on(std::vector<Collected>& parts, std::vector<std::vector<Given>>& directives) {
  const std::vector<Given> line = parts.front().line.given;
  const std::vector<Given> script = directives.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::vector<Given> own = directives[i];
    inherit(directives[i], script, parts[i], own);
    inherit(parts[i].line.given, line, parts[i], own);
  }
}

}  // namespace sluice::opt
