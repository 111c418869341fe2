// OutputWindow: what one stream of one task has written and srun hasn't acknowledged yet. Bytes are
// numbered from the start of the stream. The window bounds what is held; whoever reads the task's
// pipe stops when there is no room. After a broken connection it goes on from where the other side
// says it is. Pure: no descriptor, no clock.
//
//   base <= sent <= base + held
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::stepd {

class OutputWindow {
 public:
  explicit OutputWindow(std::uint64_t limit) : limit_(limit) {}

  // Bytes that may be read from the task now.
  [[nodiscard]] std::size_t room() const;
  // Our own lines may exceed the limit by their length. Nothing after end().
  void append(std::string_view bytes);
  void end() { ended_ = true; }

  struct Chunk {
    std::uint64_t offset = 0;
    std::string_view data;  // holds until the next change
    bool end = false;
  };
  // The next piece to send, of at most `most` bytes; nothing if all was sent.
  [[nodiscard]] std::optional<Chunk> next(std::size_t most) const;
  // That piece was sent.
  void sent(const Chunk& chunk);
  // The other side holds everything before `offset`. Old and impossible numbers are ignored.
  void acknowledge(std::uint64_t offset);
  // A new connection: sends again what wasn't acknowledged.
  void rewind();

  [[nodiscard]] bool ended() const { return ended_; }
  // Nothing is left to send, now or later.
  [[nodiscard]] bool drained() const { return end_sent_; }
  [[nodiscard]] bool acknowledged() const { return end_sent_ && held() == 0; }
  [[nodiscard]] std::uint64_t total() const { return base_ + held(); }

 private:
  [[nodiscard]] std::size_t held() const { return buffer_.size() - start_; }

  std::uint64_t limit_;
  std::uint64_t base_ = 0;  // of the first byte held
  std::uint64_t sent_ = 0;
  std::string buffer_;
  std::size_t start_ = 0;  // in buffer_, of the first byte held
  bool ended_ = false;
  bool end_sent_ = false;
};

}  // namespace sluice::stepd
