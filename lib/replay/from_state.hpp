// What if: a copy of a living cluster's state, led on in virtual time, to see when the jobs that
// wait would start. The cluster is the real one (core::Cluster), brought up from the records as
// after a restart; another configuration comes to it as `scontrol reconfigure` would bring it.
//
// What is assumed: nobody submits, cancels or changes anything from now on; nodes that answer go on
// to do so, and those that don't stay away; a job runs for the given part of its time limit and
// succeeds. A job that has already run for longer than that part takes all of its limit. One
// without a limit never ends.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "core/cluster.hpp"

namespace sluice::replay {

struct LiveState {
  model::WallTime now = 0;
  core::StoredState stored;  // nodes with their facts, and flags as they are
};

struct ForecastOptions {
  core::SettingsPtr changed;         // null: the present configuration goes on
  std::uint32_t percent = 100;       // of their limits that jobs run, 1 to 100
  std::int64_t horizon_s = 2592000;  // thirty days: who hasn't started by then is said not to
};

// Of one record that waits; the not yet started rest of an array is one.
struct Start {
  JobId job;
  model::WallTime first = 0;  // 0: not before the horizon
  model::WallTime last = 0;   // of its tasks; 0: some don't start before the horizon
  std::uint64_t tasks = 1;
};

// By job id. Fails where the configuration can't take the place of the present one.
[[nodiscard]] Result<std::vector<Start>> forecast(const LiveState& state,
                                                  const core::SettingsPtr& present,
                                                  const ForecastOptions& options);

}  // namespace sluice::replay
