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
};

// Of one that isn't over: up to `now`.
[[nodiscard]] AttemptUse use_of(const model::Job& attempt, Seconds now);
[[nodiscard]] Wait wait_of(const model::Job& attempt, Seconds now);

// seconds * counts, added.
void add_use(model::TresCounts& sum, const model::TresCounts& counts, Seconds seconds);
void add_use(model::TresCounts& sum, const model::TresCounts& more);

}  // namespace sluice::rollup
