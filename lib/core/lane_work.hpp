// LaneWork: what the planner has found out about one lane: its request resolved, whether it can be
// served at all, whether it is blocked, what is planned for it, and the words for why it waits.
// Kept from pass to pass; the fields say what makes each of them stale.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/backfill.hpp"
#include "core/ever_run.hpp"
#include "core/planner.hpp"
#include "core/planner_meeting.hpp"
#include "core/prospects.hpp"

namespace sluice::core {

// What the pass found out about a lane.
struct LaneWork {
  // Resolved request; made again when the cluster's configuration changes.
  std::uint64_t config_number = 0;  // State::config_number that it was made with
  std::int64_t length_ms = 0;       // how long it may run
  std::optional<Error> error;       // the request can't be served here at all
  Demand demand;
  Eligibility eligibility;
  // With whole nodes more is counted than was asked for: the request that gates are shown.
  std::shared_ptr<const model::Request> counted;  // null: the group's

  // Whether the nodes that take jobs could serve it if they were idle.
  enum class Verdict : std::uint8_t { unknown, possible, nodes_away, never };
  std::uint64_t state_generation = 0;
  Verdict verdict = Verdict::unknown;
  Text away;  // which nodes are missing, in Slurm's words

  // It didn't fit even without reservations when the release log stood at `log_seen`: until a node
  // that could help is released, it doesn't now.
  bool known_blocked = false;
  std::uint64_t log_seen = 0;
  // It would fit but for reservations ahead of it, when profile.loosened() stood at `plans_seen`.
  bool kept_back = false;
  // What idle cores allowed at most when the release log stood at `few_seen`: less than it needs.
  std::optional<CoreOffer> too_few;
  std::uint64_t few_seen = 0;
  std::uint64_t plans_seen = 0;

  std::int64_t displacing_until_ms = 0;  // jobs make room for it until then
  JobId displacing_for;                  // that leader

  bool planned = false;               // holds a reservation
  std::uint64_t plan_tried = 0;       // in which full pass one was last looked for
  JobId plan_tried_for;               // and for which leader
  std::uint64_t explained_state = 0;  // pool.state_generation that `leader` was made with
  std::int64_t planned_ms = 0;
  std::vector<std::uint32_t> planned_nodes;
  // What was chosen for that start, and for which leader: a plan that nothing upsets stays
  // as it is, also when all is planned anew, and is carried out as it stands. Else whoever is
  // planned behind it could be late.
  std::optional<PlannedStart> choice;
  std::uint64_t choices_number = 0;  // State::choices_number that it was made with
  JobId chosen_for;
  // The lane of the group in which the start lies that is planned here (planner_moves.cpp).
  static constexpr std::uint32_t kHere = ~0U;
  std::uint32_t moved_to = kHere;
  JobId moved_for;               // that leader
  std::uint64_t moved_pass = 0;  // State::pass_number
  // All components of a heterogeneous job, the leader first; else empty.
  std::uint64_t parts_config = 0;  // State::config_number that they were made with
  std::vector<MeetingPart> parts;
  bool parts_error = false;  // one of them can't be served at all

  // Whether reservations of others leave it too little, whatever runs.
  std::vector<std::uint32_t> met;  // which it would meet now
  std::uint64_t met_config = 0;
  std::uint64_t met_state = 0;
  Text met_text;  // Slurm's words for it; empty: they leave enough

  JobId explained_leader;  // whose entry `leader` is
  PlanEntry leader;
  PlanEntry follower;  // of the others of the group
};

}  // namespace sluice::core
