// UsageMeter: what the step's tasks use. Exact sums come from the kernel when processes are reaped
// (stepd is the subreaper, so also of orphans); maxima of memory from there and from samples while
// tasks run. A short step costs no sample at all.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/step.hpp"

namespace sluice::stepd {

class UsageMeter {
 public:
  // `tasks` are those on this node, of `step_tasks` in all.
  UsageMeter(std::string node, std::vector<std::uint32_t> tasks, std::uint32_t step_tasks);

  // A task's first process was reaped. `local` counts from 0.
  void ended(std::size_t local, const rusage& used);
  // Another process of the step was.
  void orphan_ended(const rusage& used);
  // `roots[i]`: the first process of task i, or -1; `pids`: all processes of the step.
  void sample(std::span<const pid_t> roots, std::span<const pid_t> pids);

  // Up to now; running tasks count with what the last sample saw.
  [[nodiscard]] model::Usage usage() const;

 private:
  struct TaskUse {
    std::uint32_t task = 0;
    bool ended = false;
    std::uint64_t rss_kib = 0;  // maxima
    std::uint64_t vm_kib = 0;
    std::uint64_t user_us = 0;
    std::uint64_t system_us = 0;
    std::uint64_t major_faults = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
  };
  [[nodiscard]] std::vector<model::TaskRange> ranges() const;

  std::string node_;
  bool several_ = false;  // tasks in the step
  std::vector<TaskUse> tasks_;
  TaskUse orphans_;
};

}  // namespace sluice::stepd
