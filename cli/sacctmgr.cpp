// sacctmgr: accounts, users, QOS and their limits. One command on the command line, or, with none,
// command after command from standard input.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "cli/common/program.hpp"
#include "cli/sacctmgr/console.hpp"

using namespace sluice;

namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;

bool ends_session(const std::string& word) {
  return base::abbreviates(word, "exit") || base::abbreviates(word, "quit", 4);
}

int run_interactively(cli::accounting::Console& console) {
  const bool prompts = ::isatty(STDIN_FILENO) == 1;
  int worst = 0;
  std::string before;
  while (true) {
    if (prompts) {
      std::fputs("sacctmgr: ", stdout);
      std::fflush(stdout);
    }
    const cli::accounting::LineReader::Answer answer = console.input().next();
    if (answer.ending == cli::accounting::LineReader::Ending::end) return worst;
    if (base::trim(answer.line) != "!!") before = answer.line;
    const Result<std::vector<std::string>> words = base::split_words(before);
    if (!words) {
      worst = console.complain(words.error().text);
      continue;
    }
    if (words->empty()) continue;
    if (ends_session(words->front())) return worst;
    worst = std::max(worst, cli::accounting::run_command(console, *words));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::SacctmgrOptions> options = opt::parse_sacctmgr(invocation);
  if (!options) return cli::stop_with(options.error());
  const std::vector<std::string> words = options->words;
  cli::accounting::Console console(std::move(*options), invocation.environment);
  if (words.empty()) return run_interactively(console);
  if (ends_session(words.front())) return 0;
  return cli::accounting::run_command(console, words);
}
