// Cluster: the whole scheduling state as a pure state machine. One door changes it, apply(); plan()
// starts what can start. Same events with the same times in the same order: same changes, bit for
// bit. No clock, thread, file, socket or random source is behind this door.
//
// Pending reasons. What the cluster knows by itself (held, dependency, begin time, limits) stands
// in the record. For a queued job the plan knows why it waits; that is written into the records of
// the planner's group leaders (and of at most 1,000 jobs a pass), at most once in
// reason_interval_ms, so that a change of reasons never costs the store a write per job. The others
// say Priority: they wait behind their leader. Whoever wants the plan's own words for such a record
// (PENDING, Priority) asks explain().
//
// Accounting. `Changes::ended` has an attempt when it is final: its state is terminal and no node
// holds anything of it any more (or was given up). Until then its record is COMPLETING.
//
// Threads: none. One thread owns a Cluster; the records that it hands out are immutable and may be
// read by any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/account_tree.hpp"
#include "core/changes.hpp"
#include "core/events.hpp"
#include "core/licenses.hpp"
#include "core/multifactor.hpp"
#include "core/settings.hpp"
#include "model/explanation.hpp"

namespace sluice::ledger {
class Books;
struct BooksState;
}  // namespace sluice::ledger

namespace sluice::core {

// What the store keeps, and gives back after a restart.
struct StoredState {
  std::uint32_t next_job_id = 0;                // 0: settings' first_job_id
  std::vector<model::JobPtr> jobs;              // all unfinished, and finished within MinJobAge
  std::vector<model::NodePtr> nodes;            // administrator's marks: drain, reason, …
  std::vector<model::PartitionPtr> partitions;  // changed by `scontrol update`
  std::vector<model::StepPtr> steps;            // running ones
  std::vector<model::NodeRelease> released;     // by completing jobs
  model::AccountsPtr accounts;                  // null: there are none but the first
  std::vector<model::UsageRecord> usage;
  std::vector<model::ReservationPtr> reservations;
  std::shared_ptr<const ledger::BooksState> books;  // null: nothing was ever billed
};

// A dependency's target that has left memory: only history knows how it ended.
struct PastTarget {
  JobId job;                            // or an array
  std::uint32_t task = model::kNoTask;  // of that array; kNoTask: all of it
};

class Cluster {
 public:
  explicit Cluster(SettingsPtr settings);
  // Nodes come back as not yet responding; running jobs keep what they hold.
  Cluster(SettingsPtr settings, const StoredState& stored, Now now);
  ~Cluster();
  Cluster(Cluster&&) noexcept;
  Cluster& operator=(Cluster&&) noexcept;

  [[nodiscard]] Changes apply(const Event& event, Now now);
  // One budgeted planning pass. `more_to_plan` tells whether another call has work to do.
  [[nodiscard]] Changes plan(Now now, std::uint64_t budget);
  [[nodiscard]] bool more_to_plan() const;

  // The monotonic time of the next Tick that would do something; INT64_MAX: none.
  [[nodiscard]] std::int64_t next_tick_ms() const;

  [[nodiscard]] const Settings& settings() const;
  [[nodiscard]] model::JobPtr find_job(JobId id) const;                    // null: unknown
  [[nodiscard]] model::JobPtr find_attempt(const Attempt& attempt) const;  // null: unknown or over
  // The record of an array's task: its own, or the rest record if it has none yet; null: unknown.
  [[nodiscard]] model::JobPtr find_task(JobId array, std::uint32_t task) const;
  // Records of an array or of a plain job, by id order.
  [[nodiscard]] std::vector<model::JobPtr> records_of(JobId job) const;
  [[nodiscard]] std::vector<model::JobPtr> all_jobs() const;  // by id order
  [[nodiscard]] std::vector<model::NodePtr> all_nodes() const;
  [[nodiscard]] std::vector<model::PartitionPtr> all_partitions() const;
  [[nodiscard]] std::vector<model::StepPtr> running_steps() const;
  [[nodiscard]] std::vector<model::ReservationPtr> all_reservations() const;  // by id
  [[nodiscard]] std::vector<LicenseUse> licenses() const;                     // by name
  [[nodiscard]] const AccountTree& accounts() const;
  // Of associations, by id, then of QOS.
  [[nodiscard]] std::vector<model::UsageRecord> usage() const;
  [[nodiscard]] const ledger::Books* books() const;  // null: nothing was ever billed
  // What priorities follow from, as last calculated: the same value answers any reader.
  [[nodiscard]] PriorityInputsPtr priority_inputs() const;
  [[nodiscard]] std::optional<NodeIndex> find_node(std::string_view name) const;
  [[nodiscard]] const model::NodePtr& node_record(NodeIndex node) const;  // of a known node
  // Nodes that completing jobs have given back already, by job.
  [[nodiscard]] std::vector<model::NodeRelease> released() const;
  // Attempts that hold something on the node: what its daemon should report.
  [[nodiscard]] std::vector<model::JobPtr> jobs_on(NodeIndex node) const;
  // Attempts that may still live on the node though their jobs were taken from it: nothing starts
  // there until a NodeReleased has come for each.
  [[nodiscard]] std::vector<Attempt> strangers_on(NodeIndex node) const;
  [[nodiscard]] const PlanEntry* explain(JobId id) const;
  // Why a job waits or runs where it does; with `sooner` also what would start it sooner, which
  // costs a placement for each change tried. Empty: unknown job.
  [[nodiscard]] std::optional<model::Explanation> why(JobId id, bool sooner) const;
  // Which records an event with this dependency must bring along, in `past`.
  [[nodiscard]] std::vector<PastTarget> past_targets(std::string_view dependency) const;
  [[nodiscard]] std::uint32_t next_job_id() const;

  // Checks the invariants I3 to I5 and I9 on the present state; a text names the first violation.
  [[nodiscard]] std::optional<std::string> check() const;
  // Everything that a restart must bring back, in a canonical text: equal before and after (I10).
  [[nodiscard]] std::string fingerprint() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::core
