// See file_pattern.hpp.
#include "report/file_pattern.hpp"

#include <algorithm>
#include <optional>

namespace sluice::report {

namespace {

constexpr std::size_t kMaxPadding = 10;
constexpr std::uint32_t kNoTaskShown = model::kNoTask - 1;  // Slurm's number for "none"

std::uint32_t shown_task(const model::Job& job) {
  return job.array_task == model::kNoTask ? kNoTaskShown : job.array_task;
}

std::string short_host(std::string_view name) {
  return std::string(name.substr(0, name.find('.')));
}

// The number that a letter stands for.
std::optional<std::uint32_t> number_of(char letter, const model::Job& job) {
  switch (letter) {
    case 'A': return job.array_job.is_set() ? job.array_job.value : job.id.value;
    case 'a': return shown_task(job);
    case 'b': return shown_task(job) % 10;
    case 'J':
    case 'j': return job.id.value;
    case 'n':
    case 't': return 0;
    default: return std::nullopt;
  }
}

std::optional<std::string> text_of(char letter, const model::Job& job) {
  switch (letter) {
    case '%': return "%";
    case 'N': return short_host(job.batch_host);
    case 's': return "batch";
    case 'u': return job.spec->user.str();
    case 'x': return job.spec->name.str();
    default: return std::nullopt;
  }
}

}  // namespace

std::string expand_file_pattern(std::string_view pattern, const model::Job& job) {
  std::string result;
  if (pattern.find('\\') != std::string_view::npos) {
    std::ranges::copy_if(pattern, std::back_inserter(result), [](char c) { return c != '\\'; });
    return result;
  }
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '%') {
      result.push_back(pattern[at]);
      continue;
    }
    std::size_t letter = at + 1;
    std::size_t padding = 0;
    while (letter < pattern.size() && pattern[letter] >= '0' && pattern[letter] <= '9') {
      padding =
          std::min(padding * 10 + static_cast<std::size_t>(pattern[letter++] - '0'), kMaxPadding);
    }
    const char what = letter < pattern.size() ? pattern[letter] : '\0';
    if (const auto number = number_of(what, job)) {
      const std::string digits = std::to_string(*number);
      result.append(padding > digits.size() ? padding - digits.size() : 0, '0');
      result += digits;
    } else if (const auto text = text_of(what, job)) {
      result += *text;
    } else {
      result += pattern.substr(at, letter + 1 - at);
    }
    at = letter;
  }
  return result;
}

}  // namespace sluice::report
