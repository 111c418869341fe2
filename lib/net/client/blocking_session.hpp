// The client side of a unix socket for commands: plain blocking calls with timeouts, no event loop,
// no TLS. A program that polls several things uses fd(), wants_write(), flush() and try_receive().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/client/frame.hpp"

namespace sluice::net {

class BlockingSession {
 public:
  // ErrorCode::unavailable when nobody listens there or the time is over.
  static Result<BlockingSession> connect(const std::string& path, std::int64_t timeout_ms);
  // Takes over a connected stream socket.
  static Result<BlockingSession> adopt(base::UniqueFd fd);

  // Sends the frame and all that was queued before it.
  Status send(const Frame& frame, std::int64_t timeout_ms);
  // Waits for a frame; a negative timeout waits for ever. Nothing when the time is over.
  // ErrorCode::unavailable when the peer has closed. Also sends what is queued.
  Result<std::optional<Frame>> receive(std::int64_t timeout_ms);

  // Without blocking, for programs with a poll loop of their own. After poll() says readable, call
  // try_receive() until it returns nothing.
  void queue(const Frame& frame);
  Status flush();
  [[nodiscard]] bool wants_write() const { return !out_.empty(); }
  [[nodiscard]] std::size_t queued_bytes() const { return out_.size(); }
  Result<std::optional<Frame>> try_receive();
  [[nodiscard]] int fd() const { return fd_.get(); }

  void set_max_payload(std::size_t max_payload) { decoder_.set_max_payload(max_payload); }

 private:
  explicit BlockingSession(base::UniqueFd fd) : fd_(std::move(fd)) {}
  Result<bool> read_some();

  base::UniqueFd fd_;
  FrameDecoder decoder_;
  std::string out_;
};

}  // namespace sluice::net
