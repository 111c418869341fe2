// Properties of the option tables themselves, and of what is made from them.
#include <getopt.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "opt/line.hpp"
#include "opt/query_state.hpp"
#include "opt/submit_state.hpp"
#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

// glibc's own table of the same rows, and what it prints for a word.
class Glibc {
 public:
  explicit Glibc(Command command) : program_(command_name(command)) {
    int value = 256;
    for (const RowInfo* row : rows_of(command)) {
      const int kind = row->arg == Arg::none       ? no_argument
                       : row->arg == Arg::required ? required_argument
                                                   : optional_argument;
      table_.push_back({row->name.data(), kind, nullptr, value});
      for (std::string_view alias : row->aliases) {
        if (!alias.empty()) table_.push_back({alias.data(), kind, nullptr, value});
      }
      ++value;
    }
    std::sort(table_.begin(), table_.end(), [](const option& a, const option& b) {
      return std::string_view(a.name) < std::string_view(b.name);
    });
    table_.push_back({nullptr, 0, nullptr, 0});
  }

  std::string message(std::string word) {
    char* argv[] = {program_.data(), word.data(), nullptr};
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* memory = open_memstream(&text, &size);
    std::FILE* before = std::exchange(stderr, memory);
    optind = 0;
    opterr = 1;
    int result = 0;
    while (result != -1 && result != '?') {
      result = getopt_long(2, argv, "+", table_.data(), nullptr);
    }
    stderr = before;
    std::fclose(memory);
    std::string said(text, size);
    std::free(text);
    return said;
  }

