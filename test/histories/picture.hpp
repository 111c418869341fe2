// Picture: what a reader of the cluster sees at one moment, and the plain facts that the checks add
// up from it. Nothing here asks the scheduler for its opinion; the records are the truth.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cluster.hpp"

namespace sluice::histories {

// What is wrong; empty: nothing.
using Problem = std::string;

struct Picture {
  core::SettingsPtr settings;
  core::Now now;
  std::vector<model::JobPtr> jobs;  // by id
  std::vector<model::NodePtr> nodes;
  std::vector<model::PartitionPtr> partitions;
  std::vector<model::ReservationPtr> reservations;
  model::AccountsPtr accounts;
  std::vector<model::UsageRecord> usage;
  core::PriorityInputsPtr inputs;
  std::set<std::pair<JobId, Text>> released;  // nodes that completing jobs have left
  std::map<JobId, core::PlanEntry> plan;      // of waiting jobs that the plan says something about
  std::map<JobId, const core::PlanEntry*> entries;  // the same entry: the same group

  bool tells = false;               // a problem comes with all that led to it
  std::vector<bool> has_strangers;  // by node: former attempts may still live there

  [[nodiscard]] const model::Job* find(JobId id) const;
  [[nodiscard]] const model::Partition* partition(std::string_view name) const;
  // What the plan says of a job that waits for nothing else; null: it does.
  [[nodiscard]] const core::PlanEntry* planned(const model::Job& job) const;
  // Of a waiting job: its record's, or the plan's where the record leaves that to the plan.
  [[nodiscard]] model::Reason reason(const model::Job& job) const;
  [[nodiscard]] std::string detail(const model::Job& job) const;
};
[[nodiscard]] Picture picture_of(const core::Cluster& cluster, core::SettingsPtr settings,
                                 core::Now now);
[[nodiscard]] core::StoredState stored_state(const core::Cluster& cluster);

[[nodiscard]] inline bool runs(const model::Job& job) {
  return job.state == model::JobState::running || job.state == model::JobState::suspended;
}
[[nodiscard]] inline bool is_completing(const model::Job& job) {
  return (job.flags & model::kFlagCompleting) != 0;
}
// Of a job that runs or ends: whether the node is still its.
[[nodiscard]] bool holds(const Picture& picture, const model::Job& job,
                         const model::NodeShare& share);
// Partitions that the waiting job names.
[[nodiscard]] std::vector<const model::Partition*> partitions_of(const Picture& picture,
                                                                 const model::Job& job);
[[nodiscard]] std::uint32_t minutes_of(const model::Job& job, const model::Partition& partition);
[[nodiscard]] std::set<std::string> names(std::string_view hosts);
// Nodes of the partition, by position.
[[nodiscard]] std::vector<bool> nodes_of(const Picture& picture, const model::Partition& partition);
// "lic:2,pen" or nothing.
[[nodiscard]] std::map<std::string, std::uint32_t> licenses_of(std::string_view text);
[[nodiscard]] std::string name(const model::Job& job);
// Tasks of a job that wait; an array's rest has many.
[[nodiscard]] std::size_t tasks_waiting(const model::Job* job);
// Waiting jobs that the scheduler may treat as one group, of which it shows the first start.
[[nodiscard]] bool alike(const model::Job& a, const model::Job& b);
[[nodiscard]] bool has_others_alike(const Picture& picture, const model::Job& job);

// Where a waiting job stands in a partition: the greater goes first.
struct Rank {
  std::uint32_t displaces = 0;  // whose QOS displaces others stands before them
  std::uint32_t tier = 0;
  std::uint32_t priority = 0;
  auto operator<=>(const Rank&) const = default;
};
[[nodiscard]] Rank rank_of(const Picture& picture, const model::Job& job,
                           const model::Partition& partition);

// The checks, each in a file of its own.
[[nodiscard]] Problem oversubscribed(const Picture& picture);                        // capacity.cpp
[[nodiscard]] Problem started_wrongly(const Picture& before, const Picture& after);  // starts.cpp
[[nodiscard]] Problem exceeded_limits(const Picture& before, const Picture& after);  // limits.cpp
[[nodiscard]] Problem untrue_limit(const Picture& picture, const model::Job& job);   // limits.cpp
[[nodiscard]] Problem untrue_reasons(const Picture& picture);                        // reasons.cpp
[[nodiscard]] Problem unfair(const Picture& picture);                                // fair.cpp
// A start that could be now, by trying every set of nodes; nothing if there is none. (placing.cpp)
[[nodiscard]] std::string possible_start(const Picture& picture, const model::Job& job);
[[nodiscard]] bool could_ever_run(const Picture& picture, const model::Job& job);

// What would become of copies of the cluster. (future.cpp)
// Without the jobs below `job`, it would start no sooner than is planned now. `state` is the
// cluster's, just before it planned.
[[nodiscard]] Problem delayed(const Picture& before, const core::StoredState& state,
                              const Picture& after, const model::Job& job);
// If all jobs ran to their limits and nothing else happened, somebody would start late.
[[nodiscard]] Problem unmet_plans(const Picture& picture, const core::StoredState& state);

}  // namespace sluice::histories
