// How attempts end. An attempt that holds nodes gets its terminal state at once and is COMPLETING
// until every node has released it; then it is final: its accounting record goes out (exactly one
// per attempt), and either the job is over or its next attempt waits.
//
// A node that does not come clean in time is drained ("Kill task failed") and counts as released:
// the job reaches its end, and nothing new starts among what it may have left there.
#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "base/hostlist.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

constexpr std::int64_t kSuspendUnit = 1000;  // microseconds in a millisecond

// The allocation without one node; what doesn't lie on nodes stays as it is.
model::AllocationPtr shrink(const model::Allocation& from, NodeIndex lost) {
  model::Allocation left;
  left.licenses = from.licenses;
  std::vector<std::string> names;
  for (const model::NodeShare& share : from.shares) {
    if (share.node == lost) continue;
    left.cpus += share.cpu_count;
    names.push_back(share.name.str());
    left.shares.push_back(share);
  }
  left.nodes = base::compress_sorted_hosts(std::move(names));
  return std::make_shared<const model::Allocation>(std::move(left));
}

// What the job holds of the node, which is one of its own. Shares stand in node-table order, unless
// the table has changed since the start.
const model::NodeShare& share_on(const model::Job& job, NodeIndex node) {
  const auto& shares = job.allocation->shares;
  auto share = std::ranges::lower_bound(shares, node, {}, &model::NodeShare::node);
  if (share == shares.end() || share->node != node) {
    share = std::ranges::find(shares, node, &model::NodeShare::node);
  }
  SLUICE_ASSERT(share != shares.end(), "job {} on node {}", job.id.value, node.value);
  return *share;
}

}  // namespace

void Cluster::State::end(JobId id, const Ending& ending) {
  end_others(id, ending);
  model::Job& job = edit(id);
  const bool was_pending = job.state == model::JobState::pending;
  SLUICE_ASSERT(was_pending || !(model::is_finished(job.state)), "job {}", id.value);
  job.state = ending.state;
  job.reason = ending.reason;
  job.reason_detail = ending.detail;
  job.end = std::max(turn.now.wall, job.start);  // the wall clock may have been set back
  job.cancelled_by = ending.by_uid;
  job.planned_start = 0;
  job.planned_nodes = Text();
  if (ending.exit_code) job.exit_code = *ending.exit_code;
  if (was_pending) {
    if (!ending.exit_code) job.exit_code = 0;  // shown until then: its former attempt's
    drop_dependency(id);
    job.dependency = Text();
    job.flags &= ~static_cast<std::uint32_t>(model::kFlagSpecialExit);
    turn.changes.ended.push_back(turn.jobs.at(id).fresh);
    return;
  }
  licenses->release(id);
  if (!job.reservation.empty()) turn.tend_reservations = true;
  plan_needed = true;
  Active& held = active.at(id);
  if (job.suspended_at != 0) {
    // `suspended_at` stays until the end: its CPUs are others' already (restore.cpp).
    job.suspended_us += (turn.now.mono_ms - held.suspended_ms) * kSuspendUnit;
    model::add_suspension(job, job.end);
  }
  displaced.erase(id);
  job.flags = model::kFlagCompleting;
  if (ending.requeue) job.flags |= model::kFlagRequeued;
  if (ending.hold) job.flags |= model::kFlagRequeueHold;
  if (ending.special) job.flags |= model::kFlagSpecialExit;
  if (ending.reason != model::Reason::job_launch_failure) job.launch_failures = 0;
  held.limit_ms = DueTimes::kNone;
  held.give_up_ms = turn.now.mono_ms +
                    1000 * (std::int64_t{settings->kill_wait_s} + settings->unkillable_timeout_s);
  planner.job_extended(id, turn.now.mono_ms);  // its nodes are expected back at any moment
  held.nodes.for_each([&](NodeIndex node) {
    ++nodes[node.value].completing;
    refresh_use(node);
    if (ending.clean == node) return;
    turn.changes.orders.emplace_back(
        TerminateJob{{job.uid, job.attempt}, id, node, settings->kill_wait_s, ending.state});
  });
  if (held.nodes.empty()) return finalize(id);
  note_released(id, turn.changes.released);  // the one that was lost, and ended it
}

