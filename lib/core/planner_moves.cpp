// The plan of a job that may run in several partitions, when it can start earlier in one where it
// has a lower place in the order. By then others, which stand between the two places, have been
// planned around the start that it had: they would keep plans that are later than need be, and
// those behind them could be late when these start earlier after all.
//
// So the pass begins anew at the higher place, and the start in the other partition is planned
// there, as the job's own, before theirs. The same holds in later passes, as long as that start can
// be kept and there is no earlier one in the partition of the higher place.
//
// All this only while the pass is cheap. In a costly one the plan moves, and the others keep
// theirs.
#include <utility>

#include "core/planner_pass.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kMostBegun = 16;  // times that a pass begins anew for such a plan

}  // namespace

// Where the start lies that is planned in the lane.
const Lane& PlannerPass::lane_of_start(const Lane& lane) const {
  const std::uint32_t to = lane.work->moved_to;
  return to == LaneWork::kHere ? lane : state_.queue.lane(to);
}

// Whether there is somebody between two places of a group, and the pass may begin anew for him.
bool PlannerPass::others_stand_between(const LaneKey& from, const Lane& to) const {
  const bool window = state_.settings->backfill_policy == model::BackfillPolicy::window;
  if (!window || state_.light || state_.agains == kMostBegun) return false;
  if (!is_cheap(work_done())) return false;
  const LaneKey* between = state_.queue.next_but(
      from, [&](const Lane& one) { return one.group == to.group && one.key < to.key; });
  return between != nullptr && *between < to.key;
}

void PlannerPass::begin_anew_at(const LaneKey& key) {
  ++state_.agains;
  restart_from(&key);
}

// The job is planned in `from` and can start earlier in `to`. True: the pass has begun anew at
// `from`.
bool PlannerPass::move_plan(const Lane& from, Lane& to, const PlannedStart& start) {
  if (!others_stand_between(from.key, to)) return false;
  from.work->moved_to = to.key.lane;
  from.work->moved_for = state_.queue.leader(to.group).id;
  from.work->moved_pass = state_.pass_number;
  to.work->choice = start;
  to.work->chosen_for = from.work->moved_for;
  begin_anew_at(LaneKey(from.key));
  return true;
}

// Whether the job that leads can still have the start in the other lane, as far as that lane knows.
bool PlannerPass::still_moved(const Lane& lane, const LaneWork& work) const {
  if (state_.light || work.moved_for != state_.queue.leader(lane.group).id) return false;
  const Lane& to = state_.queue.lane(work.moved_to);
  if (to.work == nullptr || to.group != lane.group || !(lane.key < to.key)) return false;
  const bool lately = work.moved_pass == state_.pass_number;
  const bool chosen = to.work->choice && to.work->chosen_for == work.moved_for;
  if (to.work->config_number != state_.config_number || !chosen) return false;
  return (lately || state_.as_expected) && !ask_gates(to, nullptr);
}

// `found` is the earliest start in the lane itself; the one that it had elsewhere is kept if it is
// earlier.
void PlannerPass::keep_moved(const Lane& lane, LaneWork& work, std::optional<PlannedStart>& found) {
  if (work.moved_to == LaneWork::kHere) return;
  if (still_moved(lane, work)) {
    const Lane& to = state_.queue.lane(work.moved_to);
    std::optional<PlannedStart> kept;
    keep_choice(*to.work, query_of(to, *to.work), *to.work->choice, kept);
    if (kept && (!found || kept->at_ms < found->at_ms)) {
      found = std::move(kept);
      work.choice.reset();
      return;
    }
  }
  work.moved_to = LaneWork::kHere;
}

// The same for a member behind the leader. Gives the lane in which `found` lies then.
std::uint32_t PlannerPass::keep_moved_member(const Lane& lane, const FollowUp& next,
                                             std::optional<PlannedStart>& found) {
  const Followers& followers = *state_.queue.group(lane.group).followers;
  const bool lately = followers.moved_pass == state_.pass_number;
  const std::size_t number = next.number - 1;
  if (!(lately || state_.as_expected) || number >= followers.before.size()) return lane.key.lane;
  const Follower& own = followers.before[number];
  const Lane& to = state_.queue.lane(own.lane);
  if (to.group != lane.group || to.work == nullptr || !(lane.key < to.key)) return lane.key.lane;
  if (to.work->config_number != state_.config_number) return lane.key.lane;
  std::optional<PlannedStart> kept;
  const std::uint64_t begun = steps_;
  keep_choice(*to.work, query_of(to, *to.work), own.start, kept);
  state_.follow_steps += steps_ - begun;
  if (!kept || (found && found->at_ms <= kept->at_ms)) return lane.key.lane;
  found = std::move(kept);
  return own.lane;
}

}  // namespace sluice::core
