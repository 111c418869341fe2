// What a planning pass decided: who starts where, who makes room, and what it looked at. Nothing of
// it has happened to a job's record yet; the cluster takes it from here.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "model/job.hpp"
#include "model/policy_settings.hpp"

namespace sluice::core {

// What the pass knew when it started a job, for `sluice why-placed`.
struct StartNote {
  std::uint32_t usable = 0;           // nodes after all filters
  std::uint32_t serving = 0;          // of those, with enough idle cores; 0: not counted
  model::WallTime planned_start = 0;  // it had a reservation for then; 0: none
  JobId ahead_of;                     // a blocked job of higher priority; 0: none
};

struct Start {
  JobId id;
  PartitionIndex partition;
  std::uint32_t association = 0;
  std::uint32_t qos = 0;
  model::AllocationPtr allocation;
  std::uint32_t time_limit = 0;  // minutes in force
  StartNote note;
  std::uint32_t reservation = 0;
};

// A running job that makes room for another.
struct Preemption {
  JobId victim;
  JobId by;
  model::PreemptMode mode = model::PreemptMode::off;
  std::int64_t grace_ms = 0;
};

// What a pass looked at, for statistics. Jobs of one group count once, but for those that start.
struct PassFigures {
  std::uint32_t examined = 0;     // groups looked at, in each of their partitions
  std::uint32_t tried = 0;        // of those, with nodes and limits that allow a start
  std::uint32_t blocked = 0;      // of those, without room now
  std::uint32_t ahead = 0;        // jobs started ahead of a blocked one; a heterogeneous job is one
  std::uint32_t ahead_parts = 0;  // components of the heterogeneous ones among them
  std::uint32_t queued = 0;       // jobs in the queue when it ended
  std::uint32_t planned = 0;      // starts planned for later when it ended
};

struct PassResult {
  PassFigures figures;
  std::vector<Preemption> preemptions;  // to be carried out before the starts
  std::vector<Start> starts;            // already allocated in the pool
  std::vector<JobId> explained;         // jobs (group leaders first) whose PlanEntry changed
  bool finished = true;                 // false: the budget ran out, call again to go on
};

}  // namespace sluice::core
