// What the cluster remembers beside the records themselves: per job, per array, per user and job
// name, per node. All of it can be rebuilt from the records (restore.cpp); nothing here is stored.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <unordered_set>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "core/changes.hpp"
#include "core/held_nodes.hpp"
#include "core/id_set.hpp"
#include "core/limits.hpp"
#include "core/resources.hpp"
#include "core/timers.hpp"
#include "model/job.hpp"
#include "model/node.hpp"

namespace sluice::core {

// One job record in memory.
struct Entry {
  model::JobPtr job;
  std::uint32_t startable = 0;  // what the planner was told; 0: the planner doesn't have it
  bool ready = false;  // a component of a heterogeneous job that nothing keeps back by itself
};

// How far a record has come, as dependencies, throttles and singletons see it. A job that has ended
// but still holds nodes is `active`.
enum class Phase : std::uint8_t { none, waiting, active, ok, bad };
inline constexpr std::size_t kPhases = 5;

struct Tally {
  Phase phase = Phase::none;
  std::uint32_t tasks = 0;  // of an array's rest: how many it stands for
  std::uint64_t order = 0;  // submit_order
  Text name;                // the job's, for singleton

  bool operator==(const Tally&) const = default;
};
[[nodiscard]] Tally tally_of(const model::Job& job);

// A job that holds nodes: running, suspended or completing.
struct Active {
  Holder holder;
  HeldNodes nodes;  // still held; prepared: said so since this process started
  std::int64_t limit_ms = DueTimes::kNone;    // when the time limit strikes
  std::int64_t give_up_ms = DueTimes::kNone;  // completing: when nodes that are silent are drained
  std::int64_t suspended_ms = 0;              // since when, if suspended
  bool step_out_of_memory = false;
  StartNote note;  // not after a restart
  std::unordered_set<StepNumber> ended_steps;

  [[nodiscard]] bool holds(NodeIndex node) const { return nodes.holds(node); }
};

// All that is left of one array.
struct ArrayInfo {
  std::map<std::uint32_t, JobId> own;  // tasks with a record of their own
  std::uint32_t tasks[kPhases] = {};   // by phase; ok and bad count forgotten ones too
  std::uint32_t limit = 0;             // tasks at a time; 0: any
  std::uint32_t ceiling = 0;           // most that may be active now, after a limit was lowered
  std::uint32_t records = 0;
  model::WallTime last_begin = 0;  // the latest start (or cancellation) of a task
  bool rest_ready = false;         // throttled: could start but for the limit
  std::set<std::uint32_t> ready;   // the same for tasks with records

  [[nodiscard]] std::uint32_t in(Phase phase) const {
    return tasks[static_cast<std::size_t>(phase)];
  }
};

// Unfinished jobs of one user with one name, for `singleton`.
struct NameKey {
  std::uint32_t uid = 0;
  Text name;

  auto operator<=>(const NameKey&) const = default;
};
struct NameGroup {
  std::map<std::uint64_t, JobId> waiting;  // by submit order
  std::set<JobId> active;
};

struct NodeInfo {
  model::NodePtr record;
  std::set<JobId> jobs;          // that hold something here
  std::uint32_t completing = 0;  // of them
  // Attempts that may still live here though their jobs were taken away: the node was lost or put
  // down, and came back; or it could not end them. Nothing starts here until it says that they are
  // gone. In memory only: after a restart the node tells anew what it holds.
  std::set<Attempt> strangers;
  bool facts_known = false;  // configured in full, or registered at least once
};

// Places in the order of submission; tasks of an array before its rest. Unique per record.
[[nodiscard]] std::uint64_t submit_order(const model::Job& job);
// The id that dependencies go by: the array's, or the job's own.
[[nodiscard]] JobId base_id(const model::Job& job);
// Whether the record is what is left of an array that has not started.
[[nodiscard]] bool is_rest(const model::Job& job);
[[nodiscard]] bool is_completing(const model::Job& job);

// One event (or pass) being worked on: what it changed so far.
struct JobEdit {
  std::shared_ptr<model::Job> fresh;
  model::JobPtr before;  // null: a new record
  Tally counted;         // what the books know of it
  LimitClaim claimed;    // what it counts for against limits
};
struct NodeEdit {
  std::shared_ptr<model::Node> fresh;
  model::NodePtr before;
};
struct Turn {
  Now now;
  Changes changes;
  std::vector<model::JobPtr> past;  // what the event tells of jobs that memory has forgotten
  std::map<JobId, JobEdit> jobs;
  std::map<std::uint32_t, NodeEdit> nodes;
  std::map<std::uint32_t, std::shared_ptr<model::Partition>> partitions;
  IdSet unsettled;                       // to be looked at before the turn ends
  bool charge_all = false;               // running jobs, before the turn ends
  std::set<std::uint32_t> reservations;  // new or changed, by id
  bool tend_reservations = false;        // before the turn ends
  std::set<JobId> arrays;                // throttled ones whose slots are to be shared out anew
};

}  // namespace sluice::core
