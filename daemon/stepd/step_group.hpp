// StepGroup: all processes of the step on this node, whether a cgroup holds them or not. Confines,
// signals, kills, counts OOM kills. stepd is the subreaper of what it started, so where there is no
// cgroup the step's processes are its descendants.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "daemon/stepd/environment.hpp"
#include "daemon/worker/host/cgroup.hpp"

namespace sluice::stepd {

class StepGroup {
 public:
  explicit StepGroup(const StepView& step);

  [[nodiscard]] Status create();
  [[nodiscard]] const worker::CgroupTree& tree() const { return tree_; }
  [[nodiscard]] const worker::CgroupName& name() const { return step_; }

  // Our own helpers, never signalled by what follows.
  void spare(pid_t pid) { spared_.push_back(pid); }

  // In ascending order.
  [[nodiscard]] std::vector<pid_t> pids() const;
  // To every process once; how many there were. With SIGKILL also what is frozen.
  std::size_t signal(int number) const;
  // OOM kills in the step since its start.
  [[nodiscard]] std::uint64_t oom_kills() const;
  // busy: the caller tries again a little later.
  [[nodiscard]] Status remove() const;

 private:
  [[nodiscard]] std::uint64_t count_oom_kills() const;

  const StepView& view_;
  worker::CgroupTree tree_;
  worker::CgroupName job_;
  worker::CgroupName step_;
  std::vector<pid_t> spared_;
  bool counts_memory_ = false;  // the step has a memory group of its own
  std::uint64_t oom_before_ = 0;
};

}  // namespace sluice::stepd
