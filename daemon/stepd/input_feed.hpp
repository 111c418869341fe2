// InputFeed: the standard input of the tasks of this node, as it comes from srun. It holds what not
// every task has taken yet; each task has a position of its own. How far all have come is what is
// acknowledged. Pure: no descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::stepd {

class InputFeed {
 public:
  // Only tasks that read from srun are readers; they are numbered from 0.
  InputFeed(std::size_t readers, std::size_t limit) : positions_(readers, 0), limit_(limit) {}

  // Bytes at `offset` of the stream. What was there before is skipped; a gap, or more than the
  // limit (a sender who ignores the window), is not taken: false.
  bool add(std::uint64_t offset, std::string_view data, bool end);
  // What a reader should be given next; empty: nothing now.
  [[nodiscard]] std::string_view pending(std::size_t reader) const;
  void taken(std::size_t reader, std::size_t count);
  // The reader takes no more: it closed its input, or is gone.
  void leave(std::size_t reader);
  // The reader has everything there will ever be.
  [[nodiscard]] bool complete(std::size_t reader) const;
  // Everything before this was taken by all readers. Without readers: all that came.
  [[nodiscard]] std::uint64_t position() const { return base_; }

 private:
  static constexpr std::uint64_t kGone = ~std::uint64_t{0};
  void drop_taken();

  std::vector<std::uint64_t> positions_;
  std::size_t limit_;
  std::uint64_t base_ = 0;
  std::string buffer_;
  bool ended_ = false;
};

}  // namespace sluice::stepd
