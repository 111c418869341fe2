// Reads words into uses of options. getopt_long does the hard part (prefixes, joined letters,
// permutation); its messages are rebuilt here word for word, since it would print them itself.
#include "opt/line.hpp"

#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::opt {
namespace {

constexpr int kFirstValue = 256;  // getopt's values: above any letter

int argument_kind(Arg arg) {
  switch (arg) {
    case Arg::none: return no_argument;
    case Arg::required: return required_argument;
    case Arg::optional: return optional_argument;
  }
  return no_argument;
}

bool stops_at_operand(Command command) { return (mask_of(command) & kSubmit) != 0; }

// The two forms in which getopt_long wants a table. Names are views of constants that end in a
// zero byte (literals), so their data() may be handed to C.
struct GetoptTable {
  std::string letters;
  std::vector<option> options;

  GetoptTable(const RowList& rows, bool stop_at_operand) : letters(stop_at_operand ? "+:" : ":") {
    options.reserve(rows.size() + 16);
    for (std::size_t i = 0; i < rows.size(); ++i) add(*rows[i], kFirstValue + static_cast<int>(i));
    std::sort(options.begin(), options.end(), [](const option& a, const option& b) {
      return std::string_view(a.name) < std::string_view(b.name);
    });
    options.push_back(option{nullptr, 0, nullptr, 0});
  }

 private:
  void add(const RowInfo& row, int value) {
    options.push_back(option{row.name.data(), argument_kind(row.arg), nullptr, value});
    for (std::string_view alias : row.aliases) {
      if (alias.empty()) continue;
      options.push_back(option{alias.data(), argument_kind(row.arg), nullptr, value});
    }
    if (row.letter == 0) return;
    letters += row.letter;
    if (row.arg != Arg::none) letters += ':';
    if (row.arg == Arg::optional) letters += ':';
  }
};

const RowInfo* row_of_value(const RowList& rows, int value) {
  if (value >= kFirstValue) return rows[static_cast<std::size_t>(value - kFirstValue)];
  for (const RowInfo* row : rows) {
    if (row->letter != 0 && row->letter == value) return row;
  }
  return nullptr;
}

// The long name that a mistaken word would have meant: for "--hol=3", "hold".
std::string_view full_name(const GetoptTable& table, int value, std::string_view word) {
  const std::string_view typed = base::cut(word.substr(2), '=').before;
  for (const option& o : table.options) {
    if (o.name != nullptr && o.val == value && std::string_view(o.name).starts_with(typed)) {
      return o.name;
    }
  }
  return typed;
}

std::string unknown_long(const GetoptTable& table, std::string_view word) {
  const std::string_view typed = base::cut(word.substr(2), '=').before;
  std::string possible;
  const option* first = nullptr;
  for (const option& o : table.options) {
    if (o.name == nullptr || !std::string_view(o.name).starts_with(typed)) continue;
    // Another name for what the first match means is no other possibility.
    if (first != nullptr && o.val == first->val) continue;
    if (first == nullptr) first = &o;
    possible += fmt::format(" '--{}'", o.name);
  }
  if (possible.empty()) return fmt::format("unrecognized option '{}'", word);
  return fmt::format("option '{}' is ambiguous; possibilities:{}", word, possible);
}

// What getopt_long would have printed after the program's name. `result` is '?' or ':'; `last` is
// the word before optind: the mistaken one, if it is a long option.
std::string getopt_message(const GetoptTable& table, int result, std::string_view last) {
  const char letter = static_cast<char>(optopt);
  if (optopt == 0) return unknown_long(table, last);
  if (optopt < kFirstValue) {
    return result == ':' ? fmt::format("option requires an argument -- '{}'", letter)
                         : fmt::format("invalid option -- '{}'", letter);
  }
  const std::string_view name = full_name(table, optopt, last);
  return result == ':' ? fmt::format("option '--{}' requires an argument", name)
                       : fmt::format("option '--{}' doesn't allow an argument", name);
}

Stop usage_error(Command command, const std::string& message) {
  const std::string_view name = command_name(command);
  Stop stop;
  stop.exit_code = usage_exit_code(command);
  stop.err = fmt::format("{}: {}\n", name, message);
  if (command != Command::sacct && command != Command::sstat) {
    stop.err += fmt::format("Try \"{} --help\" for more information\n", name);
  }
  return stop;
}

// One line of a script: nothing, a directive's text, or the first command.
enum class LineKind : std::uint8_t { comment, directive, command };

LineKind kind_of(std::string_view line) {
  if (line.starts_with("#SBATCH")) return LineKind::directive;
  const std::string_view rest = base::trim(line);
  return rest.empty() || rest.front() == '#' ? LineKind::comment : LineKind::command;
}

struct DirectivePlace {
  std::string_view script;
  std::size_t line = 0;
  std::string_view text;
};

Stop directive_fatal(const DirectivePlace& place, std::string_view what) {
  return Stop{1, "",
              fmt::format("sbatch: fatal: {}: line {}: {} in [{}]\n", place.script, place.line,
                          what, base::trim(place.text))};
}

// "#SBATCH hetjob", formerly "packjob"
bool begins_component(std::string_view directive) {
  const std::vector<std::string_view> words = base::split_nonempty(base::trim(directive), ' ');
  return !words.empty() && (words.front() == "hetjob" || words.front() == "packjob");
}

Parsed<Line> read_directive(const RowList& rows, const DirectivePlace& place) {
  auto words = split_directive(place.text);
  if (!words) return tl::unexpected<Stop>(directive_fatal(place, words.error().text));
  if (std::find(words->begin(), words->end(), ":") != words->end()) {
    return tl::unexpected<Stop>(directive_fatal(place, "Unexpected `:`"));
  }
  auto line = read_line(Command::sbatch, rows, *words);
  if (line && !line->operands.empty()) {
    return tl::unexpected<Stop>(stop_for(
        Command::sbatch,
        {fmt::format("Invalid directive found in batch script: {}", line->operands.front()), 255}));
  }
  return line;
}

// How Slurm reads a variable that stands for an option without argument.
bool switches_on(std::string_view value) {
  if (value.empty() || base::iequals(value, "yes")) return true;
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc{} && end == value.data() + value.size() && number != 0;
}

struct Variable {
  std::string_view name;
  std::string_view value;
};

std::optional<std::string_view> find_variable(const std::vector<Variable>& variables,
                                              std::string_view names) {
  for (std::string_view name : base::split_nonempty(names, ',')) {
    for (const Variable& variable : variables) {
      if (variable.name == name) return variable.value;
    }
  }
  return std::nullopt;
}

}  // namespace

