// The conversation with the agent: see the header of Supervisor.
#include <fcntl.h>
#include <signal.h>

#include <algorithm>

#include <fmt/core.h>

#include "daemon/stepd/supervisor.hpp"
#include "daemon/stepd/user_work.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kMostEarlySignals = 64;
constexpr std::size_t kMostPids = 4096;  // told of a step on one node

// Calls `use` with the decoded message; what can't be read is dropped (the agent is trusted, and
// relays what others say).
template <class Message, class Use>
void with(const net::Frame& frame, const Use& use) {
  const auto message = wire::decode<Message>(frame.payload);
  if (message) use(*message);
}

bool ends_programs(std::uint32_t number) {
  return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGQUIT ||
         number == SIGHUP;
}

}  // namespace

void Supervisor::on_frame(const net::Frame& frame) {
  using wire::MessageType;
  switch (static_cast<MessageType>(frame.type)) {
    case MessageType::signal_step:
      return with<wire::SignalStep>(frame, [this](const auto& message) { on_signal(message); });
    case MessageType::output_ack:
      return with<wire::OutputAck>(frame,
                                   [this](const auto& message) { on_acknowledged(message); });
    case MessageType::input:
      return with<wire::Input>(frame, [this](const auto& message) { on_input(message); });
    case MessageType::window_size:
      return with<wire::WindowSize>(frame, [this](const auto& size) {
        for (Task& task : tasks_) {
          if (task.io) task.io->resize(size.rows, size.columns);
        }
      });
    case MessageType::fence_done:
      return with<wire::FenceDone>(frame,
                                   [this](const auto& message) { mpi_.fence_done(message); });
    case MessageType::direct:
      return with<wire::Direct>(frame, [this](const auto& message) { mpi_.direct(message); });
    case MessageType::attach_step:
      return with<wire::AttachStep>(frame, [this](const auto& message) { attach(message); });
    case MessageType::query_step: return send_status();
    case MessageType::step_abort:
      return with<wire::StepAbort>(frame, [this](const auto& message) {
        if (tasks_.empty()) return;
        say(tasks_.front(), fmt::format("*** {} ON {} {} ***", step_title(view_),
                                        settings_.node_name, message.reason.view()));
      });
    case MessageType::step_notice:
      return with<wire::StepNotice>(frame, [this](const auto& message) {
        if (!tasks_.empty()) say(tasks_.front(), message.text.str());
      });
    case MessageType::step_done_ack:
      if (phase_ == Phase::over) leaving_ = true;
      return;
    default: return;
  }
}

void Supervisor::on_connected() {
  poller_.cancel(leave_timer_);
  streaming_ = false;
  wire::StepdHello hello;
  hello.attempt = Attempt{launch_.job.uid, launch_.job.attempt};
  hello.job = launch_.job.id;
  hello.step = launch_.layout.step;
  hello.pid = static_cast<std::uint32_t>(::getpid());
  link_.send(hello);
  send_state();
  mpi_.send_again();
}

void Supervisor::on_closed() {
  if (leaving_) return;
  leave_if_alone();
  check_drained();
}

void Supervisor::send_state() {
  container_.send_again();
  if (started_known_) link_.send(started_);
  for (Task& task : tasks_) task.exit_sent = false;
  send_exits();
  if (input_) input_dirty_ = true;
  if (phase_ == Phase::over) link_.send(done_);
}

void Supervisor::attach(const wire::AttachStep& attach) {
  for (Task& task : tasks_) {
    if (!task.io) continue;
    for (const std::uint8_t stream : {wire::kStdout, wire::kStderr}) {
      OutputWindow* const window = task.io->window(stream);
      if (window == nullptr) continue;
      for (const wire::StreamPosition& position : attach.positions) {
        const bool own = position.task == task.plan.task && position.stream == stream;
        if (own) window->acknowledge(position.offset);
      }
      window->rewind();
    }
    task.io->resume();
  }
  streaming_ = true;
  // The end is told again after the output.
  if (phase_ == Phase::over) {
    phase_ = Phase::draining;
    drain_since_ = Poller::now_ms();
  }
  send_state();
  check_drained();
}

void Supervisor::on_signal(const wire::SignalStep& message) {
  const auto number = static_cast<int>(message.signal);
  if (number <= 0 || number >= NSIG || phase_ > Phase::sweeping) {
    if (number == SIGKILL) {
      killed_ = true;
      check_drained();
    }
    return;
  }
  if (phase_ == Phase::preparing) {
    if (!ends_programs(message.signal)) return;
    killed_ = true;
    return fail_launch("killed before its tasks had started");
  }
  const bool for_all = message.task == model::kNoTask;
  if (!started_known_ && !(for_all && number == SIGKILL)) {
    // A child on its way to the user's program would not be found, or not mind the signal; a slow
    // prolog of it should not hold up the end.
    if (number == SIGTERM) group_.signal(number);
    if (early_signals_.size() < kMostEarlySignals) early_signals_.push_back(message);
    return;
  }
  if (!for_all) {
    const Task* const task = find_task(message.task);
    if (task != nullptr && task->forked && !task->ended) ::kill(task->pid, number);
    return;
  }
  if (number == SIGKILL) {
    killed_ = true;
    return kill_step();
  }
  group_.signal(number);
}

void Supervisor::on_input(const wire::Input& input) {
  if (!input_) {
    // Nobody reads here: all of it counts as taken.
    input_acked_ = std::max(input_acked_, input.offset + input.data.size());
    input_dirty_ = true;
    return;
  }
  if (!input_->add(input.offset, input.data, input.end)) return;
  for (Task& task : tasks_) feed(task);
  input_dirty_ = true;
}

