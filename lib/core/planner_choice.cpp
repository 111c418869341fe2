// What was chosen for a planned start: kept as long as it serves and nothing better is found, and
// carried out as it stands when its time has come. So a plan that nothing upsets stays the same,
// though all is planned anew whenever something happens, and nobody who is planned behind it is
// late. Also what a job that may run in several partitions has planned in another one.
#include <algorithm>
#include <utility>

#include "core/planner_state.hpp"

namespace sluice::core {

// Whether what was chosen for the lane's planned start is still of any use.
bool PlannerPass::has_choice(const Lane& lane, const LaneWork& work) const {
  return !work.choice.empty() && work.chosen_for == state_.queue.leader(lane.group).id;
}

// At its planned time a job gets the nodes that were planned.
std::optional<Selection> PlannerPass::try_choice(const Lane& lane, const LaneWork& work,
                                                 const Outlook::Span& span) {
  if (!has_choice(lane, work) || work.planned_ms > now_.mono_ms) return std::nullopt;
  const Outlook present = Outlook::span(pool_.state(), &state_.profile, span);
  const Selection& choice = work.choice.front();
  const bool serves = still_serves(work.demand, work.eligibility, choice, present);
  steps_ += present.steps();
  return serves ? std::optional(choice) : std::nullopt;
}

// A plan is kept unless a better one is found.
void PlannerPass::keep_choice(const LaneWork& work, const StartQuery& query,
                              std::optional<PlannedStart>& found) {
  if (work.planned_ms <= query.now_ms || work.planned_ms > query.horizon_ms) return;
  if (found && found->at_ms < work.planned_ms) return;
  const Outlook then = Outlook::span(
      pool_.state(), &state_.profile,
      {.now_ms = query.now_ms,
       .from_ms = work.planned_ms,
       .until_ms =
           std::min(end_after(work.planned_ms, query.length_ms), query.vantage.until_ms),
       .vantage = query.vantage});
  const Selection& choice = work.choice.front();
  if (still_serves(work.demand, work.eligibility, choice, then)) {
    found = PlannedStart{work.planned_ms, choice};
  }
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

// What is planned for the job in another partition must not keep it from starting at once here.
std::optional<Selection> PlannerPass::try_without_own(const Lane& lane, const LaneWork& work,
                                                      const Outlook::Span& span) {
  const std::vector<LaneKey> own = planned_elsewhere(lane);
  if (own.empty()) return std::nullopt;
  std::vector<std::pair<std::uint32_t, Claim>> set_aside;
  for (const std::uint32_t node : state_.profile.claimed_nodes()) {
    for (const Claim& claim : state_.profile.claims(node)) {
      if (claim.key == own.front()) set_aside.emplace_back(node, claim);
    }
  }
  state_.profile.drop({own.front()});
  const Outlook kept = Outlook::span(pool_.state(), &state_.profile, span);
  std::optional<Selection> selection = choose_nodes(work.demand, work.eligibility, kept);
  steps_ += kept.steps();
  for (auto& [node, claim] : set_aside) state_.profile.add(node, std::move(claim));
  return selection;
}

}  // namespace sluice::core
