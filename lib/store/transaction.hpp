// What is written in one go, and what a restart reads: the records of the store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/accounts_difference.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/node_release.hpp"
#include "model/reservation.hpp"
#include "model/step.hpp"
#include "model/usage_record.hpp"
#include "model/use.hpp"

namespace sluice::ledger {
struct BooksRows;
struct BooksState;
}  // namespace sluice::ledger

namespace sluice::store {

struct Blob {  // a script or an environment, by content
  Text hash;   // content_hash(bytes)
  std::string bytes;
};

// The first answer to a changing request; a retry gets it again.
struct StoredReply {
  Uid128 request_id;
  std::uint32_t uid = 0;   // a retry by somebody else is refused
  std::uint16_t type = 0;  // wire::MessageType
  std::string payload;
};

// A host that has joined.
struct HostRecord {
  Text name;
  Text public_key;
  Text roles;
  Text address;
  std::uint32_t port = 0;
};

struct TokenRecord {
  Text secret_hash;
  Text role;
  model::WallTime expires = 0;
  std::uint32_t uses_left = 0;
};

// All or nothing. Records replace those of the same identity: jobs by (id, attempt), steps by
// (attempt, number), nodes and partitions by name, usage by association and QOS.
struct Transaction {
  std::vector<model::JobPtr> jobs;
  std::vector<model::JobPtr> ended;   // final record of an attempt (may also be in `jobs`)
  std::vector<model::NodePtr> nodes;  // only what an administrator set is kept
  std::vector<model::PartitionPtr> partitions;
  std::vector<model::StepPtr> steps;
  std::vector<model::NodeRelease> released;  // kept until the attempt's final record comes
  std::vector<Blob> blobs;
  std::optional<StoredReply> reply;
  std::vector<HostRecord> hosts;
  std::vector<TokenRecord> tokens;  // uses_left 0 removes
  std::uint32_t next_job_id = 0;    // 0: unchanged
  // Usage of an association or QOS that is removed goes with it.
  model::AccountsDifferencePtr accounts;  // null: unchanged
  std::vector<model::UsageRecord> usage;
  std::vector<model::ReservationPtr> reservations;       // by id
  std::vector<model::ReservationPtr> reservations_gone;  // to be removed
  std::vector<model::NodeSpan> node_spans;               // by node and begin; `to` 0: not over
  std::shared_ptr<const ledger::BooksRows> books;        // ledger_rows.hpp; null: unchanged
  std::vector<JobId> touched;  // ascending; of `jobs`: changed because somebody asked for it
};

// What a restart needs. Finished jobs older than the age given to open() are not loaded, unless
// something that is not over still needs to know how they went.
struct LoadedState {
  std::uint64_t epoch = 0;  // already raised and committed
  std::uint32_t next_job_id = 0;
  std::vector<model::JobPtr> jobs;  // specs and requests shared where equal
  std::vector<model::NodePtr> nodes;
  std::vector<model::PartitionPtr> partitions;
  std::vector<model::StepPtr> steps;         // running
  std::vector<model::NodeRelease> released;  // of completing jobs
  std::vector<HostRecord> hosts;
  std::vector<TokenRecord> tokens;
  model::AccountsPtr accounts;  // null: nothing was ever changed in them
  std::vector<model::UsageRecord> usage;
  std::vector<model::ReservationPtr> reservations;
  std::vector<model::NodeSpan> node_spans;          // that are not over
  std::shared_ptr<const ledger::BooksState> books;  // null: nothing was ever billed
};

}  // namespace sluice::store
