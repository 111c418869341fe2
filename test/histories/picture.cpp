// See picture.hpp.
#include "test/histories/picture.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "model/task_set.hpp"

namespace sluice::histories {

const model::Job* Picture::find(JobId id) const {
  const auto found = std::lower_bound(jobs.begin(), jobs.end(), id,
                                      [](const auto& job, JobId at) { return job->id < at; });
  return found == jobs.end() || (*found)->id != id ? nullptr : found->get();
}

const model::Partition* Picture::partition(std::string_view name) const {
  for (const model::PartitionPtr& one : partitions) {
    if (one->name.view() == name) return one.get();
  }
  return nullptr;
}

const core::PlanEntry* Picture::planned(const model::Job& job) const {
  const auto entry = plan.find(job.id);
  switch (job.reason) {
    case model::Reason::none:
    case model::Reason::priority:
    case model::Reason::resources:
    case model::Reason::node_down:
    case model::Reason::bad_constraints:
    case model::Reason::licenses:
    case model::Reason::reservation:
    case model::Reason::association_limit:
    case model::Reason::qos_limit: return entry == plan.end() ? nullptr : &entry->second;
    default: return nullptr;  // the cluster's own knowledge
  }
}

model::Reason Picture::reason(const model::Job& job) const {
  const core::PlanEntry* entry = planned(job);
  return entry == nullptr ? job.reason : entry->reason;
}

std::string Picture::detail(const model::Job& job) const {
  const core::PlanEntry* entry = planned(job);
  return entry == nullptr ? job.reason_detail.str() : entry->detail.str();
}

Picture picture_of(const core::Cluster& cluster, core::SettingsPtr settings, core::Now now) {
  Picture made;
  made.settings = std::move(settings);
  made.now = now;
  made.jobs = cluster.all_jobs();
  made.nodes = cluster.all_nodes();
  made.partitions = cluster.all_partitions();
  made.reservations = cluster.all_reservations();
  made.accounts = cluster.accounts().pointer();
  made.usage = cluster.usage();
  made.inputs = cluster.priority_inputs();
  for (const model::NodeRelease& gone : cluster.released()) {
    made.released.emplace(gone.job, gone.node);
  }
  for (const model::NodePtr& node : made.nodes) {
    made.has_strangers.push_back(!cluster.strangers_on(node->index).empty());
  }
  for (const model::JobPtr& job : made.jobs) {
    if (job->state != model::JobState::pending) continue;
    if (const core::PlanEntry* entry = cluster.explain(job->id)) {
      made.plan.emplace(job->id, *entry);
      made.entries.emplace(job->id, entry);
    }
  }
  return made;
}

core::StoredState stored_state(const core::Cluster& cluster) {
  return {.next_job_id = cluster.next_job_id(),
          .jobs = cluster.all_jobs(),
          .nodes = cluster.all_nodes(),
          .partitions = cluster.all_partitions(),
          .steps = cluster.running_steps(),
          .released = cluster.released(),
          .accounts = cluster.accounts().pointer(),
          .usage = cluster.usage(),
          .reservations = cluster.all_reservations()};
}

bool holds(const Picture& picture, const model::Job& job, const model::NodeShare& share) {
  return runs(job) || (is_completing(job) && !picture.released.contains({job.id, share.name}));
}

std::vector<const model::Partition*> partitions_of(const Picture& picture, const model::Job& job) {
  std::vector<const model::Partition*> found;
  for (const std::string_view name : base::split(job.request->partitions, ',')) {
    if (const model::Partition* one = picture.partition(name)) found.push_back(one);
  }
  return found;
}

std::uint32_t minutes_of(const model::Job& job, const model::Partition& partition) {
  if (job.time_limit != 0) return job.time_limit;
  return partition.default_time != 0 ? partition.default_time : partition.max_time;
}

std::set<std::string> names(std::string_view hosts) {
  const auto parsed = base::parse_hosts(hosts);
  if (!parsed) return {};
  return {parsed->begin(), parsed->end()};
}

std::vector<bool> nodes_of(const Picture& picture, const model::Partition& partition) {
  const std::set<std::string> named = names(partition.nodes.view());
  const bool all = partition.nodes.view() == "ALL";
  std::vector<bool> in(picture.nodes.size());
  for (std::size_t n = 0; n < in.size(); ++n) {
    in[n] = all || named.contains(picture.nodes[n]->name.str());
  }
  return in;
}

std::map<std::string, std::uint32_t> licenses_of(std::string_view text) {
  std::map<std::string, std::uint32_t> found;
  for (const std::string_view one : base::split(text, ',')) {
    if (one.empty()) continue;
    const std::size_t colon = one.find(':');
    const std::string name(one.substr(0, colon));
    found[name] += colon == std::string_view::npos
                       ? 1U
                       : static_cast<std::uint32_t>(std::stoul(std::string(one.substr(colon + 1))));
  }
  return found;
}

std::string name(const model::Job& job) {
  const model::Request& request = *job.request;
  std::string more;
  if (job.array_job.is_set()) more += fmt::format(", of array {}", job.array_job.value);
  if (job.array_rest) more += fmt::format(" with {} more", model::task_count(*job.array_rest) - 1);
  if (job.spec->array_limit != 0) more += fmt::format(", {} at once", job.spec->array_limit);
  if (job.het_job.is_set()) more += fmt::format(", of whole {}", job.het_job.value);
  if (!request.reservation.empty()) more += fmt::format(", in {}", request.reservation.view());
  if (!request.licenses.empty()) more += fmt::format(", {}", request.licenses.view());
  if (!request.gres.empty()) more += fmt::format(", {} GPUs", request.gres.front().count);
  if (!request.features.empty()) more += fmt::format(", {}", request.features.view());
  if (!job.dependency.empty()) more += fmt::format(", after {}", job.dependency.view());
  if (request.sharing == model::Sharing::exclusive) more += ", exclusive";
  return fmt::format("job {} ({} tasks x {} CPUs, nodes {}-{}, {} MiB, {} min, {} of {}, QOS {}{})",
                     job.id.value, request.tasks, request.cpus_per_task, request.min_nodes,
                     request.max_nodes, request.memory_per_node, job.time_limit,
                     request.partitions.view(), job.spec->user.view(), job.qos.view(), more);
}

std::size_t tasks_waiting(const model::Job* job) {
  if (job == nullptr || job->state != model::JobState::pending) return 0;
  return job->array_rest ? static_cast<std::size_t>(model::task_count(*job->array_rest)) : 1;
}

bool alike(const model::Job& a, const model::Job& b) {
  return a.spec->uid == b.spec->uid && a.spec->nice == b.spec->nice && a.qos == b.qos &&
         a.association == b.association && a.time_limit == b.time_limit && *a.request == *b.request;
}

bool has_others_alike(const Picture& picture, const model::Job& job) {
  if (tasks_waiting(&job) > 1) return true;
  return std::ranges::any_of(picture.jobs, [&](const model::JobPtr& other) {
    return other->id != job.id && other->state == model::JobState::pending && alike(*other, job);
  });
}

namespace {

// The longest chain of QOS below this one of which each displaces the next.
std::uint32_t chain_below(const model::Accounts& accounts, const Text& qos, std::size_t links) {
  std::uint32_t longest = 0;
  for (const model::Qos& one : accounts.qos) {
    if (one.name != qos || links == 0) continue;
    for (const Text& other : one.preempt) {
      if (other == qos) continue;
      longest = std::max(longest, 1 + chain_below(accounts, other, links - 1));
    }
  }
  return longest;
}

}  // namespace

Rank rank_of(const Picture& picture, const model::Job& job, const model::Partition& partition) {
  Rank rank{0, partition.priority_tier, job.priority};
  if (picture.settings->preempt.type == model::PreemptType::qos) {
    rank.displaces = chain_below(*picture.accounts, job.qos, picture.accounts->qos.size());
  }
  const bool computed = picture.settings->priority.type != model::PriorityType::basic;
  if (computed && picture.inputs && !job.priority_fixed) {
    rank.priority =
        core::score(*picture.inputs, core::ranked_job(job, *picture.inputs), partition.index)
            .priority;
  }
  return rank;
}

}  // namespace sluice::histories
