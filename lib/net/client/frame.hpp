// The one framing of every connection:
//
//   u32 length   bytes that follow this field: 10 + payload
//   u16 type     what the payload is
//   u64 id       request or channel number
//   payload
//
// all little-endian. The decoder judges the length before it allocates and takes exactly what the
// header says. A bad frame is final: the connection must be closed. Pure: no I/O, no libuv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::net {

struct Frame {
  std::uint16_t type = 0;
  std::uint64_t id = 0;
  std::string payload;

  bool operator==(const Frame&) const = default;
};

inline constexpr std::size_t kFrameHeaderSize = 14;
// What a connection may send before it is known who speaks, and after.
inline constexpr std::size_t kMaxPayloadUnknown = 64 * 1024;
inline constexpr std::size_t kMaxPayload = 64 * 1024 * 1024;

// The payload must not exceed kMaxPayload (a bug otherwise).
void append_frame(std::string& out, std::uint16_t type, std::uint64_t id, std::string_view payload);
inline void append_frame(std::string& out, const Frame& frame) {
  append_frame(out, frame.type, frame.id, frame.payload);
}

class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t max_payload = kMaxPayload) : max_payload_(max_payload) {}

  // Holds for frames not yet returned by next().
  void set_max_payload(std::size_t max_payload) { max_payload_ = max_payload; }

  void push(std::string_view bytes);
  // The next whole frame, nothing when more bytes are needed, or ErrorCode::protocol for good.
  Result<std::optional<Frame>> next();

  // Bytes held that next() hasn't returned yet; 0 at a frame's boundary.
  [[nodiscard]] std::size_t buffered() const { return buffer_.size() - start_; }

 private:
  void compact();

  std::size_t max_payload_;
  std::string buffer_;
  std::size_t start_ = 0;
  bool broken_ = false;
};

}  // namespace sluice::net
