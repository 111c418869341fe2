// One pass of the planner over its lanes. planner_pass.cpp has the order of work, planner_lanes.cpp
// and planner_choice.cpp what becomes of one lane; the other parts are named below.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/node_room.hpp"
#include "core/planner_state.hpp"

namespace sluice::core {

inline constexpr std::uint64_t kSkippedPerStep = 16;  // lanes that are passed over

// One examined lane after the other, until the budget is used up.
class PlannerPass {
 public:
  PlannerPass(Planner::State& state, NodePool& pool, Now now)
      : state_(state), pool_(pool), now_(now) {}
  [[nodiscard]] PassResult run(std::uint64_t budget);

 private:
  void begin();
  void visit(LaneKey key);
  void finish();
  void note_sizes();
  [[nodiscard]] bool is_used_up(std::uint64_t budget) const;
  [[nodiscard]] const LaneKey* next_lane(std::uint64_t budget);
  [[nodiscard]] bool nothing_new_at(const LaneKey& key) const;
  void rank_if_due();
  void begin_full();
  void begin_conservative();
  [[nodiscard]] bool stays_put(const Lane& lane) const;
  [[nodiscard]] bool is_simple(const Lane& lane) const;
  void drop_gone_plans();
  void restart_from(const LaneKey* key);
  void resume_lightly(const std::optional<LaneKey>& changed);
  void drop_plans(std::vector<LaneKey> keys);
  void drop_broken(const LaneKey& starter, const Selection& selection);
  // Interrupted passes (planner_resume.cpp)
  void interrupt(const LaneKey& next);
  [[nodiscard]] std::optional<LaneKey> take_up_changes();
  void go_on(const std::optional<LaneKey>& overtaken);
  void begin_again(bool everywhere);
  void note_behind(const LaneKey& key);
  [[nodiscard]] std::uint64_t work_done() const;
  // Whether a full pass of so many steps is simply done again when something changed.
  [[nodiscard]] bool is_cheap(std::uint64_t steps) const;
  [[nodiscard]] bool may_go_back() const;
  void go_back();
  void go_back_to(const LaneKey& key);
  void turn_back(const Lane& lane, const LaneKey& starter);
  [[nodiscard]] bool look_again(const Lane& lane, const LaneKey& given_up);
  void end_again();
  void refresh_config();
  void note_ends();
  LaneWork& work_of(Lane& lane);
  [[nodiscard]] KnownRequest::Key asked_by(const Lane& lane) const;
  [[nodiscard]] KnownRequest* known_of(const Lane& lane) const;
  void keep_known(const Lane& lane) const;
  void take_known(const KnownRequest& known, Lane& lane) const;
  void examine(const LaneKey& key);
  [[nodiscard]] bool cannot_serve(Lane& lane, LaneWork& work);
  [[nodiscard]] bool judge(Lane& lane, LaneWork& work);
  [[nodiscard]] bool is_kept_back(const Lane& lane) const;
  [[nodiscard]] const NodeRoom& room_of(std::uint32_t node, const LaneKey& lane) const;
  [[nodiscard]] bool may_help(std::uint32_t node, const Lane& lane) const;
  [[nodiscard]] bool stays_out(const Lane& lane) const;
  [[nodiscard]] bool lacks_cores(LaneWork& work, const Outlook& present) const;
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
  // planner_moves.cpp
  [[nodiscard]] bool others_stand_between(const LaneKey& from, const Lane& to) const;
  void begin_anew_at(const LaneKey& key);
  [[nodiscard]] bool move_plan(const Lane& from, Lane& to, const PlannedStart& start);
  void keep_moved(const Lane& lane, LaneWork& work, std::optional<PlannedStart>& found);
  [[nodiscard]] std::uint32_t keep_moved_member(const Lane& lane, const FollowUp& next,
                                                std::optional<PlannedStart>& found);
  [[nodiscard]] bool still_moved(const Lane& lane, const LaneWork& work) const;
  [[nodiscard]] const Lane& lane_of_start(const Lane& lane) const;
  // Under whose key, and for which member of the group: 0 is the leader.
  struct ClaimOwner {
    LaneKey key;
    std::uint32_t member = 0;
  };
  std::vector<std::uint32_t> add_claims(const Lane& lane, const PlannedStart& planned,
                                        const ClaimOwner& owner);
  // Members behind the leader (planner_follow.cpp)
  void follow(const Lane& lane);
  void follow_in(const Lane& lane);
  [[nodiscard]] bool follow_until(const LaneKey* next);
  [[nodiscard]] bool next_member(const Lane& lane, FollowUp& next) const;
  [[nodiscard]] bool still_leads(const Lane& lane, const FollowUp& next) const;
  [[nodiscard]] bool plan_member(const Lane& lane, const FollowUp& next);
  [[nodiscard]] bool plan_sooner(const Lane& lane, const FollowUp& next);
  [[nodiscard]] std::optional<PlannedStart> find_for(const Lane& lane, const FollowUp& next,
                                                     const StartQuery& query);
  [[nodiscard]] std::uint32_t more_allowed(const Lane& lane, std::uint32_t most);
  void claim_for(const Followers& followers, std::size_t number);
  void unclaim_for(const Followers& followers, std::size_t number);
  void forget_followers(std::uint32_t group);
  void count_followers();
  void move_up(const Lane& lane);
  [[nodiscard]] LaneKey before_followers(const LaneKey& key) const;
  // Unless a gate refuses just that.
  void start(Lane& lane, LaneWork& work, const Selection& selection);
  void note_lanes_before(std::uint32_t group, const LaneKey& starter);
  void block(Lane& lane, LaneWork& work);
  // Preemption (planner_preempt.cpp). True if it started, or a gate refuses it.
  bool displace(Lane& lane, LaneWork& work);
  [[nodiscard]] bool start_beside_sleepers(Lane& lane, LaneWork& work,
                                           const std::vector<JobId>& victims);
  [[nodiscard]] std::optional<GateBlock> refuses_after(const Lane& lane, const LaneWork& work,
                                                       const Selection& selection) const;
  [[nodiscard]] Preemption preemption_of(JobId victim, JobId by) const;
  [[nodiscard]] bool waits_for_leaving(const Lane& lane, LaneWork& work);
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
  // Gates (planner_limits.cpp)
  [[nodiscard]] std::optional<GateBlock> ask_gates(const Lane& lane,
                                                   const model::Allocation* allocation) const;
  void tell_gates(const Lane& lane, JobId id, const model::Allocation& allocation);
  // Changes when a lane that a gate refused has to be examined again.
  [[nodiscard]] std::uint64_t gate_mark() const;
  void hold_back(Lane& lane, LaneWork& work, GateBlock gate);
  [[nodiscard]] bool may_reserve(const Lane& lane) const;
  [[nodiscard]] std::optional<Selection> within_limit(const Lane& lane, const LaneWork& work,
                                                      const model::Allocation& refused,
                                                      const GateBlock& block);
  void reserve(Lane& lane, LaneWork& work);
  [[nodiscard]] bool conservative() const;
  [[nodiscard]] bool may_plan(const Lane& lane) const;
  [[nodiscard]] bool has_reserve(const Lane& lane) const;
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
  [[nodiscard]] std::int64_t end_of(const Lane& lane, std::int64_t from_ms) const;
  [[nodiscard]] const Text& reserved_text(const Lane& lane, LaneWork& work) const;
  [[nodiscard]] std::uint32_t most_released() const;
  [[nodiscard]] bool may_skip(const Lane& lane) const;
  void keep_back(LaneWork& work) const;
  [[nodiscard]] bool has_no_room(const Lane& lane) const;

  Planner::State& state_;
  NodePool& pool_;
  Now now_;
  PassResult result_;
  std::uint64_t steps_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t gate_mark_ = 0;
  std::optional<LaneKey> moved_from_;    // where the first of those was planned who have moved
  mutable NodeView view_;                // of may_help()
  mutable std::vector<NodeRoom> rooms_;  // of room_of(): few
  std::int64_t exempt_ms_ = kNever;      // as next_exempt_ms, for the lane that is examined
};

}  // namespace sluice::core
