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

#include "core/lane_work.hpp"
#include "core/planner.hpp"
#include "core/planner_queue.hpp"
#include "core/request_rules.hpp"

namespace sluice::core {

struct Planner::State {
  SettingsPtr settings;
  const PriorityRule* rule = nullptr;
  std::int64_t next_ranking_ms = std::numeric_limits<std::int64_t>::min();
  std::uint64_t ranked_generation = 0;
  StartGate* gate = nullptr;
  std::uint64_t gates_seen = 0;  // PlannerPass::gate_mark() when the last pass began
  std::vector<StartGate*> more_gates;
  PlannerQueue queue;
  Profile profile;
  std::vector<StandingReservation> standing;  // by id
  bool standing_placed = true;                // their claims stand in the profile

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
    bool leaving = false;  // displaced, and on its way out
    bool asleep = false;   // suspended
  };
  std::unordered_map<JobId, Running> running;       // looked up only
  std::vector<JobId> new_ends;                      // to be noted in the pool's holds
  PreemptRulesPtr preemption;                       // null: nobody is displaced
  std::map<PreemptParty, std::set<JobId>> parties;  // running jobs by what the rules look at

  // The pass under way, or the last one.
  bool active = false;
  LaneKey resume;             // where the pass goes on
  bool stale = false;         // something changed behind its back
  bool keep_changes = false;  // it changed lanes that it had examined already
  bool light = false;         // keeps the reservations that there are
  LaneKey unseen;             // without backfill: lanes before it are explained as they stand
  std::uint32_t released_cores = 0;  // the most idle on a node released since the last pass
  std::uint64_t log_before = 0;      // end of the release log when the pass before it began
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
  std::optional<LaneKey> changed_left;  // queue.changed_from() at that time
  std::vector<LaneKey> planned;         // lanes with reservations, in order
  // Members of groups behind their leaders that are still to be planned, and those that are.
  struct FollowUp {
    LaneKey key;               // of the next member
    std::uint32_t member = 0;  // its position in the job table
    std::uint32_t place = 0;   // and in the group's heap
    std::uint32_t tasks = 0;   // that it has beside
    JobId leader;
    std::size_t members = 0;          // of the group when it was begun
    std::uint32_t left = 0;           // so many more at most
    std::vector<std::uint32_t> open;  // places in the heap from which to go on
  };
  std::vector<FollowUp> follow_ups;
  std::size_t later = 0;           // planned
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

// One examined lane after the other, until the budget is used up.
class PlannerPass {
 public:
  PlannerPass(Planner::State& state, NodePool& pool, Now now)
      : state_(state), pool_(pool), now_(now) {}
  [[nodiscard]] PassResult run(std::uint64_t budget);

