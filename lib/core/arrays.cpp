// Job arrays: one record stands for all tasks that have not started. A task that starts (or is
// treated apart from the others) gets a record and an id of its own; the last one to leave takes
// over the array's own record, so the record with the array's id never goes before its tasks start.
#include <algorithm>

#include "base/assert.hpp"
#include "core/cluster_state.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

// A task's identity follows from the array's, so that it needs no source of random numbers.
Uid128 task_uid(const Uid128& array, std::uint32_t task) {
  return {base::hash_mix(array.high, std::uint64_t{task} + 1),
          base::hash_mix(array.low, ~std::uint64_t{task})};
}

}  // namespace

JobId Cluster::State::split(JobId rest_id, std::uint32_t task) {
  SLUICE_ASSERT(is_rest(job(rest_id)), "job {}", rest_id.value);
  const auto waits = dependencies.find(rest_id);
  std::optional<DependencySpec> spec;
  if (waits != dependencies.end()) spec = waits->second;

  JobId id = rest_id;
  if (model::task_count(*job(rest_id).array_rest) == 1) {
    model::Job& last_one = edit(rest_id);
    last_one.array_rest = nullptr;
    last_one.array_task = task;
    arrays[last_one.array_job].own.emplace(task, rest_id);
  } else {
    id = take_job_id();
    model::Job& rest = edit(rest_id);
    model::Job own = rest;
    rest.array_rest =
        std::make_shared<const model::TaskSet>(model::without_task(*rest.array_rest, task));
    own.id = id;
    own.array_rest = nullptr;
    own.array_task = task;
    own.uid = task_uid(own.uid, task);
    insert(std::move(own));
  }
  if (spec) {
    // aftercorr: the task waits for its own counterpart instead of the whole target.
    for (DependencyClause& clause : spec->clauses) {
      DependencyClause narrow = clause;
      narrow.task = task;
      narrow.whole_array = false;
      const bool corr = clause.kind == DependencyKind::after_corr && clause.whole_array;
      if (corr && target_view(narrow).known) clause = narrow;
    }
    set_dependency(id, std::move(*spec));
  }
  return id;
}

// A task that was named gets a record of its own, unless all that are left were named.
JobSelection Cluster::State::select(const JobSelector& selector) {
  JobSelection selection;
  const auto found = arrays.find(selector.job);
  if (found == arrays.end()) {
    if (find(selector.job) != nullptr && selector.tasks.empty()) {
      selection.jobs.push_back(selector.job);
    }
    return selection;
  }
  selection.whole = selector.tasks.empty();
  std::vector<JobId> picked;
  std::set<std::uint32_t> named;  // single tasks asked for, to tell which are unknown
  for (const model::TaskRun& run : selector.tasks) {
    if (run.first == run.last) named.insert(run.first);
  }
  for (const auto& [task, id] : found->second.own) {
    if (!selection.whole && !model::names_task(selector.tasks, task)) continue;
    picked.push_back(id);
    named.erase(task);
  }
  const model::Job* rest = find(selector.job);
  if (rest != nullptr && is_rest(*rest)) {
    const model::TaskSet set = *rest->array_rest;
    std::vector<std::uint32_t> tasks;
    if (!selection.whole) tasks = model::common_tasks(set, selector.tasks);
    const bool all = selection.whole || tasks.size() == model::task_count(set);
    if (all) {
      picked.push_back(selector.job);
    } else if (rest->state == model::JobState::pending) {
      for (const std::uint32_t task : tasks) picked.push_back(split(selector.job, task));
    } else {
      tasks.clear();  // cancelled together: there is no such task any more
    }
    for (const std::uint32_t task : tasks) named.erase(task);
  }
  std::sort(picked.begin(), picked.end());
  for (const std::uint32_t task : named) {
    selection.unknown.push_back({.job = selector.job,
                                 .array_job = selector.job,
                                 .array_task = task,
                                 .status = fail(ErrorCode::invalid_job_id)});
  }
  selection.jobs = std::move(picked);
  return selection;
}

}  // namespace sluice::core
