// Runs of array task ids: reading, writing, taking one out.
#include "model/task_set.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/assert.hpp"
#include "base/strings.hpp"

namespace sluice::model {

namespace {

std::optional<std::uint32_t> read_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "7", "1-9" or "1-9:2".
std::optional<TaskRun> read_run(std::string_view piece) {
  TaskRun run;
  const auto colon = piece.find(':');
  if (colon != std::string_view::npos) {
    const auto step = read_number(piece.substr(colon + 1));
    if (!step || *step == 0) return std::nullopt;
    run.step = *step;
    piece = piece.substr(0, colon);
  }
  const auto dash = piece.find('-');
  const auto first = read_number(piece.substr(0, dash));
  if (!first) return std::nullopt;
  run.first = run.last = *first;
  if (dash == std::string_view::npos) {
    if (run.step != 1) return std::nullopt;
    return run;
  }
  const auto last = read_number(piece.substr(dash + 1));
  if (!last || *last < *first) return std::nullopt;
  run.last = *last - (*last - *first) % run.step;
  if (run.first == run.last) run.step = 1;
  return run;
}

std::uint32_t run_count(const TaskRun& run) { return (run.last - run.first) / run.step + 1; }

bool in_run(const TaskRun& run, std::uint32_t task) {
  return task >= run.first && task <= run.last && (task - run.first) % run.step == 0;
}

// Ranges that interleave or overlap: by way of the plain list.
TaskSet rebuild(const std::vector<TaskRun>& runs) {
  std::vector<std::uint32_t> tasks;
  for (const TaskRun& run : runs) {
    for (std::uint64_t task = run.first; task <= run.last; task += run.step) {
      tasks.push_back(static_cast<std::uint32_t>(task));
    }
  }
  std::sort(tasks.begin(), tasks.end());
  tasks.erase(std::unique(tasks.begin(), tasks.end()), tasks.end());
  TaskSet set;
  for (const std::uint32_t task : tasks) {
    if (!set.runs.empty() && set.runs.back().last + 1 == task) {
      set.runs.back().last = task;
    } else {
      set.runs.push_back({task, task, 1});
    }
  }
  return set;
}

}  // namespace

Result<TaskSet> parse_tasks(std::string_view text, std::uint32_t greatest) {
  std::vector<TaskRun> runs;
  std::uint64_t total = 0;
  for (const std::string_view piece : base::split(text, ',')) {
    const auto run = read_run(piece);
    if (!run || run->last > greatest) return fail(ErrorCode::invalid_array);
    total += run_count(*run);
    // Overlapping ranges may name more than there are; no sensible list names many times more.
    if (total > 4 * (std::uint64_t{greatest} + 1)) return fail(ErrorCode::invalid_array);
    runs.push_back(*run);
  }
  std::sort(runs.begin(), runs.end(),
            [](const TaskRun& a, const TaskRun& b) { return a.first < b.first; });
  for (std::size_t i = 1; i < runs.size(); ++i) {
    if (runs[i].first <= runs[i - 1].last) return rebuild(runs);
  }
  return TaskSet{std::move(runs)};
}

std::string task_text(const TaskSet& set) {
  std::string text;
  std::optional<TaskRun> open;  // consecutive tasks not written yet
  const auto flush = [&] {
    if (!open) return;
    if (!text.empty()) text += ',';
    text += std::to_string(open->first);
    if (open->last != open->first) text += '-' + std::to_string(open->last);
  };
  const auto extend = [&](std::uint32_t first, std::uint32_t last) {
    if (open && open->last + 1 == first) {
      open->last = last;
      return;
    }
    flush();
    open = TaskRun{first, last, 1};
  };
  for (const TaskRun& run : set.runs) {
    if (run.step == 1) {
      extend(run.first, run.last);
      continue;
    }
    for (std::uint64_t task = run.first; task <= run.last; task += run.step) {
      extend(static_cast<std::uint32_t>(task), static_cast<std::uint32_t>(task));
    }
  }
  flush();
  return text;
}

std::uint32_t task_count(const TaskSet& set) {
  std::uint32_t count = 0;
  for (const TaskRun& run : set.runs) count += run_count(run);
  return count;
}

bool has_task(const TaskSet& set, std::uint32_t task) { return names_task(set.runs, task); }

std::uint32_t first_task(const TaskSet& set) {
  SLUICE_ASSERT(!set.runs.empty());
  return set.runs.front().first;
}

std::uint32_t last_task(const TaskSet& set) {
  SLUICE_ASSERT(!set.runs.empty());
  return set.runs.back().last;
}

TaskSet without_task(const TaskSet& set, std::uint32_t task) {
  TaskSet left;
  left.runs.reserve(set.runs.size() + 1);
  for (const TaskRun& run : set.runs) {
    if (!in_run(run, task)) {
      left.runs.push_back(run);
      continue;
    }
    if (task > run.first) left.runs.push_back({run.first, task - run.step, run.step});
    if (task < run.last) left.runs.push_back({task + run.step, run.last, run.step});
  }
  return left;
}

std::vector<std::uint32_t> common_tasks(const TaskSet& set, std::span<const TaskRun> asked) {
  std::vector<std::uint32_t> tasks;
  for (const TaskRun& run : set.runs) {
    for (std::uint64_t task = run.first; task <= run.last; task += run.step) {
      const auto number = static_cast<std::uint32_t>(task);
      if (names_task(asked, number)) tasks.push_back(number);
    }
  }
  return tasks;
}

bool names_task(std::span<const TaskRun> asked, std::uint32_t task) {
  return std::any_of(asked.begin(), asked.end(),
                     [task](const TaskRun& run) { return in_run(run, task); });
}

}  // namespace sluice::model
