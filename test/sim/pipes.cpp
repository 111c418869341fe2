// See pipes.hpp.
#include "test/sim/pipes.hpp"

#include <algorithm>
#include <vector>

#include "test/sim/world.hpp"

namespace sluice::sim {

PipeId Pipes::open(PipeKind kind, PipeEnd near, PipeEnd far) {
  const PipeId id = next_++;
  Pipe& pipe = pipes_[id];
  pipe.kind = kind;
  pipe.ends = {std::move(near), std::move(far)};
  return id;
}

Micros Pipes::delay(PipeKind kind) {
  Random& random = world_.random;
  if (kind == PipeKind::local) return random.between(10, 300);
  if (random.permille(world_.weather.delayed)) {
    world_.count(Fault::message_delayed);
    return random.mostly_low(kMilli, 20 * kSec);
  }
  return random.mostly_low(50, 5 * kMilli);
}

void Pipes::send(PipeId id, Side from, net::Frame frame) {
  const auto found = pipes_.find(id);
  if (found == pipes_.end()) return;
  Pipe& pipe = found->second;
  const Side to = other(from);
  if (!pipe.open[index(from)] || pipe.broken) return;
  Random& random = world_.random;
  Direction& way = pipe.to[index(to)];
  const Micros now = world_.timeline.now();
  const bool first = !std::exchange(way.begun, true);
  const bool wild = pipe.kind == PipeKind::host_link;
  if (wild && random.permille(world_.weather.lost)) {
    world_.count(Fault::message_lost);
    world_.trace.note("lost on pipe {}: message {}", id, frame.type);
    if (first) cut(id);
    return;
  }
  Micros when = now + delay(pipe.kind);
  const bool passes = wild && !first && random.permille(world_.weather.reordered);
  if (passes) {
    when = std::max(when + random.mostly_low(0, 2 * kSec), way.handshake);
    world_.count(Fault::message_reordered);
  } else {
    when = std::max(when, way.floor);
    way.floor = when;
    if (first) way.handshake = when;
  }
  const bool again = wild && !first && random.permille(world_.weather.doubled);
  if (again) {
    world_.count(Fault::message_doubled);
    const Micros later = when + random.mostly_low(0, 10 * kSec);
    world_.timeline.at(later, [this, id, to, frame] { deliver(id, to, frame); });
  }
  world_.timeline.at(when, [this, id, to, frame = std::move(frame)] { deliver(id, to, frame); });
}

void Pipes::deliver(PipeId id, Side to, const net::Frame& frame) {
  const auto found = pipes_.find(id);
  if (found == pipes_.end()) return;
  Pipe& pipe = found->second;
  if (!pipe.open[index(to)] || (pipe.broken && pipe.losing)) return;
  // A copy: the end may close the pipe.
  const auto use = pipe.ends[index(to)].frame;
  use(frame);
}

void Pipes::close(PipeId id, Side by) {
  const auto found = pipes_.find(id);
  if (found == pipes_.end()) return;
  Pipe& pipe = found->second;
  if (!pipe.open[index(by)]) return;
  pipe.open[index(by)] = false;
  pipe.ends[index(by)] = {};
  const Side to = other(by);
  if (!pipe.open[index(to)]) return forget_if_closed(id);
  if (pipe.broken) return;  // the other hears by itself
  const Micros when = std::max(world_.timeline.now() + delay(pipe.kind), pipe.to[index(to)].floor);
  world_.timeline.at(when, [this, id, to] { hear_close(id, to); });
}

void Pipes::cut(PipeId id) {
  const auto found = pipes_.find(id);
  if (found == pipes_.end() || found->second.broken) return;
  Pipe& pipe = found->second;
  if (pipe.kind == PipeKind::local) return;
  pipe.broken = true;
  pipe.losing = world_.random.percent(70);
  world_.count(Fault::link_broken);
  for (const Side side : {Side::near, Side::far}) {
    Micros notice = world_.random.mostly_low(kMilli, 2 * kSec);
    if (world_.random.percent(20)) {
      world_.count(Fault::half_open);
      notice = world_.random.between(5 * kSec, 30 * kSec);
    }
    const Micros when =
        std::max(world_.timeline.now() + notice, pipe.losing ? 0 : pipe.to[index(side)].floor);
    world_.timeline.at(when, [this, id, side] { hear_close(id, side); });
  }
}

void Pipes::hear_close(PipeId id, Side side) {
  const auto found = pipes_.find(id);
  if (found == pipes_.end() || !found->second.open[index(side)]) return;
  Pipe& pipe = found->second;
  pipe.open[index(side)] = false;
  const auto closed = std::exchange(pipe.ends[index(side)], {}).closed;
  forget_if_closed(id);
  closed();
}

void Pipes::forget_if_closed(PipeId id) {
  const auto found = pipes_.find(id);
  if (!found->second.open[0] && !found->second.open[1]) pipes_.erase(found);
}

bool Pipes::reachable(Place a, Place b) const {
  return a == b || (!cut_off_.contains(a) && !cut_off_.contains(b));
}

void Pipes::isolate(Place place) {
  cut_off_.insert(place);
  std::vector<PipeId> hit;
  for (const auto& [id, pipe] : pipes_) {
    const Place near = pipe.ends[0].place;
    const Place far = pipe.ends[1].place;
    if (near != far && (near == place || far == place)) hit.push_back(id);
  }
  for (const PipeId id : hit) cut(id);
}

void Pipes::rejoin(Place place) { cut_off_.erase(place); }

void Pipes::cut_one() {
  std::vector<PipeId> candidates;
  for (const auto& [id, pipe] : pipes_) {
    if (pipe.kind != PipeKind::local && !pipe.broken) candidates.push_back(id);
  }
  if (!candidates.empty()) cut(world_.random.pick(candidates));
}

}  // namespace sluice::sim
