// How the cluster's time was spent: hour by hour, what was allocated, down, set aside or idle, from
// sums over jobs, the stretches that nodes were away for, and reservations. Pure.
//
// Rules, as sreport documents them: a reservation counts as allocated, whether or not jobs ran in
// it, but for maintenance, which is planned down, and IGNORE_JOBS, which isn't looked at. What jobs
// waited for takes of the idle time of the same hour ("planned"), and what is more than that is
// over-committed; both are known of CPUs only.
#pragma once

#include <cstdint>
#include <vector>

#include "model/reservation.hpp"
#include "model/use.hpp"
#include "rollup/calendar.hpp"

namespace sluice::rollup {

// One hour of the whole cluster (without a name), or of what ran in one reservation.
struct HourUse {
  Period hour;
  Text reservation;
  model::TresCounts used;    // TRES * seconds
  model::TresCounts waited;  // the same of what was asked for, from being eligible to the start
};

struct ClusterHistory {
  std::vector<HourUse> hours;  // by begin
  std::vector<model::NodeSpan> spans;
  std::vector<model::Reservation> reservations;
};

// Over a period of whole hours; what lies after `now`, or where nothing is known of the cluster, is
// left out. `used` of the whole cluster includes what ran in reservations.
[[nodiscard]] model::ClusterUse cluster_use(const ClusterHistory& history, const Period& period,
                                            Seconds now);

// CPUs only: what else a reservation holds is not in its record.
[[nodiscard]] model::TresCounts reserved_tres(const model::Reservation& reservation);

// An occurrence of a reservation, over its whole time, with what ran in it.
[[nodiscard]] model::ReservationUse reservation_use(const model::Reservation& reservation,
                                                    const std::vector<HourUse>& hours);

}  // namespace sluice::rollup
