// See daemon.hpp.
#include "test/sim/daemon.hpp"

#include <algorithm>

#include "test/sim/step_process.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

Daemon::Daemon(World& world, NodeHost& host)
    : world_(world), host_(host), life_(world.next_number()) {
  worker::ServiceOptions options;
  options.name = host.name();
  options.facts = host.facts();
  options.facts.daemon_start = world.timeline.wall();
  options.port = 6818;
  service_ = std::make_unique<worker::Service>(static_cast<worker::Env&>(*this), std::move(options),
                                               host.ledger());
}

Daemon::~Daemon() {
  if (link_ != 0) world_.pipes.drop(link_, Side::near);
  for (const auto& [id, stream] : streams_) world_.pipes.drop(stream.pipe, stream.side);
  for (const auto& [id, stepd] : stepds_) world_.pipes.drop(stepd.pipe, stepd.side);
}

void Daemon::begin() {
  service_->begin();
  std::set<Attempt> known;
  for (const auto& [attempt, job] : service_->context().jobs) known.insert(attempt);
  host_.sweep(known);
  end_turn();
  connect_controller(world_.random.between(kMilli, 20 * kMilli));
}

void Daemon::later(Micros delay, std::function<void(worker::Service&)> what) {
  world_.timeline.after(delay, [&host = host_, life = life_, what = std::move(what)] {
    if (host.daemon() != nullptr && host.daemon()->life_ == life) host.turn(what);
  });
}

// As the ledger's file: what could not be written waits for the next try.
bool Daemon::flush_ledger() {
  if (unwritten_.empty()) return true;
  if (host_.spool_full()) return false;
  for (auto& [key, value] : unwritten_) host_.write_ledger(key, std::move(value));
  unwritten_.clear();
  return true;
}

void Daemon::end_turn() {
  if (!flush_ledger()) {
    // With a full spool a crash may take a result that stepd has handed over.
    for (const auto& [attempt, job] : service_->context().jobs) world_.judge.blame(attempt);
  }
  for (const auto& what : std::exchange(outbox_, {})) what();
}

worker::Now Daemon::now() const { return {world_.timeline.wall(), host_.mono_ms()}; }

void Daemon::wake_at(std::int64_t mono_ms) {
  const Micros delay = std::max<Micros>((mono_ms - host_.mono_ms()) * kMilli, 0);
  later(delay, [this, wake = ++wakes_](worker::Service& service) {
    if (wake == wakes_) service.on_wake();
  });
}

void Daemon::log(worker::LogLevel, std::string_view line) {
  world_.trace.note("{} says: {}", host_.name(), line);
}

void Daemon::ledger_put(std::string_view key, std::string value) {
  unwritten_.emplace_back(key, std::move(value));
}

void Daemon::ledger_forget(std::string_view key) { unwritten_.emplace_back(key, std::nullopt); }

// --- The controller ------------------------------------------------------------------------------

void Daemon::connect_controller(Micros delay) {
  world_.timeline.after(delay, [&host = host_, life = life_] {
    Daemon* self = host.daemon();
    if (self == nullptr || self->life_ != life || self->link_ != 0) return;
    PipeEnd end;
    end.place = host.place();
    end.frame = [&host](const net::Frame& frame) {
      host.turn([&](worker::Service& service) {
        service.on_controller_message(static_cast<wire::MessageType>(frame.type), frame.payload);
      });
    };
    end.closed = [&host] { host.daemon()->controller_closed(); };
    World& world = self->world_;
    self->link_ = world.controller.accept_node(std::move(end), host.index());
    if (self->link_ == 0) {
      return self->connect_controller(world.random.between(100 * kMilli, 5 * kSec));
    }
    host.turn([&](worker::Service& service) {
      const std::string hello = wire::encode(service.hello());
      host.daemon()->send_controller(wire::NodeHello::kType, hello);
    });
  });
}

void Daemon::controller_closed() {
  link_ = 0;
  connect_controller(world_.random.between(50 * kMilli, 2 * kSec));
  host_.turn([](worker::Service& service) { service.on_controller_closed(); });
}

void Daemon::send_controller(wire::MessageType type, std::string payload) {
  if (link_ == 0) return;
  speak([this, link = link_, type, payload = std::move(payload)] {
    if (type != wire::MessageType::node_report) {
      world_.trace.note("{} sends {}", host_.name(), static_cast<unsigned>(type));
    }
    world_.pipes.send(link, Side::near, {static_cast<std::uint16_t>(type), 0, payload});
  });
}

// --- The host ------------------------------------------------------------------------------------

