// FrameChannel: one conversation in frames, wherever it runs: straight over a socket, or as one
// channel of a host link. Services are written against it and don't care which.
//
// As with streams: it begins paused, sending never calls a handler from inside, the owner may
// destroy it at any time, also in a handler. A sender stops when congested() and goes on at
// on_drain; frames sent to a closed channel vanish (on_close told, or will tell).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/result.hpp"
#include "net/client/frame.hpp"
#include "net/stream.hpp"

namespace sluice::net {

class FrameChannel {
 public:
  virtual ~FrameChannel() = default;

  virtual void on_frame(std::function<void(Frame)> handler) = 0;
  virtual void on_drain(std::function<void()> handler) = 0;
  // At most once: the peer closed, its link was lost, it broke the framing, or finish() has ended
  // (ErrorCode::ok). All frames that arrived whole come before it, so a paused channel may be told
  // only when it is resumed.
  virtual void on_close(std::function<void(const Error&)> handler) = 0;

  virtual void send(const Frame& frame) = 0;
  [[nodiscard]] virtual std::size_t queued() const = 0;
  [[nodiscard]] bool congested() const { return queued() > kStreamHighWater; }

  virtual void pause() = 0;
  virtual void resume() = 0;

  virtual void finish() = 0;  // after what is queued
  virtual void close() = 0;   // now
  [[nodiscard]] virtual bool is_open() const = 0;
  // The largest payload that the peer may send from now on.
  virtual void set_max_payload(std::size_t max_payload) = 0;
};

// Frames over a stream: a unix client session, a socketpair to a helper.
std::unique_ptr<FrameChannel> make_channel(Loop& loop, std::unique_ptr<Stream> stream,
                                           std::size_t max_payload);

// Two channels spliced: what comes from one goes to the other, no faster than that one takes it.
// When one closes, the other is finished, and then `done` gets the first one's reason. Destroying
// the relay closes both without a call.
class Relay {
 public:
  virtual ~Relay() = default;
};
std::unique_ptr<Relay> relay(std::unique_ptr<FrameChannel> a, std::unique_ptr<FrameChannel> b,
                             std::function<void(const Error&)> done);

}  // namespace sluice::net
