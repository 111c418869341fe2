// Planner: the queue of eligible jobs and the plan made from it. A pass starts what can start, in
// priority order with backfill, and keeps for each job it examined what blocks it and when it is
// planned to start. That plan is data: pending reasons, `squeue --start` and `--test-only` read it.
//
// Cost: jobs with the same request, partition list, user, time limit, association and QOS form a
// group; a group that can't start is examined once per pass, not once per job. A pass is budgeted
// in steps, never in time, and can be continued. Only jobs that may start now are here: held,
// dependent and not yet begun jobs are kept away by the cluster.
//
// Order: a priority rule, if there is one, ranks each group by its leader, in each partition;
// inside a group the job that has aged longest leads. Without a rule, and among jobs whose priority
// an administrator has fixed, the jobs' own priorities count, then the order of submission.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/pass_result.hpp"
#include "core/preemption.hpp"
#include "core/priority_rule.hpp"
#include "core/resources.hpp"
#include "core/standing.hpp"
#include "core/start_gate.hpp"
#include "model/job.hpp"

namespace sluice::core {

// As whom a job would run in a partition.
struct Guise {
  PartitionIndex partition;
  std::uint32_t association = 0;
  std::uint32_t qos = 0;
  std::uint32_t waived = 0;  // limits of the partition that it may pass: model::kQosPartition*

  auto operator<=>(const Guise&) const = default;
};

// An eligible job, or the rest of an array, as the planner sees it.
struct Candidate {
  JobId id;
  model::RequestPtr request;
  std::vector<PartitionIndex> partitions;  // in order of preference; all allow this job
  std::uint32_t uid = 0;
  std::uint32_t priority = 0;
  std::uint64_t order = 0;       // submit order, unique: breaks ties
  std::uint32_t time_limit = 0;  // minutes in force, kUnlimited possible; 0: partition decides
  std::uint32_t startable = 1;   // tasks that may start now (array throttle)
  // What the priority rule and the start gates look at beside that (core/priority_rule.hpp).
  std::uint32_t association = 0;
  std::uint32_t qos = 0;
  std::uint32_t waived = 0;  // as in Guise
  // Where it may run under several QOS, or under another association in another partition: each, in
  // order of preference. Empty: as above in each of the partitions.
  std::vector<Guise> guises;
  std::int32_t nice = 0;
  std::int32_t site_factor = 0;
  bool fixed = false;
  model::WallTime accrue = 0;
  model::WallTime submit = 0;
  std::vector<std::uint32_t> reservations;  // that it may be planned in; 0, or empty: outside
  std::uint32_t reservation = 0;
  // The other components of a heterogeneous job: they start with it, each on nodes of its own, or
  // nobody does. Null: none.
  std::shared_ptr<const std::vector<Candidate>> companions;
};

// A node filter of the plan and how many nodes it removed, in the order applied.
struct FilterCount {
  const char* filter = "";  // "partition", "state", "features", "excluded", "cpus", …
  std::uint32_t removed = 0;
};

struct PlanEntry {
  model::Reason reason = model::Reason::none;
  Text detail;  // replaces the reason's name when not empty
  PartitionIndex partition;
  std::vector<FilterCount> filters;
  std::uint32_t nodes_wanted = 0;
  std::uint32_t nodes_usable = 0;     // after all filters
  JobId behind;                       // the job ahead whose planned start is protected; 0: none
  model::WallTime planned_start = 0;  // 0: beyond the window or never
  Text planned_nodes;
  std::uint32_t planned_cpus = 0;  // of a test: what it would be given there
  std::optional<GateBlock> gate;   // it could start if this were not
};

// What the plan says of a job in one of its partitions.
struct LaneView {
  PlanEntry plan;
  Guise guise;
  std::uint32_t reservation = 0;     // 0: none
  std::uint32_t free = 0;            // nodes that could take part of it this moment
  std::vector<std::uint32_t> nodes;  // of its reservation; empty: none
  std::int64_t start_ms = 0;         // of that, monotonic
};

// What the planner is told of a running job, beside what it holds.
struct RunningFacts {
  PreemptParty party;
  std::uint32_t priority = 0;
  std::int64_t start_ms = 0;  // monotonic
  JobId whole;                // the heterogeneous job that it is a component of
  std::uint32_t components = 0;
  bool leaving = false;  // displaced, in its grace time
};

class Planner {
 public:
  explicit Planner(SettingsPtr settings);
  ~Planner();
  Planner(Planner&&) noexcept;
  Planner& operator=(Planner&&) noexcept;

