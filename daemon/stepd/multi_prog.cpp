// See the header.
#include "daemon/stepd/multi_prog.hpp"

#include <optional>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

struct Place {
  std::uint32_t task = 0;
  std::uint32_t offset = 0;
};

// The task's position in "4-6,9"; nothing if it isn't there.
std::optional<std::uint32_t> position_in(std::string_view ranks, std::uint32_t task) {
  if (ranks == "*") return task;
  std::uint32_t before = 0;
  for (const std::string_view piece : base::split_nonempty(ranks, ',')) {
    const base::Cut range = base::cut(piece, '-');
    const auto first = base::parse_u32(range.before);
    const auto last = range.found ? base::parse_u32(range.after) : first;
    if (!first || !last || *last < *first) continue;
    if (task >= *first && task <= *last) return before + (task - *first);
    before += *last - *first + 1;
  }
  return std::nullopt;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Takes the next word off `rest`; %t and %o are replaced outside of quotes.
std::string next_word(std::string_view& rest, const Place& place) {
  std::string word;
  bool quoted = false;
  std::size_t at = 0;
  for (; at < rest.size() && (quoted || !is_blank(rest[at])); ++at) {
    const char c = rest[at];
    const char next = at + 1 < rest.size() ? rest[at + 1] : '\0';
    if (c == '\'') {
      quoted = !quoted;
    } else if (!quoted && c == '%' && (next == 't' || next == 'o')) {
      word += std::to_string(next == 't' ? place.task : place.offset);
      ++at;
    } else {
      word += c;
    }
  }
  rest.remove_prefix(at);
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  return word;
}

}  // namespace

Result<std::vector<std::string>> program_of_task(std::string_view configuration,
                                                 std::uint32_t task) {
  for (const std::string_view line : base::split_nonempty(configuration, '\n')) {
    std::string_view rest = base::trim(line);
    if (rest.empty() || line.front() == '#') continue;
    const std::size_t end = rest.find_first_of(" \t");
    if (end == std::string_view::npos) continue;
    const auto position = position_in(rest.substr(0, end), task);
    if (!position) continue;
    rest = base::trim(rest.substr(end));
    std::vector<std::string> words;
    while (!rest.empty()) words.push_back(next_word(rest, Place{task, *position}));
    return words;
  }
  return fail(ErrorCode::invalid_argument, "No executable program specified for this task");
}

}  // namespace sluice::stepd
