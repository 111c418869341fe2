// The block behind a Text: a counter, a length and the bytes, in one allocation.
#include "base/text.hpp"

#include <cstring>
#include <limits>
#include <new>

#include "base/assert.hpp"

namespace sluice::base {

Text::Block* Text::make(std::string_view value) {
  SLUICE_ASSERT(value.size() <= std::numeric_limits<std::uint32_t>::max(), "text of {} bytes",
                value.size());
  void* memory = ::operator new(sizeof(Block) + value.size());
  auto* block = ::new (memory) Block{1, static_cast<std::uint32_t>(value.size())};
  std::memcpy(reinterpret_cast<char*>(block + 1), value.data(), value.size());
  return block;
}

// Release, then acquire by the last owner: what others did with the bytes comes before the end.
void Text::drop_owner(Block* block) {
  if (block->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block->~Block();
  ::operator delete(block);
}

Text::Text(std::string_view value) : block_(value.empty() ? nullptr : make(value)) {}

}  // namespace sluice::base
