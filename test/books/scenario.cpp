// See scenario.hpp.
#include "test/books/scenario.hpp"

#include <string_view>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::books {

namespace {

constexpr std::size_t kMostBytes = 64 * 1024 * 1024;

Result<Line> read_line(std::string_view text) {
  Result<std::vector<std::string>> words = base::split_words(text);
  if (!words) return tl::unexpected(words.error());
  if (words->size() < 2) return fail(ErrorCode::invalid_argument, "expected TIME VERB ...");
  Line line;
  line.at_us = std::stoll(words->front());
  line.words.assign(words->begin() + 1, words->end());
  return line;
}

}  // namespace

Result<std::vector<Line>> read_scenario(const std::string& path) {
  const Result<std::string> text = base::read_file(path, kMostBytes);
  if (!text) return tl::unexpected(text.error());
  std::vector<Line> lines;
  std::size_t number = 0;
  for (const std::string_view piece : base::split(*text, '\n')) {
    ++number;
    const std::string_view trimmed = base::trim(piece);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    Result<Line> line = read_line(trimmed);
    if (!line) return context(fmt::format("{}:{}", path, number), line.error());
    lines.push_back(std::move(*line));
  }
  return lines;
}

}  // namespace sluice::books
