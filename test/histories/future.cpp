// Copies of the cluster, made as a restart makes them, that go on by themselves: one without the
// jobs of lower standing, one in which all jobs run exactly to their limits.
//
// What is promised. A planned start that is shown is met if nothing changes: all jobs run to their
// limits, nothing is submitted, changed or fails. It counts on all that stands before the job and
// waits for nodes, members of groups and tasks of arrays included (as many as backfill_max_job_test
// and the bounds of core/planner_follow.cpp allow). It doesn't count on what stands before it and
// can't start inside the backfill window, waits for the throttle of its array, for a dependency or
// another one of its name, or (with limits, which these copies don't have) for a limit: as soon as
// that may start, it goes first. A component that may run longer than the leader of its
// heterogeneous job ends earlier than its limit says, which is a change; so is a reservation that
// takes another node for one that has failed. And no planned start is later than it would be if the
// jobs of lower standing were not there. Who stands ahead of a job in one partition and behind it
// in another is of no lower standing: without the lower ones it may find its place where it stands
// behind, and with them it takes one ahead of the job.
#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "model/task_set.hpp"
#include "test/histories/picture.hpp"

namespace sluice::histories {

namespace {

using model::Job;
using model::Reason;

constexpr int kRounds = 300;
constexpr model::WallTime kRounding = 1000;  // a restart rounds ends of jobs anew, to milliseconds

class Copy {
 public:
  Copy(const Picture& picture, const core::StoredState& state)
      : now(picture.now), cluster(picture.settings, state, picture.now) {
    for (const model::NodePtr& node : picture.nodes) {
      if ((node->flags & model::kNodeNoRespond) != 0) continue;
      if (node->state == model::NodeState::down || node->state == model::NodeState::unknown)
        continue;
      core::NodeRegistered event{.node = node->index, .facts = node->facts, .holds = {}};
      for (const model::JobPtr& job : cluster.jobs_on(node->index)) {
        event.holds.push_back({job->uid, job->attempt});
      }
      apply(event);
    }
  }
  void apply(const core::Event& event) { static_cast<void>(cluster.apply(event, now)); }
  void plan() {
    while (cluster.more_to_plan()) static_cast<void>(cluster.plan(now, 1'000'000));
  }
  void hold(JobId id) {
    apply(core::ActOnJob{.verb = core::JobVerb::hold, .selector = {id, {}}, .by_admin = true});
  }
  void release(const Job& job) {
    for (const model::NodeShare& share : job.allocation->shares) {
      const std::vector<model::JobPtr> there = cluster.jobs_on(share.node);
      const bool still = std::ranges::any_of(there, [&](const model::JobPtr& one) {
        return one->id == job.id && one->attempt == job.attempt;
      });
      if (still) apply(core::NodeReleased{{job.uid, job.attempt}, share.node, false});
    }
  }
  void finish(JobId id) {
    const model::JobPtr job = cluster.find_job(id);
    apply(core::BatchEnded{
        .attempt = {job->uid, job->attempt}, .exit_code = 0, .error = {}, .released = true});
    // The other components of a heterogeneous job end with it.
    for (const model::JobPtr& over : cluster.all_jobs()) {
      if (is_completing(*over) && over->allocation) release(*over);
    }
  }
  [[nodiscard]] Picture picture(const Picture& like) const {
    return picture_of(cluster, like.settings, now);
  }
  [[nodiscard]] std::int64_t end_ms(const Job& job) const {
    if (job.time_limit == model::kUnlimited) return std::numeric_limits<std::int64_t>::max();
    const model::WallTime end =
        job.start + job.suspended_us + std::int64_t{job.time_limit} * 60 * model::kSecond;
    return now.mono_ms + (end - now.wall + 999) / 1000;
  }
  void move_to(std::int64_t mono_ms) {
    now.wall += (mono_ms - now.mono_ms) * 1000;
    now.mono_ms = mono_ms;
  }

