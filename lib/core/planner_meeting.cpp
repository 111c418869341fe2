// How components are placed: one after the other, the choosiest first, each without the nodes that
// those before it took or that another one names. If that fails, other orders are tried, each
// component in turn being the first; so a start is missed only where more than that is needed to
// untangle the wishes.
#include "core/planner_meeting.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/planner_pass.hpp"
#include "core/share.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kMaxOrders = 8;
constexpr std::size_t kMaxMoments = 64;  // tried with claims, from the first that fits without

using Nodes = std::vector<std::uint32_t>;

void exclude(Eligibility& eligibility, const Nodes& nodes, std::size_t pool_size) {
  if (nodes.empty()) return;
  if (eligibility.excluded.size() == 0) eligibility.excluded = base::Bitmap(pool_size);
  for (const std::uint32_t node : nodes) eligibility.excluded.set(node);
}

// Positions of the parts: those that name nodes, then by how few nodes would do.
std::vector<std::size_t> choosiest_first(const std::vector<MeetingPart>& parts) {
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const Eligibility& left = parts[a].eligibility;
    const Eligibility& right = parts[b].eligibility;
    if (left.required.empty() != right.required.empty()) return !left.required.empty();
    return left.nodes < right.nodes;
  });
  return order;
}

std::optional<std::vector<Selection>> place_in_order(const MeetingQuery& query, std::int64_t at_ms,
                                                     const std::vector<std::size_t>& order,
                                                     std::uint64_t& steps) {
  const std::vector<MeetingPart>& parts = query.parts;
  std::vector<Selection> selections(parts.size());
  Nodes used;
  for (const std::size_t place : order) {
    const MeetingPart& part = parts[place];
    Eligibility eligibility = part.eligibility;
    exclude(eligibility, used, query.pool.nodes.size());
    for (const MeetingPart& other : parts) {
      if (&other != &part) {
        exclude(eligibility, other.eligibility.required, query.pool.nodes.size());
      }
    }
    for (const std::uint32_t node : eligibility.required) {
      if (!eligibility.allows(node, query.pool)) return std::nullopt;
    }
    const Outlook outlook = Outlook::span(query.pool, query.profile,
                                          {.now_ms = query.now_ms,
                                           .from_ms = at_ms,
                                           .until_ms = end_after(at_ms, part.length_ms),
                                           .before = query.before,
                                           .vantage = query.vantage});
    std::optional<Selection> found = choose_nodes(part.demand, eligibility, outlook);
    steps += outlook.steps();
    if (!found) return std::nullopt;
    for (const Chosen& chosen : found->nodes) used.push_back(chosen.node);
    selections[place] = std::move(*found);
  }
  return selections;
}

std::vector<std::int64_t> moments_of(const MeetingQuery& query, std::int64_t horizon_ms) {
  std::vector<std::int64_t> moments;
  const std::int64_t overdue = query.profile == nullptr ? kNever : query.profile->overdue_end_ms();
  const auto add = [&](std::int64_t at) {
    if (at <= query.now_ms) at = overdue;
    if (at <= horizon_ms && at != kNever) moments.push_back(at);
  };
  for (std::uint32_t node = 0; node < query.pool.nodes.size(); ++node) {
    for (const Hold& hold : query.pool.nodes[node].holds) add(hold.expected_end_ms);
    if (query.profile == nullptr) continue;
    for (const Claim& claim : query.profile->claims(node)) {
      if (claim.until_ms > query.now_ms) add(claim.until_ms);
    }
  }
  if (query.vantage.from_ms > query.now_ms) add(query.vantage.from_ms);
  std::sort(moments.begin(), moments.end());
  moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
  return moments;
}

