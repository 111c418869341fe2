// The primitives of protobuf's wire format: tags, varints, length-delimited bytes. Small and inline
// because every record of every query passes through here.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bitmap.hpp"
#include "base/ids.hpp"

namespace sluice::wire {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t bits) {
  return static_cast<std::int64_t>((bits >> 1U) ^ (~(bits & 1U) + 1U));
}
inline std::uint64_t double_bits(double value) { return std::bit_cast<std::uint64_t>(value); }
inline double bits_double(std::uint64_t bits) { return std::bit_cast<double>(bits); }

// Bitmaps travel as their size (varint) and their bits, least significant first.
[[nodiscard]] std::string bitmap_bytes(const base::Bitmap& value);
[[nodiscard]] bool bitmap_from(std::string_view bytes, base::Bitmap& out);
[[nodiscard]] std::string uid_bytes(const base::Uid128& value);  // 16 bytes, big end first
[[nodiscard]] bool uid_from(std::string_view bytes, base::Uid128& out);

class Writer {
 public:
  void varint(int number, std::uint64_t value) {
    tag(number, WireType::varint);
    bare_varint(value);
  }
  void fixed64(int number, std::uint64_t value);
  void bytes(int number, std::string_view value) {
    tag(number, WireType::bytes);
    bare_varint(value.size());
    out_.append(value);
  }
  void bare_varint(std::uint64_t value) {
    while (value >= 0x80U) {
      out_.push_back(static_cast<char>(value | 0x80U));
      value >>= 7U;
    }
    out_.push_back(static_cast<char>(value));
  }
  // A nested message: its length is put in when it ends.
  [[nodiscard]] std::size_t begin_message(int number) {
    tag(number, WireType::bytes);
    out_.push_back('\0');
    return out_.size();
  }
  void end_message(std::size_t mark);
  // Takes back everything after `size`.
  void cut(std::size_t size) { out_.resize(size); }

  [[nodiscard]] std::string take() { return std::move(out_); }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  void tag(int number, WireType type) {
    bare_varint((static_cast<std::uint64_t>(number) << 3U) | static_cast<std::uint64_t>(type));
  }
  std::string out_;
};

// Memory that decoding one input may take: repeated elements are charged by size before they exist.
class Budget {
 public:
  static constexpr std::size_t kMaxExpansion = 96;
  static constexpr std::size_t kBase = 64 * 1024;
  explicit Budget(std::size_t input) : left_(input * kMaxExpansion + kBase) {}
  [[nodiscard]] bool charge(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

 private:
  std::size_t left_;
};

// Walks the fields of one message. After next() the field's number and type are known; exactly one
// of varint, fixed64, bytes or skip takes its value.
class Reader {
 public:
  Reader(std::string_view input, Budget& budget) : input_(input), budget_(&budget) {}

  // False at the end of the input or after a failure.
  [[nodiscard]] bool next();
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] WireType type() const { return type_; }
  [[nodiscard]] bool varint(std::uint64_t& value);
  [[nodiscard]] bool fixed64(std::uint64_t& value);
  [[nodiscard]] bool bytes(std::string_view& value);
  [[nodiscard]] bool skip();
  [[nodiscard]] bool bare_varint(std::uint64_t& value);

  [[nodiscard]] bool at_end() const { return input_.empty(); }
  [[nodiscard]] bool finished() const { return number_ == 0 && !failed_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool charge(std::size_t bytes) { return budget_->charge(bytes) || failure(); }
  [[nodiscard]] Budget& budget() { return *budget_; }

 private:
  bool failure() {
    failed_ = true;
    number_ = 0;
    return false;
  }

  std::string_view input_;
  Budget* budget_;
  int number_ = 0;  // 0: no field (before the first, at the end)
  WireType type_ = WireType::varint;
  bool failed_ = false;
};

}  // namespace sluice::wire