// The job's record stays as it is: it would be copied and stored once for each of its nodes.
void Cluster::State::release_node(JobId id, NodeIndex node) {
  const auto found = active.find(id);
  if (found == active.end() || !found->second.holds(node)) return;
  Active& held = found->second;
  const model::Job& now = job(id);
  pool.release(share_on(now, node), held.holder);
  held.nodes.release(node);
  NodeInfo& info = nodes[node.value];
  info.jobs.erase(id);
  const bool completing = is_completing(now);
  if (completing) --info.completing;
  refresh_use(node);
  plan_needed = true;
  if (!completing) return;
  if (held.nodes.empty()) return finalize(id);
  turn.changes.released.push_back({id, now.attempt, info.record->name});
}

// Nodes that the completing job has given back: its record tells only what it had.
void Cluster::State::note_released(JobId id, std::vector<model::NodeRelease>& released) const {
  const model::Job& ending = job(id);
  const HeldNodes& held = active.at(id).nodes;
  if (held.size() == ending.allocation->shares.size()) return;
  for (const model::NodeShare& share : ending.allocation->shares) {
    if (!held.holds(share.node)) released.push_back({id, ending.attempt, share.name});
  }
}

std::vector<model::NodeRelease> Cluster::State::released() const {
  std::vector<model::NodeRelease> all;
  for (const auto& [id, held] : active) {
    if (is_completing(job(id))) note_released(id, all);
  }
  return all;
}

void Cluster::State::finalize(JobId id) {
  model::Job& job = edit(id);
  close_steps(job);
  attempts.erase(job.uid);
  planner.job_ended(id);
  active.erase(id);
  if (!job.reservation.empty()) turn.tend_reservations = true;
  const bool again = (job.flags & model::kFlagRequeued) != 0;
  const std::uint32_t marks = job.flags;
  job.flags = 0;
  job.suspended_at = 0;
  if (!again) {
    turn.changes.ended.push_back(turn.jobs.at(id).fresh);
    return;
  }
  model::Job past = job;
  past.flags = model::kFlagRequeued;
  turn.changes.ended.push_back(std::make_shared<const model::Job>(past));
  start_again(job);
  if (past.reason == model::Reason::non_zero_exit_code) job.exit_code = past.exit_code;
  if ((marks & model::kFlagSpecialExit) != 0) return mark_special(job, past);
  if ((marks & model::kFlagRequeueHold) != 0) {
    job.priority = 0;
    job.reason = model::Reason::job_requeued_in_held_state;
    if (job.launch_failures != 0) job.reason_detail = "launch failed requeued held";
  } else if (past.reason == model::Reason::non_zero_exit_code) {
    put_off(job);
  } else if (past.state == model::JobState::node_fail && job.spec->expedite_requeue &&
             job.priority != 0) {
    job.priority = std::numeric_limits<std::uint32_t>::max();
    job.priority_fixed = true;
  }
}

// Waits for a release, and its former attempt's exit code tells why.
void Cluster::State::mark_special(model::Job& job, const model::Job& past) {
  const bool asked = past.reason == model::Reason::job_requeued_in_held_state;
  job.flags = model::kFlagSpecialExit;
  job.priority = 0;
  job.reason = asked ? past.reason : model::Reason::job_held_user;
  job.reason_detail = asked ? past.reason_detail : Text();
}

// A job that runs again whenever it fails must not fill the cluster with nothing but its starts.
void Cluster::State::put_off(model::Job& job) {
  constexpr model::WallTime kPause = 120 * model::kSecond;
  model::JobSpec spec = *job.spec;
  spec.begin = turn.now.wall + kPause;
  job.spec = specs.intern(std::move(spec));
}

// A job whose end is told already runs once more, as this ending wants it.
void Cluster::State::run_again(JobId id, const Ending& ending) {
  model::Job& ended = edit(id);
  if (ending.special) {
    ended.reason = ending.reason;
    ended.reason_detail = ending.detail;
  }
  if (is_completing(ended)) {
    ended.flags |= model::kFlagRequeued;
    if (ending.hold) ended.flags |= model::kFlagRequeueHold;
    if (ending.special) ended.flags |= model::kFlagSpecialExit;
    return;
  }
  const model::Job past = ended;
  start_again(ended);
  ended.exit_code = past.exit_code;
  if (ending.special) return mark_special(ended, past);
  if (!ending.hold) return;
  ended.priority = 0;
  ended.reason = model::Reason::job_requeued_in_held_state;
}

