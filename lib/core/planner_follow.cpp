// The members of a group behind its leader. Each of them that may start now (an array's rest counts
// as many times as tasks of it may) gets a planned start of its own, when the pass comes to its
// place in the order: so what is planned for others behind it is not too early, and nobody with a
// lower rank takes its place. They stand in the profile under the leader's key, come and go with
// its reservation, and aren't shown.
//
// Bounds: backfill_max_job_test starts in all; kMaxFollowers of a group; as many as the gates would
// allow beside each other; kMostSteps of a pass, so that a pass stays as cheap as it was. Light
// passes, EASY (one start for each partition) and conservative backfill (where each job is a group
// of its own) plan none.
#include <algorithm>
#include <utility>

#include "core/planner_pass.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kMaxFollowers = 128;
constexpr std::uint64_t kMostSteps = 4000;
constexpr std::uint64_t kStepsPerQuestion = 4;  // what it costs to ask the gates

}  // namespace

// How many more of its like could start beside the leader, as far as the gates can tell.
std::uint32_t PlannerPass::more_allowed(const Lane& lane, std::uint32_t most) {
  std::vector<StartGate*> gates = state_.more_gates;
  if (state_.gate != nullptr) gates.insert(gates.begin(), state_.gate);
  if (gates.empty()) return most;
  RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  job.reservation = lane.reservation;
  if (lane.work->counted) job.request = lane.work->counted.get();
  const GateQuestion question{job, lane.partition, limit_minutes(lane), nullptr};
  const JobId leader = state_.queue.leader(lane.group).id;
  std::uint32_t taken = 0;
  const auto refused = [&](const StartGate* gate) { return gate->refuses(question).has_value(); };
  while (taken <= most && std::none_of(gates.begin(), gates.end(), refused)) {
    for (StartGate* gate : gates) gate->started(leader, question);
    ++taken;
  }
  state_.follow_steps += std::uint64_t{taken} * kStepsPerQuestion;
  for (std::uint32_t i = 0; i < taken; ++i) {
    for (StartGate* gate : gates) gate->taken_back(question);
  }
  return taken == 0 ? 0 : std::min(taken - 1, most);
}

// Goes to the next task, or to the member that would lead if those before it had gone.
bool PlannerPass::next_member(const Lane& lane, Planner::State::FollowUp& next) const {
  const PlannerQueue& queue = state_.queue;
  const std::vector<std::uint32_t>& heap = queue.group(lane.group).heap;
  if (next.left == 0) return false;
  --next.left;
  if (next.tasks != 0) {
    --next.tasks;
    return true;
  }
  for (std::uint32_t child = 2 * next.place + 1; child <= 2 * next.place + 2; ++child) {
    if (child < heap.size()) next.open.push_back(child);
  }
  const auto best = std::min_element(
      next.open.begin(), next.open.end(),
      [&](std::uint32_t a, std::uint32_t b) { return queue.before(heap[a], heap[b]); });
  if (best == next.open.end()) return false;
  next.place = *best;
  next.open.erase(best);
  const QueuedJob& job = queue.member(heap[next.place]);
  next.tasks = job.startable - 1;
  next.key = std::max(next.key, queue.key_of(lane, lane.key.lane, job));
  return true;
}

// The leader has just been planned.
void PlannerPass::follow(const Lane& lane) {
  const bool window = state_.settings->backfill_policy == model::BackfillPolicy::window;
  if (!window || state_.light || !state_.settings->backfill) return;
  if (state_.follow_steps >= kMostSteps) return;
  const Group& group = state_.queue.group(lane.group);
  const QueuedJob& leader = state_.queue.leader(lane.group);
  std::size_t tasks = 0;
  for (std::size_t at = 0; at < group.heap.size() && tasks <= kMaxFollowers; ++at) {
    tasks += state_.queue.member(group.heap[at]).startable;
  }
  if (tasks <= 1) return;
  const std::size_t most = std::min<std::size_t>(tasks - 1, kMaxFollowers);
  Planner::State::FollowUp next{.key = lane.key,
                                .tasks = leader.startable - 1,
                                .leader = leader.id,
                                .members = group.heap.size(),
                                .left = more_allowed(lane, static_cast<std::uint32_t>(most))};
  if (next_member(lane, next)) state_.follow_ups.push_back(std::move(next));
}

// Plans those whose place is before the lane; null: all that are left.
void PlannerPass::follow_until(const LaneKey* limit) {
  std::vector<Planner::State::FollowUp>& open = state_.follow_ups;
  while (!open.empty()) {
    const auto first = std::min_element(open.begin(), open.end(),
                                        [](const auto& a, const auto& b) { return a.key < b.key; });
    if (limit != nullptr && !(first->key < *limit)) return;
    Planner::State::FollowUp next = std::move(*first);
    open.erase(first);
    Lane& lane = state_.queue.lane(next.key.lane);
    if (plan_member(lane, next) && next_member(lane, next)) open.push_back(std::move(next));
  }
}

bool PlannerPass::plan_member(Lane& lane, Planner::State::FollowUp& next) {
  if (lane.work == nullptr || !lane.work->planned) return false;
  LaneWork& work = *lane.work;
  const bool same = state_.queue.group(lane.group).heap.size() == next.members &&
                    state_.queue.leader(lane.group).id == next.leader;
  if (!same || state_.follow_steps >= kMostSteps || !may_plan(lane)) return false;
  const std::uint64_t before = steps_;
  const StartQuery query = query_of(lane, work);
  std::optional<PlannedStart> found = find_start(pool_.state(), state_.profile, query, steps_);
  if (state_.as_expected && work.later.size() < work.former.size()) {
    keep_choice(work, query, work.former[work.later.size()], found);
  }
  state_.follow_steps += steps_ - before;
  if (!found) return false;
  static_cast<void>(add_claims(lane, work, *found));
  state_.next_planned_ms = std::min(state_.next_planned_ms, found->at_ms);
  work.later.push_back(std::move(*found));
  work.later_until = next.key;
  ++state_.later;
  return true;
}

// The reservation is given up; what was planned is remembered until it is planned anew.
void PlannerPass::forget_later(LaneWork& work) {
  state_.later -= std::min(state_.later, work.later.size());
  work.former = std::exchange(work.later, {});
}

// The leader has started: the next one leads, with what was planned for it.
void PlannerPass::move_up(const Lane& lane, LaneWork& work) {
  if (work.former.empty()) return;
  work.choice = std::move(work.former.front());
  work.former.erase(work.former.begin());
  work.chosen_for = state_.queue.leader(lane.group).id;
  work.leader.planned_start = 0;  // explain() makes the new texts
}

// Where to go on when something changed at a place in the order: with the leader, if one of its
// followers stands behind that place.
LaneKey PlannerPass::before_followers(const LaneKey& key) const {
  LaneKey first = key;
  for (const LaneKey& planned : state_.planned) {
    const LaneWork* work = state_.queue.lane(planned.lane).work.get();
    if (work == nullptr || work->later.empty() || work->later_until < key) continue;
    first = std::min(first, planned);
  }
  return first;
}

}  // namespace sluice::core
