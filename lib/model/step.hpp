// Step: the tasks of one srun, or of the batch script, inside a job. Steps are made on the job's
// first node; the controller hears of them and keeps their accounting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/device.hpp"
#include "model/job.hpp"
#include "model/types.hpp"

namespace sluice::model {

// A quantity over the tasks of a step: least and greatest, and which task on which node had it.
struct TaskRange {
  std::uint64_t min = 0;
  std::uint32_t min_task = 0;
  Text min_node;
  std::uint64_t max = 0;
  std::uint32_t max_task = 0;
  Text max_node;

  bool operator==(const TaskRange&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "min", self.min);
    visit(2, "min_task", self.min_task);
    visit(3, "min_node", self.min_node);
    visit(4, "max", self.max);
    visit(5, "max_task", self.max_task);
    visit(6, "max_node", self.max_node);
  }
};
// The order of Usage::ranges.
enum class UsageKind : std::uint8_t { cpu_us, read_bytes, rss_kib, pages, vm_kib, written_bytes };
inline constexpr std::size_t kUsageKinds = 6;

// What tasks used. Sums over tasks, except the maxima, which name the task and node they are from.
struct Usage {
  std::uint64_t user_us = 0;
  std::uint64_t system_us = 0;
  std::uint64_t max_rss_kib = 0;
  std::uint32_t max_rss_task = 0;
  Text max_rss_node;
  std::uint64_t total_rss_kib = 0;  // sum over tasks of each task's maximum: averages come from it
  std::uint64_t max_vm_kib = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
  std::uint32_t tasks = 0;  // tasks counted
  std::vector<DeviceUse> devices;
  std::uint64_t total_vm_kib = 0;  // as total_rss_kib
  // By UsageKind, of steps with several tasks; else empty: the one task had it all.
  std::vector<TaskRange> ranges;
  // The node whose tasks took the most memory together (a sum of their maxima).
  std::uint64_t max_node_rss_kib = 0;
  Text max_rss_sum_node;

  bool operator==(const Usage&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "user_us", self.user_us);
    visit(2, "system_us", self.system_us);
    visit(3, "max_rss_kib", self.max_rss_kib);
    visit(4, "max_rss_task", self.max_rss_task);
    visit(5, "max_rss_node", self.max_rss_node);
    visit(6, "total_rss_kib", self.total_rss_kib);
    visit(7, "max_vm_kib", self.max_vm_kib);
    visit(8, "major_faults", self.major_faults);
    visit(9, "read_bytes", self.read_bytes);
    visit(10, "written_bytes", self.written_bytes);
    visit(11, "tasks", self.tasks);
    visit(12, "devices", self.devices);
    visit(13, "total_vm_kib", self.total_vm_kib);
    visit(14, "ranges", self.ranges);
    visit(15, "max_node_rss_kib", self.max_node_rss_kib);
    visit(16, "max_rss_sum_node", self.max_rss_sum_node);
  }
};

// Adds `more` to `sum` by the rules above.
void add(Usage& sum, const Usage& more);

struct Step {
  JobId job;
  Attempt attempt;
  StepNumber number = 0;
  Text name;
  JobState state = JobState::running;  // running, completed, failed, cancelled, timeout, …
  Text nodes;                          // compressed
  std::uint32_t node_count = 0;
  std::uint32_t tasks = 0;
  std::uint32_t cpus = 0;
  std::uint64_t memory = 0;  // MiB, all nodes
  Text gres;
  WallTime start = 0;
  WallTime end = 0;
  std::uint32_t time_limit = kUnlimited;  // minutes
  std::uint32_t exit_code = 0;            // highest of its tasks, as wait() has it
  std::uint32_t uid = 0;
  Text distribution;
  Text submit_line;
  Text partition;
  Usage usage;
  std::uint32_t cancelled_by = kNoTask;
  Text reason;                 // e.g. which task ran out of memory
  Text container;              // image or bundle, as asked
  Text image_digest;           // of the manifest that ran, "sha256:…"
  std::uint64_t image_us = 0;  // from the launch until the image was there on every node

  bool operator==(const Step&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "attempt_uid", self.attempt.job);
    visit(3, "attempt_number", self.attempt.number);
    visit(4, "number", self.number);
    visit(5, "name", self.name);
    visit(6, "state", self.state);
    visit(7, "nodes", self.nodes);
    visit(8, "node_count", self.node_count);
    visit(9, "tasks", self.tasks);
    visit(10, "cpus", self.cpus);
    visit(11, "memory", self.memory);
    visit(12, "gres", self.gres);
    visit(13, "start", self.start);
    visit(14, "end", self.end);
    visit(15, "time_limit", self.time_limit);
    visit(16, "exit_code", self.exit_code);
    visit(17, "uid", self.uid);
    visit(18, "distribution", self.distribution);
    visit(19, "submit_line", self.submit_line);
    visit(20, "partition", self.partition);
    visit(21, "usage", self.usage);
    visit(22, "cancelled_by", self.cancelled_by);
    visit(23, "reason", self.reason);
    visit(24, "container", self.container);
    visit(25, "image_digest", self.image_digest);
    visit(26, "image_us", self.image_us);
  }
};
using StepPtr = std::shared_ptr<const Step>;

}  // namespace sluice::model
