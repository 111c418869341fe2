// What was chosen for a planned start: kept as long as it serves and nothing better is found, and
// carried out as it stands when its time has come. So a plan that nothing upsets stays the same,
// though all is planned anew whenever something happens, and nobody who is planned behind it is
// late. When a job has ended before it was to, nodes are chosen anew: there may be better ones.
// Also what a job that may run in several partitions has planned in another one.
#include <algorithm>
#include <utility>

#include "core/planner_pass.hpp"
#include "core/share.hpp"

namespace sluice::core {

// Whether what was chosen for the lane's planned start is still of any use.
bool PlannerPass::has_choice(const Lane& lane, const LaneWork& work) const {
  return state_.as_expected && work.choice && work.chosen_for == state_.queue.leader(lane.group).id;
}

// At its planned time a job gets the nodes that were planned.
std::optional<Selection> PlannerPass::try_choice(const Lane& lane, const LaneWork& work,
                                                 const Outlook::Span& span) {
  if (!has_choice(lane, work) || work.choice->at_ms > now_.mono_ms) return std::nullopt;
  const Outlook present = Outlook::span(pool_.state(), &state_.profile, span);
  const Selection& choice = work.choice->selection;
  const bool serves = still_serves(work.demand, work.eligibility, choice, present);
  steps_ += present.steps();
  return serves ? std::optional(choice) : std::nullopt;
}

// A plan is kept unless a better one is found.
void PlannerPass::keep_choice(const LaneWork& work, const StartQuery& query,
                              const PlannedStart& before, std::optional<PlannedStart>& found) {
  if (before.at_ms <= query.now_ms || before.at_ms > query.horizon_ms) return;
  if (found && found->at_ms < before.at_ms) return;
  const Outlook then = Outlook::span(
      pool_.state(), &state_.profile,
      {.now_ms = query.now_ms,
       .from_ms = before.at_ms,
       .until_ms = std::min(end_after(before.at_ms, query.length_ms), query.vantage.until_ms),
       .vantage = query.vantage});
  if (still_serves(work.demand, work.eligibility, before.selection, then)) found = before;
  steps_ += then.steps();
}

// Lanes of the same group that hold a reservation.
std::vector<LaneKey> PlannerPass::planned_elsewhere(const Lane& lane) const {
  std::vector<LaneKey> found;
  for (const std::uint32_t id : state_.queue.group(lane.group).lanes) {
    const Lane& other = state_.queue.lane(id);
    if (&other != &lane && other.work != nullptr && other.work->planned) found.push_back(other.key);
  }
  return found;
}

// Lanes of the group in other partitions may have been examined for the former leader.
void PlannerPass::note_lanes_before(std::uint32_t group, const LaneKey& starter) {
  for (const std::uint32_t other : state_.queue.group(group).lanes) {
    const LaneKey& key = state_.queue.lane(other).key;
    if (!(key < starter)) continue;
    state_.keep_changes = true;
    state_.queue.note_changed(key);  // a task of an array may lead as the one before it did
  }
}

std::vector<std::uint32_t> PlannerPass::add_claims(const Lane& lane, const PlannedStart& planned,
                                                   const ClaimOwner& owner) {
  std::vector<std::uint32_t> nodes;
  const Demand demand = bound_to(lane.work->demand, planned.selection.accelerator);
  for (const Chosen& chosen : planned.selection.nodes) {
    Claim claim = make_claim(pool_.state(), demand, chosen);
    claim.from_ms = planned.at_ms;
    claim.until_ms = end_of(lane, planned.at_ms);
    claim.key = owner.key;
    claim.member = owner.member;
    claim.reservation = lane.reservation;
    claim.inside = lane.reservation != 0 && state_.reservation(lane.reservation)->confines();
    state_.profile.add(chosen.node, std::move(claim));
    nodes.push_back(chosen.node);
  }
  return nodes;
}

void PlannerPass::note_plan(Lane& lane, LaneWork& work, std::int64_t at_ms,
                            std::vector<std::uint32_t> nodes) {
  state_.planned.push_back(lane.key);
  state_.next_planned_ms = std::min(state_.next_planned_ms, at_ms);
  if (work.planned_ms == at_ms && work.planned_nodes == nodes && work.leader.planned_start != 0) {
    return;
  }
  work.planned_ms = at_ms;
  work.planned_nodes = std::move(nodes);
  work.leader.planned_start = 0;  // explain() makes the new texts
}

PlannerPass::SetAside PlannerPass::set_aside(const LaneKey& key) {
  SetAside claims;
  for (const std::uint32_t node : state_.profile.claimed_nodes()) {
    for (const Claim& claim : state_.profile.claims(node)) {
      if (claim.key == key) claims.emplace_back(node, claim);
    }
  }
  state_.profile.drop({key});
  return claims;
}

void PlannerPass::put_back(SetAside claims) {
  for (auto& [node, claim] : claims) state_.profile.add(node, std::move(claim));
}

// What is planned for the job in another partition must not keep it from starting at once here.
std::optional<Selection> PlannerPass::try_without_own(const Lane& lane, const LaneWork& work,
                                                      const Outlook::Span& span) {
  const std::vector<LaneKey> own = planned_elsewhere(lane);
  if (own.empty()) return std::nullopt;
  SetAside claims = set_aside(own.front());
  const Outlook kept = Outlook::span(pool_.state(), &state_.profile, span);
  std::optional<Selection> selection = choose_nodes(work.demand, work.eligibility, kept);
  steps_ += kept.steps();
  put_back(std::move(claims));
  return selection;
}

// The earliest start, and in this partition only if it is earlier than in another one; false: it
// stays there.
bool PlannerPass::find_plan(Lane& lane, LaneWork& work, std::optional<PlannedStart>& found) {
  StartQuery query = query_of(lane, work);
  const std::vector<LaneKey> own = planned_elsewhere(lane);
  if (own.empty()) {
    found = find_start(pool_.state(), state_.profile, query, steps_);
    if (has_choice(lane, work)) keep_choice(work, query, *work.choice, found);
    keep_moved(lane, work, found);
    return true;
  }
  query.horizon_ms =
      std::min(query.horizon_ms, state_.queue.lane(own.front().lane).work->planned_ms - 1);
  if (state_.light || query.horizon_ms <= now_.mono_ms) return false;
  SetAside claims = set_aside(own.front());
  found = find_start(pool_.state(), state_.profile, query, steps_);
  if (has_choice(lane, work)) keep_choice(work, query, *work.choice, found);
  put_back(std::move(claims));
  if (!found || move_plan(state_.queue.lane(own.front().lane), lane, *found)) return false;
  work.moved_to = LaneWork::kHere;
  if (Followers* followers = state_.queue.group(lane.group).followers.get()) {
    followers->planned.clear();  // what an earlier pass had for them is remembered still
  }
  drop_plans(own);
  return true;
}

}  // namespace sluice::core
