// The frames between stepd and its MPI helper: four bytes of length, one of type, then fields in a
// fixed order; numbers in the machine's order, texts with a length before them. Both ends are forks
// of one program, so there are no versions; but the helper is the user's, so everything that comes
// from it is checked: FrameReader fails once and for all at the first field that isn't there.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice::stepd {

enum class MpiFrame : std::uint8_t {
  // helper -> stepd
  environment = 1,  // local index, "NAME=value"
  ready = 2,
  failed = 3,       // text
  fence = 4,        // id, blob
  direct = 5,       // node, blob (to stepd: the receiver; to the helper: the sender)
  abort = 6,        // rank, code, text
  initialized = 7,  // rank
  finalized = 8,    // rank
  problem = 9,      // text
  // stepd -> helper
  fence_done = 10,  // id, number of parts, then each part
  task_ended = 11,  // rank
};

class FrameWriter {
 public:
  explicit FrameWriter(MpiFrame type) : bytes_(4, '\0') { bytes_ += static_cast<char>(type); }
  FrameWriter& u32(std::uint32_t value) { return raw(&value, sizeof(value)); }
  FrameWriter& u64(std::uint64_t value) { return raw(&value, sizeof(value)); }
  FrameWriter& text(std::string_view value) {
    u64(value.size());
    return raw(value.data(), value.size());
  }
  // The complete frame; the writer is empty afterwards.
  [[nodiscard]] std::string finish() {
    const auto length = static_cast<std::uint32_t>(bytes_.size() - 4);
    std::memcpy(bytes_.data(), &length, sizeof(length));
    return std::move(bytes_);
  }

 private:
  FrameWriter& raw(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    return *this;
  }
  std::string bytes_;
};

class FrameReader {
 public:
  // `body` is the frame without its length.
  explicit FrameReader(std::string_view body) : rest_(body) {
    std::uint8_t type = 0;
    take(&type, sizeof(type));
    type_ = static_cast<MpiFrame>(type);
  }
  [[nodiscard]] MpiFrame type() const { return type_; }
  [[nodiscard]] std::uint32_t u32() {
    std::uint32_t value = 0;
    take(&value, sizeof(value));
    return value;
  }
  [[nodiscard]] std::uint64_t u64() {
    std::uint64_t value = 0;
    take(&value, sizeof(value));
    return value;
  }
  [[nodiscard]] std::string_view text() {
    const std::uint64_t size = u64();
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  // Everything was there, and nothing was left over.
  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  void take(void* to, std::size_t size) {
    if (!ok_ || rest_.size() < size) {
      ok_ = false;
      return;
    }
    std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
  }
  std::string_view rest_;
  MpiFrame type_ = MpiFrame::ready;
  bool ok_ = true;
};

// Takes the first frame's body out of `input`, from `at` on. None: not all of it is here yet, or
// its length is out of bounds (too_long).
struct FrameCut {
  std::string_view body;
  std::size_t end = 0;  // where the next one begins
  bool found = false;
  bool too_long = false;
};
[[nodiscard]] inline FrameCut cut_frame(std::string_view input, std::size_t at, std::size_t limit) {
  FrameCut cut;
  std::uint32_t length = 0;
  if (input.size() - at < sizeof(length)) return cut;
  std::memcpy(&length, input.data() + at, sizeof(length));
  cut.too_long = length == 0 || length > limit;
  if (cut.too_long || input.size() - at - sizeof(length) < length) return cut;
  cut.body = input.substr(at + sizeof(length), length);
  cut.end = at + sizeof(length) + length;
  cut.found = true;
  return cut;
}

}  // namespace sluice::stepd
