// See cursor_file.hpp.
#include "daemon/relay/cursor_file.hpp"

#include <charconv>

#include "base/file.hpp"

namespace sluice::relay {

Result<std::optional<std::uint64_t>> CursorFile::load() const {
  constexpr std::size_t kMost = 64;
  Result<std::string> text = base::read_file(path_, kMost);
  if (!text && text.error().code == ErrorCode::not_found) return std::optional<std::uint64_t>();
  if (!text) return tl::unexpected(text.error());
  while (!text->empty() && text->back() == '\n') text->pop_back();
  std::uint64_t cursor = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, cursor);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(ErrorCode::failure, path_ + ": not a cursor; remove the file to begin anew");
  }
  return std::optional(cursor);
}

Status CursorFile::save(std::uint64_t cursor) const {
  return base::write_file_atomic(path_, std::to_string(cursor) + "\n",
                                 {0640, base::Durability::synced});
}

}  // namespace sluice::relay
