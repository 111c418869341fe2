// Numbers as little-endian bytes, whatever the machine. The readers' input must be long enough.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.hpp"

namespace sluice::net {

namespace detail {

template <class Number>
void append_number(std::string& out, Number value) {
  char bytes[sizeof(Number)];
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    bytes[i] = static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  out.append(bytes, sizeof(Number));
}

template <class Number>
Number read_number(std::string_view bytes) {
  SLUICE_ASSERT(bytes.size() >= sizeof(Number));
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    const auto byte = static_cast<Number>(static_cast<std::uint8_t>(bytes[i]));
    value = static_cast<Number>(value | static_cast<Number>(byte << (8 * i)));
  }
  return value;
}

}  // namespace detail

inline void append_u16(std::string& out, std::uint16_t value) { detail::append_number(out, value); }
inline void append_u32(std::string& out, std::uint32_t value) { detail::append_number(out, value); }
inline void append_u64(std::string& out, std::uint64_t value) { detail::append_number(out, value); }

[[nodiscard]] inline std::uint16_t read_u16(std::string_view bytes) {
  return detail::read_number<std::uint16_t>(bytes);
}
[[nodiscard]] inline std::uint32_t read_u32(std::string_view bytes) {
  return detail::read_number<std::uint32_t>(bytes);
}
[[nodiscard]] inline std::uint64_t read_u64(std::string_view bytes) {
  return detail::read_number<std::uint64_t>(bytes);
}

}  // namespace sluice::net
