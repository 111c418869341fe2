// The binary form of any struct with a field table (model/fields.hpp): protobuf's wire format, so
// that every language can read it with the published .proto files, without generated classes here.
//
//   std::string bytes = wire::encode(value);
//   Result<Job> job = wire::decode<Job>(bytes);
//
// Decoding is bounded (R5): lengths are checked against the bytes that remain before anything is
// allocated, repeated elements are charged by their size in memory against a multiple of the input,
// and the input must be consumed exactly. A field at its default is not written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bitmap.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "model/fields.hpp"
#include "wire/primitives.hpp"

namespace sluice::wire {

namespace detail {

template <class T>
struct IsId : std::false_type {};
template <class Tag, class Raw>
struct IsId<base::Id<Tag, Raw>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsShared : std::false_type {};
template <class T>
struct IsShared<std::shared_ptr<const T>> : std::true_type {};

template <class T>
inline constexpr bool kIsNumber = std::is_arithmetic_v<T> || std::is_enum_v<T> || IsId<T>::value;
template <class T>
inline constexpr bool kIsBytes = std::is_same_v<T, Text> || std::is_same_v<T, std::string> ||
                                 std::is_same_v<T, base::Bitmap> || std::is_same_v<T, Uid128>;

template <class T>
std::uint64_t number_bits(const T& value) {
  if constexpr (IsId<T>::value) {
    return number_bits(value.value);
  } else if constexpr (std::is_enum_v<T>) {
    return number_bits(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_same_v<T, double>) {
    return double_bits(value);
  } else if constexpr (std::is_signed_v<T>) {
    return zigzag(static_cast<std::int64_t>(value));
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

template <class T>
bool number_from(std::uint64_t bits, T& out) {
  if constexpr (IsId<T>::value) {
    return number_from(bits, out.value);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> raw{};
    if (!number_from(bits, raw)) return false;
    out = static_cast<T>(raw);
    return true;
  } else if constexpr (std::is_same_v<T, double>) {
    out = bits_double(bits);
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    out = bits != 0;
    return bits <= 1;
  } else if constexpr (std::is_signed_v<T>) {
    const std::int64_t value = unzigzag(bits);
    out = static_cast<T>(value);
    return static_cast<std::int64_t>(out) == value;
  } else {
    out = static_cast<T>(bits);
    return static_cast<std::uint64_t>(out) == bits;
  }
}

inline std::string_view bytes_of(const Text& value) { return value.view(); }
inline std::string_view bytes_of(const std::string& value) { return value; }
inline std::string bytes_of(const base::Bitmap& value) { return bitmap_bytes(value); }
inline std::string bytes_of(const Uid128& value) { return uid_bytes(value); }
inline bool bytes_from(std::string_view bytes, Text& out) {
  out = Text(bytes);
  return true;
}
inline bool bytes_from(std::string_view bytes, std::string& out) {
  out.assign(bytes);
  return true;
}
inline bool bytes_from(std::string_view bytes, base::Bitmap& out) {
  return bitmap_from(bytes, out);
}
inline bool bytes_from(std::string_view bytes, Uid128& out) { return uid_from(bytes, out); }

template <class T>
class EncodeVisitor;

template <class T>
void write_fields(Writer& writer, const T& value);

template <class T>
void write_message(Writer& writer, int number, const T& value) {
  const std::size_t mark = writer.begin_message(number);
  write_fields(writer, value);
  writer.end_message(mark);
}

// A nested struct that is all defaults leaves no trace.
template <class T>
void write_nested(Writer& writer, int number, const T& value) {
  const std::size_t before = writer.size();
  const std::size_t mark = writer.begin_message(number);
  write_fields(writer, value);
  if (writer.size() == mark) {
    writer.cut(before);
  } else {
    writer.end_message(mark);
  }
}

template <class T>
void write_value(Writer& writer, int number, const T& value) {
  if constexpr (std::is_same_v<T, double>) {
    writer.fixed64(number, number_bits(value));
  } else if constexpr (kIsNumber<T>) {
    writer.varint(number, number_bits(value));
  } else if constexpr (kIsBytes<T>) {
    writer.bytes(number, bytes_of(value));
  } else {
    write_message(writer, number, value);
  }
}

template <class T>
void write_repeated(Writer& writer, int number, const std::vector<T>& values) {
  if (values.empty()) return;
  if constexpr (kIsNumber<T> && !std::is_same_v<T, double>) {
    const std::size_t mark = writer.begin_message(number);
    for (const T& value : values) writer.bare_varint(number_bits(value));
    writer.end_message(mark);
  } else {
    for (const T& value : values) write_value(writer, number, value);
  }
}

// Visits a value beside a default one: what is equal to the default isn't written.
template <class Struct>
class EncodeVisitor {
 public:
  EncodeVisitor(Writer& writer, const Struct& self, const Struct& defaults)
      : writer_(writer),
        self_(reinterpret_cast<const std::byte*>(&self)),
        defaults_(reinterpret_cast<const std::byte*>(&defaults)) {}

  template <class T>
  void operator()(int number, const char*, const T& value) {
    if constexpr (IsVector<T>::value) {
      write_repeated(writer_, number, value);
    } else if constexpr (IsOptional<T>::value) {
      if (value) write_optional(number, *value);
    } else if constexpr (IsShared<T>::value) {
      if (value) write_message(writer_, number, *value);
    } else if constexpr (model::HasFields<T>) {
      write_nested(writer_, number, value);
    } else if (!(value == default_of(value))) {
      write_value(writer_, number, value);
    }
  }

 private:
  template <class T>
  const T& default_of(const T& value) const {
    const auto offset = reinterpret_cast<const std::byte*>(&value) - self_;
    return *reinterpret_cast<const T*>(defaults_ + offset);
  }
  template <class T>
  void write_optional(int number, const T& value) {
    if constexpr (IsVector<T>::value) {
      const std::size_t mark = writer_.begin_message(number);
      write_repeated(writer_, 1, value);
      writer_.end_message(mark);
    } else {
      write_value(writer_, number, value);
    }
  }

  Writer& writer_;
  const std::byte* self_;
  const std::byte* defaults_;
};

template <class T>
void write_fields(Writer& writer, const T& value) {
  static const T defaults{};
  EncodeVisitor<T> visitor(writer, value, defaults);
  T::fields(value, visitor);
}

// Reads one field at a time: looks the number up by walking the table. Tables are short, fields
// come in order, so the walk starts where the last one ended.
template <class T>
bool read_fields(Reader& reader, T& value);

template <class T>
bool read_value(Reader& reader, T& out) {
  if constexpr (std::is_same_v<T, double>) {
    std::uint64_t bits = 0;
    return reader.fixed64(bits) && number_from(bits, out);
  } else if constexpr (kIsNumber<T>) {
    std::uint64_t bits = 0;
    return reader.varint(bits) && number_from(bits, out);
  } else if constexpr (kIsBytes<T>) {
    std::string_view bytes;
    return reader.bytes(bytes) && bytes_from(bytes, out);
  } else {
    std::string_view bytes;
    if (!reader.bytes(bytes)) return false;
    Reader inner(bytes, reader.budget());
    return read_fields(inner, out);
  }
}

template <class T>
bool read_repeated(Reader& reader, std::vector<T>& out) {
  if constexpr (kIsNumber<T> && !std::is_same_v<T, double>) {
    std::string_view bytes;
    if (reader.type() == WireType::varint) {
      T value{};
      if (!reader.charge(sizeof(T)) || !read_value(reader, value)) return false;
      out.push_back(value);
      return true;
    }
    if (!reader.bytes(bytes)) return false;
    Reader inner(bytes, reader.budget());
    while (!inner.at_end()) {
      std::uint64_t bits = 0;
      T value{};
      if (!inner.charge(sizeof(T)) || !inner.bare_varint(bits) || !number_from(bits, value)) {
        return false;
      }
      out.push_back(value);
    }
    return true;
  } else {
    if (!reader.charge(sizeof(T))) return false;
    return read_value(reader, out.emplace_back());
  }
}

template <class T>
bool read_any(Reader& reader, T& out) {
  if constexpr (IsVector<T>::value) {
    return read_repeated(reader, out);
  } else if constexpr (IsOptional<T>::value) {
    using Inner = typename T::value_type;
    Inner inner_value{};
    if constexpr (IsVector<Inner>::value) {
      std::string_view bytes;
      if (!reader.bytes(bytes)) return false;
      Reader inner(bytes, reader.budget());
      while (inner.next()) {
        if (inner.number() != 1 || !read_repeated(inner, inner_value)) return false;
      }
      if (inner.failed()) return false;
    } else if (!read_value(reader, inner_value)) {
      return false;
    }
    out = std::move(inner_value);
    return true;
  } else if constexpr (IsShared<T>::value) {
    using Inner = std::remove_const_t<typename T::element_type>;
    if (!reader.charge(sizeof(Inner))) return false;
    auto inner = std::make_shared<Inner>();
    if (!read_value(reader, *inner)) return false;
    out = std::move(inner);
    return true;
  } else {
    return read_value(reader, out);
  }
}

class DecodeVisitor {
 public:
  explicit DecodeVisitor(Reader& reader) : reader_(reader) {}

  template <class T>
  void operator()(int number, const char*, T& value) {
    // Ends of the walk, and tables whose numbers don't ascend, are handled by the loop below.
    while (ok_ && reader_.number() == number) {
      found_ = true;
      ok_ = read_any(reader_, value);
      if (!ok_ || !reader_.next()) return;
    }
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool take_found() { return std::exchange(found_, false); }

 private:
  Reader& reader_;
  bool ok_ = true;
  bool found_ = false;
};

template <class T>
bool read_fields(Reader& reader, T& value) {
  if (!reader.next()) return !reader.failed();
  DecodeVisitor visitor(reader);
  while (true) {
    T::fields(value, visitor);
    if (!visitor.ok() || reader.failed()) return false;
    if (reader.finished()) return true;
    if (!visitor.take_found() && !(reader.skip() && reader.next())) return !reader.failed();
  }
}

}  // namespace detail

template <model::HasFields T>
[[nodiscard]] std::string encode(const T& value) {
  Writer writer;
  detail::write_fields(writer, value);
  return writer.take();
}

// Memory that decoding may take is bounded by the input's size times kMaxExpansion.
template <model::HasFields T>
[[nodiscard]] Result<T> decode(std::string_view bytes) {
  Budget budget(bytes.size());
  Reader reader(bytes, budget);
  Result<T> value{T{}};
  if (!detail::read_fields(reader, *value)) {
    return fail(ErrorCode::protocol, "malformed message");
  }
  return value;
}

}  // namespace sluice::wire