Nodes nodes_of(const std::vector<Selection>& selections) {
  Nodes nodes;
  for (const Selection& selection : selections) {
    for (const Chosen& chosen : selection.nodes) nodes.push_back(chosen.node);
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

// A component doesn't choose among several guises: it takes the first in its partition.
RankedJob ranked_of(const Candidate& who, PartitionIndex partition) {
  Guise guise{partition, who.association, who.qos};
  for (std::size_t g = who.guises.size(); g-- > 0;) {
    if (who.guises[g].partition == partition) guise = who.guises[g];
  }
  return {.request = who.request.get(),
          .uid = who.uid,
          .association = guise.association,
          .qos = guise.qos,
          .time_limit = who.time_limit,
          .nice = who.nice,
          .site_factor = who.site_factor,
          .fixed = who.fixed,
          .priority = who.priority,
          .accrue = who.accrue,
          .submit = who.submit,
          .reservation = who.reservation};
}

Result<MeetingPart> part_in(const NodePool::State& pool, const Settings& settings,
                            const Candidate& candidate, PartitionIndex partition) {
  const model::Partition& config = pool.partitions[partition.value].config;
  const PartitionRules rules(config, waived_in(candidate, partition));
  Result<Demand> demand =
      make_demand(*candidate.request, candidate.uid, rules.partition(), settings);
  if (!demand) return tl::unexpected(demand.error());
  Result<Eligibility> eligibility = make_eligibility(pool, *candidate.request, *demand);
  if (!eligibility) return tl::unexpected(eligibility.error());
  const std::uint32_t minutes = minutes_in_force(candidate.time_limit, config);
  return MeetingPart{.id = candidate.id,
                     .ranked = ranked_of(candidate, partition),
                     .sharing = candidate.request->sharing,
                     .partition = partition,
                     .minutes = minutes,
                     .length_ms = length_of(minutes, settings),
                     .demand = std::move(*demand),
                     .eligibility = std::move(*eligibility)};
}

}  // namespace

Result<MeetingPart> make_part(const NodePool::State& pool, const Settings& settings,
                              const Candidate& candidate) {
  Result<MeetingPart> first = fail(ErrorCode::invalid_partition);
  bool tried = false;
  for (const PartitionIndex partition : candidate.partitions) {
    if (partition.value >= pool.partitions.size()) continue;
    Result<MeetingPart> made = part_in(pool, settings, candidate, partition);
    if (made || !tried) first = std::move(made);
    if (first) break;
    tried = true;
  }
  return first;
}

std::optional<std::vector<Selection>> place_all(const MeetingQuery& query, std::int64_t at_ms,
                                                std::uint64_t& steps) {
  std::vector<std::size_t> order = choosiest_first(query.parts);
  const std::size_t tries = std::min(order.size(), kMaxOrders);
  for (std::size_t first = 0; first < tries; ++first) {
    if (auto found = place_in_order(query, at_ms, order, steps)) return found;
    if (first + 1 == tries) break;
    // The next one goes to the front, the others keep their order.
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(first + 1),
                order.begin() + static_cast<std::ptrdiff_t>(first + 2));
  }
  return std::nullopt;
}

