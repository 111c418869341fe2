// What a pass finds out about one lane: what it needs resolved, whether it can be served at all,
// whether anything was released that could help it, and the words for why it waits.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/planner_pass.hpp"
#include "core/share.hpp"

namespace sluice::core {

namespace {

constexpr std::uint64_t kMostReleased = 8;          // nodes that are looked at to pass a lane by
constexpr std::uint64_t kMaxReleasesChecked = 256;  // more: try a full placement instead
// Jobs that one pass names as explained anew. A group may have a million; explain() knows them all.
constexpr std::size_t kMostExplained = 4096;

bool same_plan(const PlanEntry& a, const PlanEntry& b) {
  return a.reason == b.reason && a.detail == b.detail && a.partition == b.partition &&
         a.planned_start == b.planned_start && a.planned_nodes == b.planned_nodes;
}

// Reasons that hold for the whole group, not for its leader alone.
bool concerns_all(model::Reason reason) {
  return reason != model::Reason::resources && reason != model::Reason::priority;
}

// Slurm's words: which nodes are missing if the job names them or has no other, else only that some
// are.
Text away_text(const NodePool::State& pool, const Eligibility& eligibility) {
  std::vector<std::uint32_t> away;
  const auto note = [&](std::uint32_t node) {
    if (!pool.nodes[node].available && eligibility.allows(node, pool)) away.push_back(node);
  };
  for (const std::uint32_t node : eligibility.required) note(node);
  if (away.empty()) {
    for (std::uint32_t node = 0; node < pool.nodes.size(); ++node) note(node);
    if (away.size() != eligibility.nodes) {
      return "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority "
             "partitions";
    }
  }
  return fmt::format("ReqNodeNotAvail, UnavailableNodes:{}", names_of(pool, away).view());
}

// The request with all CPUs of the smallest node that it may get, where it gets whole nodes.
std::shared_ptr<const model::Request> counted_request(const NodePool::State& pool,
                                                      const model::Request& request,
                                                      const LaneWork& work) {
  if (!work.demand.whole_node || work.eligibility.classes.empty()) return nullptr;
  std::uint32_t fewest = model::kUnlimited;
  for (const ClassId id : work.eligibility.classes) {
    fewest = std::min(fewest, pool.classes.at(id).hardware->job_cpus());
  }
  if (fewest <= request.min_cpus_per_node) return nullptr;
  auto counted = std::make_shared<model::Request>(request);
  counted->min_cpus_per_node = fewest;
  return counted;
}

}  // namespace

std::uint32_t minutes_in_force(std::uint32_t asked, const model::Partition& partition) {
  if (asked != 0) return asked;
  return partition.default_time != 0 ? partition.default_time : partition.max_time;
}

std::int64_t length_of(std::uint32_t minutes, const Settings& settings) {
  return minutes == model::kUnlimited ? kNever : minutes * settings.limit_unit_ms;
}

LaneWork& PlannerPass::work_of(Lane& lane) {
  if (lane.work == nullptr) lane.work = state_.queue.fresh_work();
  LaneWork& work = *lane.work;
  const NodePool::State& pool = pool_.state();
  if (work.config_number == state_.config_number) return work;
  Group& group = state_.queue.group(lane.group);
  work.config_number = state_.config_number;
  work.error.reset();
  work.verdict = LaneWork::Verdict::unknown;
  work.known_blocked = false;
  work.too_few.reset();
  work.length_ms = length_of(limit_minutes(lane), *state_.settings);
  if (work.choices_number != state_.choices_number) {
    work.choices_number = state_.choices_number;
    work.choice.reset();
    if (group.followers) group.followers->before.clear();
  }
  if (const KnownRequest* known = known_of(lane)) {
    take_known(*known, lane);
    return work;
  }
  const PartitionRules rules(pool.partitions[lane.partition.value].config, lane.waived);
  Result<Demand> demand =
      make_demand(*group.request, group.key.uid, rules.partition(), *state_.settings);
  if (!demand) {
    work.error = std::move(demand.error());
    return work;
  }
  work.demand = std::move(*demand);
  Result<Eligibility> eligibility = make_eligibility(pool, *group.request, work.demand);
  if (!eligibility) {
    work.error = std::move(eligibility.error());
    return work;
  }
  work.eligibility = std::move(*eligibility);
  state_.confine(lane.reservation, pool, work.eligibility);
  work.counted = counted_request(pool, *group.request, work);
  lane.fewest_cores = model::kUnlimited;
  const std::uint32_t on_one = work.demand.single_node() ? std::max(1U, work.demand.tasks) : 1;
  const std::uint32_t each = work.demand.tasks == 0 ? work.demand.tasks_each : on_one;
  for (const ClassId id : work.eligibility.classes) {
    lane.fewest_cores =
        std::min(lane.fewest_cores, least_cores(work.demand, *pool.classes.at(id).hardware, each));
  }
  if (lane.reservation == 0) keep_known(lane);
  return work;
}

KnownRequest::Key PlannerPass::asked_by(const Lane& lane) const {
  const Group& group = state_.queue.group(lane.group);
  return {.request = group.request,
          .partition = lane.partition,
          .waived = lane.waived,
          .uid = group.key.uid,
          .config_number = state_.config_number};
}

// What such a lane's request came to; null: not known.
KnownRequest* PlannerPass::known_of(const Lane& lane) const {
  if (lane.reservation != 0) return nullptr;
  const KnownRequest::Key asked = asked_by(lane);
  KnownRequest& known = state_.known.at(asked);
  return known.key == asked ? &known : nullptr;
}

void PlannerPass::keep_known(const Lane& lane) const {
  const LaneWork& work = *lane.work;
  KnownRequest::Key asked = asked_by(lane);
  KnownRequest& known = state_.known.at(asked);
  known = {.key = std::move(asked),
           .demand = work.demand,
           .eligibility = work.eligibility,
           .counted = work.counted,
           .fewest_cores = lane.fewest_cores};
}

void PlannerPass::take_known(const KnownRequest& known, Lane& lane) const {
  LaneWork& work = *lane.work;
  work.demand = known.demand;
  work.eligibility = known.eligibility;
  work.counted = known.counted;
  lane.fewest_cores = known.fewest_cores;
  if (known.possible_at == 0) return;
  work.verdict = LaneWork::Verdict::possible;
  work.state_generation = known.possible_at;
}

// The request doesn't go with the partition, whatever is free.
bool PlannerPass::cannot_serve(Lane& lane, LaneWork& work) {
  if (work.error) {
    explain(lane, work, {.reason = model::Reason::bad_constraints, .detail = {}, .gate = {}});
    return true;
  }
  const PartitionRules rules(pool_.state().partitions[lane.partition.value].config, lane.waived);
  const model::Partition& partition = rules.partition();
  const StandingReservation* in = state_.reservation(lane.reservation);
  const bool gone = lane.reservation != 0 && in == nullptr;
  if (gone || (in != nullptr && !in->all_partitions && !in->partitions[lane.partition.value])) {
    explain(lane, work, {.reason = model::Reason::reservation, .detail = {}, .gate = {}});
    return true;
  }
  const model::Request& request = *state_.queue.group(lane.group).request;
  const bool too_small = request.max_nodes != 0 && request.max_nodes < partition.min_nodes;
  if (request.min_nodes > partition.max_nodes || too_small) {
    explain(lane, work, {.reason = model::Reason::partition_node_limit, .detail = {}, .gate = {}});
    return true;
  }
  if (partition.max_time != model::kUnlimited && limit_minutes(lane) > partition.max_time) {
    explain(lane, work, {.reason = model::Reason::partition_time_limit, .detail = {}, .gate = {}});
    return true;
  }
  return false;
}

namespace {

// Who waits for few leaf switches does so for a while only: any number will serve him then.
bool fits_on_more_switches(const NodePool::State& pool, const model::Request& request,
                           const LaneWork& work) {
  if (work.demand.switches == 0 || request.switch_wait_s == model::kUnlimited) return false;
  Demand demand = work.demand;
  demand.switches = 0;
  return fits_when_idle(pool, demand, work.eligibility, Outlook::Nodes::available);
}

}  // namespace

// The nodes that take jobs could not serve it even if they were idle.
bool PlannerPass::judge(Lane& lane, LaneWork& work) {
  using Verdict = LaneWork::Verdict;
  const NodePool::State& pool = pool_.state();
  if (work.verdict == Verdict::unknown || work.state_generation != pool.state_generation) {
    work.state_generation = pool.state_generation;
    work.away = Text();
    const model::Request& request = *state_.queue.group(lane.group).request;
    if (fits_when_idle(pool, work.demand, work.eligibility, Outlook::Nodes::available) ||
        fits_on_more_switches(pool, request, work)) {
      work.verdict = Verdict::possible;
      if (KnownRequest* known = known_of(lane)) known->possible_at = pool.state_generation;
    } else if (could_ever_run(pool, request, work.demand)) {
      work.verdict = Verdict::nodes_away;
      work.away = away_text(pool, work.eligibility);
    } else {
      work.verdict = Verdict::never;
    }
  }
  if (work.verdict == Verdict::possible) return false;
  const model::Reason reason =
      work.verdict == Verdict::never ? model::Reason::bad_constraints : model::Reason::node_down;
  explain(lane, work, {.reason = reason, .detail = work.away, .gate = {}});
  return true;
}

// In a light pass plans stay where they are: who stood in their way still does.
bool PlannerPass::is_kept_back(const Lane& lane) const {
  const LaneWork& work = *lane.work;
  if (!state_.standing.empty()) return false;  // reservations come and go with time
  if (!state_.light || !work.kept_back) return false;
  const NodePool::State& pool = pool_.state();
  return state_.profile.still_tight(work.plans_seen, [&](std::uint32_t node) {
    return pool.nodes[node].idle_cores >= lane.fewest_cores && work.eligibility.allows(node, pool);
  });
}

namespace {

// Whether the node could take so many tasks as it is now, where counts tell; none: they don't.
std::optional<bool> takes_by_counts(const NodeSlot& slot, const Demand& demand,
                                    std::uint32_t tasks) {
  if (slot.user_holds != 0) return std::nullopt;
  const std::optional<NodeNeed> need = plain_need(demand, *slot.hardware, tasks);
  if (!need) return std::nullopt;
  return need->cores <= slot.idle_cores && need->threads <= slot.idle_threads &&
         need->memory <= slot.free_memory();
}

}  // namespace

bool PlannerPass::still_blocked(const Lane& lane, LaneWork& work) {
  if (!work.known_blocked && !is_kept_back(lane)) return false;
  const NodePool::State& pool = pool_.state();
  if (work.log_seen < pool.log_base || pool.log_end() - work.log_seen > kMaxReleasesChecked) {
    return false;
  }
  const Outlook outlook =
      Outlook::span(pool, nullptr, {.now_ms = now_.mono_ms, .from_ms = now_.mono_ms});
  const std::uint32_t least = work.demand.tasks == 0 ? work.demand.tasks_each : 1;
  std::uint64_t looks = 0;
  for (std::uint64_t entry = work.log_seen; entry < pool.log_end(); ++entry) {
    const std::uint32_t node = pool.release_log[entry - pool.log_base];
    const NodeSlot& slot = pool.nodes[node];
    if (slot.idle_cores < lane.fewest_cores) continue;
    if (!outlook.counts(node) || !work.eligibility.allows(node, pool)) continue;
    if (const std::optional<bool> takes = takes_by_counts(slot, work.demand, least)) {
      if (*takes) return false;
      ++looks;
      continue;
    }
    outlook.look(node, work.demand, view_);
    if (evaluate(work.demand, view_, least).tasks >= least) return false;
  }
  steps_ += outlook.steps() + looks;
  work.log_seen = pool.log_end();
  return true;
}

// Whether idle cores alone show that the lane can't start. Since they did so the last time, only
// nodes that were released may offer more.
bool PlannerPass::lacks_cores(LaneWork& work, const Outlook& present) const {
  const Eligibility& eligibility = work.eligibility;
  const bool simple =
      eligibility.choices.empty() && eligibility.classes.size() > 1 && !work.demand.any_accelerator;
  const std::optional<EvenCores> even = simple ? even_cores(work.demand) : std::nullopt;
  if (!even) return false;
  const NodePool::State& pool = pool_.state();
  const Prospects prospects(work.demand, eligibility, present);
  const bool known = work.too_few && work.few_seen >= pool.log_base &&
                     pool.log_end() - work.few_seen <= kMostReleased;
  for (std::uint64_t entry = work.few_seen; known && entry < pool.log_end(); ++entry) {
    const NodeSlot& slot = pool.nodes[pool.release_log[entry - pool.log_base]];
    if (slot.node_class >= eligibility.has_class.size()) continue;
    if (!eligibility.has_class[slot.node_class]) continue;
    prospects.add_by_cores(*even, *slot.hardware, slot.idle_cores, *work.too_few);
  }
  work.few_seen = pool.log_end();
  if (known && !prospects.suffices(*work.too_few)) return true;
  work.too_few = prospects.offer_by_cores(*even);
  if (!prospects.suffices(*work.too_few)) return true;
  work.too_few.reset();
  return false;
}

// The most idle cores on a node that was released since the last pass began.
std::uint32_t PlannerPass::most_released() const {
  const NodePool::State& pool = pool_.state();
  if (state_.state_begun != pool.state_generation || state_.log_before < pool.log_base) {
    return model::kUnlimited;
  }
  std::uint32_t most = 0;
  for (std::uint64_t entry = state_.log_before; entry < pool.log_end(); ++entry) {
    most = std::max(most, pool.nodes[pool.release_log[entry - pool.log_base]].idle_cores);
  }
  return most;
}

bool PlannerPass::may_skip(const Lane& lane) const {
  if (lane.settled && lane.gated) return lane.gate_mark == gate_mark_;
  if (lane.work != nullptr && lane.work->planned && conservative()) {
    return lane.work->planned_ms > now_.mono_ms && (!state_.compressing || stays_put(lane));
  }
  // Nothing is planned for it: it starts now, or is as it was.
  if (!lane.settled) return false;
  const bool easy =
      state_.settings->backfill_policy == model::BackfillPolicy::easy || !has_reserve(lane);
  const bool light =
      state_.light && (!state_.again || state_.again_light || lane.key < state_.again_until);
  const bool behind = light || easy;
  if (!behind || !state_.first_blocked[lane.partition.value].job.is_set()) return false;
  const bool blocked = lane.work->known_blocked || is_kept_back(lane);
  if (!blocked) return easy && has_no_room(lane);
  if (lane.fewest_cores > state_.released_cores) return true;
  if (easy && has_no_room(lane)) {
    keep_back(*lane.work);  // the nodes that were released aren't looked at for it again
    return true;
  }
  return light && stays_out(lane);
}

// Whether it would fit but for what is planned or doesn't fit at all isn't known any more.
void PlannerPass::keep_back(LaneWork& work) const {
  if (!work.known_blocked) return;
  work.known_blocked = false;
  work.kept_back = true;
  work.plans_seen = state_.profile.loosened();
}

const NodeRoom& PlannerPass::room_of(std::uint32_t node, const LaneKey& lane) const {
  const NodePool::State& pool = pool_.state();
  auto room = std::ranges::find(rooms_, node, &NodeRoom::node);
  if (room != rooms_.end() && room->serves(pool, state_.profile, lane)) return *room;
  NodeRoom made(pool, state_.profile, node, lane, now_.mono_ms);
  if (room != rooms_.end()) return *room = std::move(made);
  if (rooms_.size() == kMostReleased) rooms_.clear();
  return rooms_.emplace_back(std::move(made));
}

// What the node offers now beside what is planned ahead of the lane.
bool PlannerPass::may_help(std::uint32_t node, const Lane& lane) const {
  const NodePool::State& pool = pool_.state();
  const LaneWork& work = *lane.work;
  if (pool.nodes[node].idle_cores < lane.fewest_cores) return false;
  if (!pool.nodes[node].available || !work.eligibility.allows(node, pool)) return false;
  const std::uint32_t least = work.demand.tasks == 0 ? work.demand.tasks_each : 1;
  const std::int64_t until = end_of(lane, now_.mono_ms);
  if (pool.nodes[node].user_holds == 0 || state_.profile.is_claimed(node)) {
    const auto need = plain_need(work.demand, *pool.nodes[node].hardware, least);
    if (need) return room_of(node, lane.key).has(*need, until);
  }
  const Outlook outlook = Outlook::span(
      pool, &state_.profile,
      {.now_ms = now_.mono_ms, .from_ms = now_.mono_ms, .until_ms = until, .before = &lane.key});
  outlook.look(node, work.demand, view_);
  return evaluate(work.demand, view_, least).tasks >= least;
}

// Of the nodes that were released since the last pass began, none helps the lane: what there is on
// them is kept for others. So it is kept back, if it wasn't before, and only that.
bool PlannerPass::stays_out(const Lane& lane) const {
  const NodePool::State& pool = pool_.state();
  const bool plain = state_.standing.empty() && state_.preemption == nullptr &&
                     state_.released_cores != model::kUnlimited && lane.reservation == 0 &&
                     pool.log_end() - state_.log_before <= kMostReleased;
  if (!plain) return false;
  for (std::uint64_t entry = state_.log_before; entry < pool.log_end(); ++entry) {
    if (may_help(pool.release_log[entry - pool.log_base], lane)) return false;
  }
  LaneWork& work = *lane.work;
  work.log_seen = pool.log_end();
  keep_back(work);
  return true;
}

// Where reservations hold a part of every node: whether each leaves it fewer cores than it needs at
// least. Tells nothing if it could also displace others, or is to be explained anew.
bool PlannerPass::has_no_room(const Lane& lane) const {
  const NodePool::State& pool = pool_.state();
  const Profile& profile = state_.profile;
  const bool plain = !state_.light && state_.standing.empty() && state_.preemption == nullptr &&
                     state_.released_cores != model::kUnlimited && lane.reservation == 0;
  if (!plain || profile.claimed_nodes().size() != pool.nodes.size()) return false;
  if (!lane.work->demand.plans_by_counts()) return false;
  const std::int64_t until = end_of(lane, now_.mono_ms);
  const std::vector<std::uint32_t>& nodes = profile.claimed_nodes();
  return std::none_of(nodes.begin(), nodes.end(), [&](std::uint32_t node) {
    return profile.claims_leave(node, until, lane.fewest_cores);
  });
}

void fill_filters(const NodePool::State& pool, const LaneWork& work, PlanEntry& entry) {
  entry.filters = work.eligibility.filters;
  std::uint32_t available = 0;
  if (work.eligibility.excluded.size() == 0) {
    for (const ClassId id : work.eligibility.classes) available += pool.classes.at(id).available;
  } else {
    for (std::uint32_t node = 0; node < pool.nodes.size(); ++node) {
      if (pool.nodes[node].available && work.eligibility.allows(node, pool)) ++available;
    }
  }
  if (available < work.eligibility.nodes) {
    entry.filters.push_back({"state", work.eligibility.nodes - available});
  }
  entry.nodes_usable = available;
}

void PlannerPass::explain(Lane& lane, LaneWork& work, const Why& why) {
  Group& group = state_.queue.group(lane.group);
  const JobId leader = state_.queue.leader(lane.group).id;
  const std::uint64_t state_now = pool_.state().state_generation;
  work.leader.gate = why.gate;  // its figures change with every start and end
  if (work.explained_leader == leader && work.leader.reason == why.reason &&
      work.leader.detail == why.detail && work.planned == (work.leader.planned_start != 0) &&
      work.explained_state == state_now && group.fresh.empty()) {
    return;
  }
  work.explained_state = state_now;
  const bool first_time = work.leader.reason == model::Reason::none;
  PlanEntry made;
  made.reason = why.reason;
  made.detail = why.detail;
  made.gate = why.gate;
  made.partition = work.planned ? lane_of_start(lane).partition : lane.partition;
  made.nodes_wanted = work.demand.min_nodes;
  if (work.planned && work.leader.planned_start != 0) {
    made.planned_start = work.leader.planned_start;
    made.planned_nodes = work.leader.planned_nodes;
  } else if (work.planned) {
    made.planned_start = now_.wall + (work.planned_ms - now_.mono_ms) * 1000;
    made.planned_nodes = names_of(pool_.state(), work.planned_nodes);
  }
  if (!work.error) fill_filters(pool_.state(), work, made);
  const bool changed = work.explained_leader != leader || !same_plan(made, work.leader);
  const bool all_changed =
      first_time || concerns_all(work.leader.reason) || concerns_all(made.reason);
  work.explained_leader = leader;
  work.leader = std::move(made);
  if (!changed && group.fresh.empty()) return;

  work.follower = work.leader;
  if (!concerns_all(work.leader.reason)) {
    work.follower.reason = model::Reason::priority;
    work.follower.planned_start = 0;
    work.follower.planned_nodes = {};
  }
  if (changed) result_.explained.push_back(leader);
  if (changed && all_changed) {
    for (const std::uint32_t job : group.heap) {
      if (result_.explained.size() >= kMostExplained) break;
      const JobId id = state_.queue.member(job).id;
      if (id != leader) result_.explained.push_back(id);
    }
  } else {
    for (const JobId id : group.fresh) {
      const QueuedJob* job = state_.queue.find(id);
      if (job != nullptr && job->group == lane.group && id != leader) {
        result_.explained.push_back(id);
      }
    }
  }
  constexpr std::size_t kMostKept = 16;
  if (group.fresh.capacity() > kMostKept) std::vector<JobId>().swap(group.fresh);
  group.fresh.clear();
}

}  // namespace sluice::core
