// See the header. One pass over the pattern.
#include "daemon/stepd/filename.hpp"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

namespace sluice::stepd {
namespace {

constexpr std::uint32_t kNoArrayTask = 0xfffffffe;  // Slurm's NO_VAL
constexpr std::size_t kMaxWidth = 10;

std::string step_text(StepNumber step) {
  if (step == base::kBatchStep) return "batch";
  if (step == base::kExternStep) return "extern";
  if (step == base::kInteractiveStep) return "interactive";
  return std::to_string(step);
}

std::string padded(std::string text, std::size_t width) {
  const bool number = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (number && text.size() < width) text.insert(0, width - text.size(), '0');
  return text;
}

std::optional<std::string> value_of(char letter, const FileNameValues& values) {
  const std::uint32_t index =
      values.array_task == model::kNoTask ? kNoArrayTask : values.array_task;
  switch (letter) {
    case 'A': return std::to_string(values.array_job == 0 ? values.job_id : values.array_job);
    case 'a': return std::to_string(index);
    case 'b': return std::to_string(index % 10);
    case 'J':
      if (values.step == base::kBatchStep) return std::to_string(values.job_id);
      return fmt::format("{}.{}", values.job_id, step_text(values.step));
    case 'j': return std::to_string(values.job_id);
    case 'N': return values.node.substr(0, values.node.find('.'));
    case 'n': return std::to_string(values.node_number);
    case 's': return step_text(values.step);
    case 't': return std::to_string(values.task);
    case 'u': return values.user;
    case 'x': return values.job_name;
    case '%': return "%";
    default: return std::nullopt;
  }
}

std::string without_backslashes(std::string_view pattern) {
  std::string result(pattern);
  std::erase(result, '\\');
  return result;
}

}  // namespace

std::string expand_file_name(std::string_view pattern, const FileNameValues& values) {
  if (pattern.find('\\') != std::string_view::npos) return without_backslashes(pattern);
  std::string result;
  std::size_t at = 0;
  while (at < pattern.size()) {
    if (pattern[at] != '%') {
      result += pattern[at++];
      continue;
    }
    std::size_t end = at + 1;
    std::size_t width = 0;
    while (end < pattern.size() && pattern[end] >= '0' && pattern[end] <= '9') {
      width = std::min(width * 10 + static_cast<std::size_t>(pattern[end] - '0'), kMaxWidth);
      ++end;
    }
    const auto value =
        end < pattern.size() ? value_of(pattern[end], values) : std::optional<std::string>();
    if (value) {
      result += padded(*value, width);
      at = end + 1;
    } else {
      result += pattern.substr(at, end - at);
      at = end;
    }
  }
  return result;
}

}  // namespace sluice::stepd
