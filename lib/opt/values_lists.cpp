// Argument languages that are lists: GRES, array tasks, dependencies, task ranks.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

constexpr std::array<std::string_view, 6> kDependencyTypes{"after",      "afterany",  "afterok",
                                                           "afternotok", "aftercorr", ""};

constexpr std::uint32_t kMostChecked = 1U << 20U;  // tasks of --multi-prog looked for by number

auto invalid_gres() { return fail(ErrorCode::invalid_gres); }
auto invalid_array() { return fail(ErrorCode::invalid_array); }
auto invalid_dependency() { return fail(ErrorCode::invalid_dependency); }

bool is_number_like(std::string_view text) {
  return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

bool is_gres_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

// name, name:count, name:type, name:type:count; name=count as well.
Result<model::GresRequest> gres_item(std::string_view text) {
  std::string normal(text);
  std::replace(normal.begin(), normal.end(), '=', ':');
  for (std::string_view prefix : {"gres/", "gres:"}) {
    if (normal.starts_with(prefix)) normal.erase(0, prefix.size());
  }
  auto parts = base::split(normal, ':');
  if (parts.size() > 3 || !is_gres_word(parts[0])) return invalid_gres();
  model::GresRequest request;
  request.name = parts[0];
  request.count = 1;
  const bool has_count = parts.size() > 1 && (parts.size() == 3 || is_number_like(parts.back()));
  if (has_count) {
    const auto count = base::parse_count(parts.back());
    if (!count) return invalid_gres();
    request.count = *count;
    parts.pop_back();
  }
  if (parts.size() == 2) {
    if (!is_gres_word(parts[1])) return invalid_gres();
    request.type = parts[1];
  }
  return request;
}

Result<model::GresRequest> gpu_item(std::string_view text, model::GresScope scope) {
  model::GresRequest request;
  request.name = "gpu";
  request.scope = scope;
  std::string normal(text);
  std::replace(normal.begin(), normal.end(), '=', ':');
  const base::Cut parts = base::cut(normal, ':');
  if (parts.found) {
    if (!is_gres_word(parts.before) || is_number_like(parts.before)) return invalid_gres();
    request.type = parts.before;
  }
  const auto count = base::parse_count(parts.found ? parts.after : parts.before);
  if (!count) return invalid_gres();
  request.count = *count;
  return request;
}

Status check_array_item(std::string_view item) {
  const base::Cut step = base::cut(item, ':');
  const base::Cut range = base::cut(step.before, '-');
  const auto first = base::parse_u32(range.before);
  if (!first || (step.found && !range.found)) return invalid_array();
  if (!range.found) return {};
  const auto last = base::parse_u32(range.after);
  if (!last || *last < *first) return invalid_array();
  if (!step.found) return {};
  const auto by = base::parse_u32(step.after);
  if (!by || *by == 0) return invalid_array();
  return {};
}

// "123", "123_4", "123_*", and for "after" also "123+5".
Status check_dependency_job(std::string_view text, bool may_delay) {
  const base::Cut delay = base::cut(text, '+');
  if (delay.found && (!may_delay || !base::parse_u32(delay.after))) return invalid_dependency();
  const base::Cut task = base::cut(delay.before, '_');
  const auto job = base::parse_u32(task.before);
  if (!job || *job == 0) return invalid_dependency();
  if (task.found && task.after != "*" && !base::parse_u32(task.after)) return invalid_dependency();
  return {};
}

Status check_dependency_item(std::string_view item) {
  if (base::iequals(item, "singleton")) return {};
  const auto parts = base::split(item, ':');
  std::string type = base::to_lower(parts[0]);
  std::size_t next = 1;
  if (is_number_like(type)) {  // a job alone means afterany
    type.clear();
    next = 0;
  } else if (type.empty() || std::find(kDependencyTypes.begin(), kDependencyTypes.end(), type) ==
                                 kDependencyTypes.end()) {
    return invalid_dependency();
  }
  if (next >= parts.size()) return invalid_dependency();
  for (; next < parts.size(); ++next) {
    if (auto checked = check_dependency_job(parts[next], type == "after"); !checked) {
      return checked;
    }
  }
  return {};
}

bool is_rank_list(std::string_view text) {
  if (text == "*") return true;
  for (std::string_view item : base::split(text, ',')) {
    const base::Cut range = base::cut(item, '-');
    if (!base::parse_u32(range.before)) return false;
    if (range.found && !base::parse_u32(range.after)) return false;
  }
  return true;
}

// Of a list that is_rank_list found well.
void mark_ranks(std::string_view text, std::vector<bool>& named) {
  if (text == "*") named.assign(named.size(), true);
  for (std::string_view item : base::split(text, ',')) {
    const base::Cut range = base::cut(item, '-');
    const auto first = base::parse_u32(range.before);
    const auto last = range.found ? base::parse_u32(range.after) : first;
    for (std::size_t rank = first ? *first : named.size(); last && rank <= *last; ++rank) {
      if (rank >= named.size()) break;
      named[rank] = true;
    }
  }
}

}  // namespace

