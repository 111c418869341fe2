// Jobs: the life of a job on this node. Accepted once per attempt (the ledger remembers), prepared,
// run, ended (SIGTERM, grace, SIGKILL, all bounded), cleaned, released. A node says `released` only
// when nothing of the job is left, or after it gave up on processes that can't be killed.
//
// The end of the batch script is the end of the job: this node doesn't wait for the controller to
// say so.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/worker/service/context.hpp"
#include "daemon/worker/service/tree.hpp"

namespace sluice::worker {

class Manager;

inline constexpr std::size_t kMaxTombstones = 100'000;

class Jobs {
 public:
  Jobs(Context& context, Tree& tree, Manager& manager)
      : context_(context), tree_(tree), manager_(manager) {}

  // Orders; their epoch has been checked.
  void launch(wire::LaunchJob order);
  void lose_node(const wire::LoseNode& order);
  void parked_frame(StreamId stream, wire::MessageType type, std::string_view payload);
  void signal(const wire::SignalJob& order);
  void tell(const wire::TellJob& order);
  void terminate(const wire::TerminateJob& order);
  // By the link's order of that number; what a later one said stays.
  void freeze(const Attempt& attempt, bool frozen, std::uint64_t order);
  // Without an order: the daemon itself ends (`sluice down`).
  void end(const Attempt& attempt);

  // From the steps.
  void batch_done(JobRun& job, const wire::StepDone& done);
  void steps_gone(const Attempt& attempt);
  [[nodiscard]] std::vector<wire::Hold> holds() const;

  // From the ledger, after a restart; resume() goes on where each job was.
  void restore_job(JobEntry entry);
  void restore_progress(const Attempt& attempt, const JobProgress& progress);
  void restore_tombstone(const Attempt& attempt, JobId job);
  // The node has booted since: none of these jobs lives, and none may start again.
  void bury_all();
  void resume();

  // Launches of other agents that came before the controller's order wait here.
  void park(StreamId stream, const Attempt& attempt, wire::LaunchStep launch);
  void stream_closed(StreamId stream);

 private:
  void shrink(JobRun& job, std::string_view lost);
  void prepare(JobRun& job);
  void prepared(const Attempt& attempt, const Status& status);
  void go_on(JobRun& job);
  void start_batch(JobRun& job);
  void unpark(JobRun& job);
  void wait_parked(StreamId stream, const Attempt& attempt);
  void begin_end(JobRun& job, std::uint32_t grace_s);
  void signal_all(JobRun& job, std::uint32_t signal);
  void kill(const Attempt& attempt);
  void force_settle(const Attempt& attempt);
  void clean(const Attempt& attempt);
  void cleaned(const Attempt& attempt, const Status& status);
  void release(JobRun& job, bool unkillable);
  void bury(const Attempt& attempt, JobId job);
  void report_again(const Attempt& attempt, JobId job);
  [[nodiscard]] bool known(const Attempt& attempt) const;

  Context& context_;
  Tree& tree_;
  Manager& manager_;
  std::unordered_map<Attempt, JobId> tombstones_;
  std::deque<Attempt> tombstone_order_;
  std::unordered_map<Attempt, std::vector<ParkedLaunch>> parked_;
};

// The step of a batch script, as the job's specification words it.
[[nodiscard]] model::StepSpec batch_spec(const model::Job& job, std::string_view environment);

}  // namespace sluice::worker
