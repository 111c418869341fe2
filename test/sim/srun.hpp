// Srun: asks the agent of a job's first node for a step, watches it, comes back when the
// conversation breaks, and ends when all nodes are done. Used by batch scripts and by salloc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>

#include "auth/policy.hpp"
#include "test/sim/pipes.hpp"
#include "wire/step_messages.hpp"

namespace sluice::sim {

class World;

struct SrunOptions {
  Place from = kOutside;
  NodeIndex manager;  // the job's first node
  auth::Peer peer;
  wire::StepRequest request;
};

class Srun {
 public:
  // `done` is called once, when srun ends; not after it was destroyed.
  Srun(World& world, SrunOptions options, std::function<void()> done);
  ~Srun();
  Srun(Srun&&) = delete;

 private:
  void connect();
  void again_later();
  void on_frame(const net::Frame& frame);
  void finish();
  void send(wire::MessageType type, std::string payload);
  void later(Micros delay, void (Srun::*what)());

  World& world_;
  SrunOptions options_;
  std::function<void()> done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  PipeId pipe_ = 0;
  Micros lost_since_ = 0;
  bool granted_ = false;
  bool over_ = false;
  wire::StepLayout layout_;
  std::set<std::uint32_t> nodes_done_;
};

}  // namespace sluice::sim