Result<GresList> parse_gres(std::string_view text) {
  GresList list;
  if (base::iequals(text, "none")) {
    list.none = true;
    return list;
  }
  for (std::string_view item : base::split_nonempty(text, ',')) {
    auto request = gres_item(item);
    if (!request) return tl::unexpected<Error>(request.error());
    if (request->count != 0) list.items.push_back(std::move(*request));
  }
  return list;
}

Result<std::vector<model::GresRequest>> parse_gpus(std::string_view text, model::GresScope scope) {
  std::vector<model::GresRequest> requests;
  const auto items = base::split_nonempty(text, ',');
  if (items.empty()) return invalid_gres();
  for (std::string_view item : items) {
    auto request = gpu_item(item, scope);
    if (!request) return tl::unexpected<Error>(request.error());
    if (request->count != 0) requests.push_back(std::move(*request));
  }
  return requests;
}

Result<ArrayText> parse_array_text(std::string_view text) {
  ArrayText array;
  const base::Cut limit = base::cut(text, '%');
  if (limit.found) {
    const auto count = base::parse_u32(limit.after);
    if (!count) return invalid_array();
    array.limit = *count;
  }
  std::string_view tasks = limit.before;
  if (tasks.starts_with('[') && tasks.ends_with(']')) tasks = tasks.substr(1, tasks.size() - 2);
  for (std::string_view item : base::split(tasks, ',')) {
    if (auto checked = check_array_item(item); !checked) {
      return tl::unexpected<Error>(checked.error());
    }
  }
  array.tasks = tasks;
  return array;
}

Status check_dependency(std::string_view text) {
  const bool any = text.find('?') != std::string_view::npos;
  if (any && text.find(',') != std::string_view::npos) return invalid_dependency();
  for (std::string_view item : base::split(text, any ? '?' : ',')) {
    if (auto checked = check_dependency_item(item); !checked) return checked;
  }
  return {};
}

Status check_multi_prog(std::string_view text, std::string_view file, std::uint32_t tasks) {
  std::size_t number = 0;
  bool goes_on = false;  // the line before ended with a backslash
  std::vector<bool> named(std::min(tasks, kMostChecked));
  for (const std::string_view line : base::split(text, '\n')) {
    ++number;
    const std::string_view rest = base::trim(line);
    const bool belongs_to_last = std::exchange(goes_on, rest.ends_with('\\'));
    if (belongs_to_last || rest.empty() || rest.front() == '#') continue;
    const std::size_t blank = rest.find_first_of(" \t");
    if (blank == std::string_view::npos || !is_rank_list(rest.substr(0, blank))) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Line {} of configuration file {} invalid", number, file));
    }
    mark_ranks(rest.substr(0, blank), named);
  }
  const auto missing = std::ranges::find(named, false);
  if (missing == named.end()) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("Configuration file {} invalid, no record for task id {}", file,
                          missing - named.begin()));
}

std::string join_continued(std::string_view text) {
  std::string joined;
  while (!text.empty()) {
    const base::Cut line = base::cut(text, '\n');
    text = line.after;
    const std::string_view rest = base::trim(line.before);
    const bool goes_on = rest.ends_with('\\');
    joined += goes_on ? rest.substr(0, rest.size() - 1) : rest;
    joined += goes_on ? ' ' : '\n';
  }
  return joined;
}

}  // namespace sluice::opt
