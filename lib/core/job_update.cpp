// scontrol update job: a patch is checked as a whole against a copy, then takes effect as a whole.
//
// What may change when, as in Slurm: names, comments, mail, requeue, the array's limit at any time
// before the end; what the job asks for, only while it waits; the time limit also while it runs.
// Only an administrator raises a time limit or a priority, sets a negative nice, or writes the
// administrator's comment.
#include <algorithm>

#include "core/cluster_state.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

template <class T, class U>
void assign(T& to, const std::optional<U>& from) {
  if (from) to = *from;
}

bool asks_for_resources(const JobPatch& patch) {
  return patch.partitions || patch.features || patch.node_list || patch.exclude || patch.account ||
         patch.qos || patch.min_nodes || patch.max_nodes || patch.tasks || patch.cpus_per_task ||
         patch.min_cpus_per_node || patch.memory_per_node || patch.memory_per_cpu ||
         patch.contiguous || patch.sharing || patch.gres || patch.reservation || patch.licenses ||
         patch.time_min || patch.switches || patch.tasks_per_node || patch.cpus || patch.prefer;
}

bool only_while_pending(const JobPatch& patch) {
  return asks_for_resources(patch) || patch.dependency || patch.begin || patch.std_out ||
         patch.std_err || patch.std_in || patch.work_dir || patch.priority || patch.nice ||
         patch.site_factor || patch.reset_accrue;
}

// NumCPUs, in the words of a request; TasksPerNode needs nodes enough for the tasks.
Status patch_layout(model::Request& request, const JobPatch& patch) {
  if (patch.cpus) {
    const std::uint32_t each = std::max(request.cpus_per_task, 1U);
    if (*patch.cpus == 0 || *patch.cpus % each != 0) return fail(ErrorCode::cpu_count);
    request.tasks = *patch.cpus / each;
  }
  if (!patch.tasks_per_node) return {};
  request.tasks_per_node = *patch.tasks_per_node;
  if (request.tasks_per_node == 0) return {};
  const std::uint32_t needed =
      (request.tasks + request.tasks_per_node - 1) / request.tasks_per_node;
  request.min_nodes = std::max(request.min_nodes, needed);
  if (request.max_nodes != 0) request.max_nodes = std::max(request.max_nodes, needed);
  return {};
}

void patch_request(model::Request& request, const JobPatch& patch) {
  assign(request.partitions, patch.partitions);
  assign(request.features, patch.features);
  assign(request.node_list, patch.node_list);
  assign(request.exclude, patch.exclude);
  assign(request.account, patch.account);
  assign(request.qos, patch.qos);
  assign(request.min_nodes, patch.min_nodes);
  assign(request.max_nodes, patch.max_nodes);
  assign(request.tasks, patch.tasks);
  assign(request.cpus_per_task, patch.cpus_per_task);
  assign(request.min_cpus_per_node, patch.min_cpus_per_node);
  assign(request.contiguous, patch.contiguous);
  assign(request.sharing, patch.sharing);
  assign(request.gres, patch.gres);
  assign(request.reservation, patch.reservation);
  assign(request.licenses, patch.licenses);
  assign(request.time_limit, patch.time_limit);
  assign(request.time_min, patch.time_min);
  assign(request.switches, patch.switches);
  assign(request.switch_wait_s, patch.switch_wait_s);
  assign(request.prefer, patch.prefer);
  if (patch.memory_per_node || patch.memory_per_cpu) {
    request.memory_per_node = patch.memory_per_node.value_or(0);
    request.memory_per_cpu = patch.memory_per_cpu.value_or(0);
    request.all_memory = request.memory_per_node == 0 && request.memory_per_cpu == 0;
  }
}

void patch_spec(model::JobSpec& spec, const JobPatch& patch) {
  assign(spec.name, patch.name);
  assign(spec.comment, patch.comment);
  assign(spec.admin_comment, patch.admin_comment);
  assign(spec.dependency, patch.dependency);
  assign(spec.wckey, patch.wckey);
  assign(spec.std_out, patch.std_out);
  assign(spec.std_err, patch.std_err);
  assign(spec.std_in, patch.std_in);
  assign(spec.work_dir, patch.work_dir);
  assign(spec.mail_type, patch.mail_type);
  assign(spec.mail_user, patch.mail_user);
  assign(spec.extra, patch.extra);
  assign(spec.nice, patch.nice);
  assign(spec.begin, patch.begin);
  assign(spec.deadline, patch.deadline);
  assign(spec.array_limit, patch.array_limit);
  if (patch.priority && *patch.priority != 0) spec.priority = *patch.priority;
  if (patch.nice) spec.priority = 0;
  if (patch.requeue) {
    spec.no_requeue = !*patch.requeue;
    spec.requeue = *patch.requeue;
  }
}

