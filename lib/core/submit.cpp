// Submitting: a job is checked and completed before it gets an id; nothing is changed by a submit
// that fails.
#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "core/cluster_state.hpp"
#include "core/job_standing.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

// Slurm's basic priority starts here and falls with each job.
constexpr std::uint32_t kTopPriority = 4294901760U;

Status check_times(const model::JobSpec& spec, const model::Request& request, Now now) {
  if (spec.deadline == 0) return {};
  if (spec.deadline <= std::max(now.wall, spec.begin)) return fail(ErrorCode::invalid_time_limit);
  // Who can't end in time with its whole limit is taken, and removed once it would be looked at.
  if (request.time_min == 0 || request.time_min == model::kUnlimited) return {};
  const model::WallTime whole = now.wall / model::kSecond * model::kSecond;
  const model::WallTime run = model::WallTime{request.time_min} * 60 * model::kSecond;
  if (whole + run <= spec.deadline) return {};
  return fail(ErrorCode::invalid_time_limit,
              "Invalid time-min specification (exceeds job's time or other limits)");
}

// Nodes that are named must exist, and none may be wanted and excluded.
template <class Known>
Status check_hosts(const model::Request& request, const Known& known) {
  for (const Text* list : {&request.node_list, &request.exclude}) {
    if (list->empty()) continue;
    Result<std::vector<std::string>> hosts = base::parse_hosts(*list);
    if (!hosts) return tl::unexpected(hosts.error());
    for (const std::string& name : *hosts) {
      if (!known.contains(name)) return fail(ErrorCode::invalid_node_name);
    }
  }
  if (request.node_list.empty() || request.exclude.empty()) return {};
  const std::vector<std::string> wanted = *base::parse_hosts(request.node_list);
  std::vector<std::string> excluded = *base::parse_hosts(request.exclude);
  std::sort(excluded.begin(), excluded.end());
  for (const std::string& name : wanted) {
    const bool both = std::binary_search(excluded.begin(), excluded.end(), name);
    if (both) return fail(ErrorCode::invalid_node_name);
  }
  return {};
}

}  // namespace

void Cluster::State::on(const SubmitJob& event) {
  turn.past = event.past;
  Result<Entrant> entrant = admit(event);
  if (!entrant) {
    turn.changes.outcome = tl::unexpected(entrant.error());
    return;
  }
  if (event.test_only) {
    Candidate asked = tested_candidate(entrant->job);
    Result<PlanEntry> tested = asked.partitions.empty() ? tl::unexpected(no_partition(entrant->job))
                                                        : planner.test(pool, asked, turn.now);
    if (tested) {
      turn.changes.tested = std::move(*tested);
    } else {
      turn.changes.outcome = tl::unexpected(tested.error());
    }
    return;
  }
  turn.changes.job = take_job_id();
  enter(std::move(*entrant), turn.changes.job);
}

// Why none of its partitions would start the job.
Error Cluster::State::no_partition(const model::Job& job) const {
  const Placeable where = open_partitions(*job.request, job.spec->uid);
  switch (where.reason) {
    case model::Reason::partition_time_limit:
      return {ErrorCode::invalid_time_limit,
              std::string(base::error_text(ErrorCode::invalid_time_limit))};
    case model::Reason::partition_node_limit:
      return {ErrorCode::node_count, std::string(base::error_text(ErrorCode::node_count))};
    case model::Reason::partition_access: return {ErrorCode::invalid_partition, where.detail.str()};
    default: break;
  }
  return {ErrorCode::partition_down, std::string(base::error_text(ErrorCode::partition_down))};
}

// The job as it would be, or why it can't be.
Result<Cluster::State::Entrant> Cluster::State::admit(const SubmitJob& event) {
  if (jobs.size() >= settings->max_job_count) return fail(ErrorCode::max_jobs);
  if (!event.groups.empty()) known_groups[event.spec->uid] = event.groups;
  Result<model::RequestPtr> request = settle_submitted(event);
  if (!request) return tl::unexpected(request.error());
  if (Status times = check_times(*event.spec, **request, turn.now); !times) {
    return tl::unexpected(times.error());
  }

  Entrant entrant;
  if (Status use = check_qos_use(**request); !use) return tl::unexpected(use.error());
  model::Job& job = entrant.job;
  job.uid = event.uid;
  job.request = *request;
  if (settings->job_requeue && !settings->enforce.wckeys) {
    job.spec = specs.intern(event.spec);
  } else {
    model::JobSpec spec = *event.spec;
    if (!settings->job_requeue && !spec.requeue) spec.no_requeue = true;
    if (Status key = settle_wckey(spec); !key) return tl::unexpected(key.error());
    job.spec = specs.intern(std::move(spec));
  }
  job.partition = job.request->partitions;
  job.submit = turn.now.wall;
  job.time_limit = shown_time_limit(*job.request);
  settle_standing(job);
  if (Status open = check_reservations(*job.spec, *job.request); !open) {
    return tl::unexpected(open.error());
  }
  if (Status array = describe_array(job); !array) return tl::unexpected(array.error());
  if (Status within = admit_to_limits(job); !within) return tl::unexpected(within.error());
  if (Status possible = check_possible(job); !possible) return tl::unexpected(possible.error());
  Result<DependencySpec> dependency = resolve(event.spec->dependency, JobId());
  if (!dependency) return tl::unexpected(dependency.error());
  entrant.dependency = std::move(*dependency);
  return entrant;
}

