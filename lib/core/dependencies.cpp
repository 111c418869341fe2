// Dependencies between jobs. Each condition is judged by looking at its target as it is now, every
// time the target's phase changes; what is fulfilled stays fulfilled, what has failed can recover
// if the target is requeued. The text in the record is always up to date, so a restart loses
// nothing.
//
// Targets that are gone from memory: a condition that any end satisfies (after, afterany) counts as
// fulfilled; for one that asks how the job ended (afterok, afternotok, aftercorr) the event that
// sets it brings the final records from history, and it is judged within that turn, for good. If
// history has none it is refused, as are ids that were never given out.
//
// aftercorr, array to array: as soon as a task of the target ends, the same task of the waiting
// array gets a record of its own whose condition names exactly that task.
#include <algorithm>
#include <deque>

#include "core/cluster_state.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

void view_record(const model::Job& job, TargetView& view) {
  const Phase phase = tally_of(job).phase;
  view.known = true;
  view.started = phase != Phase::waiting;
  view.finished = phase == Phase::ok || phase == Phase::bad;
  view.failed = phase == Phase::bad;
  view.begin = job.start != 0 ? job.start : job.end;
}

bool any_end_will_do(DependencyKind kind) {
  return kind == DependencyKind::after || kind == DependencyKind::after_any;
}

DependencyState unknown_target(DependencyKind kind) {
  return any_end_will_do(kind) ? DependencyState::fulfilled : DependencyState::failed;
}

bool has_ended(const model::Job& job) {
  const Phase phase = tally_of(job).phase;
  return phase == Phase::ok || phase == Phase::bad;
}

// Whether a record stands for (a part of) what the clause names.
bool is_of(const model::Job& record, const DependencyClause& clause) {
  if (clause.task == model::kNoTask) {
    return record.id == clause.job || record.array_job == clause.job;
  }
  if (record.array_job != clause.job) return false;
  return record.array_task == clause.task ||
         (is_rest(record) && model::has_task(*record.array_rest, clause.task));
}

}  // namespace

Result<DependencySpec> Cluster::State::resolve(std::string_view text, JobId self) const {
  Result<DependencySpec> spec = parse_dependency(text);
  if (!spec) return spec;
  for (DependencyClause& clause : spec->clauses) {
    if (clause.kind == DependencyKind::singleton) continue;
    const bool must_be_array = clause.whole_array;
    name_target(clause);
    if (must_be_array && !clause.whole_array) return fail(ErrorCode::invalid_dependency);
    if (self.is_set() && clause.job == base_id(job(self))) {
      return fail(ErrorCode::invalid_dependency);
    }
    if (target_view(clause).known) {
      clause.state = DependencyState::unfulfilled;
      continue;
    }
    clause.state = unknown_target(clause.kind);
    if (!may_be_gone(clause) || clause.state == DependencyState::failed) {
      return fail(ErrorCode::invalid_dependency);
    }
  }
  return spec;
}

// The target's lasting name: a task by its array, and an array as such.
void Cluster::State::name_target(DependencyClause& clause) const {
  if (clause.task != model::kNoTask) return;
  const auto is_past_task = [&](const model::JobPtr& record) {
    return record->array_job == clause.job;
  };
  clause.whole_array =
      is_array(clause.job) || std::any_of(turn.past.begin(), turn.past.end(), is_past_task);
  const model::Job* record = find(clause.job);
  if (record != nullptr && record->array_job.is_set() && !clause.whole_array) {
    clause.job = record->array_job;
    clause.task = record->array_task;
  }
}

std::vector<PastTarget> Cluster::State::past_targets(std::string_view text) const {
  std::vector<PastTarget> targets;
  Result<DependencySpec> spec = parse_dependency(text);
  if (!spec) return targets;
  for (DependencyClause& clause : spec->clauses) {
    if (clause.kind == DependencyKind::singleton || any_end_will_do(clause.kind)) continue;
    name_target(clause);
    if (!target_view(clause).known && may_be_gone(clause)) {
      targets.push_back({clause.job, clause.task});
    }
  }
  return targets;
}

