// See salloc.hpp. Callbacks may come after it is over; the object itself lives as long as the
// world.
#include "test/sim/salloc.hpp"

#include "test/sim/srun.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

Salloc::Salloc(World& world, Users& users, auth::Peer peer)
    : world_(world), users_(users), peer_(std::move(peer)), steps_left_(world.random.below(3)) {
  users_.ask(peer_, users_.new_submit(model::JobKind::allocation), [this](const net::Frame& frame) {
    if (frame.type != static_cast<std::uint16_t>(wire::SubmitReply::kType)) return leave();
    job_ = wire::decode<wire::SubmitReply>(frame.payload)->job;
    wait_for_job();
  });
  if (!world_.random.percent(15)) return;
  world_.timeline.after(world_.random.between(0, 60 * kSec), [this] {
    if (over_) return;
    world_.count(Fault::client_gone);
    leave();
  });
}

Salloc::~Salloc() {
  if (pipe_ != 0) world_.pipes.drop(pipe_, Side::near);
}

void Salloc::wait_for_job() {
  if (over_ || pipe_ != 0) return;
  PipeEnd end;
  end.frame = [this](const net::Frame& frame) { on_frame(frame); };
  end.closed = [this] {
    pipe_ = 0;
    world_.timeline.after(world_.random.between(100 * kMilli, kSec), [this] { wait_for_job(); });
  };
  pipe_ = world_.controller.accept_session(std::move(end), peer_);
  if (pipe_ == 0) {
    world_.timeline.after(world_.random.between(100 * kMilli, 3 * kSec),
                          [this] { wait_for_job(); });
    return;
  }
  wire::WaitJob message;
  message.job = *job_;
  message.started = !granted_;
  message.ended = granted_.has_value();
  message.owned = true;
  world_.pipes.send(pipe_, Side::near,
                    {static_cast<std::uint16_t>(wire::WaitJob::kType), 1, wire::encode(message)});
}

void Salloc::on_frame(const net::Frame& frame) {
  if (over_) return;
  if (frame.type != static_cast<std::uint16_t>(wire::WaitJobReply::kType)) return leave();
  auto reply = wire::decode<wire::WaitJobReply>(frame.payload);
  if (!reply) return world_.judge.violation("a WaitJobReply can't be read");
  if (reply->job.state != model::JobState::running) return leave();  // over
  if (granted_) return;
  granted_ = std::move(reply->job);
  use();
}

void Salloc::use() {
  if (over_) return;
  srun_.reset();
  if (steps_left_ == 0) {
    world_.timeline.after(world_.random.mostly_low(0, 60 * kSec), [this] { give_back(); });
    return;
  }
  --steps_left_;
  SrunOptions options;
  options.from = kOutside;
  options.manager = granted_->allocation->shares.front().node;
  options.peer = peer_;
  options.request = world_.make_step_request(*granted_);
  srun_ = std::make_unique<Srun>(world_, std::move(options),
                                 [this] { world_.timeline.after(0, [this] { use(); }); });
}

void Salloc::give_back() {
  if (over_) return;
  wire::JobAction message;
  message.request_id = users_.new_request();
  message.verb = model::JobVerb::complete;
  message.filter.jobs.push_back({*job_, {}, model::kNoTask});
  users_.ask(peer_, message, [this](const net::Frame&) { leave(); });
}

void Salloc::leave() {
  over_ = true;
  srun_.reset();
  if (pipe_ != 0) world_.pipes.drop(pipe_, Side::near);
  pipe_ = 0;
}

}  // namespace sluice::sim
