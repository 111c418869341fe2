// Events: everything that can happen to a cluster, as values. `Cluster::apply` takes one of these.
// Who may cause an event is decided before (authorisation table); the core trusts its caller.
// Random identities and content hashes come in with the event, so that the core stays pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/settings.hpp"
#include "model/accounts.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/requests.hpp"
#include "model/reservation_patch.hpp"
#include "model/step.hpp"

namespace sluice::core {

using model::JobPatch;
using model::JobVerb;
using model::NodeVerb;

// Which jobs a request means: a job, an array (task empty), or some of its tasks.
struct JobSelector {
  JobId job;                          // a job's id, or an array's
  std::vector<model::TaskRun> tasks;  // empty: the whole
};

struct SubmitJob {
  model::JobSpecPtr spec;  // identity fields filled in
  model::RequestPtr request;
  Uid128 uid;
  std::vector<Text> groups;         // names of the user's groups, for AllowGroups
  bool test_only = false;           // answer when and where, change nothing
  std::vector<model::JobPtr> past;  // final records of the dependency's past_targets()
};

// The components of a heterogeneous job, in order: all of them or none.
struct SubmitHetJob {
  std::vector<SubmitJob> parts;
};

struct ActOnJob {
  JobVerb verb = JobVerb::cancel;
  JobSelector selector;
  std::uint32_t by_uid = 0;
  bool by_admin = false;
  std::uint32_t signal = 0;
  bool batch_only = false;      // scancel --batch
  bool full = false;            // scancel --full: batch shell too
  std::uint32_t exit_code = 0;  // as wait() has it
  bool quiet_if_pending = false;
  bool special_exit = false;  // of a requeue: held as SPECIAL_EXIT
};

struct UpdateJob {
  JobSelector selector;
  JobPatch patch;
  std::uint32_t by_uid = 0;
  bool by_admin = false;
  std::vector<model::JobPtr> past;  // as in SubmitJob
};

// scontrol update node
struct UpdateNode {
  std::vector<NodeIndex> nodes;
  NodeVerb verb = NodeVerb::none;
  std::optional<Text> reason;
  std::optional<Text> features;
  std::optional<Text> comment;
  std::optional<Text> extra;
  std::optional<std::uint32_t> weight;
  std::uint32_t by_uid = 0;
};

// scontrol update partition: the new record as a whole (the caller edited a copy).
struct UpdatePartition {
  model::Partition partition;
};

// A node's daemon has (re)connected. Jobs that should be on it but aren't in `holds`, or that ran
// before a reboot (another boot id), are lost: NODE_FAIL or requeue.
struct NodeRegistered {
  NodeIndex node;
  model::NodeFacts facts;
  std::vector<Attempt> holds;
};
struct NodeSilent {
  NodeIndex node;
};  // shown as "*"; jobs stay
struct NodeLost {
  NodeIndex node;
};  // silent beyond the timeout: DOWN
struct NodeLoad {
  NodeIndex node;
  std::uint32_t cpu_load = 0;
  std::uint64_t free_memory = 0;
};
struct NodeFault {
  NodeIndex node;
  Text reason;
};  // the node itself asks to be drained

// An accelerator out of service; `index` is its place among the node's devices of that name and
// type.
struct DeviceFault {
  Text name;
  Text type;
  std::uint32_t index = 0;
  Text fault;
};
// The whole truth about a node's accelerators: those not named are sound.
struct DevicesFaulty {
  NodeIndex node;
  std::vector<DeviceFault> faults;
};

// A node has prepared the job (and, on the batch host, started the script), or could not.
struct JobPrepared {
  Attempt attempt;
  NodeIndex node;
  bool ok = true;
  Text error;
};

// How the batch script (or the whole job on that node) ended.
struct BatchEnded {
  Attempt attempt;
  std::uint32_t exit_code = 0;  // as wait() has it
  bool out_of_memory = false;
  bool launch_failed = false;  // the script could not be started; `error` says why
  Text error;
  bool released = false;  // nothing is left on the batch host: stands for NodeReleased too,
                          // which spares a one-node job the COMPLETING record
};
// Nothing of the attempt is left on the node.
struct NodeReleased {
  Attempt attempt;
  NodeIndex node;
  bool unkillable = false;  // gave up: processes remain
};

struct StepStarted {
  model::StepPtr step;
};
struct StepEnded {
  model::StepPtr step;
};

// A change of accounts, users, associations or QOS; taken as a whole or refused with one line for
// each thing wrong (accounts_edit.hpp).
struct EditAccounts {
  model::AccountsEdit edit;
};

// scontrol create, update and delete reservation.
struct EditReservation {
  model::ReservationVerb verb = model::ReservationVerb::create;
  Text name;  // empty: one is made (create)
  model::ReservationPatch patch;
  std::uint32_t by_uid = 0;
  Text by_user;
  std::vector<Text> by_groups;  // the first is the user's own
  bool by_operator = false;
};

// Prices, customers, money, months: billing_request.hpp has what can be asked.
struct BillingRequest;
struct Bill {
  std::shared_ptr<const BillingRequest> request;
};

struct Configure {
  SettingsPtr settings;
};
struct Tick {};  // time has passed

using Event =
    std::variant<SubmitJob, SubmitHetJob, ActOnJob, UpdateJob, UpdateNode, UpdatePartition,
                 NodeRegistered, NodeSilent, NodeLost, NodeLoad, NodeFault, DevicesFaulty,
                 JobPrepared, BatchEnded, NodeReleased, StepStarted, StepEnded, EditAccounts,
                 EditReservation, Bill, Configure, Tick>;

}  // namespace sluice::core