Status check_rights(const JobPatch& patch, const model::Job& job, bool by_admin) {
  if (by_admin) return {};
  const bool raises_time = patch.time_limit && *patch.time_limit > job.time_limit;
  const bool raises_priority = patch.priority && *patch.priority > job.priority;
  const bool negative_nice = patch.nice && *patch.nice < 0;
  if (raises_time || raises_priority || negative_nice || patch.admin_comment || patch.site_factor) {
    return fail(ErrorCode::access_denied);
  }
  return {};
}

// EndTime of a running job is its time limit in other words.
Status resolve_end(JobPatch& patch, const model::Job& job) {
  if (!patch.end) return {};
  if (job.state == model::JobState::pending) return fail(ErrorCode::job_pending);
  const model::WallTime run = *patch.end - job.start - job.suspended_us;
  if (run < 0) return fail(ErrorCode::invalid_time);
  constexpr model::WallTime kMinute = 60 * model::kSecond;
  patch.time_limit = static_cast<std::uint32_t>(
      std::min<model::WallTime>((run + kMinute - 1) / kMinute, model::kUnlimited - 1));
  return {};
}

}  // namespace

void Cluster::State::on(const UpdateJob& event) {
  turn.past = event.past;
  const JobSelection selection = select(event.selector);
  std::vector<JobOutcome> outcomes;
  for (const JobId id : selection.jobs) {
    JobOutcome outcome{
        .job = id, .array_job = job(id).array_job, .array_task = job(id).array_task, .status = {}};
    outcome.status = update(event, id);
    if (outcome.status && job(id).het_job == id) outcome.status = update_others(event, id);
    outcomes.push_back(std::move(outcome));
  }
  report(selection, std::move(outcomes));
}

// What the leader of a heterogeneous job gets, the others get: but its dependency is the whole's.
Status Cluster::State::update_others(const UpdateJob& event, JobId leader) {
  UpdateJob theirs = event;
  theirs.patch.dependency.reset();
  for (const JobId id : other_components(leader)) {
    if (model::is_finished(job(id).state)) continue;
    if (Status done = update(theirs, id); !done) return done;
  }
  return {};
}

Status Cluster::State::update(const UpdateJob& event, JobId id) {
  const model::Job& now = job(id);
  JobPatch patch = event.patch;
  if (model::is_finished(now.state)) return fail(ErrorCode::already_done);
  const bool pending = now.state == model::JobState::pending;
  if (!pending && only_while_pending(patch)) return fail(ErrorCode::job_not_pending);
  if (pending && now.priority == 0 && patch.priority.value_or(0) != 0) {
    return fail(ErrorCode::job_held);
  }
  if (Status end = resolve_end(patch, now); !end) return end;
  if (Status rights = check_rights(patch, now, event.by_admin); !rights) return rights;
  if (patch.array_limit && !now.array_job.is_set()) return fail(ErrorCode::invalid_array);

  model::RequestPtr request = now.request;
  if (asks_for_resources(patch) || patch.time_limit) {
    model::Request asked = *now.request;
    patch_request(asked, patch);
    if (Status layout = patch_layout(asked, patch); !layout) return layout;
    if (pending) {
      Result<model::RequestPtr> complete = settle_update(asked, now, patch);
      if (!complete) return tl::unexpected(complete.error());
      if (patch.qos || patch.reservation) {
        if (Status use = check_qos_use(**complete); !use) return use;
      }
      if (patch.reservation) {
        Status open = check_reservations(*now.spec, **complete);
        if (!open) return open;
      }
      model::Job probe = now;
      probe.request = *complete;
      if (Status possible = check_possible(probe); !possible) return possible;
      request = *complete;
    } else {
      request = requests.intern(std::move(asked));
    }
  }
  Result<DependencySpec> dependency = DependencySpec{};
  if (patch.dependency) {
    dependency = resolve(*patch.dependency, id);
    if (!dependency) return tl::unexpected(dependency.error());
    for (const DependencyClause& clause : dependency->clauses) {
      if (clause.job.is_set() && leads_to(clause.job, base_id(now))) {
        return fail(ErrorCode::invalid_dependency);
      }
    }
  }
  model::JobSpec spec = *now.spec;
  patch_spec(spec, patch);
  if (spec.deadline != 0 && spec.deadline <= turn.now.wall) return fail(ErrorCode::invalid_time);

  model::Job& changed = edit(id);
  changed.request = std::move(request);
  changed.spec = specs.intern(std::move(spec));
  if (patch.dependency) set_dependency(id, std::move(*dependency));
  apply_limits(changed, patch);
  if (pending) apply_priority(changed, event);
  return {};
}

