// The order that jobs wait in where a configuration says nothing of priorities, and which
// `sluice sim --policy site` replays: what has waited long for its length goes first
// (core/slowdown.hpp says how). It is a multifactor priority with one factor.
#pragma once

#include "model/policy_settings.hpp"

namespace sluice::model {

// Points for the factor's whole; so many that a small --nice moves a job a little only.
inline constexpr std::uint32_t kSiteOrderPoints = 1'000'000;
// The waits that the order follows are at most so old.
inline constexpr std::uint32_t kSiteOrderPeriod_s = 60;

inline void follow_site_order(PrioritySettings& priority) {
  priority.type = PriorityType::multifactor;
  priority.weight_slowdown = kSiteOrderPoints;
  priority.calc_period_s = kSiteOrderPeriod_s;
}

}  // namespace sluice::model