void Cluster::State::enter(Entrant entrant, JobId id) {
  model::Job& job = entrant.job;
  job.id = id;
  if (job.array_rest) job.array_job = id;
  job.priority_fixed = job.spec->priority != 0;
  job.priority = job.spec->held ? 0 : start_priority(job);
  if (job.spec->held) job.reason = model::Reason::job_held_user;
  if (job.array_rest) arrays[id].limit = job.spec->array_limit;
  insert(std::move(job));
  set_dependency(id, std::move(entrant.dependency));
}

// Ids only grow, and start again at the first one after the last; one that is still in memory is
// never handed out again.
JobId Cluster::State::take_job_id() {
  const std::uint32_t first = std::max(settings->first_job_id, 1U);
  const std::uint32_t last_id = std::max(settings->max_job_id, first);
  for (std::uint64_t tries = 0; tries <= std::uint64_t{last_id} - first; ++tries) {
    if (next_job_id < first || next_job_id > last_id) next_job_id = first;
    const JobId id(next_job_id++);
    if (!jobs.contains(id) && !arrays.contains(id)) return id;
  }
  SLUICE_ASSERT(false, "no free job id between {} and {}", first, last_id);
  return {};
}

// The basic rule: earlier jobs first, moved by nice. A function of the job alone, so that a release
// gives back what a hold took.
std::uint32_t Cluster::State::start_priority(const model::Job& job) const {
  if (job.spec->priority != 0) return job.spec->priority;
  if (ranks_by_factors()) return computed_priority(job);
  const JobId id = job.het_job.is_set() ? job.het_job : base_id(job);
  const std::int64_t base = std::int64_t{kTopPriority} - id.value;
  const std::int64_t wanted = base - job.spec->nice;
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(wanted, 1, std::numeric_limits<std::uint32_t>::max()));
}

Status Cluster::State::describe_array(model::Job& job) const {
  if (job.spec->array.empty()) return {};
  if (job.spec->kind != model::JobKind::batch || settings->max_array_size == 0) {
    return fail(ErrorCode::invalid_array);
  }
  Result<model::TaskSet> tasks = model::parse_tasks(job.spec->array, settings->max_array_size - 1);
  if (!tasks) return tl::unexpected(tasks.error());
  job.array_count = model::task_count(*tasks);
  job.array_min = model::first_task(*tasks);
  job.array_max = model::last_task(*tasks);
  job.array_step = tasks->runs.front().step;
  job.array_rest = std::make_shared<const model::TaskSet>(std::move(*tasks));
  return {};
}

Result<model::RequestPtr> Cluster::State::settle_submitted(const SubmitJob& event) {
  const AccessCheck who{event.spec->uid, event.groups, true, event.spec->user, tree.get()};
  const bool plain =
      event.groups.empty() && reservations.empty() && event.request->licenses.empty();
  if (!plain) return settle_request(*event.request, who);
  settled_requests.follow(tree, settings, partitions);
  const SettledRequests::Asked asked{event.request, event.spec->uid, event.spec->user};
  if (const model::RequestPtr& known = settled_requests.find(asked)) return known;
  Result<model::RequestPtr> made = settle_request(*event.request, who);
  if (made) settled_requests.keep(asked, *made);
  return made;
}

