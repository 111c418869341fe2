// StepProcess: a simulated sluice-stepd, with the manners of the real one: it says what happened,
// says it again to a daemon that comes back, and leaves a record when nobody is there to hear.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "daemon/worker/service/state.hpp"
#include "test/sim/pipes.hpp"
#include "wire/step_messages.hpp"

namespace sluice::sim {

class NodeHost;
class World;

class StepProcess {
 public:
  StepProcess(World& world, NodeHost& host, worker::StepKey key);
  ~StepProcess();
  StepProcess(StepProcess&&) = delete;

  // The end of its pipe to a daemon, which has the near one.
  [[nodiscard]] PipeEnd make_end();
  void connected(PipeId pipe, bool by_adoption);
  void task_ended(std::uint32_t number, std::uint32_t status);
  [[nodiscard]] std::uint64_t life() const { return id_; }  // never reused

 private:
  enum class Phase : std::uint8_t { empty, starting, running, over };

  void on_frame(const net::Frame& frame);
  void on_closed();
  void launch(const wire::LaunchStep& launch);
  void begin_tasks();
  void fail_launch(const std::string& why);
  void on_signal(const wire::SignalStep& signal);
  void send_state();
  void check_end();
  void leave_if_alone();
  void leave();
  template <class Message>
  void send(const Message& message);

  World& world_;
  NodeHost& host_;
  worker::StepKey key_;
  std::uint64_t id_;
  PipeId pipe_ = 0;
  Phase phase_ = Phase::empty;
  bool killed_ = false;
  wire::LaunchStep launch_;
  wire::StepStarted started_;
  bool started_known_ = false;
  std::vector<wire::TaskExit> exits_;
  std::set<std::uint32_t> running_;
  wire::StepDone done_;
};

}  // namespace sluice::sim
