// Text: an immutable, shared string in eight bytes. Job records hold dozens of mostly empty or
// mostly equal strings and are copied on every change, so a copy must cost a counter, not an
// allocation. Copies may be used by several threads at once (the count is atomic).
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::base {

class Text {
 public:
  Text() = default;
  Text(std::string_view value);  // NOLINT(google-explicit-constructor)
  Text(const std::string& value) : Text(std::string_view(value)) {}  // NOLINT
  Text(const char* value) : Text(std::string_view(value)) {}         // NOLINT
  Text(const Text& other) noexcept;
  Text(Text&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Text& operator=(const Text& other) noexcept;
  Text& operator=(Text&& other) noexcept;
  ~Text();

  [[nodiscard]] std::string_view view() const;
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::string str() const { return std::string(view()); }
  [[nodiscard]] bool empty() const { return block_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return view().size(); }

  friend bool operator==(const Text& a, const Text& b) { return a.view() == b.view(); }
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) {
    return a.view() <=> b.view();
  }

 private:
  struct Block;
  Block* block_ = nullptr;  // null for the empty text
};

}  // namespace sluice::base

namespace sluice {
using base::Text;
}  // namespace sluice