Parsed<Line> read_line(Command command, const RowList& rows,
                       const std::vector<std::string>& arguments) {
  const GetoptTable table(rows, stops_at_operand(command));
  std::vector<std::string> words = arguments;
  std::string program(command_name(command));
  std::vector<char*> argv{program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int argc = static_cast<int>(argv.size()) - 1;

  Line line;
  optind = 0;  // start afresh
  opterr = 0;
  for (;;) {
    optopt = 0;
    const int result =
        getopt_long(argc, argv.data(), table.letters.c_str(), table.options.data(), nullptr);
    if (result == -1) break;
    if (result == '?' || result == ':') {
      const auto last = static_cast<std::size_t>(std::clamp(optind - 1, 1, argc - 1));
      return tl::unexpected<Stop>(usage_error(command, getopt_message(table, result, argv[last])));
    }
    Given use;
    use.row = row_of_value(rows, result);
    use.has_value = optarg != nullptr;
    if (use.has_value) use.value = optarg;
    const bool next = use.row->takes_next_word && !use.has_value && optind < argc &&
                      *argv[static_cast<std::size_t>(optind)] != '-';
    if (next) {
      use.value = argv[static_cast<std::size_t>(optind++)];
      use.has_value = true;
    }
    line.given.push_back(std::move(use));
    if (line.given.back().row->group == Group::help) break;  // answered whatever follows
  }
  for (int i = optind; i < argc; ++i) line.operands.emplace_back(argv[static_cast<std::size_t>(i)]);
  return line;
}

Parsed<std::vector<std::vector<Given>>> read_script(const RowList& rows, std::string_view script,
                                                    std::string_view name) {
  std::vector<std::vector<Given>> given(1);
  std::size_t number = 0;
  while (!script.empty()) {
    const base::Cut line = base::cut(script, '\n');
    script = line.after;
    ++number;
    const LineKind kind = kind_of(line.before);
    if (kind == LineKind::command) break;
    if (kind == LineKind::comment) continue;
    if (begins_component(line.before.substr(7))) {
      given.emplace_back();
      continue;
    }
    auto directive = read_directive(rows, {name, number, line.before.substr(7)});
    if (!directive) return tl::unexpected<Stop>(std::move(directive.error()));
    for (Given& use : directive->given) {
      use.source = Source::script;
      given.back().push_back(std::move(use));
    }
  }
  return given;
}

std::vector<Given> read_environment(Command command, const RowList& rows,
                                    const base::Environment& environment) {
  std::vector<Variable> variables;
  for (const std::string& entry : environment.entries()) {
    // Slurm's begin with S, pyxis' with P: a cheap sieve.
    if (entry.front() != 'S' && entry.front() != 'P') continue;
    const base::Cut parts = base::cut(entry, '=');
    variables.push_back({parts.before, parts.after});
  }
  std::vector<Given> given;
  for (const RowInfo* row : rows) {
    const auto value = find_variable(variables, row->variable(command));
    if (!value) continue;
    if (row->arg == Arg::none && !row->reads_variable && !switches_on(*value)) continue;
    const bool has_value = row->arg == Arg::required || !value->empty();
    given.push_back(Given{row, std::string(*value), has_value, Source::environment});
  }
  return given;
}

Result<std::vector<std::string>> split_directive(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (quote == 0 && c == '#') break;
    if (quote == 0 && blank) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    in_word = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && i + 1 < text.size()) {
      const char next = text[i + 1];
      if (quote == 0 && (next == ' ' || next == '\t')) continue;  // the blank still separates
      word += next;
      ++i;
    } else {
      word += c;
    }
  }
  if (quote != 0) return fail(ErrorCode::invalid_argument, fmt::format("Unmatched `{}`", quote));
  if (in_word) words.push_back(std::move(word));
  return words;
}

