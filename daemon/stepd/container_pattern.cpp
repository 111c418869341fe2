// See the header.
#include "daemon/stepd/container_pattern.hpp"

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

std::string quoted(const std::vector<std::string>& argv) {
  std::string line;
  for (const std::string& word : argv) {
    if (!line.empty()) line += ' ';
    line += base::shell_quote(word);
  }
  return line;
}

Result<std::string> value_of(char letter, const PatternValues& values) {
  switch (letter) {
    case '%': return std::string("%");
    case '@': return quoted(values.argv);
    case 'b': return values.bundle;
    case 'e': return values.env_file;
    case 'j': return std::to_string(values.job);
    case 'm': return values.spool;
    case 'n': return values.node;
    case 'p': return std::to_string(values.pid);
    case 'r': return values.rootfs;
    case 's': return values.step;
    case 't': return std::to_string(values.task);
    case 'u': return values.user;
    case 'U': return std::to_string(values.uid);
    case 'Z': return values.work_dir;
    default:
      return fail(ErrorCode::invalid_argument,
                  fmt::format("container run pattern: unknown word '%{}'", letter));
  }
}

Result<std::string> expand_word(std::string_view word, const PatternValues& values) {
  std::string result;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      result += word[i];
      continue;
    }
    if (++i == word.size()) {
      return fail(ErrorCode::invalid_argument, "container run pattern: '%' at the end of a word");
    }
    auto value = value_of(word[i], values);
    if (!value) return value;
    result += *value;
  }
  return result;
}

}  // namespace

Result<std::vector<std::string>> expand_pattern(std::string_view pattern,
                                                const PatternValues& values) {
  auto words = base::split_words(pattern);
  if (!words) return context("container run pattern", std::move(words.error()));
  std::vector<std::string> result;
  for (const std::string& word : *words) {
    if (word == "%@") {
      result.insert(result.end(), values.argv.begin(), values.argv.end());
      continue;
    }
    auto expanded = expand_word(word, values);
    if (!expanded) return tl::unexpected(expanded.error());
    result.push_back(std::move(*expanded));
  }
  if (result.empty()) return fail(ErrorCode::invalid_argument, "container run pattern: empty");
  return result;
}

bool pattern_uses(std::string_view pattern, char letter) {
  for (std::size_t i = 0; i + 1 < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    if (pattern[i + 1] == letter) return true;
    ++i;
  }
  return false;
}

}  // namespace sluice::stepd
