// What the planner keeps between passes, for planner.cpp (the public door) and planner_pass.cpp.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/known_requests.hpp"
#include "core/lane_work.hpp"
#include "core/planner.hpp"
#include "core/planner_queue.hpp"
#include "core/request_rules.hpp"
#include "core/start_gates.hpp"

namespace sluice::core {

struct Planner::State {
  SettingsPtr settings;
  const PriorityRule* rule = nullptr;
  std::int64_t next_ranking_ms = std::numeric_limits<std::int64_t>::min();
  std::uint64_t ranked_generation = 0;
  StartGates gates;
  std::uint64_t gates_seen = 0;  // PlannerPass::gate_mark() when the last pass began
  PlannerQueue queue;
  Profile profile;
  std::vector<StandingReservation> standing;  // by id
  bool standing_placed = true;                // their claims stand in the profile

  // What is known to be possible on an idle cluster, by the request's address; planner.cpp's.
  struct Possible {
    model::RequestPtr request;
    PartitionIndex partition;
    std::uint32_t waived = 0;
    std::uint64_t generation = 0;  // pool.config_generation
  };
  mutable std::vector<Possible> possible;
  [[nodiscard]] Possible& possible_at(const model::RequestPtr& request) const;

  KnownRequests known;

  // Of planner_standing.cpp
  [[nodiscard]] const StandingReservation* reservation(std::uint32_t id) const;  // null: unknown
  [[nodiscard]] Vantage vantage(std::uint32_t reservation) const;
  [[nodiscard]] std::int64_t last_start_ms(std::uint32_t reservation) const;
  void settle_profile(std::uint32_t nodes);
  // The earliest start in any of the reservations that the candidate may use.
  [[nodiscard]] std::optional<PlannedStart> earliest(const NodePool::State& pool,
                                                     const Candidate& candidate,
                                                     const StartQuery& query) const;
  // Whether some reservation that it may use could serve it if nothing ran.
  [[nodiscard]] Status could_run_reserved(const NodePool::State& pool, const Candidate& candidate,
                                          const Demand& demand) const;
  // What a lane of the reservation may use at all.
  void confine(std::uint32_t reservation, const NodePool::State& pool, Eligibility& eligible) const;
  // Reservations of others that a job of `vantage` would meet.
  [[nodiscard]] std::vector<std::uint32_t> met_by(const Vantage& vantage, std::int64_t now_ms,
                                                  std::int64_t until_ms) const;

  struct Running {
    model::AllocationPtr allocation;
    std::int64_t expected_end_ms = kNever;
    RunningFacts facts;
    bool asleep = false;  // suspended
  };
  std::unordered_map<JobId, Running> running;       // looked up only
  std::set<JobId> leaving;                          // displaced, and on their way out
  std::vector<JobId> new_ends;                      // to be noted in the pool's holds
  PreemptRulesPtr preemption;                       // null: nobody is displaced
  std::map<PreemptParty, std::set<JobId>> parties;  // running jobs by what the rules look at

  // The pass under way, or the last one.
  bool active = false;
  std::uint64_t pass_number = 0;  // one that begins anew after an interruption is another one
  LaneKey resume;                 // where the pass goes on
  bool stale = false;             // something changed behind its back
  bool keep_changes = false;      // it changed lanes that it had examined already
  bool light = false;             // keeps the reservations that there are
  bool again = false;             // lanes before `again_until` are looked at once more, lightly
  LaneKey again_until;            // the last that led to this
  bool again_light = false;       // the pass is light anyway
  std::uint32_t agains = 0;       // how often a plan that was given up led to this in this pass
  // Of interrupted passes (planner_resume.cpp).
  std::optional<LaneKey> behind;  // where the pass has to go back to
  std::uint64_t work = 0;         // steps of the pass, with those before it began anew
  std::uint64_t back_work = 0;    // those of going back
  std::uint64_t back_since = 0;   // `work` when `again` began
  LaneKey unseen;                 // without backfill: lanes before it are explained as they stand
  std::uint32_t released_cores = 0;  // the most idle on a node released since the last pass
  std::uint64_t log_before = 0;      // end of the release log when the last whole one began
  bool reached_end = false;          // the pass before it was whole
  std::uint64_t log_begun = 0;       // end of the release log when the pass began
  std::uint64_t state_begun = 0;     // pool.state_generation at that time
  std::uint64_t pass_steps = 0;      // of the pass so far
  bool compressing = false;          // every planned start may move forward
  bool full = false;                 // it began at the top with nothing planned
  std::uint64_t full_steps = 0;      // what the last full pass took
  std::int64_t full_ms = 0;          // when it began
  std::uint64_t full_number = 0;
  std::uint32_t in_vain = 0;            // lanes for which it found no start to plan
  bool config_changed = false;          // since then
  bool shortened = false;               // a running job ended, or will end, before it was to
  bool as_expected = true;              // nobody had, when the pass began
  std::int64_t latest_gone_ms = 0;      // when the last of those to have ended since was to
  std::uint64_t world_left = 0;         // world_generation when it was interrupted
  std::optional<LaneKey> changed_left;  // queue.changed_from(), which then begins anew
  std::uint64_t log_left = 0;           // and the end of the release log
  std::vector<LaneKey> planned;         // lanes with reservations, in order
  // Members of groups behind their leaders that are still to be planned, and how many are.
  std::vector<FollowUp> follow_ups;
  std::size_t later = 0;
  std::uint64_t follow_steps = 0;  // of the pass so far
  struct Blocked {
    LaneKey key;
    JobId job;  // 0: nothing is blocked
  };
  std::vector<Blocked> first_blocked;     // by partition
  std::uint64_t world_seen = 0;           // pool.world_generation after the last pass
  std::uint64_t config_seen = 0;          // pool.config_generation; 0: new settings
  std::uint64_t config_number = 0;        // raised when either has changed
  std::uint64_t pool_seen = 0;            // pool.config_generation at the last change of choices
  std::uint64_t choices_number = 0;       // raised when nodes have to be chosen anew
  std::int64_t next_planned_ms = kNever;  // the earliest planned start
  std::int64_t next_exempt_ms = kNever;   // when somebody may be displaced who may not be now
  std::vector<base::Bitmap> overlaps;     // partitions that share nodes, by partition
};

// Minutes that a job of the group may run in the partition.
[[nodiscard]] std::uint32_t minutes_in_force(std::uint32_t asked,
                                             const model::Partition& partition);
[[nodiscard]] std::int64_t length_of(std::uint32_t minutes, const Settings& settings);
// Of the limits of the partition, those that the candidate may pass there.
[[nodiscard]] std::uint32_t waived_in(const Candidate& candidate, PartitionIndex partition);
// What the fixed filters, states and use leave of the nodes.
void fill_filters(const NodePool::State& pool, const LaneWork& work, PlanEntry& entry);

}  // namespace sluice::core