  core::Now now;
  core::Cluster cluster;
};

bool is_waiting_for_nodes(const Picture& picture, const Job& job) {
  if (job.state != model::JobState::pending || picture.planned(job) == nullptr) return false;
  const Reason reason = picture.reason(job);
  return job.priority != 0 && (reason == Reason::resources || reason == Reason::priority);
}

// The same, or kept from all its nodes by reservations of others that will be over some time.
bool waits_for_reserved_nodes(const Picture& picture, const Job& job) {
  const bool waits = job.state == model::JobState::pending && picture.planned(job) != nullptr;
  return waits && job.priority != 0 && picture.reason(job) == Reason::node_down;
}

// Who may start as soon as others have ended: tasks that their array's throttle keeps, or one after
// another of its name. Nothing is planned for them.
bool waits_for_others(const Job& job) {
  return job.state == model::JobState::pending && job.priority != 0 &&
         (job.reason == Reason::job_array_task_limit || job.reason == Reason::dependency);
}

// A component that stands behind its leader. When its time is up, it ends alone.
bool is_led(const Job& job) { return job.het_job.is_set() && job.het_job != job.id; }

// Certainly behind the other, in whichever partitions. A heterogeneous job stands where its leader
// does.
bool is_below(const Picture& picture, const Job& component, const Job& high) {
  const Job* leader = component.het_job.is_set() ? picture.find(component.het_job) : nullptr;
  const Job& low = leader == nullptr ? component : *leader;
  Rank best;
  Rank worst{~0U, ~0U, ~0U};
  for (const auto* one : partitions_of(picture, low)) {
    best = std::max(best, rank_of(picture, low, *one));
  }
  for (const auto* one : partitions_of(picture, high)) {
    worst = std::min(worst, rank_of(picture, high, *one));
  }
  return best < worst;
}

// Leaders by their plan, with the jobs that share it.
struct Promise {
  model::WallTime at = 0;
  std::vector<JobId> jobs;
  std::size_t tasks = 0;  // that wait, of them all
  bool kept = false;
};

// Whether the start of somebody behind the job can be promised. Not if it has no start inside the
// backfill window: when time has passed it has one, and it goes first. The members of a group of
// which the first has a start are planned, too, though that isn't shown; not those that lie beyond
// a short window, nor tasks that wait for the throttle of their array or for each other.
bool can_be_planned_around(const Picture& picture, const Job& ahead) {
  const auto at = [&](const Job& job) {
    const auto entry = picture.plan.find(job.id);
    return entry == picture.plan.end() ? 0 : entry->second.planned_start;
  };
  const bool planned =
      at(ahead) != 0 || std::ranges::any_of(picture.jobs, [&](const auto& other) {
        return other->state == model::JobState::pending && alike(*other, ahead) && at(*other) != 0;
      });
  if (!planned || !ahead.dependency.empty()) return false;  // one of its name after the other
  // It may have a start in one partition, and in another one none because others there have theirs.
  const bool few = picture.settings->backfill_reserve.value_or(0) != 0;
  if (few && partitions_of(picture, ahead).size() > 1) return false;
  if (!has_others_alike(picture, ahead)) return true;
  const bool throttled = ahead.spec->array_limit != 0;
  return !throttled && picture.settings->backfill_reserve.value_or(0) == 0 &&
         picture.settings->backfill_window_min >= model::Settings().backfill_window_min;
}

std::vector<Promise> promises_of(const Picture& picture) {
  std::map<const core::PlanEntry*, Promise> found;
  for (const auto& [id, entry] : picture.entries) {
    const Job* job = picture.find(id);
    if (job == nullptr || !is_waiting_for_nodes(picture, *job)) continue;
    found[entry].at = entry->planned_start;
    found[entry].jobs.push_back(id);
    found[entry].tasks += tasks_waiting(job);
  }
  std::vector<Promise> list;
  for (const auto& [entry, promise] : found) {
    const Job& leader = *picture.find(promise.jobs.front());
    // Another one of its name may start first.
    if (promise.at == 0 || !leader.dependency.empty()) continue;
    const bool open = std::ranges::any_of(picture.jobs, [&](const model::JobPtr& other) {
      const bool shares = std::ranges::find(promise.jobs, other->id) != promise.jobs.end();
      if (shares || is_below(picture, *other, leader)) return false;
      const bool for_nodes =
          is_waiting_for_nodes(picture, *other) || waits_for_reserved_nodes(picture, *other);
      return waits_for_others(*other) || (for_nodes && !can_be_planned_around(picture, *other));
    });
    if (!open) list.push_back(promise);
  }
  std::ranges::sort(list, {}, [](const Promise& one) { return one.jobs.front(); });
  return list;
}

// A component that may run longer than its leader: it ends with it, earlier than was to be
// expected.
bool outlives_leader(const Picture& picture, const Job& job) {
  const Job* leader = job.het_job.is_set() ? picture.find(job.het_job) : nullptr;
  return leader != nullptr && job.time_limit > leader->time_limit;
}

// Only what waits for nodes stays in the queue, and what ends has ended. Nothing is left that would
// end before its limit.
void settle(Copy& copy, const Picture& picture) {
  for (const model::JobPtr& job : copy.cluster.all_jobs()) {
    if (job->state != model::JobState::pending) continue;
    if (!is_waiting_for_nodes(picture, *job) || outlives_leader(picture, *job)) copy.hold(job->id);
  }
  for (const model::JobPtr& job : copy.cluster.all_jobs()) {
    const model::JobPtr now = copy.cluster.find_job(job->id);
    if (!now) continue;
    if (now->state == model::JobState::suspended) copy.finish(job->id);
    if (now->state == model::JobState::running && outlives_leader(picture, *now)) {
      copy.finish(job->id);
    }
    if (is_completing(*job) && job->allocation) copy.release(*job);
    const model::JobPtr again = copy.cluster.find_job(job->id);  // in a while
    if (again && again->reason == Reason::begin_time) copy.hold(job->id);
  }
}

std::vector<JobId> running(const core::Cluster& cluster) {
  std::vector<JobId> found;
  for (const model::JobPtr& job : cluster.all_jobs()) {
    if (runs(*job)) found.push_back(job->id);
  }
  return found;
}

// To the next moment at which something happens; false: nothing ever does.
bool go_on(Copy& copy) {
  std::int64_t next = copy.cluster.next_tick_ms();
  for (const JobId id : running(copy.cluster)) {
    next = std::min(next, copy.end_ms(*copy.cluster.find_job(id)));
  }
  if (next == std::numeric_limits<std::int64_t>::max()) return false;
  if (next > copy.now.mono_ms) copy.move_to(next);
  for (const JobId id : running(copy.cluster)) {
    const model::JobPtr job = copy.cluster.find_job(id);
    if (copy.end_ms(*job) <= copy.now.mono_ms && !is_led(*job)) copy.finish(id);
  }
  copy.apply(core::Tick{});  // ends components whose time is up, and who ends with a reservation
  for (const model::JobPtr& job : copy.cluster.all_jobs()) {
    if (is_completing(*job) && job->allocation) copy.release(*job);
  }
  copy.plan();
  return true;
}

}  // namespace

namespace {

// What the copy has come to, in words.
std::string told(const Picture& picture) {
  std::string text = fmt::format("  {} s in a copy\n", picture.now.mono_ms / 1000);
  for (const model::ReservationPtr& one : picture.reservations) {
    text += fmt::format("    {} has {} from {} s to {} s\n", one->name.view(), one->nodes.view(),
                        (one->start - picture.now.wall) / model::kSecond,
                        (one->end - picture.now.wall) / model::kSecond);
  }
  for (const model::JobPtr& job : picture.jobs) {
    if (runs(*job)) {
      text += fmt::format(
          "    runs: {} on {} until {}\n", name(*job), job->allocation->nodes.view(),
          (job->start - picture.now.wall) / model::kSecond + std::int64_t{job->time_limit} * 60);
    }
    const auto entry = picture.plan.find(job->id);
    if (entry == picture.plan.end()) continue;
    text += fmt::format("    waits: {} for {} priority {} planned in {} on {} of p{}\n", name(*job),
                        model::reason_name(picture.reason(*job)), job->priority,
                        (entry->second.planned_start - picture.now.wall) / model::kSecond,
                        entry->second.planned_nodes.view(), entry->second.partition.value);
  }
  return text;
}

// Whether those who aren't below the job are planned alike in both, as far as can be seen. A plan
// keeps the nodes once chosen as long as they serve; a copy chooses anew, and with other nodes
// taken by those ahead the job may have others, too.
bool same_ahead(const Picture& a, const Picture& b, const Job& job) {
  return std::ranges::all_of(a.jobs, [&](const model::JobPtr& other) {
    if (other->id == job.id || other->state != model::JobState::pending) return true;
    if (is_below(a, *other, job)) return true;
    if (is_waiting_for_nodes(a, *other) && has_others_alike(a, *other)) return false;
    const auto here = a.plan.find(other->id);
    const auto there = b.plan.find(other->id);
    if (here == a.plan.end() || there == b.plan.end()) return here == a.plan.end();
    return here->second.planned_start == there->second.planned_start &&
           here->second.planned_nodes == there->second.planned_nodes;
  });
}

// When the next task of the job starts; nothing: nobody knows.
std::optional<model::WallTime> start_of(const Picture& picture, const Job& job) {
  const Job* there = picture.find(job.id);
  if (there == nullptr) return std::nullopt;
  if (runs(*there) || tasks_waiting(there) < tasks_waiting(&job)) return picture.now.wall;
  const auto entry = picture.plan.find(job.id);
  if (entry == picture.plan.end() || entry->second.planned_start == 0) return std::nullopt;
  return entry->second.planned_start;
}

// Whether somebody who stands ahead of the job in one partition and behind it in another has
// different starts in two copies.
bool one_between_moved(const Picture& before, const Picture& a, const Picture& b, const Job& job) {
  return std::ranges::any_of(before.jobs, [&](const model::JobPtr& other) {
    if (other->id == job.id || other->state != model::JobState::pending) return false;
    if (is_below(before, *other, job) || is_below(before, job, *other)) return false;
    if (partitions_of(before, *other).size() + partitions_of(before, job).size() == 2) return false;
    return start_of(a, *other) != start_of(b, *other);
  });
}

// A reservation that is short of a node takes one as soon as there is one.
bool a_reservation_moved(const Picture& then, const Picture& now) {
  return std::ranges::any_of(now.reservations, [&](const model::ReservationPtr& one) {
    return std::ranges::any_of(then.reservations, [&](const model::ReservationPtr& was) {
      return was->name == one->name && was->nodes != one->nodes;
    });
  });
}

}  // namespace

// Two copies are compared, one with the jobs of lower standing and one without. If the cluster
// itself has a later start than both, that must be because it goes by what it planned before.
Problem delayed(const Picture& before, const core::StoredState& state, const Picture& after,
                const Job& job) {
  const Job& was = *before.find(job.id);
  Copy copy(before, state);
  for (const model::JobPtr& other : before.jobs) {
    const bool waits = other->state == model::JobState::pending && other->priority != 0;
    // To hold the rest of an array is to hold all of it.
    const bool all_below = std::ranges::all_of(before.jobs, [&](const model::JobPtr& task) {
      return task->array_job != other->array_job || is_below(after, *task, job);
    });
    if (waits && other->id != job.id && is_below(after, *other, job) &&
        (!other->array_job.is_set() || all_below)) {
      copy.hold(other->id);
    }
  }
  copy.plan();
  const Picture alone = copy.picture(before);
  // A restart calculates priorities anew; then the order may be another. And nodes that have not
  // come back then are none for a reservation.
  if (alone.inputs && after.inputs && alone.inputs->as_of != after.inputs->as_of) return {};
  if (a_reservation_moved(after, alone)) return {};
  const auto best = start_of(alone, was);
  const auto now = start_of(after, was);
  if (!best || (now && *now <= *best + kRounding)) return {};
  Copy whole(before, state);
  whole.plan();
  const Picture all = whole.picture(before);
  const auto with_lower = start_of(all, was);
  const bool delays = !with_lower || *with_lower > *best;
  // After a costly pass plans are kept for a while, though there may be better ones.
  const bool costly = before.settings->plan_anew_steps < model::Settings().plan_anew_steps;
  if (!delays && (costly || !same_ahead(after, all, job))) return {};
  if (delays && one_between_moved(before, alone, all, job)) return {};
  const auto seconds = [&](const std::optional<model::WallTime>& at) {
    return at ? static_cast<double>(*at - before.now.wall) / model::kSecond : -1.0;
  };
  return fmt::format(
      "{} is planned in {} s, in a copy in {} s, without jobs of lower standing in "
      "{} s{}",
      name(job), seconds(now), seconds(with_lower), seconds(best),
      after.tells ? '\n' + told(alone) + told(all) : std::string());
}

Problem unmet_plans(const Picture& picture, const core::StoredState& state) {
  Copy copy(picture, state);
  settle(copy, picture);
  copy.plan();
  const Picture begun = copy.picture(picture);
  std::vector<Promise> promises = promises_of(begun);
  std::string story = told(begun);
  for (int round = 0; round < kRounds; ++round) {
    bool all_kept = true;
    for (Promise& promise : promises) {
      std::size_t waiting = 0;
      for (const JobId id : promise.jobs) {
        waiting += tasks_waiting(copy.cluster.find_job(id).get());
      }
      promise.kept = promise.kept || waiting < promise.tasks;
      all_kept = all_kept && promise.kept;
      if (promise.kept || copy.now.wall <= promise.at) continue;
      return fmt::format("{} is planned in {} s, but has not started then{}",
                         name(*begun.find(promise.jobs.front())),
                         (promise.at - begun.now.wall) / model::kSecond,
                         picture.tells ? '\n' + story : std::string());
    }
    if (all_kept || !go_on(copy)) return {};
    const Picture reached = copy.picture(picture);
    if (a_reservation_moved(begun, reached)) return {};
    if (picture.tells) story += told(reached);
  }
  return {};
}

}  // namespace sluice::histories
