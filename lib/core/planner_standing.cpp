// Reservations in the planner: their claims in the profile, what their jobs see, and the words for
// jobs that others' reservations keep back.
#include <algorithm>
#include <utility>

#include "core/planner_pass.hpp"

namespace sluice::core {

void Planner::set_reservations(std::vector<StandingReservation> reservations) {
  state_->standing = std::move(reservations);
  state_->standing_placed = false;
  state_->config_seen = 0;  // what was resolved and settled is open again
}

const StandingReservation* Planner::State::reservation(std::uint32_t id) const {
  if (id == 0) return nullptr;
  const auto found = std::lower_bound(
      standing.begin(), standing.end(), id,
      [](const StandingReservation& one, std::uint32_t wanted) { return one.id < wanted; });
  return found == standing.end() || found->id != id ? nullptr : &*found;
}

Vantage Planner::State::vantage(std::uint32_t id) const {
  const StandingReservation* in = reservation(id);
  if (in == nullptr) return {};
  Vantage made{.reservation = id, .heeds = Vantage::Heeds::above, .from_ms = 0, .until_ms = kNever};
  if (in->flex || in->any_nodes) made.heeds = Vantage::Heeds::all;
  if (in->above) made.heeds = Vantage::Heeds::none;
  if (in->confines()) made.until_ms = in->jobs_until_ms;
  if (in->confines() && !in->spans.empty()) made.from_ms = in->spans.front().from_ms;
  return made;
}

// When a reservation is over none of its jobs can start any more, wherever they might have run.
std::int64_t Planner::State::last_start_ms(std::uint32_t id) const {
  const StandingReservation* in = reservation(id);
  return in == nullptr || in->spans.empty() ? kNever : in->spans.back().until_ms - 1;
}

void Planner::State::settle_profile(std::uint32_t nodes) {
  if (profile.nodes() != nodes) {
    profile.reset(nodes);
    standing_placed = standing.empty();
  }
  if (standing_placed) return;
  standing_placed = true;
  profile.drop_standing();
  for (const StandingReservation& one : standing) {
    if (one.any_nodes && one.parts.empty()) continue;
    for (const StandingReservation::Part& part : one.parts) {
      for (const StandingReservation::Span& span : one.spans) {
        Claim claim;
        claim.from_ms = span.from_ms;
        claim.until_ms = span.until_ms;
        claim.whole = part.cores == 0;
        claim.share = part.cores;
        claim.key = kStandingKey;
        claim.reservation = one.id;
        claim.above = one.above;
        profile.add(part.node, std::move(claim));
      }
    }
  }
}

void Planner::State::confine(std::uint32_t id, const NodePool::State& pool,
                             Eligibility& eligible) const {
  const StandingReservation* in = reservation(id);
  if (in == nullptr || !in->confines()) return;
  const base::Bitmap others = in->nodes.complement();
  if (eligible.excluded.size() == 0) {
    eligible.excluded = others;
  } else {
    eligible.excluded |= others;
  }
  std::uint32_t left = 0;
  in->nodes.for_each([&](std::size_t node) {
    if (eligible.allows(static_cast<std::uint32_t>(node), pool)) ++left;
  });
  if (left < eligible.nodes) eligible.filters.push_back({"reservation", eligible.nodes - left});
  eligible.nodes = left;
}

std::optional<PlannedStart> Planner::State::earliest(const NodePool::State& pool,
                                                     const Candidate& candidate,
                                                     const StartQuery& query) const {
  std::vector<std::uint32_t> where = candidate.reservations;
  if (where.empty()) where.push_back(0);
  std::optional<PlannedStart> best;
  for (const std::uint32_t id : where) {
    Eligibility eligible = query.eligibility;
    confine(id, pool, eligible);
    const StartQuery here{.demand = query.demand,
                          .eligibility = eligible,
                          .now_ms = query.now_ms,
                          .length_ms = query.length_ms,
                          .horizon_ms = std::min(query.horizon_ms, last_start_ms(id)),
                          .vantage = vantage(id)};
    const Outlook present = Outlook::span(
        pool, &profile,
        {.now_ms = here.now_ms,
         .from_ms = here.now_ms,
         .until_ms = std::min(end_after(here.now_ms, here.length_ms), here.vantage.until_ms),
         .vantage = here.vantage});
    std::optional<PlannedStart> found;
    if (auto selection = choose_nodes(here.demand, eligible, present)) {
      found = PlannedStart{here.now_ms, std::move(*selection)};
    } else {
      std::uint64_t steps = 0;
      found = find_start(pool, profile, here, steps);
    }
    if (found && (!best || found->at_ms < best->at_ms)) best = std::move(found);
  }
  return best;
}

Status Planner::State::could_run_reserved(const NodePool::State& pool, const Candidate& candidate,
                                          const Demand& demand) const {
  if (candidate.reservations.empty()) return {};
  for (const std::uint32_t id : candidate.reservations) {
    const StandingReservation* in = reservation(id);
    if (in == nullptr || !in->confines()) return {};
    Result<Eligibility> eligible = make_eligibility(pool, *candidate.request, demand);
    if (!eligible) return tl::unexpected(eligible.error());
    confine(id, pool, *eligible);
    if (fits_when_idle(pool, demand, *eligible, Outlook::Nodes::all)) return {};
  }
  return fail(ErrorCode::node_config_unavailable);
}

std::vector<std::uint32_t> Planner::State::met_by(const Vantage& from, std::int64_t now_ms,
                                                  std::int64_t until_ms) const {
  std::vector<std::uint32_t> met;
  for (const StandingReservation& one : standing) {
    const bool heeded = one.id != from.reservation && from.heeds != Vantage::Heeds::none &&
                        (from.heeds == Vantage::Heeds::all || one.above);
    if (!heeded) continue;
    const bool meets = std::any_of(one.spans.begin(), one.spans.end(), [&](const auto& span) {
      return span.from_ms < until_ms && span.until_ms > now_ms;
    });
    if (meets) met.push_back(one.id);
  }
  return met;
}

std::int64_t PlannerPass::end_of(const Lane& lane, std::int64_t from_ms) const {
  const LaneWork* work = lane.work.get();
  const bool known = work != nullptr && work->config_number == state_.config_number;
  const std::int64_t length =
      known ? work->length_ms : length_of(limit_minutes(lane), *state_.settings);
  const std::int64_t end = end_after(from_ms, length);
  return lane.reservation == 0 ? end : std::min(end, state_.vantage(lane.reservation).until_ms);
}

// Even if nothing ran: the nodes that others' reservations leave for as long as the job would run
// don't serve it. Whole nodes only: of shared ones something is left.
const Text& PlannerPass::reserved_text(const Lane& lane, LaneWork& work) const {
  const NodePool::State& pool = pool_.state();
  std::vector<std::uint32_t> met =
      state_.met_by(state_.vantage(lane.reservation), now_.mono_ms, end_of(lane, now_.mono_ms));
  if (work.met == met && work.met_config == state_.config_number &&
      work.met_state == pool.state_generation) {
    return work.met_text;
  }
  work.met_config = state_.config_number;
  work.met_state = pool.state_generation;
  work.met_text = Text();
  work.met = std::move(met);
  if (work.met.empty()) return work.met_text;
  Eligibility left = work.eligibility;
  if (left.excluded.size() == 0) left.excluded = base::Bitmap(pool.nodes.size());
  bool maint = false;
  for (const std::uint32_t id : work.met) {
    const StandingReservation& one = *state_.reservation(id);
    for (const StandingReservation::Part& part : one.parts) {
      if (part.cores != 0 || left.excluded.test(part.node)) continue;
      maint = maint || (one.maint && left.allows(part.node, pool));
      left.excluded.set(part.node);
    }
  }
  const auto taken = [&](std::uint32_t node) { return left.excluded.test(node); };
  const bool names_one = std::any_of(left.required.begin(), left.required.end(), taken);
  if (!names_one && fits_when_idle(pool, work.demand, left, Outlook::Nodes::available)) {
    return work.met_text;
  }
  work.met_text = maint ? "ReqNodeNotAvail, Reserved for maintenance"
                        : "ReqNodeNotAvail, May be reserved for other job";
  return work.met_text;
}

}  // namespace sluice::core