Outcome check_script(std::string_view script) {
  const auto bad = [](std::string text) {
    return tl::unexpected<Complaint>(Complaint{std::move(text), 1});
  };
  if (script.empty()) return bad("Batch script is empty!");
  if (base::trim(script).empty()) return bad("Batch script contains only whitespace!");
  if (!script.starts_with("#!")) {
    return bad(
        "This does not look like a batch script.  The first\n"
        "line must start with #! followed by the path to an interpreter.\n"
        "For instance: #!/bin/sh");
  }
  if (script.find('\0') != std::string_view::npos) {
    return bad("The Slurm controller does not allow scripts that\ncontain a NULL character '\\0'.");
  }
  if (script.find("\r\n") != std::string_view::npos) {
    return bad(
        "Batch script contains DOS line breaks (\\r\\n)\n"
        "instead of expected UNIX line breaks (\\n).");
  }
  return {};
}

Stop stop_for(Command command, const Complaint& complaint) {
  if (!complaint.notice.empty()) return Stop{0, complaint.notice, ""};
  Stop stop;
  stop.exit_code = complaint.exit_code;
  if (!complaint.before.empty()) stop.err = complaint.before + "\n";
  const std::string_view severity = complaint.severity == Severity::fatal ? "fatal" : "error";
  for (std::string_view line : base::split(complaint.text, '\n')) {
    if (complaint.severity != Severity::bare) {
      stop.err += fmt::format("{}: {}: ", command_name(command), severity);
    }
    stop.err += fmt::format("{}\n", line);
  }
  return stop;
}

Complaint refusal_of(const RowInfo& row) {
  return {fmt::format("--{} is not supported by Sluice: {}", row.name, row.refusal), 1};
}

int usage_exit_code(Command command) { return stops_at_operand(command) ? 255 : 1; }

std::optional<Stop> find_help(Command command, const std::vector<Given>& given) {
  for (const Given& use : given) {
    if (use.row->group != Group::help) continue;
    const std::string_view name = use.row->name;
    if (name == "help") return Stop{0, help_text(command), ""};
    if (name == "usage") return Stop{0, usage_text(command), ""};
    return Stop{0, kVersionLine, ""};
  }
  return std::nullopt;
}

}  // namespace sluice::opt
