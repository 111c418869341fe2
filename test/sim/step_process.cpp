// See step_process.hpp.
#include "test/sim/step_process.hpp"

#include <algorithm>
#include <csignal>

#include "test/sim/srun.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

namespace {

constexpr Micros kAgentPatience = 600 * kSec;
constexpr std::uint32_t kLaunchFailed = 1U << 8U;

// Runs `what` on the process if it is still the same.
void later(World& world, NodeHost& host, const worker::StepKey& key, std::uint64_t life,
           Micros delay, std::function<void()> what);

}  // namespace

StepProcess::StepProcess(World& world, NodeHost& host, worker::StepKey key)
    : world_(world), host_(host), key_(key), id_(world.next_number()) {}

StepProcess::~StepProcess() {
  if (pipe_ != 0) world_.pipes.drop(pipe_, Side::far);
}

PipeEnd StepProcess::make_end() {
  PipeEnd end;
  end.place = host_.place();
  end.frame = [this](const net::Frame& frame) { on_frame(frame); };
  end.closed = [this] {
    pipe_ = 0;
    on_closed();
  };
  return end;
}

void StepProcess::connected(PipeId pipe, bool by_adoption) {
  if (pipe_ != 0) world_.pipes.close(pipe_, Side::far);
  pipe_ = pipe;
  if (!by_adoption) return;
  wire::StepdHello hello;
  hello.attempt = key_.attempt;
  hello.step = key_.step;
  send(hello);
  send_state();
}

template <class Message>
void StepProcess::send(const Message& message) {
  if (pipe_ == 0) return;
  world_.pipes.send(pipe_, Side::far,
                    {static_cast<std::uint16_t>(Message::kType), 0, wire::encode(message)});
}

void StepProcess::on_frame(const net::Frame& frame) {
  using wire::MessageType;
  switch (static_cast<MessageType>(frame.type)) {
    case MessageType::launch_step:
      if (const auto order = wire::decode<wire::LaunchStep>(frame.payload)) launch(*order);
      return;
    case MessageType::signal_step:
      if (const auto signal = wire::decode<wire::SignalStep>(frame.payload)) on_signal(*signal);
      return;
    case MessageType::attach_step: return send_state();
    case MessageType::step_done_ack:
      if (phase_ == Phase::over) leave();
      return;
    default: return;
  }
}

void StepProcess::on_closed() {
  if (phase_ == Phase::empty) return leave();  // killed before it knew what to do
  leave_if_alone();
}

void StepProcess::launch(const wire::LaunchStep& launch) {
  if (phase_ != Phase::empty) return;
  phase_ = Phase::starting;
  host_.step_begins(key_);
  launch_ = launch;
  started_.node = launch.first;
  done_.node = launch.first;
  wire::StepdHello hello;
  hello.attempt = key_.attempt;
  hello.step = key_.step;
  send(hello);
  const bool fails = world_.random.permille(world_.weather.start_fails / 2);
  later(world_, host_, key_, id_, world_.random.mostly_low(200, 30 * kMilli), [this, fails] {
    if (phase_ != Phase::starting) return;
    if (fails) {
      world_.count(Fault::task_not_started);
      return fail_launch("simulated: no such program");
    }
    begin_tasks();
  });
}

void StepProcess::begin_tasks() {
  phase_ = Phase::running;
  const model::Allocation& allocation = *launch_.job.allocation;
  const auto share = std::ranges::find(allocation.shares, host_.index(), &model::NodeShare::node);
  if (share == allocation.shares.end()) {
    return world_.judge.violation("a step was launched on a node that its job doesn't have");
  }
  started_known_ = true;
  for (const std::uint32_t number : launch_.layout.nodes[launch_.first].tasks) {
    started_.tasks.push_back({number, number + 1});
    running_.insert(number);
  }
  send(started_);
  for (const std::uint32_t number : std::set<std::uint32_t>(running_)) {
    auto [task, runs] = world_.make_task(launch_.job, key_.step == base::kBatchStep);
    task.step = key_;
    task.number = number;
    task.share = *share;
    host_.start_task(std::move(task), runs);
  }
  check_end();
}

void StepProcess::fail_launch(const std::string& why) {
  phase_ = Phase::running;
  started_known_ = true;
  started_.error = why;
  done_.error = why;
  send(started_);
  wire::TaskExit exit;
  exit.node = launch_.first;
  exit.tasks = launch_.layout.nodes[launch_.first].tasks;
  exit.status = kLaunchFailed;
  done_.exit_code = exit.status;
  world_.judge.blame(key_.attempt);
  exits_.push_back(exit);
  send(exit);
  check_end();
}

void StepProcess::task_ended(std::uint32_t number, std::uint32_t status) {
  if (running_.erase(number) == 0) return;
  wire::TaskExit exit;
  exit.node = launch_.first;
  exit.tasks = {number};
  exit.status = status;
  done_.exit_code = std::max(done_.exit_code, status);
  exits_.push_back(exit);
  send(exit);
  check_end();
}

void StepProcess::check_end() {
  if (phase_ != Phase::running || !running_.empty()) return;
  const Micros sweep = world_.random.mostly_low(100, 20 * kMilli);
  later(world_, host_, key_, id_, sweep, [this] {
    if (phase_ != Phase::running || !running_.empty()) return;
    phase_ = Phase::over;
    done_.ended = world_.timeline.wall();
    send(done_);
    leave_if_alone();
  });
}

void StepProcess::on_signal(const wire::SignalStep& signal) {
  if (signal.signal == SIGKILL) killed_ = true;
  if (phase_ == Phase::starting && (signal.signal == SIGKILL || signal.signal == SIGTERM)) {
    // Nothing has run: its tasks count as killed.
    phase_ = Phase::running;
    started_known_ = true;
    send(started_);
    world_.judge.blame(key_.attempt);
    for (const std::uint32_t number : launch_.layout.nodes[launch_.first].tasks) {
      running_.insert(number);
    }
    for (const std::uint32_t number : std::set<std::uint32_t>(running_)) {
      task_ended(number, signal.signal);
    }
    return;
  }
  if (phase_ == Phase::running) host_.signal_tasks(key_, signal.signal, signal.task);
}

void StepProcess::send_state() {
  if (started_known_) send(started_);
  for (const wire::TaskExit& exit : exits_) send(exit);
  if (phase_ == Phase::over) send(done_);
}

void StepProcess::leave_if_alone() {
  if (pipe_ != 0 || phase_ != Phase::over) return;
  host_.keep_record(key_, done_);
  if (key_.step == base::kBatchStep || killed_) return leave();
  later(world_, host_, key_, id_, kAgentPatience, [this] {
    if (pipe_ == 0) leave();
  });
}

void StepProcess::leave() {
  later(world_, host_, key_, id_, 0, [&host = host_, key = key_] { host.stepd_ends(key); });
}

namespace {

void later(World& world, NodeHost& host, const worker::StepKey& key, std::uint64_t life,
           Micros delay, std::function<void()> what) {
  world.timeline.after(delay, [&host, key, life, what = std::move(what)] {
    const StepProcess* process = host.stepd(key);
    if (process != nullptr && process->life() == life) what();
  });
}

}  // namespace

}  // namespace sluice::sim
