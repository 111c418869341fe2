// sreport: who used how much of the cluster, and how its time was spent. One report on the command
// line, or, with none, command after command from standard input.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "cli/common/program.hpp"
#include "cli/sreport/session.hpp"

using namespace sluice;

namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;

int run_interactively(cli::reporting::Session& session) {
  const bool prompts = ::isatty(STDIN_FILENO) == 1;
  int worst = 0;
  std::string before;
  while (!session.over()) {
    if (prompts) {
      std::fputs("sreport: ", stdout);
      std::fflush(stdout);
    }
    std::string line;
    if (!std::getline(std::cin, line)) break;
    if (base::trim(line) != "!!") before = line;
    const Result<std::vector<std::string>> words = base::split_words(before);
    if (!words) {
      cli::print_error("sreport", words.error().text);
      worst = 1;
      continue;
    }
    if (!words->empty()) worst = std::max(worst, session.run(*words));
  }
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::SreportOptions> options = opt::parse_sreport(invocation);
  if (!options) return cli::stop_with(options.error());
  const std::vector<std::string> words = options->words;
  cli::reporting::Session session(std::move(*options), invocation);
  return words.empty() ? run_interactively(session) : session.run(words);
}
