// Meetings: the components of a heterogeneous job, placed together. Each gets nodes of its own, all
// at the same moment, or none gets any.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/backfill.hpp"
#include "core/planner.hpp"

namespace sluice::core {

// One component, resolved for the partition that it will run in.
struct MeetingPart {
  JobId id;
  RankedJob ranked;
  model::Sharing sharing = model::Sharing::partition_default;
  PartitionIndex partition;
  std::uint32_t minutes = 0;  // that it may run
  std::int64_t length_ms = kNever;
  Demand demand;
  Eligibility eligibility;
};

// The first of the candidate's partitions that could serve it by its configuration.
[[nodiscard]] Result<MeetingPart> make_part(const NodePool::State& pool, const Settings& settings,
                                            const Candidate& candidate);

struct MeetingQuery {
  const NodePool::State& pool;
  const Profile* profile = nullptr;  // null: claims don't count
  const std::vector<MeetingPart>& parts;
  std::int64_t now_ms = 0;
  const LaneKey* before = nullptr;  // only claims of lanes before it count; null: all
  Vantage vantage = {};             // of the reservation that the whole runs in
};

// What each part gets if all start at that moment, by part. Adds the nodes looked at to `steps`.
[[nodiscard]] std::optional<std::vector<Selection>> place_all(const MeetingQuery& query,
                                                              std::int64_t at_ms,
                                                              std::uint64_t& steps);

struct PlannedMeeting {
  std::int64_t at_ms = 0;
  std::vector<Selection> selections;  // by part
};

// The earliest moment, of those at which something ends, when all could start; after now and not
// after the horizon.
[[nodiscard]] std::optional<PlannedMeeting> find_meeting(const MeetingQuery& query,
                                                         std::int64_t horizon_ms,
                                                         std::uint64_t& steps);

// Where and when the whole would start, not after the horizon.
[[nodiscard]] Result<PlanEntry> test_meeting(const MeetingQuery& query, const Now& now,
                                             std::int64_t horizon_ms);

}  // namespace sluice::core
