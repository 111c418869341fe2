// Ended processes, killing, and the end of the step: see the header of Supervisor.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "daemon/stepd/supervisor.hpp"
#include "daemon/stepd/user_work.hpp"

namespace sluice::stepd {
namespace {

constexpr std::int64_t kFirstWaitMs = 1;
constexpr std::int64_t kMostWaitMs = 200;
constexpr std::int64_t kErrandMs = 3000;    // for helpers, once everything else is over
constexpr std::int64_t kHeldPipeMs = 2000;  // for a pipe whose holder isn't ours to kill
constexpr std::int64_t kUnwantedMs = 5000;  // for output of a step that was killed
constexpr std::int64_t kDrainTickMs = 250;
// A step with results that only we have waits so long for a node daemon that has gone away.
constexpr std::int64_t kAgentPatienceMs = 10 * 60 * 1000;

}  // namespace

void Supervisor::reap() {
  if (report_.is_open()) read_report();
  for (;;) {
    int status = 0;
    rusage used{};
    const pid_t pid = ::wait4(-1, &status, WNOHANG, &used);
    if (pid < 0 && errno == EINTR) continue;
    children_left_ = pid >= 0 || errno != ECHILD;
    if (pid <= 0) break;
    reaped(pid, status, used);
  }
  send_exits();
  check_end();
}

void Supervisor::reaped(pid_t pid, int status, const rusage& used) {
  if (pid == mpi_pid_) {
    mpi_pid_ = -1;
    return;
  }
  if (errands_.erase(pid) != 0 || (devices_ && devices_->reaped(pid))) return;
  if (container_.ended(pid, status)) return;
  for (Task& task : tasks_) {
    if (task.pid == pid && task.forked && !task.ended) return task_ended(task, status, used);
    if (task.epilog == pid) {
      task.epilog = -1;
      return next_epilog(task);
    }
  }
  if (meter_) meter_->orphan_ended(used);
}

void Supervisor::task_ended(Task& task, int status, const rusage& used) {
  task.ended = true;
  task.status = task.problem.empty() ? status : static_cast<int>(launch_failed_status());
  meter_->ended(task.plan.local, used);
  if (task.reader) {
    input_->leave(*task.reader);
    input_dirty_ = true;
  }
  if (status != 0) notice_oom(task);
  mpi_.task_ended(task.plan.task);
  if (mpi_.left_early(task.plan.task) && !killed_) {
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    abort_step(static_cast<std::uint32_t>(code == 0 ? 1 : code),
               fmt::format("task {} ended without MPI_Finalize", task.plan.task));
  }
  next_epilog(task);
}

// Something of the step was killed for memory since we last looked. The task that failed now is
// the one that it happened to.
void Supervisor::notice_oom(Task& task) {
  const std::uint64_t kills = group_.oom_kills();
  if (kills <= oom_seen_) return;
  const std::uint64_t more = kills - oom_seen_;
  oom_seen_ = kills;
  task.out_of_memory = true;
  say(task, fmt::format("Detected {} oom_kill event{} in StepId={}. Some of the step tasks have "
                        "been OOM Killed.",
                        more, more == 1 ? "" : "s", step_label(view_)));
}

void Supervisor::next_epilog(Task& task) {
  while (task.problem.empty() && task.epilogs_run < std::size(plan_.epilogs)) {
    const std::string& path = plan_.epilogs[task.epilogs_run++];
    if (path.empty()) continue;
    base::Environment environment = task.plan.environment;
    environment.set(kTaskPidVariable, std::to_string(task.pid));
    task.epilog = run_epilog(plan_, {group_.tree(), group_.name()}, path, std::move(environment));
    children_left_ = true;
    if (task.epilog > 0) return;
  }
  task.settled = true;
  if (task.io && task.plan.local != 0) task.io->release();
}

// Tasks that ended in the same way at the same time are told of together.
void Supervisor::send_exits() {
  if (!started_known_) return;
  for (Task& first : tasks_) {
    if (!first.ended || first.exit_sent) continue;
    wire::TaskExit exit;
    exit.node = launch_.first;
    exit.status = static_cast<std::uint32_t>(first.status);
    exit.out_of_memory = first.out_of_memory;
    for (Task& task : tasks_) {
      const bool same = task.ended && !task.exit_sent && task.status == first.status &&
                        task.out_of_memory == first.out_of_memory;
      if (!same) continue;
      task.exit_sent = true;
      exit.tasks.push_back(task.plan.task);
    }
    link_.send(exit);
  }
}

void Supervisor::check_end() {
  if (phase_ == Phase::running) {
    const bool all =
        std::all_of(tasks_.begin(), tasks_.end(), [](const Task& task) { return task.settled; });
    if (!all || !started_known_) return;
    phase_ = Phase::sweeping;
    mpi_.close();
    if (kill_since_ < 0) kill_since_ = Poller::now_ms();
  }
  if (phase_ == Phase::draining) return check_drained();
  if (phase_ != Phase::sweeping) return;
  poller_.cancel(kill_timer_);
  kill_tick();
}

// Kills until nothing is left. Also ends a step that was killed by order.
void Supervisor::kill_step() {
  if (kill_since_ < 0) kill_since_ = Poller::now_ms();
  poller_.cancel(kill_timer_);
  kill_wait_ms_ = 0;
  kill_tick();
}

void Supervisor::kill_tick() {
  kill_timer_ = 0;
  if (phase_ > Phase::sweeping) return;
  // No child at all: nothing of what we started can be alive, wherever it went.
  bool empty = !children_left_;
  if (phase_ == Phase::running || !empty) {
    // Also what is dead must be reaped: only then is it gone for everybody.
    const bool helpers = mpi_pid_ > 0 || !errands_.empty() || (devices_ && devices_->busy());
    empty = group_.signal(SIGKILL) == 0 && (helpers || !children_left_);
  }
  if (phase_ == Phase::sweeping && empty) return sweep_done();
  const std::int64_t limit = std::int64_t{settings_.unkillable_s} * 1000;
  if (Poller::now_ms() - kill_since_ > limit) return give_up_killing();
  kill_wait_ms_ = std::clamp(kill_wait_ms_ * 2, kFirstWaitMs, kMostWaitMs);
  kill_timer_ = poller_.after(kill_wait_ms_, [this] { kill_tick(); });
}

void Supervisor::give_up_killing() {
  const std::vector<pid_t> left = group_.pids();
  std::string list;
  for (const pid_t pid : left) list += fmt::format(" {}", pid);
  error_ = fmt::format("{} processes can't be killed:{}", left.size(), list);
  log(error_);
  for (Task& task : tasks_) {
    if (!task.ended) task.status = SIGKILL;
    task.ended = true;
    task.settled = true;
  }
  started_known_ = true;
  send_exits();
  mpi_.close();
  phase_ = Phase::sweeping;
  sweep_done();
}

void Supervisor::sweep_done() {
  // What the container holds is at rest now.
  if (!launch_failed_ && !killed_ && container_.start_saver(group_)) {
    phase_ = Phase::draining;
    children_left_ = true;
    return;
  }
  begin_draining();
}

void Supervisor::container_saved(const std::string& problem) {
  if (!problem.empty()) {
    if (error_.empty()) error_ = problem;
    if (!tasks_.empty()) say(tasks_.front(), problem);
  }
  begin_draining();
}

void Supervisor::clean_up() {
  container_.close();
  if (!mpi_.folder().empty()) errands_.insert(remove_folder_as_user(plan_, mpi_.folder()));
  errands_.erase(-1);
}

void Supervisor::begin_draining() {
  phase_ = Phase::draining;
  drain_since_ = Poller::now_ms();
  poller_.cancel(sample_timer_);
  if (devices_) devices_->stop();
  // A child that was killed for memory counts even if the script took it lightly.
  if (!tasks_.empty() && tasks_.front().io) notice_oom(tasks_.front());
  for (Task& task : tasks_) {
    if (task.io) task.io->release();
  }
  clean_up();
  check_drained();
}

void Supervisor::drain_tick() {
  drain_timer_ = 0;
  const std::int64_t waited = Poller::now_ms() - drain_since_;
  for (Task& task : tasks_) {
    if (!task.io || !task.io->reading()) continue;
    // A full window is srun's business; an open pipe with room is held by somebody else.
    bool full = false;
    for (const std::uint8_t stream : {wire::kStdout, wire::kStderr}) {
      OutputWindow* const window = task.io->window(stream);
      full = full || (window != nullptr && !window->ended() && window->room() == 0);
    }
    if ((!full || killed_) && waited > kHeldPipeMs) task.io->cut();
  }
  if (mpi_pid_ > 0 && waited > kErrandMs) ::kill(mpi_pid_, SIGKILL);
  check_drained();
}

void Supervisor::check_drained() {
  if (phase_ != Phase::draining) return;
  send_output();
  if (container_.saving()) {
    if (killed_) container_.stop_saver();
    return;
  }
  const std::int64_t waited = Poller::now_ms() - drain_since_;
  bool open = false;
  for (Task& task : tasks_) {
    if (!task.io) continue;
    for (const std::uint8_t stream : {wire::kStdout, wire::kStderr}) {
      OutputWindow* const window = task.io->window(stream);
      open = open || (window != nullptr && !window->drained());
    }
  }
  if (killed_ && waited > kUnwantedMs) open = false;
  if (!link_.connected() && waited > kAgentPatienceMs) open = false;
  const bool helpers = (mpi_pid_ > 0 || !errands_.empty()) && waited < kErrandMs + kDrainTickMs;
  if (!open && !helpers) return finish();
  if (drain_timer_ == 0) drain_timer_ = poller_.after(kDrainTickMs, [this] { drain_tick(); });
}

void Supervisor::finish() {
  // Emptied groups go at once, or a moment later; sluiced removes what stays with the job's.
  const std::int64_t waited = Poller::now_ms() - drain_since_;
  if (error_.empty() || launch_failed_) {
    if (auto removed = group_.remove(); !removed && waited < kErrandMs) {
      poller_.cancel(drain_timer_);
      drain_timer_ = poller_.after(kFirstWaitMs, [this] { drain_tick(); });
      return;
    }
  }
  poller_.cancel(drain_timer_);
  if (mpi_.owns_parent() && !mpi_.folder().empty()) ::rmdir(mpi_.folder().c_str());
  phase_ = Phase::over;
  done_.node = launch_.first;
  done_.exit_code = 0;
  for (const Task& task : tasks_) {
    done_.exit_code = std::max(done_.exit_code, static_cast<std::uint32_t>(task.status));
    done_.out_of_memory = done_.out_of_memory || task.out_of_memory;
  }
  done_.error = error_;
  done_.usage = usage();
  if (done_.ended == 0) done_.ended = base::wall_micros();
  link_.send(done_);
  leave_if_alone();
}

void Supervisor::keep_record() {
  const std::string path = settings_.step_dir + '/' + worker::kStepdRecord;
  const base::WriteOptions options{0600, base::Durability::fast};
  if (auto kept = base::write_file_atomic(path, wire::encode(done_), options); !kept) {
    log(kept.error().text);
  }
}

// With nobody there, the record on disk tells what a batch script left; streams and single exit
// codes of other steps are kept a while for a node daemon that comes back.
void Supervisor::leave_if_alone() {
  if (leaving_ || link_.connected() || phase_ != Phase::over) return;
  keep_record();
  if (view_.is_batch() || killed_) {
    leaving_ = true;
    return;
  }
  if (leave_timer_ == 0) {
    leave_timer_ = poller_.after(kAgentPatienceMs, [this] { leaving_ = true; });
  }
}

}  // namespace sluice::stepd
