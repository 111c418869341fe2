// See key_values.hpp.
#include "base/key_values.hpp"

namespace sluice::base {

namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

Result<KeyValues> parse_key_values(std::string_view text, std::string_view name) {
  KeyValues values;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = std::string(name) + ":" + std::to_string(number) + ": ";
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      return fail(ErrorCode::invalid_argument, where + "expected \"key: value\"");
    }
    std::string key(trimmed(line.substr(0, colon)));
    if (!values.emplace(key, trimmed(line.substr(colon + 1))).second) {
      return fail(ErrorCode::invalid_argument, where + key + " stands twice");
    }
  }
  return values;
}

std::string format_key_values(const KeyValues& values) {
  std::string text;
  for (const auto& [key, value] : values) text += key + ": " + value + "\n";
  return text;
}

std::string value_or(const KeyValues& values, std::string_view key, std::string_view otherwise) {
  const auto found = values.find(key);
  return found == values.end() ? std::string(otherwise) : found->second;
}

}  // namespace sluice::base
