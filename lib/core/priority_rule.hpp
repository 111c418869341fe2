// PriorityRule: what the planner asks to order its lanes. A lane stands with the priority of its
// group's leader in its partition. Inside a group (same request, association, QOS, nice) the order
// by `accrue` and submission is the order of priority for ever, so a change of shares or the
// passing of time costs a look at each lane, not at each job.
#pragma once

#include <cstdint>

#include "base/ids.hpp"
#include "core/settings.hpp"
#include "model/request.hpp"

namespace sluice::core {

// What a job's priority follows from, beside the cluster's shares and the time.
struct RankedJob {
  const model::Request* request = nullptr;
  std::uint32_t uid = 0;
  std::uint32_t association = 0;  // 0: none
  std::uint32_t qos = 0;          // id; 0: none
  std::uint32_t time_limit = 0;   // minutes in force
  std::int32_t nice = 0;
  std::int32_t site_factor = 0;
  bool fixed = false;          // then `priority` is what counts
  std::uint32_t priority = 0;  // as submitted or set by an administrator
  model::WallTime accrue = 0;  // ages from then on; 0: not yet
  model::WallTime submit = 0;
  std::uint32_t reservation = 0;  // number of the one that it runs in; 0: none
};

class PriorityRule {
 public:
  virtual ~PriorityRule() = default;
  // 1 and up. Pure: depends on what was last published to the rule, and the time.
  [[nodiscard]] virtual std::uint32_t priority_of(const RankedJob& job, PartitionIndex partition,
                                                  const Now& now) const = 0;
  // Monotonic time of the next moment at which every lane is to be ranked anew; INT64_MAX: only
  // when generation() has changed.
  [[nodiscard]] virtual std::int64_t next_ranking_ms() const = 0;
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
};

}  // namespace sluice::core
