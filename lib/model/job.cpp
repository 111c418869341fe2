// See job.hpp.
#include "model/job.hpp"

#include <algorithm>

namespace sluice::model {

void add_suspension(Job& job, WallTime until) {
  constexpr WallTime kMinute = 60 * kSecond;
  const WallTime last = job.suspensions.empty() ? job.start : job.suspensions.back().to;
  const WallTime from = std::max(job.suspended_at, last);  // the clock may have been set back
  if (until <= from) return;
  if (!job.suspensions.empty() && job.suspensions.back().from / kMinute == from / kMinute) {
    job.suspensions.back().to += until - from;
  } else {
    job.suspensions.push_back({from, until});
  }
}

}  // namespace sluice::model