// Node names must exist, the partitions must exist and let the user in; what follows from the rest
// is filled in.
Result<model::RequestPtr> Cluster::State::settle_request(const model::Request& asked,
                                                         const AccessCheck& who) {
  model::Request request = asked;
  if (request.partitions.empty()) {
    const std::vector<std::string_view> asked_for = reservation_names(request.reservation);
    const ReservationEntry* in = asked_for.empty() ? nullptr : reservations.find(asked_for.front());
    if (in != nullptr) request.partitions = in->record->partition;
  }
  if (Status known = licenses->check(request.licenses); !known) {
    return tl::unexpected(known.error());
  }
  if (request.partitions.empty()) {
    for (const model::PartitionPtr& partition : partitions) {
      if (partition->is_default) request.partitions = partition->name;
    }
    if (request.partitions.empty()) return fail(ErrorCode::default_partition_missing);
  }
  if (Status standing = fill_standing(request, who); !standing) {
    return tl::unexpected(standing.error());
  }
  if (Status hosts = check_hosts(request, node_names); !hosts) {
    return tl::unexpected(hosts.error());
  }
  const std::uint32_t waived = waivers_of(request.qos);
  const model::Partition* first = nullptr;
  bool some_limit_passed = false;
  model::Reason exceeded = model::Reason::none;
  for (const std::string_view name : base::Pieces(request.partitions, ',')) {
    const auto found = std::find_if(partitions.begin(), partitions.end(),
                                    [&](const auto& p) { return p->name.view() == name; });
    if (found == partitions.end()) {
      return fail(ErrorCode::invalid_partition,
                  std::string(base::error_text(ErrorCode::invalid_partition)) +
                      ": invalid partition specified: " + std::string(name));
    }
    const model::Partition& partition = **found;
    if (partition.state == model::PartitionState::drain ||
        partition.state == model::PartitionState::inactive) {
      return fail(ErrorCode::partition_down);
    }
    if (Status access = may_use(partition, request, who); !access) {
      return tl::unexpected(access.error());
    }
    if (first == nullptr) first = &partition;
    const model::Reason limit =
        limit_reason(PartitionRules(partition, waived).partition(), request);
    some_limit_passed |= limit == model::Reason::none;
    if (limit != model::Reason::none) exceeded = limit;
  }
  if (!some_limit_passed && settings->enforce_partition_limits) {
    return fail(exceeded == model::Reason::partition_time_limit ? ErrorCode::invalid_time_limit
                                                                : ErrorCode::node_count);
  }
  // Who asks for no number of nodes gets the partition's least all the same.
  const bool asks = request.min_nodes != 0;
  const PartitionRules rules(*first, asks ? waived : waived & ~model::kQosPartitionMinNodes);
  Result<model::Request> complete =
      complete_request(std::move(request), rules.partition(), *settings);
  if (!complete) return tl::unexpected(complete.error());
  return requests.intern(std::move(*complete));
}

// A request that no state of the cluster could satisfy is refused. One that only the partition's
// limits keep back waits with that reason; the planner never sees it.
Status Cluster::State::check_possible(const model::Job& job) const {
  Placeable where = placeable(*job.request, job.spec->uid);
  if (where.partitions.empty()) {
    // A shorter time limit would not help what asks for too much.
    model::Request timeless = *job.request;
    timeless.time_limit = 0;
    timeless.time_min = 0;
    where = placeable(timeless, job.spec->uid);
  }
  if (where.partitions.empty()) return {};
  const bool plain = job.request->switches == 0 && reservations.empty() &&
                     where.partitions.size() == 1 && !has_choice_of_guise(*job.request);
  if (plain &&
      planner.is_known_possible(pool, job.request, where.partitions.front(), waivers_of(job.qos))) {
    return {};
  }
  Candidate asked = candidate(job, 1);
  asked.partitions = where.partitions;  // also those that are down now
  if (job.request->switches != 0 && job.request->switch_wait_s != model::kUnlimited) {
    model::Request relaxed = *job.request;  // it waits so long for few switches, no longer
    relaxed.switches = 0;
    asked.request = requests.intern(std::move(relaxed));
  }
  Status possible = planner.can_ever_run(pool, asked);
  if (possible || unknown_nodes == 0) return possible;
  // A node that has not told yet what it has may be the one.
  for (const NodeInfo& node : nodes) {
    if (node.facts_known) continue;
    for (const PartitionIndex partition : where.partitions) {
      const Text& name = partitions[partition.value]->name;
      for (const std::string_view of_node : base::split(node.record->partitions, ',')) {
        if (of_node == name.view()) return {};
      }
    }
  }
  return possible;
}

std::uint32_t Cluster::State::shown_time_limit(const model::Request& request) const {
  if (request.time_limit != 0) return request.time_limit;
  const std::string_view first = base::cut(request.partitions, ',').before;
  for (const model::PartitionPtr& partition : partitions) {
    if (partition->name.view() == first) return default_time(*partition);
  }
  return model::kUnlimited;
}

}  // namespace sluice::core
