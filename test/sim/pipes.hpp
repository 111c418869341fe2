// Pipes: every conversation of the simulated world. A pipe has two ends; frames take their time,
// arrive in order, and stop when either end goes or the network between breaks; each end then hears
// of it in its own time, which may be long after the other (half open).
//
// Host links (a node's daemon and the controller) may be wild: frames get lost, doubled and pass
// each other on a link that stands. Only the handshake (the first frame of each direction) keeps
// its place before all others, because a link begins with it; its loss is a broken link.
//
// Places: kController, kOutside (where users sit), or a node's number. A place may be cut off.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "net/client/frame.hpp"
#include "test/sim/timeline.hpp"

namespace sluice::sim {

class World;

using PipeId = std::uint64_t;  // 0 is none
using Place = std::int32_t;
inline constexpr Place kController = -1;
inline constexpr Place kOutside = -2;

struct PipeEnd {
  Place place = kOutside;
  std::function<void(const net::Frame&)> frame;
  std::function<void()> closed;
};

enum class Side : std::uint8_t { near = 0, far = 1 };
inline Side other(Side side) { return side == Side::near ? Side::far : Side::near; }

enum class PipeKind : std::uint8_t { local, network, host_link };

class Pipes {
 public:
  explicit Pipes(World& world) : world_(world) {}

  // Both ends must call only into their own process, which drop()s the pipe before it dies.
  PipeId open(PipeKind kind, PipeEnd near, PipeEnd far);
  void send(PipeId pipe, Side from, net::Frame frame);
  // The other end hears after what was sent before; `by` hears nothing more.
  void close(PipeId pipe, Side by);
  // The process of that end died: what it had sent may still arrive.
  void drop(PipeId pipe, Side by) { close(pipe, by); }
  // The network between breaks.
  void cut(PipeId pipe);

  // Whether a pipe between the two could be opened now.
  [[nodiscard]] bool reachable(Place a, Place b) const;
  void isolate(Place place);  // cuts its pipes; nothing passes until rejoin()
  void rejoin(Place place);
  [[nodiscard]] bool is_cut_off(Place place) const { return cut_off_.contains(place); }
  // Breaks one host link or network pipe, if there is one.
  void cut_one();

 private:
  struct Direction {
    Micros floor = 0;      // nothing arrives before
    Micros handshake = 0;  // nor before the first frame, on a wild link
    bool begun = false;
  };
  struct Pipe {
    PipeKind kind = PipeKind::local;
    std::array<PipeEnd, 2> ends;
    std::array<bool, 2> open{true, true};
    std::array<Direction, 2> to;  // by the side that receives
    bool broken = false;
    bool losing = false;  // of a broken one: what is under way is lost
  };
  static std::size_t index(Side side) { return static_cast<std::size_t>(side); }

  [[nodiscard]] Micros delay(PipeKind kind);
  void deliver(PipeId id, Side to, const net::Frame& frame);
  void hear_close(PipeId id, Side side);
  void forget_if_closed(PipeId id);

  World& world_;
  std::map<PipeId, Pipe> pipes_;
  std::set<Place> cut_off_;
  PipeId next_ = 1;
};

}  // namespace sluice::sim
