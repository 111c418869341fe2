// Small values that the cluster's operations hand to each other: how an attempt ends, what keeps a
// job waiting, how far a dependency's target has come, which records a request means.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "core/changes.hpp"
#include "model/job.hpp"

namespace sluice::core {

// Why and how an attempt ends.
struct Ending {
  model::JobState state = model::JobState::cancelled;
  model::Reason reason = model::Reason::none;
  Text detail;
  std::optional<std::uint32_t> exit_code;
  std::uint32_t by_uid = model::kNoTask;
  bool requeue = false;            // a new attempt follows
  bool hold = false;               // which waits for a release
  bool special = false;            // … and is shown as SPECIAL_EXIT
  bool alone = false;              // the other components of a heterogeneous job go on
  std::optional<NodeIndex> clean;  // a node where nothing of it is left: not told to end it
};

// What a reservation that is being made could have of a node.
struct ReservableNode {
  std::uint32_t cores = 0;
  std::uint32_t free = 0;  // of them
  bool reserved = false;   // another reservation has some of it at that time
  bool busy = false;       // jobs on it will not have ended
  bool has_jobs = false;
};

// What keeps a waiting job from the planner; none: nothing.
struct Obstacle {
  model::Reason reason = model::Reason::none;
  Text detail;
};

// Whether the plan gives such a reason; the others are the cluster's.
[[nodiscard]] bool is_from_plan(model::Reason reason);

// How far the target of a dependency has come.
struct TargetView {
  bool known = false;
  bool started = false;   // all of it
  bool finished = false;  // all of it, nothing left on nodes
  bool failed = false;    // some of it
  model::WallTime begin = 0;
};

// The records that a request on jobs means.
struct JobSelection {
  std::vector<JobId> jobs;          // by id
  std::vector<JobOutcome> unknown;  // tasks that aren't there
  bool whole = false;               // an array without tasks named
};

}  // namespace sluice::core
