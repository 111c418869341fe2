// Backfill: when could a blocked job start, if running jobs end when expected and every reservation
// made so far is kept? The earliest such moment inside the window becomes the job's reservation.
#pragma once

#include <cstdint>
#include <optional>

#include "core/placement.hpp"

namespace sluice::core {

struct StartQuery {
  const Demand& demand;
  const Eligibility& eligibility;
  std::int64_t now_ms = 0;
  std::int64_t length_ms = kNever;   // how long it would run; kNever: without end
  std::int64_t horizon_ms = kNever;  // no start after this
  Vantage vantage = {};
};

struct PlannedStart {
  std::int64_t at_ms = 0;
  Selection selection;
};

// Adds the nodes it looked at to `steps`.
[[nodiscard]] std::optional<PlannedStart> find_start(const NodePool::State& pool,
                                                     const Profile& profile,
                                                     const StartQuery& query, std::uint64_t& steps);

// Whether a choice that was made before can still be had as the outlook has it.
[[nodiscard]] bool still_serves(const Demand& asked, const Eligibility& eligibility,
                                const Selection& selection, const Outlook& outlook);

[[nodiscard]] inline std::int64_t end_after(std::int64_t from_ms, std::int64_t length_ms) {
  return length_ms >= kNever - from_ms ? kNever : from_ms + length_ms;
}

}  // namespace sluice::core
