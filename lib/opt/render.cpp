// Texts made from the option tables: help, usage, completion, manual.
#include "opt/render.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "opt/row.hpp"

namespace sluice::opt {
namespace {

constexpr std::array kCommands{
    Command::sbatch,  Command::salloc, Command::srun,     Command::squeue, Command::sinfo,
    Command::scancel, Command::sacct,  Command::scontrol, Command::sstat,  Command::sacctmgr,
    Command::sshare,  Command::sprio,  Command::sdiag,    Command::sreport};

struct Names {
  std::string_view name;
  std::string_view operands;  // for "Usage:"
};
constexpr std::array<Names, 14> kNames{{{"sbatch", "script [args...]"},
                                        {"salloc", "[command [args...]]"},
                                        {"srun", "executable [args...]"},
                                        {"squeue", ""},
                                        {"sinfo", ""},
                                        {"scancel", "[job_id[_array_id][.step_id]...]"},
                                        {"sacct", ""},
                                        {"scontrol", "[command [args...]]"},
                                        {"sstat", ""},
                                        {"sacctmgr", "[command [entity [specs...]]]"},
                                        {"sshare", ""},
                                        {"sprio", ""},
                                        {"sdiag", ""},
                                        {"sreport", "[command [report [specs...]]]"}}};

const Names& names_of(Command command) { return kNames[static_cast<std::size_t>(command)]; }

constexpr std::array<std::string_view, 13> kGroupTitles{
    "Job options",    "Time and order", "Resources",
    "Nodes",          "Layout",         "GPUs",
    "Containers",     "Step options",   "Files and environment",
    "What to report", "How to report",  "Other options",
    "Help options"};

constexpr std::size_t kWidth = 80;
constexpr std::size_t kHelpColumn = 30;

// "=<name>", "[=<name>]" or nothing.
std::string argument_of(const RowInfo& row) {
  if (row.arg == Arg::none) return "";
  return row.arg == Arg::required ? fmt::format("={}", row.placeholder)
                                  : fmt::format("[={}]", row.placeholder);
}

std::string left_column(const RowInfo& row) {
  const std::string letter = row.letter != 0 ? fmt::format("-{}, ", row.letter) : "    ";
  return fmt::format("  {}--{}{}", letter, row.name, argument_of(row));
}

// The words of `text` in lines of at most `width`, the first line having `used` already.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  for (std::string_view word : base::split_nonempty(text, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.push_back(std::exchange(line, {}));
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string help_entry(const RowInfo& row) {
  std::string text = left_column(row);
  const std::size_t used = text.size();
  const bool beside = used + 2 <= kHelpColumn;
  text += beside ? std::string(kHelpColumn - used, ' ') : "\n" + std::string(kHelpColumn, ' ');
  bool first = true;
  for (const std::string& line : wrap(row.help, kWidth - kHelpColumn)) {
    if (!std::exchange(first, false)) text += std::string(kHelpColumn, ' ');
    text += line + "\n";
  }
  return text;
}

std::string usage_item(const RowInfo& row) {
  if (row.arg == Arg::none) return fmt::format("[--{}]", row.name);
  if (row.arg == Arg::optional) return fmt::format("[--{}[={}]]", row.name, row.placeholder);
  if (row.letter != 0) return fmt::format("[-{} {}]", row.letter, row.placeholder);
  return fmt::format("[--{}={}]", row.name, row.placeholder);
}

// Roff: a backslash and a leading dot would be commands, a hyphen a soft one.
std::string roff(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  }
  if (result.starts_with('.') || result.starts_with('\'')) result.insert(0, "\\&");
  return result;
}

std::string manual_head(const RowInfo& row) {
  std::string head = ".TP\n";
  if (row.letter != 0) head += fmt::format("\\fB\\-{}\\fR, ", row.letter);
  head += fmt::format("\\fB\\-\\-{}\\fR", roff(row.name));
  if (row.arg != Arg::none) {
    const std::string_view open = row.arg == Arg::optional ? "[" : "";
    const std::string_view close = row.arg == Arg::optional ? "]" : "";
    head += fmt::format("{}=\\fI{}\\fR{}", open, roff(row.placeholder), close);
  }
  return head + "\n";
}

std::string manual_entry(const RowInfo& row) {
  std::string text = manual_head(row) + roff(row.help) + "\n";
  for (std::string_view alias : row.aliases) {
    if (!alias.empty()) text += fmt::format("Also written \\fB\\-\\-{}\\fR.\n", roff(alias));
  }
  return text;
}

std::string manual_variables(Command command, const RowList& rows) {
  std::vector<std::pair<std::string_view, const RowInfo*>> variables;
  for (const RowInfo* row : rows) {
    if (!row->refusal.empty()) continue;
    for (std::string_view name : base::split_nonempty(row->variable(command), ',')) {
      variables.emplace_back(name, row);
    }
  }
  if (variables.empty()) return "";
  std::sort(variables.begin(), variables.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text =
      ".SH \"INPUT ENVIRONMENT VARIABLES\"\nAn option on the command line outranks its "
      "variable.\n";
  for (const auto& [name, row] : variables) {
    text += fmt::format(".TP\n\\fB{}\\fR\nSame as \\fB\\-\\-{}\\fR.\n", name, roff(row->name));
  }
  return text;
}

// The choices of "{a|b}", blank separated.
std::string choices_of(const RowInfo& row) {
  const std::string_view text = row.placeholder;
  if (!text.starts_with('{') || !text.ends_with('}')) return "";
  std::string words(text.substr(1, text.size() - 2));
  std::replace(words.begin(), words.end(), '|', ' ');
  return words;
}

}  // namespace

std::span<const Command> all_commands() { return kCommands; }
std::string_view command_name(Command command) { return names_of(command).name; }

std::string help_text(Command command) {
  const RowList rows = rows_of(command);
  const std::string_view operands = names_of(command).operands;
  std::string text = fmt::format("Usage: {} [OPTIONS]{}{}\n", command_name(command),
                                 operands.empty() ? "" : " ", operands);
  for (std::size_t group = 0; group < kGroupTitles.size(); ++group) {
    std::string entries;
    for (const RowInfo* row : rows) {
      const bool here = static_cast<std::size_t>(row->group) == group && row->refusal.empty();
      if (here) entries += help_entry(*row);
    }
    if (!entries.empty()) text += fmt::format("\n{}:\n{}", kGroupTitles[group], entries);
  }
  return text;
}

std::string usage_text(Command command) {
  const std::string head = fmt::format("Usage: {} ", command_name(command));
  std::vector<std::string> items;
  for (const RowInfo* row : rows_of(command)) {
    if (row->refusal.empty() && row->group != Group::help) items.push_back(usage_item(*row));
  }
  for (std::string_view word : base::split_nonempty(names_of(command).operands, ' ')) {
    items.emplace_back(word);
  }
  std::string text = head;
  std::size_t used = head.size();
  bool first = true;
  for (const std::string& item : items) {
    const std::size_t needed = item.size() + (first ? 0 : 1);
    if (!first && used + needed > kWidth) {
      text += "\n" + std::string(head.size(), ' ');
      used = head.size();
    } else if (!first) {
      text += ' ';
      ++used;
    }
    text += item;
    used += item.size();
    first = false;
  }
  return text + "\n";
}

std::string completion_text(Command command) {
  const std::string_view name = command_name(command);
  std::string words;
  std::string cases;
  for (const RowInfo* row : rows_of(command)) {
    if (!row->refusal.empty()) continue;
    words += fmt::format(" --{}{}", row->name, row->arg == Arg::required ? "=" : "");
    if (row->letter != 0) words += fmt::format(" -{}", row->letter);
    const std::string choices = choices_of(*row);
    if (!choices.empty()) {
      cases += fmt::format("    --{}) COMPREPLY=($(compgen -W '{}' -- \"$value\")); return ;;\n",
                           row->name, choices);
    }
  }
  return fmt::format(
      "# bash completion for {0}, made from its option table\n"
      "_sluice_{0}() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD-1]}} value\n"
      "  value=$word\n"
      "  if [[ $option == = ]]; then option=${{COMP_WORDS[COMP_CWORD-2]}}; fi\n"
      "  if [[ $word == = ]]; then option=${{COMP_WORDS[COMP_CWORD-1]}} value=; fi\n"
      "  case $option in\n"
      "{1}"
      "  esac\n"
      "  if [[ $word == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W '{2}' -- \"$word\"))\n"
      "    if [[ ${{#COMPREPLY[@]}} == 1 && ${{COMPREPLY[0]}} == *= ]]; then compopt -o nospace; "
      "fi\n"
      "  else\n"
      "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "  fi\n"
      "}}\n"
      "complete -F _sluice_{0} {0}\n",
      name, cases, words.empty() ? words : words.substr(1));
}

std::string manual_options(Command command) {
  const RowList rows = rows_of(command);
  const std::string_view operands = names_of(command).operands;
  std::string text =
      fmt::format(".SH SYNOPSIS\n\\fB{}\\fR [\\fIOPTIONS\\fR]{}{}\n.SH OPTIONS\n",
                  command_name(command), operands.empty() ? "" : " ", roff(operands));
  std::string refused;
  for (const RowInfo* row : rows) {
    if (row->refusal.empty()) {
      text += manual_entry(*row);
    } else {
      refused += manual_head(*row) + fmt::format("Refused: {}.\n", roff(row->refusal));
    }
  }
  if (!refused.empty()) {
    text +=
        ".SH \"REFUSED OPTIONS\"\nThese options of Slurm are known and end the command with an "
        "error.\n" +
        refused;
  }
  return text + manual_variables(command, rows);
}

}  // namespace sluice::opt
