// A canonical text of a struct with a field table: "name=value;" for every field that is not at its
// default, in table order. Equal values give equal texts; for comparing states, not for users.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bitmap.hpp"
#include "base/ids.hpp"
#include "model/fields.hpp"

namespace sluice::core {

class FieldText {
 public:
  template <class T>
  void operator()(int, const char* name, const T& value) {
    if constexpr (std::equality_comparable<T> && std::is_default_constructible_v<T>) {
      if (value == T()) return;
    }
    text_ += name;
    text_ += '=';
    add(value);
    text_ += ';';
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  template <class T>
  void add(const std::vector<T>& values) {
    text_ += '[';
    for (const T& value : values) {
      add(value);
      text_ += ',';
    }
    text_ += ']';
  }
  template <class T>
  void add(const std::shared_ptr<T>& value) {
    if (value) add(*value);
  }
  template <class Tag, class Raw>
  void add(const base::Id<Tag, Raw>& id) {
    text_ += std::to_string(id.value);
  }
  void add(const base::Uid128& uid) {
    text_ += std::to_string(uid.high) + '-' + std::to_string(uid.low);
  }
  void add(const base::Bitmap& bits) { text_ += bits.to_ranges(); }
  template <class T>
  void add(const T& value) {
    if constexpr (model::HasFields<T>) {
      text_ += '{';
      T::fields(value, *this);
      text_ += '}';
    } else if constexpr (std::is_enum_v<T>) {
      text_ += std::to_string(static_cast<std::uint64_t>(value));
    } else if constexpr (std::is_integral_v<T>) {
      text_ += std::to_string(value);
    } else {
      text_ += std::string_view(value);
    }
  }

  std::string text_;
};

template <class T>
[[nodiscard]] std::string field_text(const T& value) {
  FieldText text;
  T::fields(value, text);
  return text.take();
}

}  // namespace sluice::core
