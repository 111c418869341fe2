// Supervisor: the life of one step on one node, from the launch to the acknowledged end.
//
//   preparing   folders, cgroup, script, MPI helper
//   running     tasks are there; output, input, signals, fences pass through
//   sweeping    all tasks have ended: what they left behind is killed
//   draining    output that srun hasn't got yet is sent
//   over        the result was sent; waits for its acknowledgement
//
// Everything is answered from memory after a reconnection: StepStarted, TaskExits, StepDone, and
// the output that nobody acknowledged. Every wait has a bound.
//
// The socket for a restarted agent is made before any task is forked: that it exists tells that
// tasks may have run. The record on disk is for an agent that didn't live to take the result, so it
// is written only if the link is lost before the acknowledgement.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "daemon/stepd/agent_link.hpp"
#include "daemon/stepd/container_bridge.hpp"
#include "daemon/stepd/device_sampler.hpp"
#include "daemon/stepd/input_feed.hpp"
#include "daemon/stepd/mpi_bridge.hpp"
#include "daemon/stepd/poller.hpp"
#include "daemon/stepd/step_group.hpp"
#include "daemon/stepd/task_io.hpp"
#include "daemon/stepd/task_plan.hpp"
#include "daemon/stepd/usage_meter.hpp"
#include "daemon/worker/host/energy.hpp"

namespace sluice::stepd {

class Supervisor {
 public:
  // Takes the conversation on which the launch came.
  Supervisor(wire::LaunchStep launch, worker::StepSettings settings, net::BlockingSession session);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Until the result is acknowledged, or kept on disk with nobody there to tell.
  void run();

 private:
  enum class Phase : std::uint8_t { preparing, running, sweeping, draining, over };
  struct Task {
    TaskPlan plan;
    std::unique_ptr<TaskIo> io;
    std::optional<std::size_t> reader;  // of the input feed
    pid_t pid = -1;
    bool forked = false;
    bool ended = false;    // the first process was reaped
    bool settled = false;  // and the epilogs, if any, are through
    bool out_of_memory = false;
    bool exit_sent = false;
    int status = 0;
    std::size_t epilogs_run = 0;
    pid_t epilog = -1;
    std::string problem;  // why it could not be launched
  };

  // supervisor.cpp: the start
  void begin();
  [[nodiscard]] Status prepare();
  void launch_when_ready();
  void launch_tasks();
  [[nodiscard]] Status fork_tasks();
  void read_report();
  void tasks_launched();
  void fail_launch(const std::string& why);
  [[nodiscard]] std::uint32_t launch_failed_status() const;

  // supervisor_end.cpp: ended processes, and the end of the step
  void reap();
  void reaped(pid_t pid, int status, const rusage& used);
  void task_ended(Task& task, int status, const rusage& used);
  void notice_oom(Task& task);
  void next_epilog(Task& task);
  void send_exits();
  void check_end();
  void kill_step();
  void kill_tick();
  void sweep_done();
  void begin_draining();
  void clean_up();
  void container_saved(const std::string& problem);
  void give_up_killing();
  void drain_tick();
  void check_drained();
  void finish();
  void leave_if_alone();
  void keep_record();

  // supervisor_messages.cpp: the conversation
  void on_frame(const net::Frame& frame);
  void on_connected();
  void on_closed();
  void send_state();
  void attach(const wire::AttachStep& attach);
  void on_signal(const wire::SignalStep& message);
  void on_input(const wire::Input& input);
  void on_acknowledged(const wire::OutputAck& ack);
  void feed(Task& task);
  void send_output();
  void send_input_ack();
  void send_status();
  void abort_step(std::uint32_t code, const std::string& why);
  // A line on the step's standard error, wherever that goes.
  void say(Task& task, const std::string& text);
  void leave_word(const std::string& text);
  [[nodiscard]] Task* find_task(std::uint32_t task);
  void sample();
  [[nodiscard]] model::Usage usage();
  void log(const std::string& text) const;

  wire::LaunchStep launch_;
  worker::StepSettings settings_;
  StepView view_;
  Poller poller_;
  AgentLink link_;
  StepGroup group_;
  MpiBridge mpi_;
  ContainerBridge container_;
  StepPlan plan_;
  std::vector<Task> tasks_;
  std::optional<InputFeed> input_;
  std::optional<UsageMeter> meter_;
  std::optional<DeviceSampler> devices_;
  std::optional<worker::EnergyMeter> energy_;
  Phase phase_ = Phase::preparing;
  base::UniqueFd report_;  // LaunchProblems; at its end all tasks run
  std::string report_bytes_;
  wire::StepStarted started_;
  bool started_known_ = false;
  std::vector<wire::SignalStep> early_signals_;  // came before that
  bool launch_failed_ = false;
  bool streaming_ = true;  // output may be sent (after a reconnection: not before the attach)
  bool mpi_wanted_ = false;
  bool mpi_ready_ = false;
  pid_t mpi_pid_ = -1;
  std::set<pid_t> errands_;  // children that work for the user in our name
  std::uint64_t oom_seen_ = 0;
  std::uint64_t input_acked_ = 0;
  bool input_dirty_ = false;
  bool children_left_ = false;  // by the last look, or since the last fork
  std::int64_t kill_since_ = -1;
  std::int64_t kill_wait_ms_ = 0;
  std::int64_t drain_since_ = -1;
  bool killed_ = false;  // by order: nobody waits for output any more
  Poller::TimerId kill_timer_ = 0;
  Poller::TimerId drain_timer_ = 0;
  Poller::TimerId sample_timer_ = 0;
  Poller::TimerId leave_timer_ = 0;
  std::string error_;
  wire::StepDone done_;
  bool leaving_ = false;
};

}  // namespace sluice::stepd