void Daemon::prepare_job(const worker::JobOnHost& job, std::function<void(Status)> done) {
  // A job whose acceptance can't be remembered must not start.
  if (!flush_ledger()) {
    return later(0, [done = std::move(done)](worker::Service&) {
      done(fail(ErrorCode::storage, "simulated: the spool is full"));
    });
  }
  world_.trace.note("{} prepares job {}", host_.name(), job.job->id.value);
  host_.make_group(job);
  world_.judge.prepared(host_, job);
  Status result;
  Micros takes = world_.random.mostly_low(50, 50 * kMilli);
  if (world_.random.percent(3)) takes = world_.random.between(kSec, 20 * kSec);
  if (world_.random.permille(world_.weather.start_fails / 4)) {
    world_.count(Fault::prolog_failed);
    result = fail(ErrorCode::failure, "simulated: the prolog failed");
  }
  later(takes, [done = std::move(done), result](worker::Service&) { done(result); });
}

void Daemon::clean_job(const worker::JobOnHost& job, std::function<void(Status)> done) {
  const Attempt attempt = job.attempt;
  world_.trace.note("{} cleans job {}", host_.name(), job.job->id.value);
  if (host_.kill_tasks(attempt, nullptr) > 0) {
    return later(0, [done = std::move(done)](worker::Service&) {
      done(fail(ErrorCode::busy, "processes of the job are still there"));
    });
  }
  Status result;
  if (world_.random.permille(world_.weather.start_fails / 8)) {
    world_.count(Fault::epilog_failed);
    result = fail(ErrorCode::failure, "simulated: the epilog failed");
  }
  const Micros takes = world_.random.mostly_low(50, 200 * kMilli);
  later(takes, [&host = host_, attempt, done = std::move(done), result](worker::Service&) {
    host.drop_group(attempt);
    host.world().judge.cleaned(host, attempt);
    done(result);
  });
}

void Daemon::freeze_job(const worker::JobOnHost& job, bool frozen) {
  host_.freeze_group(job.attempt, frozen);
}

std::optional<wire::StepDone> Daemon::step_record(const worker::JobOnHost& job, StepNumber step) {
  return host_.record({job.attempt, step});
}

std::size_t Daemon::kill_step(const worker::JobOnHost& job, StepNumber step) {
  return host_.kill_tasks(job.attempt, &step);
}

void Daemon::remove_step(const worker::JobOnHost& job, StepNumber step) {
  host_.forget_step({job.attempt, step});
}

// --- Stepds --------------------------------------------------------------------------------------

PipeEnd Daemon::stepd_end(worker::StepdId id) {
  PipeEnd end;
  end.place = host_.place();
  end.frame = [&host = host_, id](const net::Frame& frame) {
    host.turn([&](worker::Service& service) {
      service.on_stepd_frame(id, static_cast<wire::MessageType>(frame.type), frame.payload);
    });
  };
  end.closed = [&host = host_, id] {
    host.daemon()->stepds_.erase(id);
    host.turn([id](worker::Service& service) { service.on_stepd_closed(id); });
  };
  return end;
}

worker::StepdId Daemon::start_stepd(const worker::JobOnHost& job, wire::LaunchStep launch) {
  const worker::StepdId id = next_stepd_++;
  const StepKey key{job.attempt, launch.layout.step};
  const bool written = flush_ledger();
  const bool fails = world_.random.permille(world_.weather.start_fails / 4);
  if (fails) world_.count(Fault::stepd_not_started);
  if (!written || fails) {
    world_.judge.blame(job.attempt);
    later(0, [id](worker::Service& service) { service.on_stepd_closed(id); });
    return id;
  }
  world_.trace.note("{} starts step {} of job {}", host_.name(), key.step, job.job->id.value);
  StepProcess& process = host_.start_stepd(key);
  const PipeId pipe = world_.pipes.open(PipeKind::local, stepd_end(id), process.make_end());
  process.connected(pipe, false);
  stepds_[id] = {pipe, Side::near, {}};
  send_stepd(id, wire::LaunchStep::kType, wire::encode(launch));
  return id;
}

bool Daemon::step_began(const worker::JobOnHost& job, StepNumber step) const {
  return host_.knows({job.attempt, step});
}

worker::StepdId Daemon::adopt_stepd(const worker::JobOnHost& job, StepNumber step) {
  const worker::StepdId id = next_stepd_++;
  const StepKey key{job.attempt, step};
  world_.trace.note("{} adopts step {} of job {}", host_.name(), step, job.job->id.value);
  stepds_[id] = {};
  world_.timeline.after(
      world_.random.mostly_low(20, 3 * kSec), [&host = host_, life = life_, id, key] {
        Daemon* self = host.daemon();
        if (self == nullptr || self->life_ != life || !self->stepds_.contains(id)) return;
        StepProcess* process = host.stepd(key);
        if (process == nullptr) {
          self->stepds_.erase(id);
          return host.turn([id](worker::Service& service) { service.on_stepd_closed(id); });
        }
        const PipeId pipe =
            self->world_.pipes.open(PipeKind::local, self->stepd_end(id), process->make_end());
        self->stepd_connected(id, pipe);
        process->connected(pipe, true);
      });
  return id;
}

