// make_man: writes what is made from the option and field tables, for one command:
//
//   make_man COMMAND PAGE.in PAGE COMPLETION
//
// PAGE is PAGE.in with its marker lines replaced: `.\" SYNOPSIS` and `.\" OPTIONS` by the parts of
// opt::manual_options (the options, those that are refused, and the variables), `.\" FIELDS` by the
// table of the command's columns. A page without the first two is an error: a page that doesn't
// tell the options must not be installed. COMPLETION is the script for bash.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "opt/render.hpp"
#include "report/history_fields.hpp"
#include "report/job_fields.hpp"
#include "report/node_fields.hpp"

namespace {

using namespace sluice;

constexpr std::string_view kSynopsisMark = ".\\\" SYNOPSIS\n";
constexpr std::string_view kOptionsMark = ".\\\" OPTIONS\n";
constexpr std::string_view kFieldsMark = ".\\\" FIELDS\n";

std::optional<opt::Command> command_of(std::string_view name) {
  for (const opt::Command command : opt::all_commands()) {
    if (opt::command_name(command) == name) return command;
  }
  return std::nullopt;
}

std::string roff_hyphens(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '-' ? std::string("\\-") : std::string(1, c);
  return out;
}

// Letter, header and name of each column, in a block that is printed as it stands.
template <class Fields>
std::string field_table(const Fields& fields) {
  std::string out = ".nf\n.ft CW\n\\fB" + fmt::format("{:<6}{:<22}{}", "\\-o", "header", "\\-O") +
                    "\\fR\n.ft CW\n";
  for (const auto& field : fields) {
    const std::string letter = field.letter == 0 ? "" : fmt::format("%{}", field.letter);
    const std::string_view header =
        field.letter != 0 && !field.letter_header.empty() ? field.letter_header : field.header;
    out += roff_hyphens(fmt::format("{:<5}{:<22}{}", letter, header, field.name)) + "\n";
  }
  return out + ".ft R\n.fi\n";
}

// sacct's and sstat's columns have names only.
std::string name_list(std::span<const report::HistoryField> fields) {
  std::string out;
  for (const report::HistoryField& field : fields) {
    out += (out.empty() ? "" : ",\n") + roff_hyphens(field.name);
  }
  return out + ".\n";
}

std::string fields_of(opt::Command command) {
  switch (command) {
    case opt::Command::squeue:
      return field_table(report::job_fields()) + ".SS \"Steps (\\-s)\"\n" +
             field_table(report::step_fields());
    case opt::Command::sinfo: return field_table(report::node_fields());
    case opt::Command::sacct: return name_list(report::history_fields());
    case opt::Command::sstat: return name_list(report::live_fields());
    default: return "";
  }
}

bool replace(std::string& page, std::string_view mark, std::string_view text) {
  const std::size_t at = page.find(mark);
  if (at == std::string::npos) return false;
  page.replace(at, mark.size(), text);
  return true;
}

bool write(const char* path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return !file.fail();
}

int complain(const std::string& text) {
  std::fprintf(stderr, "make_man: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return complain("usage: make_man COMMAND PAGE.in PAGE COMPLETION");
  const std::optional<opt::Command> command = command_of(argv[1]);
  if (!command) return complain(std::string(argv[1]) + " has no option table");
  std::ifstream file(argv[2]);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) return complain(std::string(argv[2]) + ": can't be read");
  std::string page = content.str();

  const std::string manual = opt::manual_options(*command);
  const std::size_t options = manual.find(".SH OPTIONS\n");
  if (options == std::string::npos || !replace(page, kSynopsisMark, manual.substr(0, options)) ||
      !replace(page, kOptionsMark, manual.substr(options))) {
    return complain(std::string(argv[2]) + ": no place for the options");
  }
  replace(page, kFieldsMark, fields_of(*command));
  if (!write(argv[3], page)) return complain(std::string(argv[3]) + ": can't be written");
  if (!write(argv[4], opt::completion_text(*command))) {
    return complain(std::string(argv[4]) + ": can't be written");
  }
  return 0;
}