// Whether a target that isn't in memory can have been there.
bool Cluster::State::may_be_gone(const DependencyClause& clause) const {
  const auto array = arrays.find(clause.job);
  if (array == arrays.end()) return !jobs.contains(clause.job) && clause.job.value < next_job_id;
  const JobId any = array->second.own.empty() ? clause.job : array->second.own.begin()->second;
  const auto tasks = model::parse_tasks(job(any).spec->array, settings->max_array_size);
  return tasks && model::has_task(*tasks, clause.task);
}

void Cluster::State::set_dependency(JobId id, DependencySpec spec) {
  drop_dependency(id);
  edit(id).dependency = dependency_text(spec);
  if (spec.state() == DependencyState::fulfilled) return;
  std::vector<JobId> corresponding;
  for (const DependencyClause& clause : spec.clauses) {
    if (clause.kind == DependencyKind::singleton) {
      ++singletons;
      continue;
    }
    dependents[clause.job].insert(id);
    const bool corr = clause.kind == DependencyKind::after_corr && clause.whole_array;
    if (corr && is_rest(job(id))) corresponding.push_back(clause.job);
  }
  dependencies.emplace(id, std::move(spec));
  for (const JobId target : corresponding) {
    for (const std::uint32_t task : ended_tasks(target)) split_corresponding(target, task);
  }
}

std::set<std::uint32_t> Cluster::State::ended_tasks(JobId array) const {
  std::set<std::uint32_t> ended;
  if (const auto known = arrays.find(array); known != arrays.end()) {
    for (const auto& [task, record] : known->second.own) {
      if (has_ended(job(record))) ended.insert(task);
    }
  }
  for (const model::JobPtr& record : turn.past) {
    const bool own = record->array_job == array && record->array_task != model::kNoTask;
    if (own && has_ended(*record)) ended.insert(record->array_task);
  }
  return ended;
}

void Cluster::State::drop_dependency(JobId id) {
  const auto found = dependencies.find(id);
  if (found == dependencies.end()) return;
  for (const DependencyClause& clause : found->second.clauses) {
    if (clause.kind == DependencyKind::singleton) {
      --singletons;
      continue;
    }
    const auto target = dependents.find(clause.job);
    if (target == dependents.end()) continue;
    target->second.erase(id);
    if (target->second.empty()) dependents.erase(target);
  }
  dependencies.erase(found);
}

// Brings the job's conditions up to date and says what they amount to.
DependencyState Cluster::State::evaluate(JobId id) {
  const auto found = dependencies.find(id);
  if (found == dependencies.end()) return DependencyState::fulfilled;
  DependencySpec now = found->second;
  bool enough = false;
  for (DependencyClause& clause : now.clauses) {
    if (clause.kind == DependencyKind::singleton) continue;
    if (clause.state != DependencyState::fulfilled) clause.state = clause_state(clause);
    enough |= now.any && clause.state == DependencyState::fulfilled;
  }
  if (now != found->second) {
    found->second = now;
    edit_quietly(id).dependency = dependency_text(now);
  }
  const bool single = now.has(DependencyKind::singleton);
  if (enough || (!single && now.state() == DependencyState::fulfilled)) {
    drop_dependency(id);
    edit_quietly(id).dependency = Text();
    return DependencyState::fulfilled;
  }
  // `singleton` is never settled for good before the job starts: an earlier job may be requeued.
  for (DependencyClause& clause : now.clauses) {
    if (clause.kind == DependencyKind::singleton && alone(job(id))) {
      clause.state = DependencyState::fulfilled;
    }
  }
  return now.state();
}

DependencyState Cluster::State::clause_state(const DependencyClause& clause) const {
  const TargetView target = target_view(clause);
  if (!target.known) {
    return clause.state == DependencyState::failed ? clause.state : unknown_target(clause.kind);
  }
  const auto when = [](bool yes) {
    return yes ? DependencyState::fulfilled : DependencyState::unfulfilled;
  };
  switch (clause.kind) {
    case DependencyKind::after:
      return when(target.started &&
                  (clause.minutes == 0 ||
                   target.begin + clause.minutes * 60 * model::kSecond <= last.wall));
    case DependencyKind::after_any: return when(target.finished);
    case DependencyKind::after_not_ok:
      if (target.finished && !target.failed) return DependencyState::failed;
      return when(target.finished);
    default:
      if (target.failed) return DependencyState::failed;
      return when(target.finished);
  }
}