// The next attempt of a job that is final.
void Cluster::State::start_again(model::Job& job) {
  job.state = model::JobState::pending;
  job.flags = 0;
  ++job.attempt;
  ++job.restarts;
  job.partition = job.request->partitions;
  job.time_limit = shown_time_limit(*job.request);
  job.reason = model::Reason::none;
  job.reason_detail = Text();
  job.eligible = 0;
  job.start = 0;
  job.end = 0;
  job.suspended_at = 0;
  job.suspended_us = 0;
  job.suspensions.clear();
  job.preempted_at = 0;
  job.exit_code = 0;
  job.derived_exit = 0;
  job.cancelled_by = model::kNoTask;
  job.allocation = nullptr;
  job.tres.clear();
  job.batch_host = Text();
  job.reservation = Text();
  job.next_step = 0;
  if (job.priority == 0) job.reason = model::Reason::job_held_user;  // held while it ran
}

// Steps of which no end was reported: they ended with the job.
void Cluster::State::close_steps(const model::Job& job) {
  auto step = steps.lower_bound({job.id, 0});
  while (step != steps.end() && step->first.first == job.id) {
    model::Step closed = *step->second;
    closed.state = job.state;
    closed.end = job.end;
    closed.cancelled_by = job.cancelled_by;
    turn.changes.steps.push_back(std::make_shared<const model::Step>(std::move(closed)));
    step = steps.erase(step);
  }
}

// Nodes that should have come clean by now. Silent ones get no blame: they are lost or come back.
void Cluster::State::give_up(JobId id) {
  Active& held = active.at(id);
  held.give_up_ms =
      turn.now.mono_ms + 1000 * std::int64_t{std::max(settings->unkillable_timeout_s, 1U)};
  const std::vector<NodeIndex> late = held.nodes.list();
  for (const NodeIndex node : late) {
    if ((nodes[node.value].record->flags & model::kNodeNoRespond) != 0) continue;
    estrange(node, id);
    drain(node, "Kill task failed", 0);
    release_node(id, node);
  }
}

void Cluster::State::forget(JobId id) {
  const model::Job& gone = job(id);
  drop_dependency(id);
  if (gone.array_job.is_set()) {
    const auto array = arrays.find(gone.array_job);
    if (gone.array_task != model::kNoTask) array->second.own.erase(gone.array_task);
    if (--array->second.records == 0) arrays.erase(array);
  }
  timers.set(id, {});
  turn.jobs.erase(id);
  turn.unsettled.erase(id);
  last_found = nullptr;
  jobs.erase(id);
  turn.changes.forgotten.push_back(id);
}

bool Cluster::State::requeueable(const model::Job& job) const {
  return job.spec->kind == model::JobKind::batch && !job.spec->no_requeue;
}

void Cluster::State::end_by_launch_failure(JobId id, const Text& error) {
  model::Job& failed = edit(id);
  ++failed.launch_failures;
  const bool again = requeueable(failed);
  const bool hold = again && failed.launch_failures >= settings->launch_failure_limit;
  end(id, {.state = model::JobState::failed,
           .reason = model::Reason::job_launch_failure,
           .detail = error,
           .requeue = again,
           .hold = hold});
}

// The node is gone, with what it had of the job.
void Cluster::State::lose_node(JobId id, NodeIndex node) {
  const Active& held = active.at(id);
  if (is_completing(job(id))) return release_node(id, node);
  model::Job& hit = edit(id);
  hit.failed_node = nodes[node.value].record->name;
  const NodeIndex first = hit.allocation->shares.front().node;
  const bool is_batch_host = first == node;
  if (!is_batch_host) {
    const StepManager manager = step_manager(hit);
    turn.changes.orders.emplace_back(
        LoseNode{manager.attempt, manager.job, manager.node, hit.failed_node});
  }
  if (hit.spec->no_kill && held.nodes.size() > 1 && !is_batch_host) {
    release_node(id, node);
    hit.allocation = shrink(*hit.allocation, node);
    planner.job_shrunk(id, hit.allocation);
    return;
  }
  const bool again = requeueable(hit);
  release_node(id, node);
  end(id,
      {.state = model::JobState::node_fail, .reason = model::Reason::node_fail, .requeue = again});
}

}  // namespace sluice::core