void Daemon::stepd_connected(worker::StepdId id, PipeId pipe) {
  Conversation& stepd = stepds_.at(id);
  stepd.pipe = pipe;
  for (net::Frame& frame : stepd.waiting) world_.pipes.send(pipe, Side::near, std::move(frame));
  stepd.waiting.clear();
}

void Daemon::send_stepd(worker::StepdId id, wire::MessageType type, std::string payload) {
  speak([this, id, frame = net::Frame{static_cast<std::uint16_t>(type), 0, std::move(payload)}] {
    const auto found = stepds_.find(id);
    if (found == stepds_.end()) return;
    if (found->second.pipe == 0) {
      found->second.waiting.push_back(frame);
    } else {
      world_.pipes.send(found->second.pipe, Side::near, frame);
    }
  });
}

void Daemon::close_stepd(worker::StepdId id) {
  speak([this, id] {
    const auto found = stepds_.find(id);
    if (found == stepds_.end()) return;
    world_.pipes.close(found->second.pipe, Side::near);
    stepds_.erase(found);
  });
}

// --- Streams -------------------------------------------------------------------------------------

PipeId Daemon::accept_stream(PipeEnd near, const auth::Peer& peer, bool from_agent) {
  const worker::StreamId id = next_stream_++;
  PipeEnd end;
  end.place = host_.place();
  end.frame = [&host = host_, id](const net::Frame& frame) {
    host.turn([&](worker::Service& service) {
      service.on_stream_frame(
          id, {static_cast<wire::MessageType>(frame.type), frame.id, frame.payload});
    });
  };
  end.closed = [&host = host_, id] {
    host.daemon()->streams_.erase(id);
    host.turn([id](worker::Service& service) { service.on_stream_closed(id); });
  };
  const PipeKind kind = near.place == host_.place() ? PipeKind::local : PipeKind::network;
  const PipeId pipe = world_.pipes.open(kind, std::move(near), std::move(end));
  streams_[id] = {pipe, Side::far, {}};
  service_->stream_opened(id, peer, from_agent);
  return pipe;
}

worker::StreamId Daemon::open_peer(const std::string& node, const model::JobSpec& spec) {
  const worker::StreamId id = next_stream_++;
  streams_[id] = {};
  auth::Peer peer;
  peer.uid = spec.uid;
  peer.gid = spec.gid;
  peer.host = host_.name();
  peer.roles = auth::Role::node;
  world_.timeline.after(world_.random.mostly_low(100, 5 * kMilli),
                        [&host = host_, life = life_, id, node, peer] {
                          Daemon* self = host.daemon();
                          if (self != nullptr && self->life_ == life) {
                            self->connect_peer(id, node, peer);
                          }
                        });
  return id;
}

void Daemon::connect_peer(worker::StreamId id, const std::string& node, const auth::Peer& peer) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  NodeHost* target = world_.find_node(node);
  if (target == nullptr || target->daemon() == nullptr ||
      !world_.pipes.reachable(host_.place(), target->place())) {
    streams_.erase(found);
    return host_.turn([id](worker::Service& service) { service.on_stream_closed(id); });
  }
  PipeEnd end;
  end.place = host_.place();
  end.frame = [&host = host_, id](const net::Frame& frame) {
    host.turn([&](worker::Service& service) {
      service.on_stream_frame(
          id, {static_cast<wire::MessageType>(frame.type), frame.id, frame.payload});
    });
  };
  end.closed = [&host = host_, id] {
    host.daemon()->streams_.erase(id);
    host.turn([id](worker::Service& service) { service.on_stream_closed(id); });
  };
  Conversation& stream = found->second;
  stream.pipe = target->daemon()->accept_stream(std::move(end), peer, true);
  for (net::Frame& frame : stream.waiting) {
    world_.pipes.send(stream.pipe, Side::near, std::move(frame));
  }
  stream.waiting.clear();
}

void Daemon::send_stream(worker::StreamId id, wire::MessageType type, std::uint64_t request,
                         std::string payload) {
  speak([this, id,
         frame = net::Frame{static_cast<std::uint16_t>(type), request, std::move(payload)}] {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    if (found->second.pipe == 0) {
      found->second.waiting.push_back(frame);
    } else {
      world_.pipes.send(found->second.pipe, found->second.side, frame);
    }
  });
}

void Daemon::close_stream(worker::StreamId id) {
  speak([this, id] {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    world_.pipes.close(found->second.pipe, found->second.side);
    streams_.erase(found);
  });
}

}  // namespace sluice::sim
