// Sets of array task ids, kept as runs so that a range costs constant memory. A TaskSet in a record
// is always normal: runs ascending, none empty, the last task of a run below the first of the next.
// Reading is bounded by the caller's greatest task id.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::model {

// Tasks of an array that have no record of their own yet. The record that holds it has
// array_task == kNoTask. `pending` holds task ids; constant memory for ranges is kept by runs.
struct TaskRun {  // first, first+step, … last
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t step = 1;

  bool operator==(const TaskRun&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "first", self.first);
    visit(2, "last", self.last);
    visit(3, "step", self.step);
  }
};
struct TaskSet {
  std::vector<TaskRun> runs;  // ascending, disjoint

  bool operator==(const TaskSet&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "runs", self.runs);
  }
};
using TaskSetPtr = std::shared_ptr<const TaskSet>;

// "0-15:4,20,30-40" -> a normal set. Fails with invalid_array on anything else, on descending
// ranges, on a step of 0, and on task ids above `greatest`.
[[nodiscard]] Result<TaskSet> parse_tasks(std::string_view text, std::uint32_t greatest);

// "1,3,5-7,9": what squeue shows between the brackets.
[[nodiscard]] std::string task_text(const TaskSet& set);

[[nodiscard]] std::uint32_t task_count(const TaskSet& set);
[[nodiscard]] bool has_task(const TaskSet& set, std::uint32_t task);
// Of a set that isn't empty.
[[nodiscard]] std::uint32_t first_task(const TaskSet& set);
[[nodiscard]] std::uint32_t last_task(const TaskSet& set);
[[nodiscard]] TaskSet without_task(const TaskSet& set, std::uint32_t task);

// The tasks of the set that one of the runs names, ascending, each once. The cost is that of the
// set, never that of what a user asked for.
[[nodiscard]] std::vector<std::uint32_t> common_tasks(const TaskSet& set,
                                                      std::span<const TaskRun> asked);
[[nodiscard]] bool names_task(std::span<const TaskRun> asked, std::uint32_t task);

}  // namespace sluice::model
