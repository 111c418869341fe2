// The block behind a Text: a counter, a length and the bytes, in one allocation.
#include "base/text.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

#include "base/assert.hpp"

namespace sluice::base {

struct Text::Block {
  std::atomic<std::uint32_t> owners;
  std::uint32_t size;

  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }

  static Block* make(std::string_view value) {
    SLUICE_ASSERT(value.size() <= std::numeric_limits<std::uint32_t>::max(), "text of {} bytes",
                  value.size());
    void* memory = ::operator new(sizeof(Block) + value.size());
    auto* block = ::new (memory) Block{1, static_cast<std::uint32_t>(value.size())};
    std::memcpy(block->bytes(), value.data(), value.size());
    return block;
  }

  static void add_owner(Block* block) {
    if (block != nullptr) block->owners.fetch_add(1, std::memory_order_relaxed);
  }

  // Release, then acquire by the last owner: what others did with the bytes comes before the end.
  static void drop_owner(Block* block) {
    if (block == nullptr) return;
    if (block->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    block->~Block();
    ::operator delete(block);
  }
};

Text::Text(std::string_view value) : block_(value.empty() ? nullptr : Block::make(value)) {}

Text::Text(const Text& other) noexcept : block_(other.block_) { Block::add_owner(block_); }

Text& Text::operator=(const Text& other) noexcept {
  Block::add_owner(other.block_);  // first, so that assigning to itself is harmless
  Block::drop_owner(block_);
  block_ = other.block_;
  return *this;
}

Text& Text::operator=(Text&& other) noexcept {
  if (this == &other) return *this;
  Block::drop_owner(block_);
  block_ = other.block_;
  other.block_ = nullptr;
  return *this;
}

Text::~Text() { Block::drop_owner(block_); }

std::string_view Text::view() const {
  return block_ == nullptr ? std::string_view() : std::string_view(block_->bytes(), block_->size);
}

}  // namespace sluice::base
