// Which task runs on which node of a step. Pure arithmetic over the step's nodes in their order;
// what each node can take is the caller's knowledge (its share of CPUs, --ntasks-per-node).
// Tasks are spread evenly (5 over three nodes: 2,2,1) unless the packing says to fill node by node;
// block and cyclic differ in which ids a node gets, not in how many.
// Invariants of a Layout: every task id from 0 to tasks-1 stands exactly once; the ids of one node
// ascend; no node gets more than its limit unless overcommit is set.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "daemon/worker/host/distribution.hpp"

namespace sluice::worker {

inline constexpr std::uint32_t kMaxLayoutTasks = 4'000'000;

struct LayoutRequest {
  std::uint32_t tasks = 0;
  std::vector<std::uint32_t> cpus;       // per node: CPUs that the step may use there
  std::uint32_t cpus_per_task = 1;       // 0 counts as 1
  std::uint32_t max_tasks_per_node = 0;  // --ntasks-per-node as a limit; 0: none
  bool overcommit = false;               // more tasks than CPUs allowed
  Distribution distribution;
  // NodeSpread::arbitrary: position in `cpus` of each task's node (SLURM_HOSTFILE, -w with
  // repeats).
  std::vector<std::uint32_t> task_nodes;
};

struct Layout {
  std::vector<std::vector<std::uint32_t>> tasks_of;  // per node: global task ids, ascending

  [[nodiscard]] std::vector<std::uint32_t> counts() const;   // tasks per node
  [[nodiscard]] std::vector<std::uint32_t> node_of() const;  // per task: its node's position
  bool operator==(const Layout&) const = default;
};

// Fails with node_config_unavailable if the tasks don't fit, invalid_argument for a request that
// makes no sense (no node, an arbitrary list of the wrong length).
[[nodiscard]] Result<Layout> lay_out(const LayoutRequest& request);

// "2(x3),1": SLURM_TASKS_PER_NODE, SLURM_JOB_CPUS_PER_NODE and the like.
[[nodiscard]] std::string repeat_text(const std::vector<std::uint32_t>& counts);

}  // namespace sluice::worker
