// See the header.
#include "daemon/stepd/input_feed.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace sluice::stepd {

bool InputFeed::add(std::uint64_t offset, std::string_view data, bool end) {
  const std::uint64_t next = base_ + buffer_.size();
  if (offset > next || ended_) return offset + data.size() <= next;
  const std::uint64_t old = next - offset;
  data.remove_prefix(static_cast<std::size_t>(std::min<std::uint64_t>(old, data.size())));
  if (buffer_.size() + data.size() > limit_) return false;
  buffer_ += data;
  ended_ = end;
  drop_taken();
  return true;
}

std::string_view InputFeed::pending(std::size_t reader) const {
  const std::uint64_t position = positions_[reader];
  if (position == kGone) return {};
  return std::string_view(buffer_).substr(static_cast<std::size_t>(position - base_));
}

void InputFeed::taken(std::size_t reader, std::size_t count) {
  SLUICE_ASSERT(count <= pending(reader).size(), "{} bytes taken", count);
  positions_[reader] += count;
  drop_taken();
}

void InputFeed::leave(std::size_t reader) {
  positions_[reader] = kGone;
  drop_taken();
}

bool InputFeed::complete(std::size_t reader) const {
  return positions_[reader] == kGone || (ended_ && positions_[reader] == base_ + buffer_.size());
}

void InputFeed::drop_taken() {
  std::uint64_t least = base_ + buffer_.size();
  for (const std::uint64_t position : positions_) least = std::min(least, position);
  buffer_.erase(0, static_cast<std::size_t>(least - base_));
  base_ = least;
}

}  // namespace sluice::stepd
