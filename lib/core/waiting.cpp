// Waiting jobs: what keeps each from the planner, and the planner's queue.
//
// A record's reason says what the cluster knows by itself (held, dependency, begin time, limits);
// once a job is queued the planner's plan says why it waits. Only the leaders of the planner's
// groups get that written into their records; the others say Priority, which is true: they wait
// behind their leader.
#include <algorithm>

#include "base/strings.hpp"
#include "core/cluster_state.hpp"
#include "core/job_standing.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

using model::Reason;

Obstacle held(const model::Job& job) {
  switch (job.reason) {
    case Reason::job_held_user:
    case Reason::job_held_admin:
    case Reason::job_requeued_in_held_state: return {job.reason, job.reason_detail};
    default: return {Reason::job_held_user, {}};
  }
}

}  // namespace

namespace {

// What ranks and limits a waiting job beside its request.
bool same_standing(const model::Job& a, const model::Job& b) {
  return a.association == b.association && a.qos == b.qos && a.accrue == b.accrue &&
         a.spec->nice == b.spec->nice && a.site_factor == b.site_factor &&
         a.priority_fixed == b.priority_fixed;
}

// Who could run but for a limit or a rule of where it asks to run is eligible, as in Slurm.
bool is_eligible_under(Reason reason) {
  switch (reason) {
    case Reason::partition_time_limit:
    case Reason::partition_node_limit:
    case Reason::partition_down:
    case Reason::partition_inactive: return true;
    default: return false;
  }
}

}  // namespace

bool is_from_plan(Reason reason) {
  switch (reason) {
    case Reason::none:
    case Reason::priority:
    case Reason::resources:
    case Reason::node_down:
    case Reason::bad_constraints:
    case Reason::licenses:
    case Reason::reservation:
    case Reason::association_limit:
    case Reason::qos_limit: return true;
    default: return false;
  }
}

void Cluster::State::review(JobId id) {
  const DependencyState dependency = evaluate(id);
  if (dependency == DependencyState::failed && job(id).spec->kill_on_invalid_dependency) {
    end(id, {.reason = Reason::dependency_never_satisfied});
    return;
  }
  const model::Job& waiting = job(id);
  Obstacle keeps = obstacle(waiting);
  if (keeps.reason == Reason::none && dependency != DependencyState::fulfilled) {
    keeps.reason = dependency == DependencyState::failed ? Reason::dependency_never_satisfied
                                                         : Reason::dependency;
  }
  set_accrue(id, keeps);
  if (waiting.het_job.is_set()) return review_component(id, keeps);
  ArrayInfo* throttled = nullptr;
  if (waiting.array_job.is_set()) {
    ArrayInfo& array = arrays[waiting.array_job];
    not_ready(waiting);
    if (array.limit != 0) throttled = &array;
    if (keeps.reason == Reason::none && is_rest(waiting)) array.rest_ready = true;
    if (keeps.reason == Reason::none && !is_rest(waiting)) array.ready.insert(waiting.array_task);
  }
  if (keeps.reason != Reason::none) {
    if (job(id).eligible == 0 && is_eligible_under(keeps.reason)) {
      edit_quietly(id).eligible = turn.now.wall;
    }
    unqueue(id);
    set_reason(id, keeps);
    if (throttled != nullptr) turn.arrays.insert(waiting.array_job);
    return;
  }
  if (waiting.eligible == 0 || waiting.eligible > turn.now.wall) {
    edit_quietly(id).eligible = turn.now.wall;
  }
  if (throttled != nullptr) {
    turn.arrays.insert(job(id).array_job);
  } else {
    queue(id, is_rest(job(id)) ? model::task_count(*job(id).array_rest) : 1);
  }
}

Obstacle Cluster::State::obstacle(const model::Job& job) const {
  if (job.priority == 0) return held(job);
  if (job.spec->begin > last.wall) return {Reason::begin_time, {}};
  const Obstacle standing = standing_obstacle(job);
  if (standing.reason != Reason::none) return standing;
  const Placeable where = open_partitions(*job.request, job.spec->uid);
  if (where.partitions.empty()) return {where.reason, where.detail};
  const bool asks = !job.request->reservation.empty();
  if (asks && open_reservations(job).empty()) return {Reason::reservation, {}};
  return {};
}

// Of the partitions that would do, those that start jobs.
Placeable Cluster::State::open_partitions(const model::Request& request, std::uint32_t uid) const {
  Placeable where = placeable(request, uid);
  if (where.partitions.empty()) return where;
  std::erase_if(where.partitions, [&](PartitionIndex index) {
    const model::PartitionState state = partitions[index.value]->state;
    if (state == model::PartitionState::down) where.reason = Reason::partition_down;
    if (state == model::PartitionState::inactive) where.reason = Reason::partition_inactive;
    return state == model::PartitionState::down || state == model::PartitionState::inactive;
  });
  return where;
}

Placeable Cluster::State::placeable(const model::Request& request, std::uint32_t uid) const {
  Placeable where;
  const std::uint32_t waived = waivers_of(request.qos);
  for (const std::string_view name : base::Pieces(request.partitions, ',')) {
    const auto found = std::find_if(partitions.begin(), partitions.end(),
                                    [&](const auto& p) { return p->name.view() == name; });
    if (found == partitions.end()) continue;
    const model::Partition& partition = **found;
    Reason reason = limit_reason(PartitionRules(partition, waived).partition(), request);
    if (Status access = may_use(partition, request, {uid, {}, false, {}, tree.get()}); !access) {
      reason = Reason::partition_access;
      where.detail = access.error().text;
    }
    if (reason == Reason::none) {
      where.partitions.push_back(partition.index);
    } else {
      where.reason = reason;
    }
  }
  if (where.reason != Reason::partition_access) where.detail = Text();
  if (where.partitions.size() < 2) return where;
  std::stable_sort(where.partitions.begin(), where.partitions.end(), [&](auto a, auto b) {
    return partitions[a.value]->priority_tier > partitions[b.value]->priority_tier;
  });
  return where;
}

