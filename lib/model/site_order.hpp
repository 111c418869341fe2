// The order that jobs wait in where a configuration says nothing of priorities, and which
// `sluice sim --policy site` replays: what has waited long for its length goes first
// (core/slowdown.hpp says how). It is a multifactor priority with one factor.
#pragma once

#include "model/settings.hpp"

namespace sluice::model {

// Points for the factor's whole; so many that a small --nice moves a job a little only.
inline constexpr std::uint32_t kSiteOrderPoints = 1'000'000;
// The waits that the order follows are at most so old.
inline constexpr std::uint32_t kSiteOrderPeriod_s = 60;
// Of each partition only the first job has a planned start: the order changes with every minute,
// and starts that are kept for many jobs of it cost all of them (KTH's trace: a sixth of the mean
// wait).
inline constexpr std::uint32_t kSiteOrderReserve = 1;
// It has one however far ahead that lies: where running jobs take days, the first would otherwise
// be overtaken for ever.
inline constexpr std::uint32_t kSiteOrderWindow_min = 14 * 24 * 60;

inline void follow_site_order(Settings& settings) {
  settings.backfill_reserve = kSiteOrderReserve;
  settings.backfill_window_min = kSiteOrderWindow_min;
  PrioritySettings& priority = settings.priority;
  priority.type = PriorityType::multifactor;
  priority.weight_slowdown = kSiteOrderPoints;
  priority.calc_period_s = kSiteOrderPeriod_s;
}

}  // namespace sluice::model