TargetView Cluster::State::target_view(const DependencyClause& clause) const {
  TargetView view;
  const auto found = arrays.find(clause.job);
  if (found == arrays.end()) {
    const model::Job* record = clause.task == model::kNoTask ? find(clause.job) : nullptr;
    if (record == nullptr) return past_view(clause);
    view_record(*record, view);
    if (record->het_job == record->id) add_components(*record, view);
    return view;
  }
  const ArrayInfo& array = found->second;
  if (clause.task == model::kNoTask) {
    view.known = true;
    view.started = array.in(Phase::waiting) == 0;
    view.finished = view.started && array.in(Phase::active) == 0;
    view.failed = array.in(Phase::bad) != 0;
    view.begin = array.last_begin;
    return view;
  }
  const auto own = array.own.find(clause.task);
  const model::Job* record = find(own != array.own.end() ? own->second : clause.job);
  if (record == nullptr || !is_of(*record, clause)) return past_view(clause);
  view_record(*record, view);
  return view;
}

// A heterogeneous job has ended well when all of it has.
void Cluster::State::add_components(const model::Job& leader, TargetView& view) const {
  for (const JobId id : other_components(leader.id)) {
    TargetView part;
    view_record(job(id), part);
    view.started &= part.started;
    view.finished &= part.finished;
    view.failed |= part.failed;
  }
}

// By the event's records, which are final: one that isn't can't be from history.
TargetView Cluster::State::past_view(const DependencyClause& clause) const {
  TargetView sum;
  for (const model::JobPtr& record : turn.past) {
    if (any_end_will_do(clause.kind) || !is_of(*record, clause)) continue;
    if (!has_ended(*record)) return {};
    TargetView view;
    view_record(*record, view);
    view.failed |= sum.failed;
    view.begin = std::max(view.begin, sum.begin);
    sum = view;
  }
  return sum;
}

void Cluster::State::split_corresponding(JobId target, std::uint32_t task) {
  const auto found = dependents.find(target);
  if (found == dependents.end()) return;
  const std::vector<JobId> waiting(found->second.begin(), found->second.end());
  for (const JobId id : waiting) {
    const DependencySpec& spec = dependencies.at(id);
    const bool corr =
        std::any_of(spec.clauses.begin(), spec.clauses.end(), [&](const DependencyClause& clause) {
          return clause.kind == DependencyKind::after_corr && clause.job == target;
        });
    const model::Job& rest = job(id);
    if (corr && is_rest(rest) && model::has_task(*rest.array_rest, task)) split(id, task);
  }
}

bool Cluster::State::alone(const model::Job& job) const {
  const auto found = names.find(NameKey{job.spec->uid, job.spec->name});
  if (found == names.end()) return true;
  const NameGroup& group = found->second;
  if (!group.active.empty() || group.waiting.empty()) return false;
  return group.waiting.begin()->second == job.id;
}

// Whether following dependencies from `from` reaches `goal` (both base ids).
bool Cluster::State::leads_to(JobId from, JobId goal) const {
  std::set<JobId> seen{from};
  std::deque<JobId> open{from};
  while (!open.empty()) {
    const JobId base = open.front();
    open.pop_front();
    if (base == goal) return true;
    std::vector<JobId> records{base};
    const auto array = arrays.find(base);
    if (array != arrays.end()) {
      for (const auto& [task, id] : array->second.own) records.push_back(id);
    }
    for (const JobId record : records) {
      const auto spec = dependencies.find(record);
      if (spec == dependencies.end()) continue;
      for (const DependencyClause& clause : spec->second.clauses) {
        if (clause.job.is_set() && seen.insert(clause.job).second) open.push_back(clause.job);
      }
    }
  }
  return false;
}

void Cluster::State::notify_dependents(JobId base) {
  const auto found = dependents.find(base);
  if (found == dependents.end()) return;
  for (const JobId id : found->second) turn.unsettled.insert(id);
}

}  // namespace sluice::core