 private:
  void begin();
  void finish();
  void note_sizes();
  [[nodiscard]] bool is_used_up(std::uint64_t budget) const;
  [[nodiscard]] const LaneKey* next_lane(std::uint64_t budget);
  [[nodiscard]] bool nothing_new_at(const LaneKey& key) const;
  void rank_if_due();
  void begin_conservative();
  void drop_gone_plans();
  void restart_from(const LaneKey* key);
  void resume_lightly(const std::optional<LaneKey>& changed);
  void drop_plans(std::vector<LaneKey> keys);
  void drop_broken(const LaneKey& starter, const Selection& selection);
  void refresh_config();
  void note_ends();
  LaneWork& work_of(Lane& lane);
  void examine(const LaneKey& key);
  [[nodiscard]] bool cannot_serve(Lane& lane, LaneWork& work);
  [[nodiscard]] bool judge(Lane& lane, LaneWork& work);
  [[nodiscard]] bool is_kept_back(const LaneWork& work) const;
  [[nodiscard]] bool still_blocked(const Lane& lane, LaneWork& work);
  [[nodiscard]] bool partition_is_blocked(const Lane& lane) const;
  [[nodiscard]] std::optional<Eligibility> beside_blocked(const Lane& lane,
                                                          const LaneWork& work) const;
  [[nodiscard]] std::optional<Selection> try_now(const Lane& lane, LaneWork& work);
  [[nodiscard]] std::optional<Selection> try_choice(const Lane& lane, const LaneWork& work,
                                                    const Outlook::Span& span);
  [[nodiscard]] std::optional<Selection> try_without_own(const Lane& lane, const LaneWork& work,
                                                         const Outlook::Span& span);
  [[nodiscard]] std::vector<LaneKey> planned_elsewhere(const Lane& lane) const;
  [[nodiscard]] bool has_choice(const Lane& lane, const LaneWork& work) const;
  void keep_choice(const LaneWork& work, const StartQuery& query, const PlannedStart& before,
                   std::optional<PlannedStart>& found);
  using SetAside = std::vector<std::pair<std::uint32_t, Claim>>;
  [[nodiscard]] SetAside set_aside(const LaneKey& key);
  void put_back(SetAside claims);
  [[nodiscard]] StartQuery query_of(const Lane& lane, const LaneWork& work) const;
  [[nodiscard]] bool find_plan(Lane& lane, LaneWork& work, std::optional<PlannedStart>& found);
  [[nodiscard]] std::vector<std::uint32_t> add_claims(const Lane& lane, const LaneWork& work,
                                                      const PlannedStart& planned);
  // Members behind the leader (planner_follow.cpp)
  void follow(const Lane& lane);
  void follow_until(const LaneKey* next);
  [[nodiscard]] bool next_member(const Lane& lane, Planner::State::FollowUp& next) const;
  [[nodiscard]] bool plan_member(Lane& lane, Planner::State::FollowUp& next);
  [[nodiscard]] std::uint32_t more_allowed(const Lane& lane, std::uint32_t most);
  void forget_later(LaneWork& work);
  void move_up(const Lane& lane, LaneWork& work);
  [[nodiscard]] LaneKey before_followers(const LaneKey& key) const;
  // Unless a gate refuses just that.
  void start(Lane& lane, LaneWork& work, const Selection& selection);
  void note_lanes_before(std::uint32_t group, const LaneKey& starter);
  void block(Lane& lane, LaneWork& work);
  // Preemption (planner_preempt.cpp). True if it started.
  bool displace(Lane& lane, LaneWork& work);
  [[nodiscard]] std::vector<JobId> victims_for(const Lane& lane);
  [[nodiscard]] bool yields(const Lane& lane, JobId victim);
  void take_away(JobId victim);
  void put_back(JobId victim);
  [[nodiscard]] std::optional<Selection> without_victims(const Lane& lane, const LaneWork& work);
  // False if these are no fewer than those that have been found.
  [[nodiscard]] bool try_order(const Lane& lane, const LaneWork& work, std::vector<JobId> order,
                               std::vector<JobId>& victims, Selection& selection);
  [[nodiscard]] std::optional<Selection> choose_victims(const Lane& lane, const LaneWork& work,
                                                        std::vector<JobId>& victims);
  [[nodiscard]] std::optional<Selection> fewest_victims(const Lane& lane, const LaneWork& work,
                                                        std::vector<JobId>& victims);
  [[nodiscard]] StartNote note_of(const Lane& lane, const LaneWork& work) const;  // planner_why.cpp
  [[nodiscard]] std::optional<GateBlock> ask_gates(const Lane& lane,
                                                   const model::Allocation* allocation) const;
  void tell_gates(const Lane& lane, JobId id, const model::Allocation& allocation);
  // Changes when a lane that a gate refused has to be examined again.
  [[nodiscard]] std::uint64_t gate_mark() const;
  void hold_back(Lane& lane, LaneWork& work, GateBlock gate);
  // Limits (planner_limits.cpp)
  [[nodiscard]] bool may_reserve(const Lane& lane) const;
  [[nodiscard]] std::optional<Selection> within_limit(const Lane& lane, const LaneWork& work,
                                                      const model::Allocation& refused,
                                                      const GateBlock& block);
  void reserve(Lane& lane, LaneWork& work);
  [[nodiscard]] bool conservative() const;
  [[nodiscard]] bool may_plan(const Lane& lane) const;
  // `lane` holds a reservation from now on.
  void note_plan(Lane& lane, LaneWork& work, std::int64_t at_ms, std::vector<std::uint32_t> nodes);
  // Heterogeneous jobs (planner_meeting.cpp)
  void examine_meeting(Lane& lane, LaneWork& work);
  [[nodiscard]] bool gather(Lane& lane, LaneWork& work);
  [[nodiscard]] std::optional<GateBlock> ask_gates_for(const MeetingPart& part,
                                                       const model::Allocation* allocation) const;
  void take_back(const MeetingPart& part, const model::Allocation& allocation);
  void start_meeting(Lane& lane, LaneWork& work, const std::vector<Selection>& selections);
  void reserve_meeting(Lane& lane, LaneWork& work, std::int64_t horizon_ms);
  struct Why {
    model::Reason reason = model::Reason::none;
    Text detail;
    std::optional<GateBlock> gate;
  };
  void explain(Lane& lane, LaneWork& work, const Why& why);
  [[nodiscard]] std::uint32_t limit_minutes(const Lane& lane) const;
  // When a job that starts then would be over.
  [[nodiscard]] std::int64_t end_of(const Lane& lane, std::int64_t from_ms) const;
  [[nodiscard]] const Text& reserved_text(const Lane& lane, LaneWork& work) const;
  [[nodiscard]] std::uint32_t most_released() const;
  [[nodiscard]] bool may_skip(const Lane& lane) const;
  [[nodiscard]] bool has_no_room(const Lane& lane) const;

  Planner::State& state_;
  NodePool& pool_;
  Now now_;
  PassResult result_;
  std::uint64_t steps_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t gate_mark_ = 0;
  std::int64_t exempt_ms_ = kNever;  // as next_exempt_ms, for the lane that is examined
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
