// A pass: lane by lane in the order of tier, priority and submission. What fits starts, if it
// delays no reservation made before it; what doesn't fit gets a reservation of its own, as long as
// there are fewer than backfill_max_job_test, inside the window.
//
// A pass does not begin at the top if nothing happened there: while no node or running job changed,
// reservations before the first changed lane are still right, and only the rest is examined.
#include "core/planner_pass.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/share.hpp"

namespace sluice::core {

namespace {

// A pass that plans anew looks for no more starts once it has found none for so many lanes: the
// window is as good as full.
constexpr std::uint32_t kMostInVain = 200;
constexpr std::int64_t kFullPassEveryMs = 30'000;
constexpr LaneKey kBehindAll{.tier = ~0U, .priority = ~0U, .order = ~std::uint64_t{0}, .lane = ~0U};

// How far ahead starts are planned.
std::int64_t window_ms(const Settings& settings) {
  if (settings.backfill_policy != model::BackfillPolicy::window) return kNever;
  return std::int64_t{settings.backfill_window_min} * 60'000;
}

}  // namespace

PassResult PlannerPass::run(std::uint64_t budget) {
  const std::optional<LaneKey> overtaken = take_up_changes();
  note_ends();
  refresh_config();
  gate_mark_ = gate_mark();
  const std::int64_t resolution =
      std::max<std::int64_t>(1, state_.settings->backfill_resolution_s) * 1000;
  state_.profile.set_time(pool_.state(), now_.mono_ms, resolution);
  if (state_.active) {
    go_on(overtaken);
  } else {
    begin();
  }
  do {
    while (const LaneKey* next = next_lane(budget)) {
      if (is_used_up(budget)) {
        interrupt(*next);
        note_sizes();
        return std::move(result_);
      }
      visit(*next);
    }
  } while (!follow_until(nullptr));
  end_again();
  finish();
  note_sizes();
  return std::move(result_);
}

void PlannerPass::visit(LaneKey key) {
  if (!follow_until(&key)) return;
  if (!(key < state_.again_until)) end_again();
  if (nothing_new_at(key)) {
    state_.resume = state_.unseen;
    return;
  }
  state_.resume = key;
  ++state_.resume.lane;  // nothing lies between
  ++steps_;
  ++result_.figures.examined;
  examine(key);
}

bool PlannerPass::is_used_up(std::uint64_t budget) const {
  return steps_ + skipped_ / kSkippedPerStep >= budget;
}

// The next that has to be looked at; any other once the budget is used up.
const LaneKey* PlannerPass::next_lane(std::uint64_t budget) {
  return state_.queue.next_but(state_.resume, [&](const Lane& lane) {
    if (is_used_up(budget) || !may_skip(lane)) return false;
    ++skipped_;
    return true;
  });
}

// Without backfill nobody starts behind a blocked lane: those that were looked at before need not
// be looked at again.
bool PlannerPass::nothing_new_at(const LaneKey& key) const {
  if (state_.settings->backfill || !(key < state_.unseen)) return false;
  for (const base::Bitmap& others : state_.overlaps) {
    bool blocked = false;
    others.for_each(
        [&](std::size_t p) { blocked = blocked || state_.first_blocked[p].job.is_set(); });
    if (!blocked) return false;
  }
  return true;
}

void PlannerPass::note_sizes() {
  result_.figures.queued = static_cast<std::uint32_t>(state_.queue.size());
  result_.figures.planned = static_cast<std::uint32_t>(state_.planned.size());
}

void PlannerPass::finish() {
  state_.active = false;
  state_.reached_end = true;
  state_.stale = state_.stale || state_.behind.has_value();
  state_.pass_steps += steps_;
  const std::uint64_t anew = state_.pass_steps - std::min(state_.pass_steps, state_.follow_steps);
  if (state_.full) state_.full_steps = 0;
  if (!state_.light) state_.full_steps = std::max(state_.full_steps, anew);
  state_.world_seen = state_.stale ? 0 : pool_.state().world_generation;
  if (!state_.stale && !state_.keep_changes) state_.queue.reset_changed();
  // Who was told that he waits behind a job that has started elsewhere is told so in the next one.
  result_.finished = !state_.stale && !state_.keep_changes;
}

void PlannerPass::note_ends() {
  if (state_.new_ends.empty()) return;
  for (const JobId id : state_.new_ends) {
    const auto job = state_.running.find(id);
    if (job == state_.running.end()) continue;
    for (const model::NodeShare& share : job->second.allocation->shares) {
      Hold* hold = find_hold(pool_.state().nodes[share.node.value], share, id,
                             job->second.asleep ? HoldState::asleep : HoldState::awake);
      if (hold == nullptr) continue;
      pool_.state().set_expected_end(share.node.value, *hold, job->second.expected_end_ms);
    }
  }
  state_.new_ends.clear();
}

void PlannerPass::refresh_config() {
  const NodePool::State& pool = pool_.state();
  if (state_.config_seen == pool.config_generation) return;
  state_.config_seen = pool.config_generation;
  ++state_.config_number;
  // Reservations come and go with time: that was to be expected.
  if (state_.pool_seen != pool.config_generation) ++state_.choices_number;
  state_.pool_seen = pool.config_generation;
  std::vector<std::uint32_t> tiers;
  state_.overlaps.assign(pool.partitions.size(), base::Bitmap(pool.partitions.size()));
  for (std::size_t p = 0; p < pool.partitions.size(); ++p) {
    tiers.push_back(pool.partitions[p].config.priority_tier);
    for (std::size_t q = 0; q < pool.partitions.size(); ++q) {
      if (pool.partitions[p].nodes.intersects(pool.partitions[q].nodes)) state_.overlaps[p].set(q);
    }
  }
  state_.queue.set_tiers(tiers);
  state_.active = false;
  state_.config_changed = true;
  state_.world_seen = 0;
}

// A ranking gives all lanes new keys; what is planned and who is blocked keep their meaning.
void PlannerPass::rank_if_due() {
  const PriorityRule* rule = state_.rule;
  if (rule == nullptr) return;
  const std::uint64_t generation = rule->generation();
  if (now_.mono_ms < state_.next_ranking_ms && generation == state_.ranked_generation) return;
  state_.next_ranking_ms = rule->next_ranking_ms();
  state_.ranked_generation = generation;
  drop_gone_plans();
  for (Planner::State::Blocked& blocked : state_.first_blocked) {
    if (!blocked.job.is_set()) continue;
    if (state_.queue.lane(blocked.key.lane).key != blocked.key) blocked = {};
  }
  static_cast<void>(state_.queue.rank(now_));
  state_.profile.rekey([&](const LaneKey& old) { return state_.queue.lane(old.lane).key; });
  for (LaneKey& planned : state_.planned) {
    const Lane& lane = state_.queue.lane(planned.lane);
    planned = lane.key;
    const Group& group = state_.queue.group(lane.group);
    if (group.followers) group.followers->until = kBehindAll;  // wherever it is now
  }
  std::sort(state_.planned.begin(), state_.planned.end());
  for (Planner::State::Blocked& blocked : state_.first_blocked) {
    if (blocked.job.is_set()) blocked.key = state_.queue.lane(blocked.key.lane).key;
  }
}

void PlannerPass::begin() {
  ++state_.pass_number;
  rank_if_due();
  const bool same_world =
      state_.world_seen == pool_.state().world_generation && state_.gates_seen == gate_mark_ &&
      now_.mono_ms < state_.next_planned_ms && now_.mono_ms < state_.next_exempt_ms;
  const bool as_explained = state_.world_seen != 0 && state_.gates_seen == gate_mark_ &&
                            state_.state_begun == pool_.state().state_generation;
  state_.gates_seen = gate_mark_;
  if (!same_world) state_.next_exempt_ms = kNever;
  const std::optional<LaneKey> changed = state_.queue.changed_from();
  state_.unseen = as_explained ? changed.value_or(kBehindAll) : LaneKey{};
  state_.queue.reset_changed();
  // The textbooks' rules know nothing of plans that are kept for want of time.
  const bool exact = state_.settings->backfill_policy != model::BackfillPolicy::window;
  const bool cheap = state_.full_number != 0 && (exact || is_cheap(state_.full_steps));
  const bool due = state_.full_number == 0 || state_.config_changed ||
                   now_.mono_ms - state_.full_ms >= kFullPassEveryMs;
  if (std::exchange(state_.reached_end, false)) state_.log_before = state_.log_begun;
  state_.released_cores = most_released();
  state_.log_begun = pool_.state().log_end();
  state_.state_begun = pool_.state().state_generation;
  state_.active = true;
  state_.stale = false;
  state_.keep_changes = false;
  state_.pass_steps = 0;
  state_.follow_steps = 0;
  state_.full = false;
  state_.light = state_.again = false;
  state_.agains = 0;
  state_.behind.reset();
  state_.work = state_.back_work = 0;
  state_.shortened = state_.shortened || state_.latest_gone_ms > now_.mono_ms;
  state_.latest_gone_ms = 0;
  if (conservative()) return begin_conservative();
  state_.as_expected = !std::exchange(state_.shortened, false);
  if (same_world && changed && cheap) {
    restart_from(&*changed);
  } else if (same_world ? changed && due : cheap || due) {
    begin_full();
  } else if (!same_world || changed) {
    resume_lightly(same_world ? changed : std::nullopt);
  } else {
    state_.resume = kBehindAll;
  }
}

void PlannerPass::begin_full() {
  state_.full = true;
  state_.full_ms = now_.mono_ms;
  ++state_.full_number;
  state_.config_changed = false;
  restart_from(nullptr);
}

bool PlannerPass::conservative() const {
  return state_.settings->backfill &&
         state_.settings->backfill_policy == model::BackfillPolicy::conservative;
}

// Planned starts stay where they are until their time comes; when somebody ended early, each in
// turn may move to an earlier place.
void PlannerPass::begin_conservative() {
  drop_gone_plans();
  state_.compressing = std::exchange(state_.shortened, false) || state_.config_changed;
  state_.config_changed = false;
  state_.resume = LaneKey{};
  state_.first_blocked.assign(pool_.state().partitions.size(), {});
  state_.next_planned_ms = kNever;
  for (const LaneKey& planned : state_.planned) {
    const std::int64_t at = state_.queue.lane(planned.lane).work->planned_ms;
    if (at > now_.mono_ms) state_.next_planned_ms = std::min(state_.next_planned_ms, at);
  }
}

// Forgets what was planned from the lane on (null: all of it), and goes on there.
void PlannerPass::restart_from(const LaneKey* changed) {
  const LaneKey first = changed == nullptr ? LaneKey{} : before_followers(*changed);
  const LaneKey* const key = changed == nullptr ? nullptr : &first;
  const auto dropped = [&](const LaneKey& other) { return key == nullptr || !(other < *key); };
  for (const LaneKey& planned : state_.planned) {
    if (!dropped(planned)) continue;
    Lane& lane = state_.queue.lane(planned.lane);
    if (lane.work == nullptr) continue;
    lane.work->planned = false;
    forget_followers(lane.group);
  }
  std::erase_if(state_.planned, dropped);
  state_.follow_ups.clear();
  count_followers();
  state_.first_blocked.resize(pool_.state().partitions.size());
  for (Planner::State::Blocked& blocked : state_.first_blocked) {
    if (blocked.job.is_set() && dropped(blocked.key)) blocked = {};
  }
  state_.resume = key == nullptr ? LaneKey{} : *key;
  state_.in_vain = 0;
  state_.next_planned_ms = kNever;
  if (key == nullptr) {
    state_.profile.clear();
    return;
  }
  state_.profile.drop_from(*key);
  for (const LaneKey& planned : state_.planned) {
    const Lane& lane = state_.queue.lane(planned.lane);
    state_.next_planned_ms = std::min(state_.next_planned_ms, lane.work->planned_ms);
  }
}

// Goes through the lanes (all of them, or from the first change on) with the reservations of the
// last full pass: what has become possible starts, reservations stay where they are.
void PlannerPass::resume_lightly(const std::optional<LaneKey>& changed) {
  state_.light = true;
  drop_gone_plans();
  state_.resume = changed.value_or(LaneKey{});
  for (Planner::State::Blocked& blocked : state_.first_blocked) {
    if (blocked.job.is_set() && !(blocked.key < state_.resume)) blocked = {};
  }
}

void PlannerPass::drop_gone_plans() {
  std::vector<LaneKey> gone;
  for (const LaneKey& planned : state_.planned) {
    const Lane& lane = state_.queue.lane(planned.lane);
    if (lane.key != planned || lane.work == nullptr || !lane.work->planned) gone.push_back(planned);
  }
  drop_plans(std::move(gone));
}

void PlannerPass::drop_plans(std::vector<LaneKey> keys) {
  if (keys.empty()) return;
  std::sort(keys.begin(), keys.end());
  for (const LaneKey& key : keys) {
    Lane& lane = state_.queue.lane(key.lane);
    if (lane.work == nullptr) continue;
    lane.settled = false;
    lane.work->planned = false;
    forget_followers(lane.group);
    lane.work->plan_tried_for = {};
    if (state_.again && !state_.again_light) lane.work->plan_tried = 0;
  }
  state_.profile.drop(keys);
  std::erase_if(state_.planned, [&](const LaneKey& planned) {
    return std::binary_search(keys.begin(), keys.end(), planned);
  });
  count_followers();
}

// A start in a light pass heeds only the reservations ahead of it; those behind it that can't be
// kept any more are given up until the next full pass.
void PlannerPass::drop_broken(const LaneKey& starter, const Selection& selection) {
  std::vector<LaneKey> broken;
  for (const Chosen& chosen : selection.nodes) {
    if (state_.profile.claims(chosen.node).empty()) continue;
    for (const LaneKey& key : state_.profile.broken_claims(chosen.node)) {
      if (starter < key) broken.push_back(key);
    }
  }
  drop_plans(std::move(broken));
}

void PlannerPass::examine(const LaneKey& key) {
  Lane& lane = state_.queue.lane(key.lane);
  exempt_ms_ = kNever;
  if (lane.partition.value >= pool_.state().partitions.size()) return;
  LaneWork& work = work_of(lane);
  lane.gated = false;
  if (work.planned && conservative()) drop_plans({lane.key});
  if (state_.queue.group(lane.group).companions) return examine_meeting(lane, work);
  if (cannot_serve(lane, work) || judge(lane, work)) return;
  if (std::optional<GateBlock> refused = ask_gates(lane, nullptr)) {
    hold_back(lane, work, std::move(*refused));
    lane.settled = lane.gated = true;
    lane.gate_mark = gate_mark_;
    return;
  }
  ++result_.figures.tried;
  if (!state_.settings->backfill && state_.first_blocked[lane.partition.value].job.is_set()) {
    block(lane, work);
    return;
  }
  if (!conservative() && still_blocked(lane, work)) {
    if (!displace(lane, work)) block(lane, work);
  } else if (const std::optional<Selection> selection = try_now(lane, work)) {
    start(lane, work, *selection);
  } else if (!displace(lane, work)) {
    block(lane, work);
  }
}

// Some of its nodes are waited for, in whichever partition.
bool PlannerPass::partition_is_blocked(const Lane& lane) const {
  const base::Bitmap& others = state_.overlaps[lane.partition.value];
  for (std::size_t p = others.find_first(); p != base::Bitmap::npos; p = others.find_next(p)) {
    if (state_.first_blocked[p].job.is_set()) return true;
  }
  return false;
}

// Without backfill: what is left of the nodes where those of partitions with somebody waiting are
// kept for him; none: there is no such partition.
std::optional<Eligibility> PlannerPass::beside_blocked(const Lane& lane,
                                                       const LaneWork& work) const {
  if (state_.settings->backfill || !partition_is_blocked(lane)) return std::nullopt;
  const NodePool::State& pool = pool_.state();
  Eligibility left = work.eligibility;
  if (left.excluded.size() == 0) left.excluded = base::Bitmap(pool.nodes.size());
  const base::Bitmap& others = state_.overlaps[lane.partition.value];
  for (std::size_t p = others.find_first(); p != base::Bitmap::npos; p = others.find_next(p)) {
    if (state_.first_blocked[p].job.is_set()) left.excluded |= pool.partitions[p].nodes;
  }
  return left;
}

std::uint32_t PlannerPass::limit_minutes(const Lane& lane) const {
  return minutes_in_force(state_.queue.group(lane.group).key.time_limit,
                          pool_.state().partitions[lane.partition.value].config);
}

std::optional<Selection> PlannerPass::try_now(const Lane& lane, LaneWork& work) {
  const NodePool::State& pool = pool_.state();
  const Outlook::Span span{.now_ms = now_.mono_ms,
                           .from_ms = now_.mono_ms,
                           .until_ms = end_of(lane, now_.mono_ms),
                           .before = state_.light ? &lane.key : nullptr,
                           .vantage = state_.vantage(lane.reservation)};
  const Outlook free = Outlook::span(pool, nullptr, span);
  std::optional<Selection> selection;
  if (!lacks_cores(work, free)) selection = choose_nodes(work.demand, work.eligibility, free);
  steps_ += free.steps();
  work.known_blocked = !selection;
  work.kept_back = false;
  work.log_seen = pool.log_end();
  if (!selection) return selection;
  if (auto planned = try_choice(lane, work, span)) return planned;
  const std::optional<Eligibility> left = beside_blocked(lane, work);
  if (state_.profile.empty() && !left) return selection;
  const Outlook kept = Outlook::span(pool, &state_.profile, span);
  selection = choose_nodes(work.demand, left ? *left : work.eligibility, kept);
  steps_ += kept.steps();
  if (!selection && !left) selection = try_without_own(lane, work, span);
  work.kept_back = !selection;
  work.plans_seen = state_.profile.loosened();
  return selection;
}

void PlannerPass::start(Lane& lane, LaneWork& work, const Selection& selection) {
  const std::uint32_t group = lane.group;
  const QueuedJob leader = state_.queue.leader(group);
  Start made{.id = leader.id,
             .partition = lane.partition,
             .association = lane.association,
             .qos = lane.qos,
             .allocation = make_allocation(pool_.state(), work.demand, selection),
             .time_limit = limit_minutes(lane),
             .note = note_of(lane, work),
             .reservation = lane.reservation};
  if (std::optional<GateBlock> refused = ask_gates(lane, made.allocation.get())) {
    if (const auto other = within_limit(lane, work, *made.allocation, *refused)) {
      return start(lane, work, *other);
    }
    hold_back(lane, work, std::move(*refused));
    return;
  }
  tell_gates(lane, leader.id, *made.allocation);
  const Holder holder{.job = leader.id,
                      .uid = work.demand.uid,
                      .partition = lane.partition,
                      .sharing = state_.queue.group(group).request->sharing,
                      .reservation = lane.reservation};
  pool_.allocate(made.allocation, holder);
  const std::int64_t end = end_of(lane, now_.mono_ms);
  for (const model::NodeShare& share : made.allocation->shares) {
    Hold& hold = pool_.state().nodes[share.node.value].holds.back();
    pool_.state().set_expected_end(share.node.value, hold, end);
  }
  if (made.note.ahead_of.is_set()) ++result_.figures.ahead;
  result_.starts.push_back(std::move(made));
  if (work.planned) drop_plans({lane.key});
  drop_plans(planned_elsewhere(lane));
  work.choice.reset();
  if (state_.light && !state_.profile.empty()) drop_broken(lane.key, selection);
  if (leader.startable > 1) state_.resume = lane.key;  // the same once more
  const bool more = leader.startable > 1 || state_.queue.group(group).heap.size() > 1;
  note_lanes_before(group, lane.key);
  Planner::State::Blocked& first = state_.first_blocked[lane.partition.value];
  if (first.job.is_set() && first.key == lane.key) first = {};  // when looked at before
  const LaneKey starter = lane.key;
  state_.queue.take_one(group);  // may dissolve the group and its lanes
  if (state_.released_cores != model::kUnlimited) {
    state_.released_cores = std::min(state_.released_cores, most_released());
  }
  if (!more) return;
  move_up(lane);
  for (const std::uint32_t other : state_.queue.group(group).lanes) {
    state_.unseen = std::min(state_.unseen, state_.queue.lane(other).key);
  }
  turn_back(lane, starter);
}

void PlannerPass::block(Lane& lane, LaneWork& work) {
  ++result_.figures.blocked;
  Planner::State::Blocked& first = state_.first_blocked[lane.partition.value];
  const QueuedJob& leader = state_.queue.leader(lane.group);
  Why why{.reason = model::Reason::resources, .detail = {}, .gate = {}};
  const Text& reserved = reserved_text(lane, work);
  if (!reserved.empty()) {
    why = {.reason = model::Reason::node_down, .detail = reserved, .gate = {}};
  } else if (!first.job.is_set()) {
    first = {lane.key, leader.id};
  } else if (first.key != lane.key) {
    why.reason = model::Reason::priority;
  }
  if (state_.settings->backfill) reserve(lane, work);
  explain(lane, work, why);
  lane.settled = (work.known_blocked || work.kept_back) && why.reason == model::Reason::priority &&
                 exempt_ms_ == kNever;
}

void PlannerPass::reserve(Lane& lane, LaneWork& work) {
  // In a light pass only who has become the first in line gets a reservation at once.
  const JobId leader = state_.queue.leader(lane.group).id;
  const bool first = state_.first_blocked[lane.partition.value].key == lane.key;
  if (state_.light && first && work.planned && work.planned_ms <= now_.mono_ms) {
    drop_plans({lane.key});  // somebody is late: it has to be planned anew
  }
  const bool tried =
      work.plan_tried == state_.full_number && (!first || work.plan_tried_for == leader);
  const bool displacing = work.displacing_until_ms > now_.mono_ms && !work.planned;
  if (state_.light && !displacing && (work.planned || tried)) return;
  work.plan_tried = state_.full_number;
  work.plan_tried_for = leader;
  work.planned = false;
  if (!may_plan(lane) || !may_reserve(lane)) return;
  if (!work.parts.empty()) {
    if (!planned_elsewhere(lane).empty()) return;
    return reserve_meeting(lane, work, end_after(now_.mono_ms, window_ms(*state_.settings)));
  }
  std::optional<PlannedStart> found;
  const std::vector<LaneKey> elsewhere = planned_elsewhere(lane);
  if (!find_plan(lane, work, found)) return follow_in(lane);
  if (!elsewhere.empty() && found && look_again(lane, elsewhere.front())) return;
  if (!found) {
    work.choice.reset();
    state_.in_vain += state_.light ? 0 : 1;
    return;
  }
  work.planned = true;
  const Lane& there = lane_of_start(lane);
  note_plan(lane, work, found->at_ms, add_claims(there, *found, {.key = lane.key}));
  there.work->choice = std::move(found);
  there.work->chosen_for = leader;
  follow(lane);
}

StartQuery PlannerPass::query_of(const Lane& lane, const LaneWork& work) const {
  return {.demand = work.demand,
          .eligibility = work.eligibility,
          .now_ms = now_.mono_ms,
          .length_ms = length_of(limit_minutes(lane), *state_.settings),
          .horizon_ms = std::min(end_after(now_.mono_ms, window_ms(*state_.settings)),
                                 state_.last_start_ms(lane.reservation)),
          .vantage = state_.vantage(lane.reservation)};
}

// Whether fewer than the most of its partition have a planned start up to the lane, with those of
// its own that are planned already. What
// was planned for those behind it, before it came, is given up in the next full pass.
bool PlannerPass::has_reserve(const Lane& lane) const {
  const std::size_t most = state_.settings->backfill_reserve.value_or(0);
  if (most == 0) return true;
  std::size_t ahead = 0;
  for (const LaneKey& planned : state_.planned) {
    const Lane& other = state_.queue.lane(planned.lane);
    if (other.partition != lane.partition || lane.key < planned) continue;
    const Group& group = state_.queue.group(other.group);
    ahead += 1 + (group.followers ? group.followers->planned.size() : 0);
  }
  return ahead < most;
}

// Whether one more start may be planned.
bool PlannerPass::may_plan(const Lane& lane) const {
  switch (state_.settings->backfill_policy) {
    case model::BackfillPolicy::conservative: return true;
    case model::BackfillPolicy::easy:  // one for the partitions that compete
      return std::none_of(state_.planned.begin(), state_.planned.end(),
                          [&](const LaneKey& planned) {
                            const PartitionIndex theirs = state_.queue.lane(planned.lane).partition;
                            return state_.overlaps[lane.partition.value].test(theirs.value);
                          });
    case model::BackfillPolicy::window: break;
  }
  if (!state_.light && state_.in_vain >= kMostInVain) return false;
  if (!has_reserve(lane)) return false;
  return state_.planned.size() + state_.later < state_.settings->backfill_max_job_test;
}

}  // namespace sluice::core
