// A 64-bit hash over all fields of a struct with a field table (model/fields.hpp). Equal values
// have equal hashes on every machine and in every run.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/hash.hpp"
#include "model/fields.hpp"

namespace sluice::core {

class FieldHash {
 public:
  template <class T>
  void operator()(int number, const char*, const T& value) {
    mix(static_cast<std::uint64_t>(number));
    add(value);
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  void mix(std::uint64_t word) { hash_ = base::hash_mix(hash_, word); }
  template <class T>
  void add(const std::vector<T>& values) {
    mix(values.size());
    for (const T& value : values) add(value);
  }
  template <class T>
  void add(const T& value) {
    if constexpr (model::HasFields<const T> || model::HasFields<T>) {
      T::fields(value, *this);
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      mix(static_cast<std::uint64_t>(value));
    } else {
      mix(base::hash_bytes(std::string_view(value)));
    }
  }

  std::uint64_t hash_ = 0;
};

template <class T>
[[nodiscard]] std::uint64_t field_hash(const T& value) {
  FieldHash hash;
  T::fields(value, hash);
  return hash.value();
}

}  // namespace sluice::core
