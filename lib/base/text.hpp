// Text: an immutable, shared string in eight bytes. Job records hold dozens of mostly empty or
// mostly equal strings and are copied on every change, so a copy must cost a counter, not an
// allocation. Copies may be used by several threads at once (the count is atomic).
#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::base {

class Text {
 public:
  Text() = default;
  Text(std::string_view value);  // NOLINT(google-explicit-constructor)
  Text(const std::string& value) : Text(std::string_view(value)) {}  // NOLINT
  Text(const char* value) : Text(std::string_view(value)) {}         // NOLINT
  Text(const Text& other) noexcept : block_(other.block_) { add_owner(); }
  Text(Text&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Text& operator=(const Text& other) noexcept {
    if (block_ != other.block_) Text(other).swap(*this);
    return *this;
  }
  Text& operator=(Text&& other) noexcept {
    Text(std::move(other)).swap(*this);
    return *this;
  }
  ~Text() {
    if (block_ != nullptr) drop_owner(block_);
  }

  [[nodiscard]] std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(bytes(block_), block_->size);
  }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::string str() const { return std::string(view()); }
  [[nodiscard]] bool empty() const { return block_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return view().size(); }

  friend bool operator==(const Text& a, const Text& b) {
    return a.block_ == b.block_ || a.view() == b.view();
  }
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) {
    return a.view() <=> b.view();
  }

 private:
  struct Block {  // its bytes follow
    std::atomic<std::uint32_t> owners;
    std::uint32_t size;
  };
  static const char* bytes(const Block* block) { return reinterpret_cast<const char*>(block + 1); }
  static Block* make(std::string_view value);
  static void drop_owner(Block* block);
  void add_owner() const {
    if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  void swap(Text& other) noexcept { std::swap(block_, other.block_); }

  Block* block_ = nullptr;  // null for the empty text
};

}  // namespace sluice::base

namespace sluice {
using base::Text;
}  // namespace sluice
