// Planner: the queue of eligible jobs and the plan made from it. A pass starts what can start, in
// priority order with backfill, and keeps for each job it examined what blocks it and when it is
// planned to start. That plan is data: pending reasons, `squeue --start` and `--test-only` read it.
//
// Cost: jobs with the same request, partition list, user and time limit form a group; a group that
// can't start is examined once per pass, not once per job. Within a group the order is priority,
// then submit order; between groups a heap. A pass is budgeted in steps, never in time, and can be
// continued. Only jobs that may start now are here: held, dependent and not yet begun jobs are kept
// away by the cluster.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/resources.hpp"
#include "model/job.hpp"

namespace sluice::core {

// An eligible job, or the rest of an array, as the planner sees it.
struct Candidate {
  JobId id;
  model::RequestPtr request;
  std::vector<PartitionIndex> partitions;  // in order of preference; all allow this job
  std::uint32_t uid = 0;
  std::uint32_t priority = 0;
  std::uint64_t order = 0;       // submit order, unique: breaks ties
  std::uint32_t time_limit = 0;  // minutes in force, kUnlimited possible; 0: partition decides
  std::uint32_t startable = 1;   // tasks that may start now (array throttle)
};

// A node filter of the plan and how many nodes it removed, in the order applied.
struct FilterCount {
  const char* filter = "";  // "partition", "state", "features", "excluded", "cpus", …
  std::uint32_t removed = 0;
};

struct PlanEntry {
  model::Reason reason = model::Reason::none;
  Text detail;  // replaces the reason's name when not empty
  PartitionIndex partition;
  std::vector<FilterCount> filters;
  std::uint32_t nodes_wanted = 0;
  std::uint32_t nodes_usable = 0;     // after all filters
  JobId behind;                       // the job ahead whose planned start is protected; 0: none
  model::WallTime planned_start = 0;  // 0: beyond the window or never
  Text planned_nodes;
};

struct Start {
  JobId id;
  PartitionIndex partition;
  model::AllocationPtr allocation;
  std::uint32_t time_limit = 0;  // minutes in force
};

struct PassResult {
  std::vector<Start> starts;     // already allocated in the pool
  std::vector<JobId> explained;  // jobs (group leaders first) whose PlanEntry changed
  bool finished = true;          // false: the budget ran out, call again to go on
};

class Planner {
 public:
  explicit Planner(SettingsPtr settings);
  ~Planner();
  Planner(Planner&&) noexcept;
  Planner& operator=(Planner&&) noexcept;

  void configure(SettingsPtr settings);
  void add(const Candidate& candidate);  // also replaces
  void remove(JobId id);
  [[nodiscard]] std::size_t queued() const;

  // Running jobs, for planned ends. `expected_end_ms` is monotonic; INT64_MAX: unlimited.
  void job_started(JobId id, model::AllocationPtr allocation, std::int64_t expected_end_ms);
  void job_extended(JobId id, std::int64_t expected_end_ms);
  void node_released(JobId id, NodeIndex node);
  void job_ended(JobId id);

  // Starts what can start. `budget` counts elementary placement steps.
  [[nodiscard]] PassResult pass(NodePool& pool, Now now, std::uint64_t budget);
  // Monotonic time of the earliest planned start; INT64_MAX: none. When it has passed and nothing
  // else called for a pass, somebody is late, and another pass brings the plan up to date.
  [[nodiscard]] std::int64_t next_start_ms() const;
  // What the last pass found for the job's group; null if it wasn't examined yet.
  [[nodiscard]] const PlanEntry* explain(JobId id) const;
  // Where and when a job would start, without queueing it. The error says why never.
  [[nodiscard]] Result<PlanEntry> test(const NodePool& pool, const Candidate& candidate,
                                       Now now) const;
  // Whether the request could ever run on an otherwise idle, fully available partition.
  // The error's text names the exact cause; its code is Slurm's.
  [[nodiscard]] Status can_ever_run(const NodePool& pool, const Candidate& candidate) const;

  struct State;  // shared with the files of the pass (core/planner_state.hpp)

 private:
  std::unique_ptr<State> state_;
};

}  // namespace sluice::core
