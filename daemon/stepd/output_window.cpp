// See the header. The buffer is compacted when half of it is dead, so a byte is moved once at most.
#include "daemon/stepd/output_window.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace sluice::stepd {

std::size_t OutputWindow::room() const {
  if (ended_ || held() >= limit_) return 0;
  return static_cast<std::size_t>(limit_ - held());
}

void OutputWindow::append(std::string_view bytes) {
  SLUICE_ASSERT(!ended_, "output after the end");
  buffer_ += bytes;
}

std::optional<OutputWindow::Chunk> OutputWindow::next(std::size_t most) const {
  const auto ahead = static_cast<std::size_t>(sent_ - base_);
  const std::size_t left = held() - ahead;
  if (left == 0 && (!ended_ || end_sent_)) return std::nullopt;
  Chunk chunk;
  chunk.offset = sent_;
  chunk.data = std::string_view(buffer_).substr(start_ + ahead, std::min(left, most));
  chunk.end = ended_ && chunk.data.size() == left;
  return chunk;
}

void OutputWindow::sent(const Chunk& chunk) {
  SLUICE_ASSERT(chunk.offset == sent_, "chunk {} sent out of order at {}", chunk.offset, sent_);
  end_sent_ = end_sent_ || chunk.end;
  sent_ += chunk.data.size();
}

void OutputWindow::acknowledge(std::uint64_t offset) {
  if (offset <= base_ || offset > total()) return;
  start_ += static_cast<std::size_t>(offset - base_);
  base_ = offset;
  sent_ = std::max(sent_, base_);
  if (start_ < buffer_.size() / 2) return;
  buffer_.erase(0, start_);
  start_ = 0;
}

void OutputWindow::rewind() {
  sent_ = base_;
  end_sent_ = false;
}

}  // namespace sluice::stepd
