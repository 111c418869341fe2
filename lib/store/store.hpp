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
#include "store/transaction.hpp"

namespace sluice::store {

// What becomes of old jobs (archive.hpp) and of old events (event_rows.hpp).
struct PurgePolicy {
  // So long after its end a job is moved to the archive of that month; 0: never.
  std::int64_t jobs_after_s = 0;
  // Events are kept so long, and at most so many of them; 0: without that limit.
  std::int64_t events_after_s = 7 * 86'400;
  std::uint64_t max_events = 1'000'000;
};

struct OpenOptions {
  std::string path;  // the database file
  PurgePolicy purge = {};
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
  [[nodiscard]] Result<std::vector<rollup::HourUse>> hours(
      const rollup::Period& period);  // ascending
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

struct UseRebuild {
  std::uint64_t rows = 0;
  bool same = false;  // as they were before
};

class Store {
 public:
  // Opens or makes the database, migrates it, takes the lock that keeps a second controller away.
  // A corrupt or newer database is refused with one clear line; nothing is changed then.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const OpenOptions& options);
  ~Store();  // waits for what is queued

  [[nodiscard]] Result<LoadedState> load();
  void set_purge(const PurgePolicy& policy);
  // Why old jobs could not be moved the last time; empty: they could.
  [[nodiscard]] std::string archive_error() const;
  // Sums use up anew from the records of jobs. Commits wait meanwhile. On any thread.
  [[nodiscard]] Result<UseRebuild> rebuild_use();
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
