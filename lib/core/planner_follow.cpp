// The members of a group behind its leader. Each of them that may start now (an array's rest counts
// as many times as tasks of it may) gets a planned start of its own, when the pass comes to its
// place in the order: so what is planned for others behind it is not too early, and nobody with a
// lower rank takes its place. In each other lane of the group, when its turn there has come, it
// moves if it may start earlier there, as a leader does. Followers come and go with the leader's
// reservation (followers.hpp), and aren't shown.
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
  if (state_.gates.none()) return most;
  RankedJob job = state_.queue.ranked(state_.queue.leader(lane.group), lane);
  job.reservation = lane.reservation;
  if (lane.work->counted) job.request = lane.work->counted.get();
  const GateQuestion question{job, lane.partition, limit_minutes(lane), nullptr};
  const JobId leader = state_.queue.leader(lane.group).id;
  const std::uint32_t taken = state_.gates.count_allowed(leader, question, most + 1);
  state_.follow_steps += std::uint64_t{taken} * kStepsPerQuestion;
  return taken == 0 ? 0 : std::min(taken - 1, most);
}

// Goes to the next task, or to the member that would lead if those before it had gone.
bool PlannerPass::next_member(const Lane& lane, FollowUp& next) const {
  const PlannerQueue& queue = state_.queue;
  const std::vector<std::uint32_t>& heap = queue.group(lane.group).heap;
  if (next.left == 0) return false;
  --next.left;
  ++next.number;
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

// The leader has just been planned in the lane. Where it was looked at before, those behind it are
// planned as well: their places there have passed.
void PlannerPass::follow(const Lane& lane) {
  const bool window = state_.settings->backfill_policy == model::BackfillPolicy::window;
  if (!window || state_.light || !state_.settings->backfill) return;
  Group& group = state_.queue.group(lane.group);
  const QueuedJob& leader = state_.queue.leader(lane.group);
  if (leader.startable <= 1 && group.heap.size() <= 1) return;
  if (!group.followers) group.followers = std::make_unique<Followers>();
  group.followers->lane = lane.key.lane;
  group.followers->planned.clear();
  group.followers->until = {};
  std::erase_if(state_.follow_ups, [&](const FollowUp& next) {
    return state_.queue.lane(next.key.lane).group == lane.group;
  });
  for (const std::uint32_t id : group.lanes) {
    const Lane& other = state_.queue.lane(id);
    const bool passed = other.work != nullptr && other.key < lane.key && !other.gated &&
                        other.work->plan_tried == state_.full_number &&
                        other.work->plan_tried_for == leader.id;
    if (&other == &lane || passed) follow_in(other);
  }
}

// Begins with those behind the leader in one of the lanes.
void PlannerPass::follow_in(const Lane& lane) {
  const Group& group = state_.queue.group(lane.group);
  const bool follows = group.followers && state_.queue.lane(group.followers->lane).work->planned;
  if (!follows || state_.light || state_.follow_steps >= kMostSteps) return;
  const QueuedJob& leader = state_.queue.leader(lane.group);
  std::size_t tasks = 0;
  for (std::size_t at = 0; at < group.heap.size() && tasks <= kMaxFollowers; ++at) {
    tasks += state_.queue.member(group.heap[at]).startable;
  }
  if (tasks <= 1) return;
  const std::size_t most = std::min<std::size_t>(tasks - 1, kMaxFollowers);
  FollowUp next{.key = lane.key,
                .tasks = leader.startable - 1,
                .leader = leader.id,
                .members = group.heap.size(),
                .left = more_allowed(lane, static_cast<std::uint32_t>(most))};
  if (next_member(lane, next)) state_.follow_ups.push_back(std::move(next));
}

// Plans those whose place is before the lane; null: all that are left. False: the pass begins anew
// at an earlier place.
bool PlannerPass::follow_until(const LaneKey* limit) {
  std::vector<FollowUp>& open = state_.follow_ups;
  while (!open.empty()) {
    const auto first = std::min_element(open.begin(), open.end(),
                                        [](const auto& a, const auto& b) { return a.key < b.key; });
    if (limit != nullptr && !(first->key < *limit)) break;
    FollowUp next = std::move(*first);
    open.erase(first);
    const Lane& lane = state_.queue.lane(next.key.lane);
    if (!still_leads(lane, next) || state_.follow_steps >= kMostSteps) continue;
    if (plan_member(lane, next) && next_member(lane, next)) open.push_back(std::move(next));
  }
  const std::optional<LaneKey> from = std::exchange(moved_from_, std::nullopt);
  if (from) begin_anew_at(*from);
  return !from;
}

// Whether the group is still as it was when this was begun, and its leader planned.
bool PlannerPass::still_leads(const Lane& lane, const FollowUp& next) const {
  const Group& group = state_.queue.group(lane.group);
  if (lane.work == nullptr || !group.followers) return false;
  const LaneWork* leading = state_.queue.lane(group.followers->lane).work.get();
  return leading != nullptr && leading->planned && group.heap.size() == next.members &&
         state_.queue.leader(lane.group).id == next.leader;
}

std::optional<PlannedStart> PlannerPass::find_for(const Lane& lane, const FollowUp& next,
                                                  const StartQuery& query) {
  const std::uint64_t begun = steps_;
  std::optional<PlannedStart> found = find_start(pool_.state(), state_.profile, query, steps_);
  const std::vector<Follower>& before = state_.queue.group(lane.group).followers->before;
  const std::size_t number = next.number - 1;
  if (state_.as_expected && number < before.size() && before[number].lane == lane.key.lane) {
    keep_choice(*lane.work, query, before[number].start, found);
  }
  state_.follow_steps += steps_ - begun;
  return found;
}

// False if nothing is found for it, and so for none of those behind it.
bool PlannerPass::plan_member(const Lane& lane, const FollowUp& next) {
  Followers& followers = *state_.queue.group(lane.group).followers;
  followers.until = std::max(followers.until, next.key);
  if (next.number <= followers.planned.size()) return plan_sooner(lane, next);
  if (!may_plan(lane)) return false;
  std::optional<PlannedStart> found = find_for(lane, next, query_of(lane, *lane.work));
  const std::uint32_t there = keep_moved_member(lane, next, found);
  if (!found) return false;
  state_.next_planned_ms = std::min(state_.next_planned_ms, found->at_ms);
  followers.planned.push_back({there, std::move(*found)});
  claim_for(followers, next.number);
  ++state_.later;
  return true;
}

// It is planned in another lane and stays there, unless it may start earlier in this one.
bool PlannerPass::plan_sooner(const Lane& lane, const FollowUp& next) {
  Followers& followers = *state_.queue.group(lane.group).followers;
  Follower& own = followers.planned[next.number - 1];
  StartQuery query = query_of(lane, *lane.work);
  query.horizon_ms = std::min(query.horizon_ms, own.start.at_ms - 1);
  if (query.horizon_ms <= now_.mono_ms) return true;
  unclaim_for(followers, next.number);
  const LaneKey from = state_.queue.lane(own.lane).key;
  std::optional<PlannedStart> found = find_for(lane, next, query);
  const bool moves = found.has_value();
  if (moves) {
    own = {lane.key.lane, std::move(*found)};
    state_.next_planned_ms = std::min(state_.next_planned_ms, own.start.at_ms);
  }
  claim_for(followers, next.number);
  if (moves && others_stand_between(from, lane)) {
    followers.moved_pass = state_.pass_number;
    moved_from_ = moved_from_ ? std::min(*moved_from_, from) : from;
  }
  return true;
}

void PlannerPass::claim_for(const Followers& followers, std::size_t number) {
  const Follower& one = followers.planned[number - 1];
  add_claims(state_.queue.lane(one.lane), one.start,
             {state_.queue.lane(followers.lane).key, static_cast<std::uint32_t>(number)});
}

void PlannerPass::unclaim_for(const Followers& followers, std::size_t number) {
  std::vector<std::uint32_t> nodes;
  for (const Chosen& chosen : followers.planned[number - 1].start.selection.nodes) {
    nodes.push_back(chosen.node);
  }
  state_.profile.drop_member(state_.queue.lane(followers.lane).key,
                             static_cast<std::uint32_t>(number), nodes);
}

// The leader's reservation is given up; what was planned is remembered until it is planned anew.
void PlannerPass::forget_followers(std::uint32_t group) {
  Followers* followers = state_.queue.group(group).followers.get();
  if (followers == nullptr || followers->planned.empty()) return;
  followers->before = std::exchange(followers->planned, {});
}

void PlannerPass::count_followers() {
  state_.later = 0;
  if (state_.settings->backfill_policy != model::BackfillPolicy::window) return;  // there are none
  for (const LaneKey& planned : state_.planned) {
    const Lane& lane = state_.queue.lane(planned.lane);
    if (lane.key != planned) continue;
    const Group& group = state_.queue.group(lane.group);
    if (group.followers) state_.later += group.followers->planned.size();
  }
}

// The leader has started: the next one leads, with what was planned for it.
void PlannerPass::move_up(const Lane& lane) {
  Followers* followers = state_.queue.group(lane.group).followers.get();
  if (followers == nullptr || followers->before.empty()) return;
  Follower& first = followers->before.front();
  if (LaneWork* work = state_.queue.lane(first.lane).work.get()) {
    work->choice = std::move(first.start);
    work->chosen_for = state_.queue.leader(lane.group).id;
    work->leader.planned_start = 0;  // explain() makes the new texts
  }
  followers->before.erase(followers->before.begin());
}

// Where to go on when something changed at a place in the order: with the first lane of each group
// of which a member stands behind that place, or a leader that has come from a lane before it.
LaneKey PlannerPass::before_followers(const LaneKey& key) const {
  LaneKey first = key;
  for (bool moved = true; moved;) {
    moved = false;
    for (const LaneKey& planned : state_.planned) {
      const Group& group = state_.queue.group(state_.queue.lane(planned.lane).group);
      const bool behind =
          group.followers && !group.followers->planned.empty() && !(group.followers->until < first);
      if (!behind && planned < first) continue;
      for (const std::uint32_t id : group.lanes) {
        const LaneKey& lane = state_.queue.lane(id).key;
        moved = moved || lane < first;
        first = std::min(first, lane);
      }
    }
  }
  return first;
}

}  // namespace sluice::core