model::RequestPtr Cluster::State::planned_request(const model::Job& job) const {
  const model::WallTime until = switches_until(job);
  if (until == 0 || until > last.wall) return job.request;
  model::Request relaxed = *job.request;
  relaxed.switches = 0;
  relaxed.switch_wait_s = 0;
  return requests.intern(std::move(relaxed));
}

Candidate Cluster::State::candidate(const model::Job& job, std::uint32_t startable) const {
  std::shared_ptr<const std::vector<Candidate>> companions;
  if (job.het_job.is_set() && job.het_job == job.id) {
    companions = std::make_shared<const std::vector<Candidate>>(companions_of(job));
  }
  std::vector<PartitionIndex> open = open_partitions(*job.request, job.spec->uid).partitions;
  std::vector<Guise> guises;
  if (has_choice_of_guise(*job.request)) guises = guises_of(job, open);
  return {.id = job.id,
          .request = planned_request(job),
          .partitions = std::move(open),
          .uid = job.spec->uid,
          .priority = job.priority,
          .order = submit_order(job),
          .time_limit = job.request->time_limit,
          .startable = startable,
          .association = job.association,
          .qos = qos_id(job.qos),
          .waived = waivers_of(job.qos),
          .guises = std::move(guises),
          .nice = job.spec->nice,
          .site_factor = job.site_factor,
          .fixed = job.priority_fixed,
          .accrue = job.accrue,
          .submit = job.submit,
          .reservations = lanes_of(job),
          .companions = std::move(companions)};
}

void Cluster::State::queue(JobId id, std::uint32_t startable) {
  Entry& entry = entry_of(id);
  const auto dependency = dependencies.find(id);
  if (dependency != dependencies.end() && dependency->second.has(DependencyKind::singleton)) {
    startable = 1;  // one task of the array at a time
  }
  const auto edit = turn.jobs.find(id);
  const model::Job* before = edit == turn.jobs.end() ? nullptr : edit->second.before.get();
  const bool same =
      edit == turn.jobs.end() ||
      (before != nullptr && before->request == entry.job->request &&
       before->priority == entry.job->priority && before->array_task == entry.job->array_task &&
       same_standing(*before, *entry.job));
  if (!same || entry.startable != startable) {
    planner.add(candidate(*entry.job, startable));
    entry.startable = startable;
    plan_needed = true;
  }
  if (!is_from_plan(entry.job->reason) || entry.job->reason == Reason::none) {
    set_reason(id, {Reason::priority, {}});
  }
}

void Cluster::State::unqueue(JobId id) {
  Entry& entry = entry_of(id);
  if (entry.startable == 0) return;
  planner.remove(id);
  entry.startable = 0;
  plan_needed = true;
}

void Cluster::State::not_ready(const model::Job& job) {
  const auto array = arrays.find(job.array_job);
  if (array == arrays.end()) return;
  if (job.array_task != model::kNoTask) array->second.ready.erase(job.array_task);
  if (job.id == job.array_job) array->second.rest_ready = false;
}

// Of a throttled array: tasks with records of their own (requeued ones) come first, the rest gets
// the slots that are left.
void Cluster::State::share_slots(JobId array_id) {
  const auto found = arrays.find(array_id);
  if (found == arrays.end()) return;
  ArrayInfo& array = found->second;
  const std::uint32_t busy = array.in(Phase::active);
  array.ceiling = std::max(array.limit, std::min(array.ceiling, busy));
  std::uint32_t slots = array.limit == 0     ? model::kNoTask
                        : array.limit > busy ? array.limit - busy
                                             : 0;
  const Obstacle full{Reason::job_array_task_limit, {}};
  const auto grant = [&](JobId id, std::uint32_t tasks) {
    const std::uint32_t granted = std::min(tasks, slots);
    slots -= granted;
    if (granted != 0) return queue(id, granted);
    unqueue(id);
    set_reason(id, full);
  };
  for (const std::uint32_t task : array.ready) grant(array.own.at(task), 1);
  const model::Job* rest = array.rest_ready ? find(array_id) : nullptr;
  if (rest != nullptr) grant(array_id, model::task_count(*rest->array_rest));
}

void Cluster::State::set_reason(JobId id, const Obstacle& keeps) {
  const model::Job& now = job(id);
  // A held job, too, tells from when on it could run.
  const bool begins =
      keeps.reason == Reason::begin_time || (now.priority == 0 && now.spec->begin > last.wall);
  if (now.reason == keeps.reason && now.reason_detail == keeps.detail && now.planned_start == 0 &&
      (!begins || now.eligible == now.spec->begin)) {
    return;
  }
  model::Job& job = edit_quietly(id);
  job.reason = keeps.reason;
  job.reason_detail = keeps.detail;
  job.planned_start = 0;
  job.planned_nodes = Text();
  if (begins) job.eligible = job.spec->begin;
}

}  // namespace sluice::core