// Another account's default QOS takes the place of one that it doesn't allow. Who moves a waiting
// job elsewhere submits it there; where it was it doesn't count meanwhile.
Result<model::RequestPtr> Cluster::State::settle_update(model::Request asked, const model::Job& job,
                                                        const JobPatch& patch) {
  const AccessCheck who{job.spec->uid, {}, false, job.spec->user, tree.get()};
  Result<model::RequestPtr> settled = settle_request(asked, who);
  const bool other_account = patch.account && !patch.qos;
  if (!settled && other_account && settled.error().code == ErrorCode::invalid_qos) {
    asked.qos = Text();
    settled = settle_request(asked, who);
  }
  if (!settled || (!patch.partitions && !patch.qos && !patch.account)) return settled;
  model::Job moved = job;
  moved.request = *settled;
  moved.partition = moved.request->partitions;
  moved.time_limit = shown_time_limit(*moved.request);
  settle_standing(moved);
  const auto edit = turn.jobs.find(job.id);
  const LimitClaim claimed = edit == turn.jobs.end() ? claim_of(job) : edit->second.claimed;
  policies->limits.uncount(claimed);
  const Status within = admit_to_limits(moved);
  policies->limits.count(claimed);
  if (!within) return tl::unexpected(within.error());
  return moved.request;
}

void Cluster::State::apply_limits(model::Job& changed, const JobPatch& patch) {
  if (patch.array_limit) {
    ArrayInfo& array = arrays[changed.array_job];
    array.ceiling = std::max(array.in(Phase::active), array.ceiling);
    array.limit = *patch.array_limit;
    reconsider_array(changed.array_job);
  }
  if (changed.state == model::JobState::pending) {
    changed.partition = changed.request->partitions;
    changed.time_limit = shown_time_limit(*changed.request);
    settle_standing(changed);
    return;
  }
  if (!patch.time_limit) return;
  changed.time_limit = *patch.time_limit;
  Active& held = active.at(changed.id);
  held.limit_ms = limit_of(changed);
  if (changed.state != model::JobState::suspended) {
    planner.job_extended(changed.id, held.limit_ms);
    plan_needed = true;
  }
}

// All waiting tasks of the array: the limit decides about them together. It is kept in the record
// with the array's id, where a restart looks first.
void Cluster::State::reconsider_array(JobId array) {
  const std::uint32_t limit = arrays.at(array).limit;
  const model::Job* first = find(array);
  if (first != nullptr && first->spec->array_limit != limit) {
    model::JobSpec spec = *first->spec;
    spec.array_limit = limit;
    edit(array).spec = specs.intern(std::move(spec));
  }
  turn.arrays.insert(array);
  turn.unsettled.insert(array);
  for (const auto& [task, id] : arrays.at(array).own) {
    if (job(id).state == model::JobState::pending) turn.unsettled.insert(id);
  }
}

// Priority 0 holds; any other sets it until nice is changed.
void Cluster::State::apply_priority(model::Job& changed, const UpdateJob& event) {
  const JobPatch& patch = event.patch;
  if (patch.priority && *patch.priority == 0) {
    changed.priority = 0;
    changed.reason = event.by_admin ? model::Reason::job_held_admin : model::Reason::job_held_user;
    return;
  }
  if (patch.site_factor) changed.site_factor = *patch.site_factor;
  if (patch.reset_accrue && changed.accrue != 0) changed.accrue = turn.now.wall;
  const bool moved = patch.nice || patch.site_factor || asks_for_resources(patch);
  changed.priority_fixed = changed.spec->priority != 0;
  if (patch.priority || (moved && changed.priority != 0)) {
    changed.priority = start_priority(changed);
  }
}

}  // namespace sluice::core
