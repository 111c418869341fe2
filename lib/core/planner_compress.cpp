// Compression under conservative backfill: when somebody has ended early, each planned job in turn
// may move to an earlier place. Most can't, and whether one could is seen at a glance where a job
// needs nothing but cores, threads and memory of one node: so only those that may gain are planned
// anew. Where more has to be looked at, the job is planned anew.
#include "core/planner_pass.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kMostNodes = 8;  // that are looked at for a job; more: it is planned anew

// What a planned job asks of a node, and where it stands.
struct Place {
  NodeNeed need;
  std::int64_t now_ms = 0;
  std::int64_t length_ms = kNever;
  std::int64_t planned_ms = 0;
  bool own = false;  // it is planned on that node: from then on there is room for it
};

bool serves_earlier(const Timeline& timeline, const Place& place) {
  std::int64_t start = place.now_ms;
  for (std::size_t s = timeline.step_at(start); s < timeline.steps().size(); ++s) {
    const std::int64_t from = timeline.steps()[s].from_ms;
    if (from >= end_after(start, place.length_ms)) break;
    if (place.own && from >= place.planned_ms) break;
    if (!timeline.has(s, place.need)) start = timeline.end_of(s);
    if (start >= place.planned_ms) return false;
  }
  return start < place.planned_ms;
}

}  // namespace

// Whether nothing but the timelines of its nodes tells when it can start.
bool PlannerPass::is_simple(const Lane& lane) const {
  const LaneWork& work = *lane.work;
  const bool judged = work.config_number == state_.config_number && !work.error &&
                      work.state_generation == pool_.state().state_generation &&
                      work.verdict == LaneWork::Verdict::possible;
  const bool alone = state_.preemption == nullptr && state_.standing.empty() &&
                     lane.reservation == 0 && work.parts.empty() &&
                     state_.queue.group(lane.group).lanes.size() == 1;
  const Eligibility& eligible = work.eligibility;
  const bool plain = work.demand.single_node() && eligible.nodes <= kMostNodes &&
                     eligible.choices.empty() && eligible.required.empty() &&
                     eligible.counted.empty() && eligible.excluded.size() == 0;
  return judged && alone && plain && has_choice(lane, work) &&
         work.choice->at_ms == work.planned_ms && work.choice->selection.nodes.size() == 1;
}

bool PlannerPass::stays_put(const Lane& lane) const {
  // Who is the first in line is to be told so.
  if (!state_.first_blocked[lane.partition.value].job.is_set()) return false;
  if (!is_simple(lane) || ask_gates(lane, nullptr)) return false;
  const LaneWork& work = *lane.work;
  const Demand& demand = work.demand;
  const NodePool::State& pool = pool_.state();
  const std::uint32_t own = work.choice->selection.nodes.front().node;
  Place place{.need = {},
              .now_ms = now_.mono_ms,
              .length_ms = length_of(limit_minutes(lane), *state_.settings),
              .planned_ms = work.planned_ms};
  const std::uint32_t tasks = demand.tasks == 0 ? demand.tasks_each : demand.tasks;
  for (const ClassId id : work.eligibility.classes) {
    const NodeClass& members = pool.classes.at(id);
    const std::optional<NodeNeed> need = plain_need(demand, *members.hardware, tasks);
    if (!need) return false;
    place.need = *need;
    for (std::size_t n = members.members.find_first(); n != base::Bitmap::npos;
         n = members.members.find_next(n)) {
      const auto node = static_cast<std::uint32_t>(n);
      if (!pool.nodes[node].available) continue;
      place.own = node == own;
      if (serves_earlier(state_.profile.timeline(node), place)) return false;
    }
  }
  return true;
}

}  // namespace sluice::core
