// Changes: what an event did. The shell stores the records, then (after the commit) carries out the
// orders and gives the answers. Nothing in here has happened outside the core yet.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/planner.hpp"
#include "model/accounts.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/node_release.hpp"
#include "model/reservation.hpp"
#include "model/step.hpp"
#include "model/usage_record.hpp"

namespace sluice::ledger {
struct BooksRows;
}

namespace sluice::core {

struct BillingAnswer;

// Orders for nodes. All name the attempt; nodes refuse what they already did.
struct LaunchJob {  // prepare the job there; on shares[0]'s node also start the script
  model::JobPtr job;
  NodeIndex node;
};
struct SignalJob {
  Attempt attempt;
  JobId job;
  NodeIndex node;
  std::uint32_t signal = 0;
  bool batch_only = false;
  bool full = false;
};
// End everything of the attempt there: SIGTERM, grace, SIGKILL; then report NodeReleased.
struct TerminateJob {
  Attempt attempt;
  JobId job;
  NodeIndex node;
  std::uint32_t grace_s = 0;
  model::JobState why = model::JobState::cancelled;
};
// To the job's first node: another of its nodes is lost.
struct LoseNode {
  Attempt attempt;
  JobId job;
  NodeIndex node;
  Text lost;
};
struct SuspendJob {
  Attempt attempt;
  JobId job;
  NodeIndex node;
};
struct ResumeJob {
  Attempt attempt;
  JobId job;
  NodeIndex node;
};
using Order = std::variant<LaunchJob, SignalJob, TerminateJob, LoseNode, SuspendJob, ResumeJob>;

// One line per job that a request touched, in id order.
struct JobOutcome {
  JobId job;  // the record's id
  JobId array_job;
  std::uint32_t array_task = model::kNoTask;
  Status status;
};

struct Changes {
  Status outcome;                    // of the event as a whole
  JobId job;                         // of a submit
  std::vector<JobOutcome> outcomes;  // of requests on jobs
  std::optional<PlanEntry> tested;   // of a test_only submit
  PassFigures figures;               // of a planning slice
  std::vector<model::JobPtr> jobs;   // new or changed records, each once, latest
  std::vector<model::JobPtr> ended;  // attempts that reached their terminal state (or were
                                     // requeued): the accounting record of that attempt
  std::vector<JobId> forgotten;      // records that left memory (older than MinJobAge)
  std::vector<model::NodePtr> nodes;
  std::vector<model::PartitionPtr> partitions;
  std::vector<model::StepPtr> steps;
  std::vector<model::NodeRelease> released;  // by attempts that are over and hold other nodes still
  std::vector<Order> orders;
  Text reservation;                                      // of an edit: its name
  std::vector<model::ReservationPtr> reservations;       // new or changed
  std::vector<model::ReservationPtr> reservations_gone;  // their last records
  model::AccountsPtr accounts;                           // null: as before
  model::AccountsPtr accounts_before;     // which they replace; null: nothing was ever stored
  std::vector<model::UsageRecord> usage;  // to be kept
  std::shared_ptr<const ledger::BooksRows> books;  // entries and what changed with them; null: none
  std::shared_ptr<const BillingAnswer> billed;     // of a Bill event
};

}  // namespace sluice::core
