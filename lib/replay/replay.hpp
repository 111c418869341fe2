// Replay: a trace driven through core::Cluster in virtual time. The cluster is the real one: jobs
// are submitted, planned, started and ended by the same events as in a controller; only the clock
// and the nodes are played here.
//
// A second of the trace: what ends in it ends, then what comes in it is submitted, then the cluster
// plans once. So outcomes don't depend on the order of events inside a second.
//
// Time limits in a trace are seconds; the cluster's settings count them so
// (Settings::limit_unit_ms).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "core/settings.hpp"
#include "replay/trace.hpp"

namespace sluice::replay {

enum class Policy : std::uint8_t {
  fcfs,          // nobody overtakes
  easy,          // who doesn't delay the first in line may overtake
  conservative,  // who delays nobody may overtake
  site,          // what Sluice does by default
};

struct Machine {
  std::int64_t processors = 0;
  // Processors to a node. With 1 each stands for itself; with more a node stands for so many that
  // serve equally, which gives the same starts in less time. 0: all in one node.
  std::int64_t per_node = 0;
};
[[nodiscard]] core::SettingsPtr trace_settings(const Machine& machine, Policy policy);
// The settings of a configuration for the replay of a trace: limits in seconds.
[[nodiscard]] core::SettingsPtr trace_settings(const model::Settings& configured);
void set_policy(model::Settings& settings, Policy policy);

struct Played {
  std::vector<std::int64_t> starts;  // seconds, parallel to the jobs; -1: refused at submit
  std::uint64_t refused = 0;
  std::string first_refusal;  // why
  std::uint64_t passes = 0;
};
// Fails if a job never starts although nothing is left that could end.
[[nodiscard]] Result<Played> play(const std::vector<TraceJob>& jobs,
                                  const core::SettingsPtr& settings);

}  // namespace sluice::replay
