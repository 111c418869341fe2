// Manager: the steps of jobs whose first node this is. It grants CPUs, memory and GRES of the job
// to steps, keeps the order of those that wait, stands between srun and the tree, applies the rules
// that end a step early, and keeps the step's account.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "daemon/worker/service/context.hpp"
#include "daemon/worker/service/tree.hpp"

namespace sluice::worker {

class Manager {
 public:
  Manager(Context& context, Tree& tree) : context_(context), tree_(tree) {}
  void on_batch_done(std::function<void(JobRun&, const wire::StepDone&)> handler) {
    batch_done_ = std::move(handler);
  }

  // The job's batch script, on this node alone.
  void start_batch(JobRun& job, model::StepSpec spec, std::string script);
  // From the ledger, after a restart.
  void adopt(JobRun& job, const StepEntry& entry);

  // From users' sessions; the peer was judged to be the job's user (or root).
  void request(JobRun& job, StreamId stream, std::uint64_t id, wire::StepRequest request);
  void attach(JobRun& job, StreamId stream, std::uint64_t id, const wire::AttachStep& attach);
  void query(JobRun& job, StreamId stream, std::uint64_t id, StepNumber step);
  void owner_frame(const StepKey& key, wire::MessageType type, std::string_view payload);
  void owner_closed(const StepKey& key, StreamId stream);
  void reader_closed(const StepKey& key, StreamId stream);
  void waiter_closed(const Attempt& attempt, StreamId stream);

  // What the tree has brought up.
  void up(JobRun& job, StepRun& step, wire::MessageType type, std::string_view payload);

  // Ends a step: SIGTERM, later SIGKILL. `verdict` is what it will be recorded as.
  void end_step(JobRun& job, StepRun& step, model::JobState verdict, const Text& reason);
  // The job ends: nobody waits any more, results need no owner.
  void job_ends(JobRun& job);
  // Gives up waiting for what other nodes have to say of this step.
  void finish_by_force(JobRun& job, StepRun& step);
  void cancel_timers(StepRun& step);
  // Tries the waiting requests in their order.
  void grant_waiting(const Attempt& attempt);

 private:
  [[nodiscard]] Result<bool> try_grant(JobRun& job, const WaitingRequest& waiting);
  StepRun make_step(JobRun& job, const wire::StepLayout& layout, const model::StepSpec& spec,
                    std::vector<wire::StepPortion> portions) const;
  void add_addresses(wire::StepLayout& layout, StreamId srun);
  void kill_late(const StepKey& key);
  void adopt_owner(JobRun& job, StepRun& step, StreamId stream);
  void started(JobRun& job, StepRun& step, std::string_view payload);
  void task_exited(JobRun& job, StepRun& step, std::string_view payload);
  void node_done(JobRun& job, StepRun& step, std::string_view payload);
  void progressed(JobRun& job, StepRun& step, std::string_view payload);
  void tell_of_image(JobRun& job, StepRun& step);
  void tell_later(const JobRun& job, StepRun& step, std::int64_t delay_ms);
  void aborted(JobRun& job, StepRun& step, std::string_view payload);
  void status(JobRun& job, StepRun& step, std::string_view payload);
  void finish(JobRun& job, StepRun& step);
  void settle(JobRun& job, StepRun& step);
  void to_srun(StepRun& step, wire::MessageType type, std::string_view payload);
  // stepd prints why the step ends on its first node's standard error.
  void announce_end(StepRun& step, model::JobState why);
  void send_record(JobRun& job, StepRun& step);
  void report_start(JobRun& job, StepRun& step);
  void arm_limit(JobRun& job, StepRun& step);
  void arm_patience(JobRun& job, StepRun& step);
  void answer_query(std::uint64_t query);

  struct Query {
    StepKey step;
    StreamId stream = 0;
    std::uint64_t id = 0;
    std::uint32_t missing = 0;
    wire::StepStatus sum;
    TimerId timer = 0;
  };

  Context& context_;
  Tree& tree_;
  std::function<void(JobRun&, const wire::StepDone&)> batch_done_;
  std::map<std::uint64_t, Query> queries_;
  std::uint64_t next_query_ = 1;
};

}  // namespace sluice::worker
