// See the header for the format. The decoder keeps a read position and moves the rest to the front
// only when the dead part is the larger one, so each byte is moved at most once on average.

#include "net/client/frame.hpp"

#include <utility>

#include "base/assert.hpp"
#include "net/client/little_endian.hpp"

namespace sluice::net {

namespace {

constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kFixedPart = kFrameHeaderSize - kLengthSize;
// An idle connection gives a buffer back that is larger than this.
constexpr std::size_t kKeptCapacity = 16 * 1024;

}  // namespace

void append_frame(std::string& out, std::uint16_t type, std::uint64_t id,
                  std::string_view payload) {
  SLUICE_ASSERT(payload.size() <= kMaxPayload, "a frame of {} bytes, type {}", payload.size(),
                type);
  append_u32(out, static_cast<std::uint32_t>(kFixedPart + payload.size()));
  append_u16(out, type);
  append_u64(out, id);
  out.append(payload);
}

void FrameDecoder::push(std::string_view bytes) {
  if (broken_) return;
  compact();
  buffer_.append(bytes);
}

void FrameDecoder::compact() {
  if (start_ == buffer_.size()) {
    start_ = 0;
    buffer_.clear();
    if (buffer_.capacity() > kKeptCapacity) buffer_ = std::string();
  } else if (start_ > buffer_.size() / 2) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
}

Result<std::optional<Frame>> FrameDecoder::next() {
  if (broken_) return fail(ErrorCode::protocol, "broken framing");
  const std::string_view held = std::string_view(buffer_).substr(start_);
  if (held.size() < kLengthSize) return std::nullopt;
  const std::size_t length = read_u32(held);
  if (length < kFixedPart || length - kFixedPart > max_payload_) {
    broken_ = true;
    buffer_ = std::string();
    start_ = 0;
    return fail(ErrorCode::protocol, fmt::format("bad frame length {}", length));
  }
  if (held.size() < kLengthSize + length) return std::nullopt;
  Frame frame;
  frame.type = read_u16(held.substr(4));
  frame.id = read_u64(held.substr(6));
  frame.payload.assign(held.substr(kFrameHeaderSize, length - kFixedPart));
  start_ += kLengthSize + length;
  if (start_ == buffer_.size()) compact();
  return frame;
}

}  // namespace sluice::net