std::optional<PlannedMeeting> find_meeting(const MeetingQuery& query, std::int64_t horizon_ms,
                                           std::uint64_t& steps) {
  const std::vector<std::int64_t> moments = moments_of(query, horizon_ms);
  const MeetingQuery unclaimed{query.pool, nullptr, query.parts, query.now_ms, nullptr, {}};
  std::size_t low = 0;
  std::size_t high = moments.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (place_all(unclaimed, moments[middle], steps)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const std::size_t end = std::min(moments.size(), low + kMaxMoments);
  for (std::size_t m = low; m < end; ++m) {
    if (auto found = place_all(query, moments[m], steps)) {
      return PlannedMeeting{moments[m], std::move(*found)};
    }
  }
  return std::nullopt;
}

Result<PlanEntry> test_meeting(const MeetingQuery& query, const Now& now, std::int64_t horizon_ms) {
  for (const MeetingPart& part : query.parts) {
    if (Status ever = could_ever_run(query.pool, *part.ranked.request, part.demand); !ever) {
      return tl::unexpected(ever.error());
    }
  }
  std::uint64_t steps = 0;
  PlanEntry entry;
  entry.partition = query.parts.front().partition;
  std::optional<PlannedMeeting> found;
  if (auto at_once = place_all(query, now.mono_ms, steps)) {
    found = PlannedMeeting{now.mono_ms, std::move(*at_once)};
  } else {
    found = find_meeting(query, horizon_ms, steps);
  }
  entry.reason = model::Reason::resources;
  if (!found) return entry;
  if (found->at_ms == now.mono_ms) entry.reason = model::Reason::none;
  entry.planned_start = now.wall + (found->at_ms - now.mono_ms) * 1000;
  entry.planned_nodes = names_of(query.pool, nodes_of(found->selections));
  return entry;
}

// --- the pass -----------------------------------------------------------------------------------

// Resolves all components; false (and explained) if one of them can't be served.
bool PlannerPass::gather(Lane& lane, LaneWork& work) {
  const NodePool::State& pool = pool_.state();
  const Group& group = state_.queue.group(lane.group);
  if (work.parts_config != state_.config_number) {
    work.parts_config = state_.config_number;
    work.parts.clear();
    work.parts_error = false;
    const QueuedJob& leader = state_.queue.leader(lane.group);
    const std::uint32_t minutes = limit_minutes(lane);
    RankedJob ranked = state_.queue.ranked(leader, lane);
    ranked.reservation = lane.reservation;
    work.parts.push_back({.id = leader.id,
                          .ranked = ranked,
                          .sharing = group.request->sharing,
                          .partition = lane.partition,
                          .minutes = minutes,
                          .length_ms = length_of(minutes, *state_.settings),
                          .demand = work.demand,
                          .eligibility = work.eligibility});
    for (const Candidate& companion : *group.companions) {
      Result<MeetingPart> part = make_part(pool, *state_.settings, companion);
      if (part) {
        part->ranked.reservation = lane.reservation;
        state_.confine(lane.reservation, pool, part->eligibility);
        work.parts.push_back(std::move(*part));
        continue;
      }
      work.parts_error = true;
    }
  }
  model::Reason reason = work.parts_error ? model::Reason::bad_constraints : model::Reason::none;
  for (const MeetingPart& part : work.parts) {
    if (reason != model::Reason::none) break;
    if (fits_when_idle(pool, part.demand, part.eligibility, Outlook::Nodes::available)) continue;
    const bool ever = could_ever_run(pool, *part.ranked.request, part.demand).has_value();
    reason = ever ? model::Reason::node_down : model::Reason::bad_constraints;
  }
  if (reason == model::Reason::none) return true;
  Text detail;
  if (reason == model::Reason::node_down) {
    detail =
        "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority "
        "partitions";
  }
  explain(lane, work, {.reason = reason, .detail = detail, .gate = {}});
  return false;
}

std::optional<GateBlock> PlannerPass::ask_gates_for(const MeetingPart& part,
                                                    const model::Allocation* allocation) const {
  const GateQuestion question{part.ranked, part.partition, part.minutes, allocation};
  return state_.gates.refuse(question);
}

void PlannerPass::take_back(const MeetingPart& part, const model::Allocation& allocation) {
  const GateQuestion question{part.ranked, part.partition, part.minutes, &allocation};
  state_.gates.taken_back(question);
}

void PlannerPass::examine_meeting(Lane& lane, LaneWork& work) {
  if (cannot_serve(lane, work) || !gather(lane, work)) return;
  for (const MeetingPart& part : work.parts) {
    if (std::optional<GateBlock> refused = ask_gates_for(part, nullptr)) {
      hold_back(lane, work, std::move(*refused));
      lane.settled = lane.gated = true;
      lane.gate_mark = gate_mark_;
      return;
    }
  }
  ++result_.figures.tried;
  if (!state_.settings->backfill && partition_is_blocked(lane)) return block(lane, work);
  const MeetingQuery query{pool_.state(),
                           state_.profile.empty() ? nullptr : &state_.profile,
                           work.parts,
                           now_.mono_ms,
                           state_.light ? &lane.key : nullptr,
                           state_.vantage(lane.reservation)};
  if (const auto selections = place_all(query, now_.mono_ms, steps_)) {
    start_meeting(lane, work, *selections);
  } else {
    block(lane, work);
  }
}

void PlannerPass::start_meeting(Lane& lane, LaneWork& work,
                                const std::vector<Selection>& selections) {
  std::vector<Start> made;
  for (std::size_t i = 0; i < selections.size(); ++i) {
    const MeetingPart& part = work.parts[i];
    made.push_back({.id = part.id,
                    .partition = part.partition,
                    .association = part.ranked.association,
                    .qos = part.ranked.qos,
                    .allocation = make_allocation(pool_.state(), part.demand, selections[i]),
                    .time_limit = part.minutes,
                    .reservation = lane.reservation});
    // Each component counts for those after it.
    if (auto refused = ask_gates_for(part, made.back().allocation.get())) {
      while (i-- > 0) take_back(work.parts[i], *made[i].allocation);
      return hold_back(lane, work, std::move(*refused));
    }
    const GateQuestion question{part.ranked, part.partition, part.minutes,
                                made.back().allocation.get()};
    state_.gates.started(part.id, question);
  }
  for (std::size_t i = 0; i < selections.size(); ++i) {
    const MeetingPart& part = work.parts[i];
    const model::Allocation& allocation = *made[i].allocation;
    pool_.allocate(made[i].allocation, {.job = part.id,
                                        .uid = part.demand.uid,
                                        .partition = part.partition,
                                        .sharing = part.sharing,
                                        .reservation = lane.reservation});
    const std::int64_t end = end_after(now_.mono_ms, part.length_ms);
    for (const model::NodeShare& share : allocation.shares) {
      Hold& hold = pool_.state().nodes[share.node.value].holds.back();
      pool_.state().set_expected_end(share.node.value, hold, end);
    }
    result_.starts.push_back(std::move(made[i]));
  }
  const Planner::State::Blocked& first = state_.first_blocked[lane.partition.value];
  if (first.job.is_set() && first.key < lane.key) {
    ++result_.figures.ahead;
    result_.figures.ahead_parts += static_cast<std::uint32_t>(selections.size());
  }
  if (work.planned) drop_plans({lane.key});
  if (state_.light && !state_.profile.empty()) {
    for (const Selection& selection : selections) drop_broken(lane.key, selection);
  }
  note_lanes_before(lane.group, lane.key);
  state_.queue.take_one(lane.group);  // dissolves the group and its lanes
}

void PlannerPass::reserve_meeting(Lane& lane, LaneWork& work, std::int64_t horizon_ms) {
  const MeetingQuery query{pool_.state(), &state_.profile, work.parts,
                           now_.mono_ms,  nullptr,         state_.vantage(lane.reservation)};
  const std::optional<PlannedMeeting> found = find_meeting(query, horizon_ms, steps_);
  if (!found) return;
  work.planned = true;
  for (std::size_t i = 0; i < work.parts.size(); ++i) {
    const MeetingPart& part = work.parts[i];
    const Demand demand = bound_to(part.demand, found->selections[i].accelerator);
    for (const Chosen& chosen : found->selections[i].nodes) {
      Claim claim = make_claim(pool_.state(), demand, chosen);
      claim.from_ms = found->at_ms;
      claim.until_ms = end_after(found->at_ms, part.length_ms);
      claim.key = lane.key;
      claim.reservation = lane.reservation;
      state_.profile.add(chosen.node, std::move(claim));
    }
  }
  note_plan(lane, work, found->at_ms, nodes_of(found->selections));
}

}  // namespace sluice::core
