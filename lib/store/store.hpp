// Store: the durable state, which is also the accounting. One SQLite database in WAL mode with
// synchronous=FULL; one thread with one connection does all writes and all checkpoints (Debian's
// 3.40 has a WAL-reset race between several); transactions that wait together are committed
// together. Readers use read-only connections of their own and never checkpoint.
//
// Promise: when `done` is called with success the transaction is on disk. After a failed fsync no
// commit is ever tried again: every later one fails, and the program must exit and recover. On a
// full disk a reserve kept beside the database is given up, so that running jobs can be recorded,
// and accepts_work() turns false: the caller refuses new work until space is back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/accounts_difference.hpp"
#include "model/job.hpp"
#include "model/local_clock.hpp"
#include "model/node.hpp"
#include "model/reservation.hpp"
#include "model/step.hpp"
#include "model/usage_record.hpp"
#include "model/use.hpp"
#include "rollup/cluster_time.hpp"

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
  std::vector<model::NodeSpan> node_spans;  // by node and begin; `to` 0: not over
  std::shared_ptr<const ledger::BooksRows> books;        // ledger_rows.hpp; null: unchanged
};

// What a restart needs. Finished jobs older than the age given to open() are not loaded, unless
// something that is not over still needs to know how they went.
struct LoadedState {
  std::uint64_t epoch = 0;  // already raised and committed
  std::uint32_t next_job_id = 0;
  std::vector<model::JobPtr> jobs;  // specs and requests shared where equal
  std::vector<model::NodePtr> nodes;
  std::vector<model::PartitionPtr> partitions;
  std::vector<model::StepPtr> steps;  // running
  std::vector<HostRecord> hosts;
  std::vector<TokenRecord> tokens;
  model::AccountsPtr accounts;  // null: nothing was ever changed in them
  std::vector<model::UsageRecord> usage;
  std::vector<model::ReservationPtr> reservations;
  std::vector<model::NodeSpan> node_spans;  // that are not over
  std::shared_ptr<const ledger::BooksState> books;  // null: nothing was ever billed
};

struct OpenOptions {
  std::string path;  // the database file
  std::uint32_t min_job_age_s = 300;
  bool skip_durable_commit = false;  // simulation only: answers before the commit (finds I1)
  model::WallTime now = 0;
  // Whose days and months use is summed up by; empty: those of UTC. Another than the last time:
  // they are summed up anew.
  model::LocalClock clock = {};
};

// History queries. Empty lists: any. See wire::JobFilter, which the caller translates.
struct HistoryFilter {
  struct JobRange {
    JobId job;  // a job, or an array with all its tasks
    std::vector<model::TaskRun> tasks;
  };
  std::vector<JobRange> jobs;
  std::vector<std::uint32_t> uids;
  std::vector<Text> accounts;
  std::vector<Text> partitions;
  std::vector<Text> names;
  std::vector<Text> qos;
  std::vector<Text> nodes;
  std::vector<Text> wckeys;
  std::vector<std::uint32_t> associations;
  std::uint64_t states = 0;  // bits by model::JobState; 0: any
  model::WallTime from = 0;
  model::WallTime to = 0;  // 0: open
  bool duplicates = false;
  bool with_steps = true;
};

struct HistoryRow {
  model::JobPtr job;
  std::vector<model::StepPtr> steps;
};

// A read-only view on the database, for one thread at a time.
class Reader {
 public:
  ~Reader();
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  [[nodiscard]] Result<std::string> blob(std::string_view hash);
  // Calls `row` in job id order; stops early if it returns false.
  [[nodiscard]] Status history(const HistoryFilter& filter,
                               const std::function<bool(const HistoryRow&)>& row);
  [[nodiscard]] Result<std::optional<StoredReply>> find_reply(const Uid128& request_id);

  // Use (use_reading.cpp). What is asked between begin_use() and end_use() is of one moment.
  [[nodiscard]] Status begin_use();
  [[nodiscard]] Status end_use();
  // By key (and by size) over whole hours: a period that begins or ends within one is widened.
  enum class Sizes : std::uint8_t { together, apart };
  [[nodiscard]] Result<std::vector<model::UseRow>> use(const rollup::Period& period, Sizes sizes);
  [[nodiscard]] Result<std::vector<rollup::HourUse>> hours(const rollup::Period& period);  // ascending
  // Whether the attempt's use is in those sums.
  [[nodiscard]] Result<bool> is_counted(JobId job, std::uint32_t attempt);
  // Those that touch the period, by begin.
  [[nodiscard]] Result<std::vector<model::NodeSpan>> node_spans(const rollup::Period& period);
  [[nodiscard]] Result<std::vector<model::Reservation>> reservations(const rollup::Period& period);
  [[nodiscard]] const rollup::Calendar& calendar() const;

 private:
  friend class Store;
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct StoreStats {
  std::uint64_t commits = 0;       // database commits
  std::uint64_t transactions = 0;  // requests in them
  std::uint64_t rows = 0;
};

class Store {
 public:
  // Opens or makes the database, migrates it, takes the lock that keeps a second controller away.
  // A corrupt or newer database is refused with one clear line; nothing is changed then.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const OpenOptions& options);
  ~Store();  // waits for what is queued

  [[nodiscard]] Result<LoadedState> load();
  // Sums use up anew from the records of jobs. Commits wait meanwhile.
  [[nodiscard]] Status rebuild_use();
  // Queues. `done` is called on the writer thread, in the order of the calls.
  void commit(Transaction transaction, std::function<void(Status)> done);
  [[nodiscard]] bool accepts_work() const;  // false: disk full, or failed for good
  [[nodiscard]] Result<Reader> reader() const;
  [[nodiscard]] StoreStats stats() const;

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// 256-bit content address in hex.
[[nodiscard]] Text content_hash(std::string_view bytes);

}  // namespace sluice::store
