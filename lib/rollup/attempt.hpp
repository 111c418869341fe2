// What one attempt of a job used and how long it waited for that, in whole seconds. Pure.
//
// An attempt runs from the second that it began in to the second that it ended in, but for the
// stretches of suspension, counted in the same way; so its seconds in hours, days and months add up
// to those that sacct shows.
#pragma once

#include <cstdint>
#include <vector>

#include "model/job.hpp"
#include "model/use.hpp"
#include "rollup/calendar.hpp"

namespace sluice::rollup {

// The time from being eligible to the begin, or to the end without one; and what was waited for.
struct Wait {
  Period span;
  std::int64_t cpus = 0;
};

struct AttemptUse {
  model::UseKey key;
  std::uint32_t cpus = 0;
  model::TresCounts tres;
  Text reservation;
  Period held;               // from its begin to its end; empty: it never began
  std::vector<Period> runs;  // ascending, within `held`
  Wait wait;

  [[nodiscard]] Seconds seconds_in(const Period& period) const;
  [[nodiscard]] Seconds seconds() const;
  // Adds what it used in the period. Only CPUs are given up in a suspension.
  void add_to(model::TresCounts& sum, const Period& period) const;
};

// Of one that isn't over: up to `now`.
[[nodiscard]] AttemptUse use_of(const model::Job& attempt, Seconds now);
// Its seconds alone: all of them, or those of a period.
[[nodiscard]] Seconds run_seconds(const model::Job& attempt, Seconds now);
[[nodiscard]] Seconds run_seconds(const model::Job& attempt, Seconds now, const Period& period);
[[nodiscard]] Seconds held_seconds(const model::Job& attempt, Seconds now);  // with suspensions
[[nodiscard]] Wait wait_of(const model::Job& attempt, Seconds now);

// Whether it is known as REQUEUED afterwards. Who lost his place is told of by how he lost it.
[[nodiscard]] bool is_told_as_requeued(const model::Job& attempt);

// seconds * counts, added.
void add_use(model::TresCounts& sum, const model::TresCounts& counts, Seconds seconds);
void add_use(model::TresCounts& sum, const model::TresCounts& more);

}  // namespace sluice::rollup