void Supervisor::feed(Task& task) {
  if (!input_ || !task.reader || !task.io || task.ended) return;
  const std::size_t reader = *task.reader;
  const std::string_view bytes = input_->pending(reader);
  if (!bytes.empty()) {
    const std::size_t taken = task.io->give(bytes);
    input_->taken(reader, taken);
    input_dirty_ = true;
  }
  if (!task.io->takes_input()) {
    input_->leave(reader);
    input_dirty_ = true;
  } else if (input_->complete(reader)) {
    task.io->end_input();
  }
}

void Supervisor::on_acknowledged(const wire::OutputAck& ack) {
  Task* const task = find_task(ack.task);
  OutputWindow* const window = task != nullptr && task->io ? task->io->window(ack.stream) : nullptr;
  if (window == nullptr) return;
  window->acknowledge(ack.offset);
  task->io->resume();
}

// As much as the connection takes.
void Supervisor::send_output() {
  if (!link_.connected() || !streaming_) return;
  bool any = false;
  for (Task& task : tasks_) {
    if (!task.io) continue;
    for (const std::uint8_t stream : {wire::kStdout, wire::kStderr}) {
      OutputWindow* const window = task.io->window(stream);
      while (window != nullptr && !link_.congested()) {
        const auto chunk = window->next(wire::kOutputChunk);
        if (!chunk) break;
        wire::Output output;
        output.task = task.plan.task;
        output.stream = stream;
        output.offset = chunk->offset;
        output.data = chunk->data;
        output.end = chunk->end;
        link_.send(output);
        window->sent(*chunk);
        any = true;
      }
    }
  }
  if (any && phase_ == Phase::draining) check_drained();
}

void Supervisor::send_input_ack() {
  input_dirty_ = false;
  wire::InputAck ack;
  ack.node = launch_.first;
  ack.offset = input_ ? input_->position() : input_acked_;
  link_.send(ack);
}

void Supervisor::sample() {
  sample_timer_ = 0;
  if (phase_ != Phase::running) return;
  std::vector<pid_t> roots;
  for (const Task& task : tasks_) roots.push_back(task.ended ? -1 : task.pid);
  meter_->sample(roots, group_.pids());
  if (energy_) energy_->read();
  if (settings_.sample_interval_s == 0) return;
  sample_timer_ =
      poller_.after(std::int64_t{settings_.sample_interval_s} * 1000, [this] { sample(); });
}

model::Usage Supervisor::usage() {
  model::Usage used;
  if (meter_) used = meter_->usage();
  if (devices_) used.devices = devices_->uses();
  if (energy_ && energy_->has_counters()) {  // stands beside devices, of which nothing was sampled
    energy_->read();
    model::DeviceUse host;
    host.node = settings_.node_name;
    host.energy_mj = energy_->millijoules();
    used.devices.push_back(std::move(host));
  }
  return used;
}

void Supervisor::send_status() {
  poller_.cancel(sample_timer_);
  sample();
  wire::StepStatus status;
  status.node = launch_.first;
  status.usage = usage();
  for (const Task& task : tasks_) {
    if (task.forked && !task.ended) {
      status.tasks.push_back(
          {task.plan.task, static_cast<std::uint32_t>(task.pid), launch_.first, task.plan.local});
    }
  }
  // And what the tasks have started, which is no task's own.
  for (const pid_t pid : group_.pids()) {
    const bool own = std::any_of(tasks_.begin(), tasks_.end(),
                                 [pid](const Task& task) { return task.pid == pid; });
    if (own || status.tasks.size() >= kMostPids) continue;
    status.tasks.push_back(
        {model::kNoTask, static_cast<std::uint32_t>(pid), launch_.first, model::kNoTask});
  }
  link_.send(status);
}

void Supervisor::abort_step(std::uint32_t code, const std::string& why) {
  wire::StepAbort abort;
  abort.node = launch_.first;
  abort.code = code;
  abort.reason = why;
  link_.send(abort);
}

// Nobody watches a batch script; if it never starts, its output file is made for the reason.
void Supervisor::leave_word(const std::string& text) {
  if (tasks_.empty()) return;
  const TaskPlan& plan = tasks_.front().plan;
  const StreamPlan& stream = plan.err.kind == StreamKind::same ? plan.out : plan.err;
  if (stream.kind != StreamKind::file && stream.kind != StreamKind::shared) return;
  const int empties = stream.append ? 0 : O_TRUNC;
  const pid_t pid = append_as_user(plan_, stream.path, fmt::format("{}{}\n", kMessagePrefix, text),
                                   O_CREAT | empties);
  if (pid > 0) {
    errands_.insert(pid);
    group_.spare(pid);
  }
}

void Supervisor::say(Task& task, const std::string& text) {
  std::string line = fmt::format("{}{}", kMessagePrefix, text);
  OutputWindow* const window = task.io ? task.io->message_window() : nullptr;
  if (window != nullptr) {
    line += task.io->has_terminal() ? "\r\n" : "\n";
    return window->append(line);
  }
  line += '\n';
  const bool with_out = task.plan.err.kind == StreamKind::same;
  const StreamPlan& stream = with_out ? task.plan.out : task.plan.err;
  if (stream.kind != StreamKind::file && stream.kind != StreamKind::shared) return;
  const pid_t pid = append_as_user(plan_, stream.path, line);
  if (pid > 0) {
    errands_.insert(pid);
    group_.spare(pid);
  }
}

Supervisor::Task* Supervisor::find_task(std::uint32_t task) {
  const auto found = std::find_if(tasks_.begin(), tasks_.end(),
                                  [&](const Task& each) { return each.plan.task == task; });
  return found == tasks_.end() ? nullptr : &*found;
}

}  // namespace sluice::stepd
