// See the header.
#include "daemon/stepd/usage_meter.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "daemon/worker/host/sample.hpp"

namespace sluice::stepd {
namespace {

constexpr std::uint64_t kBlock = 512;  // of ru_inblock and ru_oublock
constexpr int kMaxGenerations = 64;

std::uint64_t micros(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_usec);
}

pid_t parent_of(pid_t pid) {
  const auto text = base::read_kernel_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return -1;
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return -1;
  const auto words = base::split_nonempty(std::string_view(*text).substr(name_end + 1), ' ');
  const auto parent = words.size() > 1 ? base::parse_u32(words[1]).value_or(0) : 0;
  return static_cast<pid_t>(parent);
}

}  // namespace

UsageMeter::UsageMeter(std::string node, std::vector<std::uint32_t> tasks, std::uint32_t step_tasks)
    : node_(std::move(node)), several_(step_tasks > 1) {
  for (const std::uint32_t task : tasks) tasks_.emplace_back().task = task;
}

void UsageMeter::ended(std::size_t local, const rusage& used) {
  TaskUse& task = tasks_[local];
  task.ended = true;
  task.user_us = micros(used.ru_utime);
  task.system_us = micros(used.ru_stime);
  task.rss_kib = std::max(task.rss_kib, static_cast<std::uint64_t>(used.ru_maxrss));
  task.major_faults = static_cast<std::uint64_t>(used.ru_majflt);
  task.read_bytes = std::max(task.read_bytes, static_cast<std::uint64_t>(used.ru_inblock) * kBlock);
  task.written_bytes =
      std::max(task.written_bytes, static_cast<std::uint64_t>(used.ru_oublock) * kBlock);
}

void UsageMeter::orphan_ended(const rusage& used) {
  orphans_.user_us += micros(used.ru_utime);
  orphans_.system_us += micros(used.ru_stime);
  orphans_.rss_kib = std::max(orphans_.rss_kib, static_cast<std::uint64_t>(used.ru_maxrss));
}

void UsageMeter::sample(std::span<const pid_t> roots, std::span<const pid_t> pids) {
  std::map<pid_t, std::size_t> owner;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    if (roots[i] > 0) owner[roots[i]] = i;
  }
  std::vector<std::vector<pid_t>> members(tasks_.size());
  for (const pid_t pid : pids) {
    // A step of one task needs no look at the family.
    std::size_t local = 0;
    pid_t at = pid;
    for (int i = 0; tasks_.size() > 1 && i < kMaxGenerations && at > 1 && !owner.contains(at);
         ++i) {
      at = parent_of(at);
    }
    if (const auto found = owner.find(at); found != owner.end()) local = found->second;
    members[local].push_back(pid);
  }
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    if (members[i].empty() || tasks_[i].ended) continue;
    const worker::ProcessSample seen = worker::sample_processes(members[i]);
    TaskUse& task = tasks_[i];
    task.rss_kib = std::max(task.rss_kib, seen.rss_kib);
    task.vm_kib = std::max(task.vm_kib, seen.vm_kib);
    task.user_us = std::max(task.user_us, seen.user_us);
    task.system_us = std::max(task.system_us, seen.system_us);
    task.major_faults = std::max(task.major_faults, seen.major_faults);
    task.read_bytes = std::max(task.read_bytes, seen.read_bytes);
    task.written_bytes = std::max(task.written_bytes, seen.written_bytes);
  }
}

// In the order of model::UsageKind.
std::vector<model::TaskRange> UsageMeter::ranges() const {
  std::vector<model::TaskRange> ranges;
  for (const TaskUse& task : tasks_) {
    const std::array<std::uint64_t, model::kUsageKinds> values = {task.user_us + task.system_us,
                                                                  task.read_bytes,
                                                                  task.rss_kib,
                                                                  task.major_faults,
                                                                  task.vm_kib,
                                                                  task.written_bytes};
    const bool first = ranges.empty();
    ranges.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      model::TaskRange& range = ranges[i];
      if (first || values[i] < range.min) {
        range.min = values[i];
        range.min_task = task.task;
      }
      if (first || values[i] > range.max) {
        range.max = values[i];
        range.max_task = task.task;
      }
      range.min_node = node_;
      range.max_node = node_;
    }
  }
  return ranges;
}

model::Usage UsageMeter::usage() const {
  model::Usage sum;
  for (const TaskUse& task : tasks_) {
    sum.user_us += task.user_us;
    sum.system_us += task.system_us;
    sum.total_rss_kib += task.rss_kib;
    sum.total_vm_kib += task.vm_kib;
    if (task.rss_kib > sum.max_rss_kib) {
      sum.max_rss_kib = task.rss_kib;
      sum.max_rss_task = task.task;
    }
    sum.max_vm_kib = std::max(sum.max_vm_kib, task.vm_kib);
    sum.major_faults += task.major_faults;
    sum.read_bytes += task.read_bytes;
    sum.written_bytes += task.written_bytes;
    ++sum.tasks;
  }
  sum.user_us += orphans_.user_us;
  sum.system_us += orphans_.system_us;
  if (sum.max_rss_kib != 0) sum.max_rss_node = node_;
  if (several_) sum.ranges = ranges();
  sum.max_node_rss_kib = sum.total_rss_kib;
  if (sum.total_rss_kib != 0) sum.max_rss_sum_node = node_;
  return sum;
}

}  // namespace sluice::stepd
