// See selection.hpp.
#include "cli/squeue/selection.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "cli/common/job_query.hpp"
#include "model/task_set.hpp"

namespace sluice::cli {

namespace {

using model::JobPtr;

// Slurm takes jobs by -j, and in the report of steps by -s too.
Result<std::vector<wire::JobRef>> wanted_jobs(const opt::SqueueOptions& options) {
  std::vector<opt::JobRef> refs = options.jobs;
  refs.insert(refs.end(), options.steps.begin(), options.steps.end());
  return wire_refs(refs);
}

Result<wire::JobFilter> filter_of(const opt::SqueueOptions& options) {
  Result<std::vector<wire::JobRef>> jobs = wanted_jobs(options);
  if (!jobs) return tl::unexpected(jobs.error());
  wire::JobFilter filter;
  filter.jobs = std::move(*jobs);
  for (wire::JobRef& ref : filter.jobs) ref.step = model::kNoTask;
  filter.uids = options.users;
  filter.accounts = texts(options.accounts);
  filter.partitions = texts(options.partitions);
  filter.names = texts(options.names);
  filter.qos = texts(options.qos);
  filter.nodes = texts(options.nodes);
  filter.licenses = texts(options.licenses);
  for (const std::string_view name : base::split_nonempty(options.reservation, ',')) {
    filter.reservations.emplace_back(name);
  }
  filter.states = options.states.given() ? state_mask(options.states) : live_states();
  if (options.start)
    filter.states = std::uint64_t{1} << static_cast<unsigned>(model::JobState::pending);
  return filter;
}

Status check_nodes(Client& client, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  wire::QueryNodes query;
  query.names = base::compress_sorted_hosts(names);
  Result<std::vector<model::NodePtr>> nodes = fetch_nodes(client, query);
  if (!nodes && nodes.error().code == ErrorCode::access_denied) return {};  // they are private
  if (!nodes) return tl::unexpected(nodes.error());
  for (const std::string& name : names) {
    const bool known =
        std::ranges::any_of(*nodes, [&](const model::NodePtr& node) { return node->name == name; });
    if (!known) return fail(ErrorCode::invalid_node_name, "Invalid node name " + name);
  }
  return {};
}

Status check_known(Client& client, const wire::JobRef& ref) {
  wire::QueryJobs query;
  query.filter.jobs.push_back({ref.job, {}, model::kNoTask});
  Result<JobAnswer> answer = fetch_jobs(client, query);
  if (!answer) return tl::unexpected(answer.error());
  if (answer->jobs.empty()) return fail(ErrorCode::invalid_job_id);
  return {};
}

Result<std::set<std::string>> hidden_partitions(Client& client) {
  Result<std::vector<model::PartitionPtr>> partitions = fetch_partitions(client, {});
  std::set<std::string> hidden;
  // Where partitions are private, none is known to be hidden.
  if (!partitions && partitions.error().code == ErrorCode::access_denied) return hidden;
  if (!partitions) return tl::unexpected(partitions.error());
  for (const model::PartitionPtr& partition : *partitions) {
    if (partition->hidden) hidden.insert(partition->name.str());
  }
  return hidden;
}

// True if all partitions that the job may run in are hidden.
bool is_hidden(const model::Job& job, const std::set<std::string>& hidden) {
  const auto names = base::split_nonempty(job.partition, ',');
  return !names.empty() && std::ranges::all_of(names, [&](std::string_view name) {
    return hidden.contains(std::string(name));
  });
}

// The tasks of a rest record that the user named; nullopt: the array as a whole.
std::optional<std::vector<std::uint32_t>> named_tasks(const model::Job& rest,
                                                      std::span<const wire::JobRef> refs) {
  std::vector<model::TaskRun> asked;
  for (const wire::JobRef& ref : refs) {
    if (ref.job != rest.array_job) continue;
    if (ref.tasks.empty()) return std::nullopt;
    asked.insert(asked.end(), ref.tasks.begin(), ref.tasks.end());
  }
  if (asked.empty()) return std::nullopt;
  return model::common_tasks(*rest.array_rest, asked);
}

JobPtr one_task(const model::Job& rest, std::uint32_t task) {
  auto copy = std::make_shared<model::Job>(rest);
  copy->array_task = task;
  copy->array_rest = nullptr;
  return copy;
}

void split_arrays(std::vector<JobPtr>& jobs, std::span<const wire::JobRef> refs, bool all) {
  std::vector<JobPtr> result;
  result.reserve(jobs.size());
  for (JobPtr& job : jobs) {
    if (!job->array_rest) {
      result.push_back(std::move(job));
      continue;
    }
    auto tasks = named_tasks(*job, refs);
    if (!tasks && all) tasks = model::common_tasks(*job->array_rest, job->array_rest->runs);
    if (!tasks) {
      result.push_back(std::move(job));
      continue;
    }
    for (const std::uint32_t task : *tasks) result.push_back(one_task(*job, task));
  }
  jobs = std::move(result);
}

// -P: a pending job once for each partition that it asked for.
void split_partitions(std::vector<JobPtr>& jobs) {
  std::vector<JobPtr> result;
  for (JobPtr& job : jobs) {
    const auto names = base::split_nonempty(job->partition, ',');
    if (names.size() < 2) {
      result.push_back(std::move(job));
      continue;
    }
    for (const std::string_view name : names) {
      auto copy = std::make_shared<model::Job>(*job);
      copy->partition = Text(name);
      result.push_back(std::move(copy));
    }
  }
  jobs = std::move(result);
}

bool is_wanted_step(const model::Step& step, const opt::SqueueOptions& options) {
  if (options.steps.empty()) return true;
  return std::ranges::any_of(
      options.steps, [&](const opt::JobRef& ref) { return !ref.step || *ref.step == step.number; });
}

// root sees jobs in hidden partitions always, others on demand; who names a partition sees it.
Status drop_hidden(Client& client, const opt::SqueueOptions& options, const Caller& caller,
                   JobAnswer& answer) {
  const bool all = (options.all || caller.uid == 0) && !options.hide;
  if (all || !options.partitions.empty() || answer.jobs.empty()) return {};
  Result<std::set<std::string>> hidden = hidden_partitions(client);
  if (!hidden) return tl::unexpected(hidden.error());
  if (hidden->empty()) return {};
  std::erase_if(answer.jobs, [&](const JobPtr& job) { return is_hidden(*job, *hidden); });
  return {};
}

}  // namespace

Result<JobAnswer> select_jobs(Client& client, const opt::SqueueOptions& options,
                              const Caller& caller) {
  Result<wire::JobFilter> filter = filter_of(options);
  if (!filter) return tl::unexpected(filter.error());
  if (const Status nodes = check_nodes(client, options.nodes); !nodes) {
    return tl::unexpected(nodes.error());
  }
  wire::QueryJobs query;
  query.filter = *filter;
  query.steps = options.show_steps;
  Result<JobAnswer> answer = fetch_jobs(client, query);
  if (!answer) return answer;
  if (answer->jobs.empty() && options.jobs.size() == 1 && !options.show_steps) {
    if (const Status known = check_known(client, filter->jobs.front()); !known) {
      return tl::unexpected(known.error());
    }
  }
  if (const Status dropped = drop_hidden(client, options, caller, *answer); !dropped) {
    return tl::unexpected(dropped.error());
  }
  if (options.not_me) {
    std::erase_if(answer->jobs, [&](const JobPtr& job) { return job->spec->uid == caller.uid; });
  }
  split_arrays(answer->jobs, filter->jobs, options.array || options.array_unique);
  if (options.priority) split_partitions(answer->jobs);
  std::erase_if(answer->steps,
                [&](const model::StepPtr& step) { return !is_wanted_step(*step, options); });
  return answer;
}

}  // namespace sluice::cli
