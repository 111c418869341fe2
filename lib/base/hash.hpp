// A fast 64-bit hash for tables and interning: the same on every little-endian machine and in every
// run, so a result may be compared across processes. Not for what an attacker could profit from;
// content is named by the 256-bit hash in lib/store.
// Pure: usable from core.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::base {

// Folds two words into one by a 128-bit product.
[[nodiscard]] constexpr std::uint64_t hash_mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product =
      static_cast<Wide>(a ^ 0x9e3779b97f4a7c15ULL) * static_cast<Wide>(b ^ 0xd1b54a32d192ed03ULL);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = 0);

// For unordered containers keyed by text, with look-up by view.
struct TextHash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(std::string_view text) const {
    return static_cast<std::size_t>(hash_bytes(text));
  }
};

}  // namespace sluice::base
