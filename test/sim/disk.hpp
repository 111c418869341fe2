// Disk: the controller's store in the simulated world, with the rules of lib/store: transactions
// are committed in groups, in order, and become durable some time after they were handed over; only
// then is `done` called. A crash takes what is not durable; a group whose sync is under way may
// have made it or not, as a whole.
//
// With skip_durable_commit (the simulator's switch of that name) `done` is called at once: a store
// that lies. The invariants must then fail.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/store.hpp"
#include "test/sim/timeline.hpp"

namespace sluice::sim {

class World;

using AttemptKey = std::pair<JobId, std::uint32_t>;

class Disk {
 public:
  using Done = std::function<void(Status)>;

  Disk(World& world, bool skip_durable_commit) : world_(world), skip_(skip_durable_commit) {}

  // Raises the epoch, durably, as the store does.
  [[nodiscard]] store::LoadedState load();
  // What load() would give now, without a trace.
  [[nodiscard]] store::LoadedState peek() const;
  void commit(store::Transaction transaction, Done done);
  void crash();
  // Nothing under way: memory and disk must agree.
  [[nodiscard]] bool is_quiet() const { return queue_.empty() && !syncing_ && told_ == given_; }

  [[nodiscard]] bool is_lying() const { return skip_; }

  void fill(bool full) { full_ = full; }
  void fail_next() { failing_ = true; }  // the next sync fails
  [[nodiscard]] bool accepts_work() const { return !full_; }
  [[nodiscard]] std::optional<store::StoredReply> find_reply(const Uid128& request) const;
  [[nodiscard]] Result<std::string> blob(std::string_view hash) const;
  [[nodiscard]] std::vector<model::JobPtr> past_jobs(JobId id, std::uint32_t task) const;
  [[nodiscard]] bool has_job(JobId job) const;
  [[nodiscard]] const std::map<AttemptKey, model::JobPtr>& jobs() const { return jobs_; }
  [[nodiscard]] const std::map<Uid128, store::StoredReply>& replies() const { return replies_; }

 private:
  struct Waiting {
    store::Transaction transaction;
    Done done;
  };
  void begin_sync();
  void end_sync();
  void apply(const store::Transaction& transaction);
  void tell(std::vector<Done> list, const Status& status);

  World& world_;
  bool skip_;
  bool full_ = false;
  bool failing_ = false;
  bool syncing_ = false;
  std::uint64_t life_ = 0;  // raised by each crash: what was under way is void
  std::uint64_t given_ = 0;
  std::uint64_t told_ = 0;
  std::deque<Waiting> queue_;
  std::vector<Waiting> group_;  // being synced

  std::uint64_t epoch_ = 0;
  std::uint32_t next_job_id_ = 0;
  std::map<AttemptKey, model::JobPtr> jobs_;
  std::map<std::pair<AttemptKey, StepNumber>, model::StepPtr> steps_;
  std::map<AttemptKey, std::set<Text>> released_;
  std::map<std::string, model::NodePtr> nodes_;
  std::map<std::string, model::PartitionPtr> partitions_;
  model::AccountsPtr accounts_;  // null: none
  std::map<std::pair<std::uint32_t, std::uint32_t>, model::UsageRecord> usage_;
  std::map<std::string, std::string, std::less<>> blobs_;
  std::map<Uid128, store::StoredReply> replies_;
};

}  // namespace sluice::sim
