// See srun.hpp.
#include "test/sim/srun.hpp"

#include "test/sim/daemon.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

namespace {
constexpr Micros kPatience = 55 * kSec;
}

Srun::Srun(World& world, SrunOptions options, std::function<void()> done)
    : world_(world),
      options_(std::move(options)),
      done_(std::move(done)),
      lost_since_(world.timeline.now()) {
  later(world.random.mostly_low(100, 20 * kMilli), &Srun::connect);
}

Srun::~Srun() {
  *alive_ = false;
  if (pipe_ != 0) world_.pipes.drop(pipe_, Side::near);
}

void Srun::later(Micros delay, void (Srun::*what)()) {
  world_.timeline.after(delay, [this, alive = alive_, what] {
    if (*alive) (this->*what)();
  });
}

void Srun::again_later() {
  if (world_.timeline.now() - lost_since_ > kPatience) return finish();
  later(world_.random.between(50 * kMilli, 500 * kMilli), &Srun::connect);
}

void Srun::send(wire::MessageType type, std::string payload) {
  world_.pipes.send(pipe_, Side::near, {static_cast<std::uint16_t>(type), 1, std::move(payload)});
}

void Srun::connect() {
  if (over_ || pipe_ != 0) return;
  NodeHost& manager = world_.node(options_.manager);
  if (manager.daemon() == nullptr || !world_.pipes.reachable(options_.from, manager.place())) {
    return again_later();
  }
  PipeEnd end;
  end.place = options_.from;
  end.frame = [this](const net::Frame& frame) { on_frame(frame); };
  end.closed = [this] {
    pipe_ = 0;
    lost_since_ = world_.timeline.now();
    if (!over_) again_later();
  };
  pipe_ = manager.daemon()->accept_stream(std::move(end), options_.peer, false);
  if (!granted_) return send(wire::StepRequest::kType, wire::encode(options_.request));
  wire::AttachStep attach;
  attach.job = options_.request.job;
  attach.step = layout_.step;
  attach.owner = true;
  send(wire::AttachStep::kType, wire::encode(attach));
}

void Srun::on_frame(const net::Frame& frame) {
  using wire::MessageType;
  switch (static_cast<MessageType>(frame.type)) {
    case MessageType::step_granted: {
      auto granted = wire::decode<wire::StepGranted>(frame.payload);
      if (!granted) return world_.judge.violation("a StepGranted can't be read");
      if (granted_ && granted->layout.step != layout_.step) {
        return world_.judge.violation("I2: one request for a step, two steps");
      }
      granted_ = true;
      layout_ = std::move(granted->layout);
      ++world_.counts.steps;
      return;
    }
    case MessageType::step_done: {
      const auto done = wire::decode<wire::StepDone>(frame.payload);
      if (!done) return;
      nodes_done_.insert(done->node);
      send(wire::StepDoneAck::kType, wire::encode(wire::StepDoneAck{done->node}));
      if (nodes_done_.size() >= layout_.nodes.size()) finish();
      return;
    }
    case MessageType::error_reply: return finish();
    default: return;
  }
}

void Srun::finish() {
  if (over_) return;
  over_ = true;
  if (pipe_ != 0) world_.pipes.close(pipe_, Side::near);
  pipe_ = 0;
  // The owner may destroy this in the call.
  const auto done = std::move(done_);
  done();
}

}  // namespace sluice::sim
