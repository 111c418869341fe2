// The published schema: .proto text made from the same field tables that encode and decode, so it
// can't disagree with them. The files in lib/wire/proto are held equal to it by a test; programs in
// other languages read our messages and stored records with them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "wire/codec.hpp"

namespace sluice::wire {

// "sluice::wire::Submit" -> "Submit". The names of our structs are unique among messages.
template <class T>
[[nodiscard]] std::string message_name() {
  const std::string_view whole = __PRETTY_FUNCTION__;
  const std::size_t begin = whole.find("T = ") + 4;
  std::string_view name = whole.substr(begin, whole.find_first_of(";]", begin) - begin);
  return std::string(name.substr(name.rfind(':') + 1));
}

class Schema {
 public:
  // Adds the struct, and those that it uses.
  template <class T>
  void add();

  // A whole .proto file.
  [[nodiscard]] std::string text(std::string_view package) const;

 private:
  template <class Struct>
  friend class SchemaVisitor;
  std::map<std::string, std::string> messages_;  // name -> body
};

template <class T>
[[nodiscard]] std::string scalar_type() {
  if constexpr (detail::IsId<T>::value) {
    return scalar_type<decltype(T::value)>();
  } else if constexpr (std::is_enum_v<T>) {
    return scalar_type<std::underlying_type_t<T>>();
  } else if constexpr (std::is_same_v<T, bool>) {
    return "bool";
  } else if constexpr (std::is_same_v<T, double>) {
    return "double";
  } else if constexpr (std::is_signed_v<T>) {
    return sizeof(T) > 4 ? "sint64" : "sint32";
  } else if constexpr (std::is_unsigned_v<T>) {
    return sizeof(T) > 4 ? "uint64" : "uint32";
  } else {
    return "bytes";
  }
}

template <class Struct>
class SchemaVisitor {
 public:
  explicit SchemaVisitor(Schema& schema) : schema_(schema) {}

  template <class T>
  void operator()(int number, const char* name, const T& value) {
    if constexpr (detail::IsVector<T>::value) {
      using Item = typename T::value_type;
      constexpr bool packed = detail::kIsNumber<Item> && !std::is_same_v<Item, double>;
      line("repeated " + type<Item>(), number, name, packed ? " [packed = true]" : "");
    } else if constexpr (detail::IsOptional<T>::value) {
      optional<typename T::value_type>(number, name);
    } else if constexpr (detail::IsShared<T>::value) {
      line("optional " + type<std::remove_const_t<typename T::element_type>>(), number, name, "");
    } else {
      line("optional " + type<T>(), number, name, default_text(value));
    }
  }
  [[nodiscard]] const std::string& body() const { return body_; }

 private:
  template <class T>
  std::string type() {
    if constexpr (model::HasFields<T>) {
      schema_.add<T>();
      return message_name<T>();
    } else {
      return scalar_type<T>();
    }
  }
  template <class T>
  void optional(int number, const char* name) {
    if constexpr (detail::IsVector<T>::value) {
      using Item = typename T::value_type;
      const std::string list = message_name<Item>() + "List";
      schema_.messages_[list] = "  repeated " + type<Item>() + " items = 1;\n";
      line("optional " + list, number, name, "");
    } else {
      line("optional " + type<T>(), number, name, "");
    }
  }
  template <class T>
  static std::string default_text(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      return value ? " [default = true]" : "";
    } else if constexpr (detail::kIsNumber<T> && !std::is_same_v<T, double>) {
      const std::uint64_t bits = detail::number_bits(value);
      if (bits == 0) return "";
      return " [default = " + std::to_string(bits) + "]";
    } else {
      return "";
    }
  }
  void line(const std::string& type, int number, const char* name, const std::string& options) {
    body_ += "  " + type + " " + name + " = " + std::to_string(number) + options + ";\n";
  }

  Schema& schema_;
  std::string body_;
};

template <class T>
void Schema::add() {
  const std::string name = message_name<T>();
  if (messages_.contains(name)) return;
  messages_[name];  // so that a struct may be met again below itself
  static const T defaults{};
  SchemaVisitor<T> visitor(*this);
  T::fields(defaults, visitor);
  messages_[name] = visitor.body();
}

inline std::string Schema::text(std::string_view package) const {
  std::string text = "syntax = \"proto2\";\n\npackage " + std::string(package) + ";\n";
  for (const auto& [name, body] : messages_) {
    text += "\nmessage " + name + " {\n" + body + "}\n";
  }
  return text;
}

}  // namespace sluice::wire
