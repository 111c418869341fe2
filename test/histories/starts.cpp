// Nobody starts who may not: held, before its time, with open dependencies, on nodes that take no
// jobs or that are reserved for others, or beside what it asked for.
#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "test/histories/picture.hpp"

namespace sluice::histories {

namespace {

using model::Job;

Problem check_nodes(const Picture& before, const Job& job) {
  const model::Partition* partition = before.partition(job.partition.view());
  if (partition == nullptr) return "in no partition";
  if (partition->state == model::PartitionState::down ||
      partition->state == model::PartitionState::inactive) {
    return "in a partition that starts nothing";
  }
  const std::vector<bool> in = nodes_of(before, *partition);
  for (const model::NodeShare& share : job.allocation->shares) {
    const model::Node& node = *before.nodes[share.node.value];
    if (!in[share.node.value]) return "outside of its partition";
    if (node.state == model::NodeState::down) return "on a node that is down";
    if ((node.flags & (model::kNodeDrain | model::kNodeNoRespond)) != 0) {
      return "on a node that takes no jobs";
    }
  }
  return {};
}

Problem check_shape(const Job& job) {
  const model::Request& request = *job.request;
  std::uint32_t tasks = 0;
  std::uint64_t gpus = 0;
  for (const model::GresRequest& gres : request.gres) gpus += gres.count;
  for (const model::NodeShare& share : job.allocation->shares) {
    tasks += share.tasks;
    if (share.cpus.count() < std::size_t{share.tasks} * std::max(request.cpus_per_task, 1U)) {
      return fmt::format("with {} CPUs for {} tasks on a node", share.cpus.count(), share.tasks);
    }
    if (share.memory < request.memory_per_node) return "with too little memory";
    std::uint64_t has = 0;
    for (const model::GresShare& gres : share.gres) has += gres.count;
    if (has < gpus) return "with too few GPUs";
  }
  const std::size_t nodes = job.allocation->shares.size();
  if (tasks < request.tasks) return fmt::format("with room for {} tasks", tasks);
  if (nodes < request.min_nodes || (request.max_nodes != 0 && nodes > request.max_nodes)) {
    return fmt::format("on {} nodes", nodes);
  }
  return {};
}

// A job of a reservation is ended with it, unless the reservation is flexible.
model::WallTime end_with_reservation(const Picture& picture, const Job& job) {
  for (const model::ReservationPtr& one : picture.reservations) {
    const bool confines = (one->flags & model::kResvFlex) == 0;
    if (confines && !job.reservation.empty() && one->name == job.reservation) return one->end;
  }
  return std::numeric_limits<model::WallTime>::max();
}

// One that is suspended may outlast it; resumed, it is ended by the next tick.
bool outlasts_reservation(const Picture& before, const Picture& after, const Job& job) {
  if (job.state != model::JobState::running) return false;
  if (end_with_reservation(after, job) > after.now.wall) return false;
  const Job* was = before.find(job.id);
  if (was == nullptr || !runs(*was)) return true;
  return was->state == model::JobState::running && before.now.wall < after.now.wall;
}

// Reservations that someone else has, while it would run. Those that stand above others (OVERLAP,
// MAINT) or let others in aren't made by the histories.
Problem check_reservations(const Picture& before, const Job& job) {
  const model::WallTime until =
      std::min(job.start + std::int64_t{job.time_limit} * 60 * model::kSecond,
               end_with_reservation(before, job));
  for (const model::ReservationPtr& one : before.reservations) {
    if (one->name == job.reservation || one->core_count == 0) continue;
    const bool whole = std::ranges::all_of(one->parts, [](auto& part) { return part.cores == 0; });
    if (!whole || one->start >= until || one->end <= job.start) continue;
    const std::set<std::string> reserved = names(one->nodes.view());
    for (const model::NodeShare& share : job.allocation->shares) {
      if (reserved.contains(share.name.str())) {
        return fmt::format("on {}, which reservation {} has", share.name.view(), one->name.view());
      }
    }
  }
  return {};
}

}  // namespace

Problem started_wrongly(const Picture& before, const Picture& after) {
  for (const model::JobPtr& job : after.jobs) {
    if (outlasts_reservation(before, after, *job)) {
      return fmt::format("{} still runs, but its reservation is over", name(*job));
    }
    const Job* was = before.find(job->id);
    if (!runs(*job) || (was != nullptr && runs(*was))) continue;
    Problem wrong;
    if (was != nullptr && was->priority == 0) wrong = "though it was held";
    if (was != nullptr && was->spec->begin > before.now.wall) wrong = "before its time";
    if (wrong.empty()) wrong = check_nodes(before, *job);
    if (wrong.empty()) wrong = check_shape(*job);
    if (wrong.empty()) wrong = check_reservations(before, *job);
    if (!wrong.empty()) return fmt::format("{} started {}", name(*job), wrong);
  }
  return {};
}

}  // namespace sluice::histories
