// scontrol: shows the cluster's records and changes them. One command on the command line, or, with
// none, command after command from standard input.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "auth/user/become_user.hpp"
#include "base/strings.hpp"
#include "cli/common/program.hpp"
#include "cli/scontrol/console.hpp"
#include "report/json_envelope.hpp"

using namespace sluice;

namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;

// -u: from here on the kernel says that we are that user.
Status become(std::uint32_t uid) {
  const Result<auth::UserIdentity> user = auth::resolve_user(uid);
  if (!user) return tl::unexpected(user.error());
  if (auth::become_user(*user) != 0) {
    return fail(ErrorCode::access_denied, "can't become user " + user->name);
  }
  return {};
}

bool ends_session(const std::string& word) {
  return base::iequals(word, "exit") || base::iequals(word, "quit");
}

std::optional<std::string> read_line() {
  char* bytes = nullptr;
  std::size_t size = 0;
  const ssize_t length = ::getline(&bytes, &size, stdin);
  std::optional<std::string> line;
  if (length >= 0) line = std::string(bytes, static_cast<std::size_t>(length));
  std::free(bytes);
  if (line && line->ends_with('\n')) line->pop_back();
  return line;
}

int run_interactively(cli::Console& console) {
  const bool prompts = ::isatty(STDIN_FILENO) == 1;
  int worst = 0;
  std::string before;
  while (true) {
    if (prompts) {
      std::fputs("scontrol: ", stdout);
      std::fflush(stdout);
    }
    const std::optional<std::string> line = read_line();
    if (!line) return worst;
    if (*line != "!!") before = *line;
    const Result<std::vector<std::string>> words = base::split_words(before);
    if (!words) {
      worst = console.complain(words.error().text);
      continue;
    }
    if (words->empty()) continue;
    if (ends_session(words->front())) return worst;
    worst = std::max(worst, cli::run_command(console, *words));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::ScontrolOptions> options = opt::parse_scontrol(invocation);
  if (!options) return cli::stop_with(options.error());
  if (const std::string list = report::data_parser_list(options->data_parser); !list.empty()) {
    std::fputs(list.c_str(), stdout);
    return 0;
  }
  if (const Status parser = report::check_data_parser(options->data_parser); !parser) {
    cli::print_error(cli::kScontrol, parser.error().text);
    return 1;
  }
  if (options->run_as_uid) {
    if (const Status became = become(*options->run_as_uid); !became) {
      cli::print_error(cli::kScontrol, became.error().text);
      return 1;
    }
  }
  const std::vector<std::string> words = options->words;
  cli::Console console(std::move(*options), invocation.environment);
  if (!console.options().clusters.empty()) {
    if (const auto client = console.client(); !client) return console.error(client.error().text);
  }
  return words.empty() ? run_interactively(console) : cli::run_command(console, words);
}