 private:
  std::string program_;
  std::vector<option> table_;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n') + 1); }

class Tables : public testing::TestWithParam<Command> {};

TEST_P(Tables, NamesAndLettersAreUnique) {
  std::set<std::string_view> names;
  std::set<char> letters;
  for (const RowInfo* row : rows_of(GetParam())) {
    EXPECT_TRUE(names.insert(row->name).second) << row->name;
    for (std::string_view alias : row->aliases) {
      if (alias.empty()) continue;
      EXPECT_TRUE(names.insert(alias).second) << alias;
    }
    if (row->letter == 0) continue;
    EXPECT_TRUE(letters.insert(row->letter).second) << row->letter;
  }
  EXPECT_GT(names.size(), 10U);
}

TEST_P(Tables, AcceptedRowsAreExplained) {
  for (const RowInfo* row : rows_of(GetParam())) {
    EXPECT_EQ(row->arg == Arg::none, row->placeholder.empty()) << row->name;
    EXPECT_TRUE(!row->refusal.empty() || !row->help.empty()) << row->name;
  }
}

TEST_P(Tables, VariablesBelongToOneRow) {
  const Command command = GetParam();
  std::set<std::string_view> seen;
  for (const RowInfo* row : rows_of(command)) {
    for (std::string_view name : base::split_nonempty(row->variable(command), ',')) {
      EXPECT_TRUE(seen.insert(name).second) << name;
    }
  }
}

// Every row can be reached by its full name, its letter and each of its aliases.
TEST_P(Tables, EveryRowIsReachable) {
  const Command command = GetParam();
  const RowList rows = rows_of(command);
  const auto reaches = [&](const RowInfo* row, const std::string& word) {
    const auto line = read_line(command, rows, {word});
    return line && line->given.size() == 1 && line->given[0].row == row;
  };
  for (const RowInfo* row : rows) {
    const std::string value = row->arg == Arg::required ? "=x" : "";
    EXPECT_TRUE(reaches(row, "--" + std::string(row->name) + value)) << row->name;
    for (std::string_view alias : row->aliases) {
      if (alias.empty()) continue;
      EXPECT_TRUE(reaches(row, "--" + std::string(alias) + value)) << alias;
    }
    if (row->letter == 0) continue;
    const std::string letter = {'-', row->letter};
    EXPECT_TRUE(reaches(row, letter + (value.empty() ? "" : "x"))) << letter;
  }
}

// For every prefix of every name: the same row or the very words of getopt_long.
TEST_P(Tables, PrefixesMeanWhatGetoptSays) {
  const Command command = GetParam();
  const RowList rows = rows_of(command);
  Glibc glibc(command);
  std::set<std::string> prefixes;
  for (const RowInfo* row : rows) {
    for (std::size_t n = 1; n <= row->name.size(); ++n) {
      prefixes.insert("--" + std::string(row->name.substr(0, n)));
    }
    prefixes.insert("--" + std::string(row->name) + "=1");
    prefixes.insert("--" + std::string(row->name) + "zz");
    prefixes.insert("--" + std::string(row->name.substr(0, 3)) + "=1");
  }
  for (const std::string& prefix : prefixes) {
    const auto line = read_line(command, rows, {prefix});
    EXPECT_EQ(line ? "" : first_line(line.error().err), glibc.message(prefix)) << prefix;
  }
}

TEST_P(Tables, RefusedRowsSayWhy) {
  const Command command = GetParam();
  for (const RowInfo* row : rows_of(command)) {
    if (row->refusal.empty()) continue;
    const Stop stop = stop_for(command, refusal_of(*row));
    EXPECT_EQ(stop.exit_code, 1);
    EXPECT_NE(stop.err.find("--" + std::string(row->name) + " is not supported by Sluice: "),
              std::string::npos);
  }
}

TEST_P(Tables, HelpListsWhatIsAcceptedAndNothingElse) {
  const Command command = GetParam();
  const std::string help = help_text(command);
  const std::string manual = manual_options(command);
  const std::string usage = usage_text(command);
  const std::string completion = completion_text(command);
  for (const RowInfo* row : rows_of(command)) {
    const bool accepted = row->refusal.empty();
    const std::string name = "--" + std::string(row->name);
    const bool in_help =
        help.find(name + " ") != std::string::npos || help.find(name + "=") != std::string::npos ||
        help.find(name + "[") != std::string::npos || help.find(name + "\n") != std::string::npos;
    EXPECT_EQ(in_help, accepted) << name;
    const bool completes = completion.find(name + " ") != std::string::npos ||
                           completion.find(name + "=") != std::string::npos ||
                           completion.find(name + "'") != std::string::npos;
    EXPECT_EQ(completes, accepted) << name;
  }
  for (std::string_view line : base::split(usage, '\n')) EXPECT_LE(line.size(), 110U) << line;
  EXPECT_NE(manual.find(".SH OPTIONS\n"), std::string::npos);
  EXPECT_TRUE(usage.starts_with("Usage: " + std::string(command_name(command))));
}

INSTANTIATE_TEST_SUITE_P(Commands, Tables,
                         testing::ValuesIn(all_commands().begin(), all_commands().end()),
                         [](const auto& of) { return std::string(command_name(of.param)); });

// A row either sets something, is refused, or is one of the three that print.
template <class Table>
void expect_complete(Table table) {
  for (const auto& row : table) {
    const bool prints = row.info.group == Group::help;
    const int ways = static_cast<int>(row.set != nullptr) +
                     static_cast<int>(!row.info.refusal.empty()) + static_cast<int>(prints);
    EXPECT_EQ(ways, 1) << row.info.name;
    EXPECT_NE(row.info.commands, 0U) << row.info.name;
  }
}

TEST(Rows, DoSomethingOrAreRefused) {
  for (const auto& table : submit_tables()) expect_complete(table);
  expect_complete(squeue_rows());
  expect_complete(sinfo_rows());
  expect_complete(scancel_rows());
  expect_complete(sacct_rows());
  expect_complete(scontrol_rows());
  expect_complete(sacctmgr_rows());
  expect_complete(sshare_rows());
  expect_complete(sprio_rows());
  expect_complete(sstat_rows());
  expect_complete(sreport_rows());
}

TEST(Rows, PermutationOnlyWhereSlurmPermutes) {
  const auto squeue = read_line(Command::squeue, rows_of(Command::squeue), {"x", "-h", "y", "-l"});
  ASSERT_TRUE(squeue);
  EXPECT_EQ(squeue->given.size(), 2U);
  EXPECT_EQ(squeue->operands, (std::vector<std::string>{"x", "y"}));
  const auto srun = read_line(Command::srun, rows_of(Command::srun), {"-l", "x", "-u"});
  ASSERT_TRUE(srun);
  EXPECT_EQ(srun->given.size(), 1U);
  EXPECT_EQ(srun->operands, (std::vector<std::string>{"x", "-u"}));
}

}  // namespace
}  // namespace sluice::opt::test