  void configure(SettingsPtr settings);
  // Who ranks, and who must agree to each start, besides the gates added; both may be null. They
  // are the caller's and must outlive the planner, or the next call.
  void set_rules(const PriorityRule* rule, StartGate* gate);
  // Replaces those that there were.
  void set_reservations(std::vector<StandingReservation> reservations);
  void add_gate(StartGate* gate);        // asked after those before it
  void add(const Candidate& candidate);  // also replaces
  void remove(JobId id);
  [[nodiscard]] std::size_t queued() const;

  // Running jobs, for planned ends. `expected_end_ms` is monotonic; INT64_MAX: unlimited.
  void job_started(JobId id, model::AllocationPtr allocation, std::int64_t expected_end_ms,
                   const RunningFacts& facts = {});
  void set_preemption(PreemptRulesPtr rules);  // null: nobody is displaced
  void job_extended(JobId id, std::int64_t expected_end_ms);
  void job_asleep(JobId id, bool asleep);                // suspended, its CPUs are others'
  void job_shrunk(JobId id, model::AllocationPtr left);  // it goes on without some of its nodes
  void job_ended(JobId id);

  // Starts what can start. `budget` counts elementary placement steps.
  [[nodiscard]] PassResult pass(NodePool& pool, Now now, std::uint64_t budget);
  // Monotonic time of the earliest planned start; INT64_MAX: none. When it has passed and nothing
  // else called for a pass, somebody is late, and another pass brings the plan up to date.
  [[nodiscard]] std::int64_t next_start_ms() const;
  // Monotonic time at which the rule wants its lanes ranked anew; INT64_MAX: none are queued, or it
  // says so by its generation.
  [[nodiscard]] std::int64_t next_ranking_ms() const;
  // By partition: who has waited for nodes, and nothing else, since `since` or longer. Of a group
  // only its leader counts. Cost: the lanes.
  struct Overdue {
    std::uint64_t cpus = 0;      // that they ask for together
    model::WallTime oldest = 0;  // when the oldest began to age; 0: nobody
  };
  [[nodiscard]] std::vector<Overdue> overdue(model::WallTime since) const;
  // The job's priority as the last ranking has it for its first partition; 0: not queued.
  [[nodiscard]] std::uint32_t priority_of(JobId id) const;
  // What the last pass found for the job's group; null if it wasn't examined yet.
  [[nodiscard]] const PlanEntry* explain(JobId id) const;
  // Where and when a job would start, without queueing it. The error says why never.
  [[nodiscard]] Result<PlanEntry> test(const NodePool& pool, const Candidate& candidate,
                                       Now now) const;
  // For `sluice why` (planner_why.cpp). Cost: the nodes of the lanes; the lanes before it; a
  // placement for each changed candidate. Changed candidates are planned in the job's place: what
  // is reserved for jobs behind it doesn't count, and it holds nothing itself.
  [[nodiscard]] std::vector<LaneView> lanes_of(const NodePool& pool, JobId id, Now now) const;
  [[nodiscard]] std::uint32_t ahead_of(JobId id) const;
  [[nodiscard]] bool gates_refuse(const Candidate& candidate, PartitionIndex partition) const;
  [[nodiscard]] std::vector<FilterCount> fixed_filters(const NodePool& pool,
                                                       const Candidate& candidate) const;
  [[nodiscard]] std::vector<std::optional<PlanEntry>> what_if(const NodePool& pool, JobId id,
                                                              const std::vector<Candidate>& changed,
                                                              Now now) const;
  // Whether the request could ever run on an otherwise idle, fully available partition.
  // The error's text names the exact cause; its code is Slurm's.
  [[nodiscard]] Status can_ever_run(const NodePool& pool, const Candidate& candidate) const;
  // True: can_ever_run() has said so lately of a candidate with this request in that partition
  // alone, `waived` as there, under no reservation.
  [[nodiscard]] bool is_known_possible(const NodePool& pool, const model::RequestPtr& request,
                                       PartitionIndex partition, std::uint32_t waived) const;

  struct State;  // shared with the files of the pass (core/planner_state.hpp)

 private:
  [[nodiscard]] Status try_ever(const NodePool& pool, const Candidate& candidate) const;
  [[nodiscard]] Result<PlanEntry> test_whole(const NodePool& pool, const Candidate& leader,
                                             Now now) const;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::core
