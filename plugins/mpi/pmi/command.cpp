// Cutting, parsing and formatting of PMI commands: see the header.
#include "plugins/mpi/pmi/command.hpp"

#include <charconv>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::mpi_pmi {
namespace {

constexpr std::size_t kLengthColumns = 6;
constexpr std::size_t kMaxFields = 256;

tl::unexpected<Error> nonsense(std::string_view what) {
  return fail(ErrorCode::protocol, fmt::format("PMI: {}", what));
}

Result<Command> with_name(std::vector<std::pair<std::string, std::string>> fields) {
  if (fields.empty() || (fields[0].first != "cmd" && fields[0].first != "mcmd")) {
    return nonsense("a command without cmd=");
  }
  Command command;
  command.name = std::move(fields[0].second);
  fields.erase(fields.begin());
  command.fields = std::move(fields);
  return command;
}

}  // namespace

std::string_view Command::get(std::string_view key) const {
  for (const auto& [field, value] : fields) {
    if (field == key) return value;
  }
  return {};
}

Result<Command> parse_line(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const std::string_view word : base::split_nonempty(line, ' ')) {
    const base::Cut pair = base::cut(word, '=');
    if (!pair.found || fields.size() == kMaxFields) return nonsense("a line that can't be read");
    fields.emplace_back(pair.before, pair.after);
  }
  return with_name(std::move(fields));
}

std::string format_line(const Command& command) {
  std::string text = "cmd=" + command.name;
  for (const auto& [key, value] : command.fields) text += fmt::format(" {}={}", key, value);
  return text + '\n';
}

Result<Command> parse_message(std::string_view body) {
  std::vector<std::pair<std::string, std::string>> fields;
  std::size_t at = 0;
  while (at < body.size()) {
    const std::size_t equals = body.find('=', at);
    if (equals == std::string_view::npos || fields.size() == kMaxFields) {
      return nonsense("a message that can't be read");
    }
    std::string value;
    std::size_t end = equals + 1;
    for (; end < body.size(); ++end) {
      if (body[end] != ';') {
        value += body[end];
      } else if (end + 1 < body.size() && body[end + 1] == ';') {
        value += ';';
        ++end;
      } else {
        break;
      }
    }
    fields.emplace_back(body.substr(at, equals - at), std::move(value));
    at = end + 1;
  }
  return with_name(std::move(fields));
}

std::string format_message(const Command& command) {
  std::string body = "cmd=" + command.name + ';';
  for (const auto& [key, value] : command.fields) {
    body += key;
    body += '=';
    for (const char letter : value) body.append(letter == ';' ? 2 : 1, letter);
    body += ';';
  }
  return fmt::format("{:6}{}", body.size(), body);
}

Result<Extent> cut_line(std::string_view input) {
  const bool multi = input.starts_with("mcmd=");
  const std::string_view ending = multi ? "endcmd\n" : "\n";
  const std::size_t at = input.find(ending);
  if (at == std::string_view::npos) {
    if (input.size() > kMaxCommand) return nonsense("a line without an end");
    return Extent{};
  }
  // Of the many lines of a spawn the first is enough to refuse it.
  return Extent{input.substr(0, input.find('\n')), at + ending.size(), true};
}

Result<Extent> cut_message(std::string_view input) {
  if (input.size() < kLengthColumns) return Extent{};
  const std::string_view digits = base::trim(input.substr(0, kLengthColumns));
  std::size_t length = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() ||
      length == 0 || length > kMaxCommand) {
    return nonsense("a message of an impossible length");
  }
  if (input.size() - kLengthColumns < length) return Extent{};
  return Extent{input.substr(kLengthColumns, length), kLengthColumns + length, true};
}

}  // namespace sluice::mpi_pmi
