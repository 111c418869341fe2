// What an interrupted pass does when it goes on and the world is another one: nodes were released,
// jobs have ended, others were submitted. The lanes that it has come past were examined as of
// before; what they would do now goes before those that come next.
//
// A pass that has been cheap so far begins anew where the first thing changed. So on clusters of
// which a whole pass is cheap, nobody ever starts while a plan above him is out of date, however
// often passes are interrupted; and since a pass that has begun anew needn't be followed by
// another one, that costs nothing in the end.
//
// A costlier one, or one that keeps the plans that there are, goes back there lightly: those who
// can start now do, and the others keep their plans. Under load there is always something to go
// back for; so that the last lane is reached all the same, the pass spends no more steps on its
// ways back than on its way forward, and goes back as soon as it may again. What it has missed
// until its end is left to the next one, which follows at once.
#include <algorithm>
#include <utility>

#include "core/planner_pass.hpp"

namespace sluice::core {

namespace {

// So often in a pass lanes are looked at once more because a job is planned elsewhere.
constexpr std::uint32_t kMostAgain = 16;
constexpr std::uint32_t kMostPassed = 4096;  // lanes that are passed to find one of them

}  // namespace

void PlannerPass::interrupt(const LaneKey& next) {
  const NodePool::State& pool = pool_.state();
  result_.finished = false;
  state_.resume = next;
  state_.work = work_done();
  state_.pass_steps += steps_;
  state_.world_left = pool.world_generation;
  state_.log_left = pool.log_end();
  state_.changed_left = state_.queue.changed_from();
  state_.queue.reset_changed();
}

// Where the queue has changed since, if the pass had come past that place.
std::optional<LaneKey> PlannerPass::take_up_changes() {
  if (!state_.active) return std::nullopt;
  const std::optional<LaneKey> since = state_.queue.changed_from();
  if (state_.changed_left) state_.queue.note_changed(*state_.changed_left);
  state_.changed_left.reset();
  return since && *since < state_.resume ? since : std::nullopt;
}

void PlannerPass::go_on(const std::optional<LaneKey>& overtaken) {
  const NodePool::State& pool = pool_.state();
  const bool gates = state_.gates_seen != gate_mark_;
  const bool world = gates || state_.world_left != pool.world_generation;
  const bool offers = gates || state_.log_left != pool.log_end();
  const bool light = state_.light && (!state_.again || state_.again_light);
  state_.gates_seen = gate_mark_;
  if (!light && (world || overtaken) && is_cheap(state_.work)) return begin_again(world);
  if (!light) state_.stale = state_.stale || world || overtaken;
  if (overtaken) note_behind(*overtaken);
  if (light ? world : offers) note_behind({});
  if (state_.behind && may_go_back()) go_back();
}

void PlannerPass::note_behind(const LaneKey& key) {
  if (!state_.behind || key < *state_.behind) state_.behind = key;
}

// As begin(), but what the pass has found out about who comes before the first change stays.
void PlannerPass::begin_again(bool everywhere) {
  const NodePool::State& pool = pool_.state();
  ++state_.pass_number;
  rank_if_due();
  const LaneKey from = state_.queue.changed_from().value_or(LaneKey{});
  state_.queue.reset_changed();
  state_.light = state_.again = false;
  state_.behind.reset();
  state_.pass_steps = state_.follow_steps = 0;
  state_.agains = 0;
  state_.unseen = {};
  if (state_.released_cores != model::kUnlimited) state_.released_cores = most_released();
  state_.log_begun = pool.log_end();
  state_.state_begun = pool.state_generation;
  if (everywhere) state_.next_exempt_ms = kNever;
  state_.shortened = state_.shortened || state_.latest_gone_ms > now_.mono_ms;
  state_.latest_gone_ms = 0;
  if (conservative()) {
    const bool compressing = state_.compressing;
    begin_conservative();
    state_.compressing = state_.compressing || compressing;
  } else {
    state_.as_expected = state_.as_expected && !std::exchange(state_.shortened, false);
    if (everywhere || state_.stale || state_.keep_changes) {
      begin_full();
    } else {
      restart_from(&from);
    }
  }
  state_.stale = state_.keep_changes = false;
}

bool PlannerPass::is_cheap(std::uint64_t steps) const {
  return steps <= state_.settings->plan_anew_steps;
}

std::uint64_t PlannerPass::work_done() const {
  return state_.work + steps_ + skipped_ / kSkippedPerStep;
}

bool PlannerPass::may_go_back() const {
  const bool window = state_.settings->backfill_policy == model::BackfillPolicy::window;
  if (!window || !state_.settings->backfill) return false;
  const std::uint64_t all = work_done();
  const std::uint64_t back = state_.back_work + (state_.again ? all - state_.back_since : 0);
  return back <= all - back + state_.settings->plan_anew_steps;
}

void PlannerPass::go_back() {
  const LaneKey to = *state_.behind;
  state_.behind.reset();
  state_.released_cores = most_released();
  if (!state_.again) {
    state_.again_light = state_.light;
    state_.again = state_.light = true;
    state_.again_until = state_.resume;
    state_.back_since = work_done();
  }
  if (state_.again_light) drop_gone_plans();
  go_back_to(to);
}

void PlannerPass::go_back_to(const LaneKey& key) {
  state_.resume = std::min(state_.resume, key);
  for (Planner::State::Blocked& blocked : state_.first_blocked) {
    if (blocked.job.is_set() && !(blocked.key < state_.resume)) blocked = {};
  }
}

// The member that leads after a start may stand before the one that has started: of two with the
// same priority who was submitted first, though he has aged for less long. The pass has come past
// his place.
void PlannerPass::turn_back(const Lane& lane, const LaneKey& starter) {
  const LaneKey next = lane.key;
  for (const std::uint32_t id : state_.queue.group(lane.group).lanes) {
    const Lane& other = state_.queue.lane(id);
    state_.keep_changes = state_.keep_changes || (&other != &lane && other.key < starter);
  }
  if (!(next < starter)) return;
  if (state_.light) return go_back_to(next);
  if (is_cheap(work_done())) return restart_from(&next);
  state_.keep_changes = true;
}

// A job's plan in one partition was given up, for it can start earlier in another. Whom that plan
// kept back may start now, and before those who come next: so the pass goes back there, lightly,
// and plans the lane when it has come to it again. False: nobody was kept back.
bool PlannerPass::look_again(const Lane& lane, const LaneKey& given_up) {
  const bool window = state_.settings->backfill_policy == model::BackfillPolicy::window;
  if (!window || state_.light || state_.agains == kMostAgain) return false;
  std::uint32_t passed = 0;
  const LaneKey* kept_back = state_.queue.next_but(given_up, [&](const Lane& other) {
    const bool waits = other.group != lane.group && other.work != nullptr && other.work->kept_back;
    return other.key < lane.key && !waits && ++passed <= kMostPassed;
  });
  skipped_ += passed;
  if (kept_back == nullptr || !(*kept_back < lane.key) || passed > kMostPassed) return false;
  LaneWork& work = *state_.queue.lane(given_up.lane).work;
  work.plan_tried = state_.full_number;
  work.plan_tried_for = state_.queue.leader(lane.group).id;
  ++state_.agains;
  state_.again = state_.light = true;
  state_.again_light = false;
  state_.again_until = lane.key;
  state_.back_since = work_done();
  state_.resume = *kept_back;
  return true;
}

void PlannerPass::end_again() {
  if (!state_.again) return;
  state_.back_work += work_done() - state_.back_since;
  state_.again = false;
  state_.light = state_.again_light;
}

}  // namespace sluice::core
