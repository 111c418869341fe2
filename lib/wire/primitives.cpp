// See primitives.hpp. Everything that reads checks against the bytes that remain.
#include "wire/primitives.hpp"

#include <cstring>

namespace sluice::wire {

namespace {

constexpr std::size_t kMaxBitmapBits = std::size_t{1} << 24U;
constexpr std::uint64_t kMaxFieldNumber = (1U << 29U) - 1;

void put_fixed64(std::string& out, std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xffU));
  }
}

std::uint64_t get_big(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8U) | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

std::string bitmap_bytes(const base::Bitmap& value) {
  Writer writer;
  writer.bare_varint(value.size());
  std::string out = writer.take();
  const std::size_t head = out.size();
  out.resize(head + (value.size() + 7) / 8, '\0');
  value.for_each([&](std::size_t bit) {
    char& byte = out[head + bit / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | (1U << (bit % 8)));
  });
  return out;
}

bool bitmap_from(std::string_view bytes, base::Bitmap& out) {
  Budget budget(bytes.size());
  Reader reader(bytes, budget);
  std::uint64_t size = 0;
  if (bytes.empty()) {
    out = base::Bitmap();
    return true;
  }
  if (!reader.bare_varint(size) || size > kMaxBitmapBits) return false;
  std::size_t head = 1;
  for (std::uint64_t rest = size; rest >= 0x80U; rest >>= 7U) ++head;
  if (bytes.size() != head + (size + 7) / 8) return false;
  base::Bitmap bits(static_cast<std::size_t>(size));
  for (std::size_t bit = 0; bit < size; ++bit) {
    if ((static_cast<unsigned char>(bytes[head + bit / 8]) >> (bit % 8)) & 1U) bits.set(bit);
  }
  out = std::move(bits);
  return true;
}

std::string uid_bytes(const base::Uid128& value) {
  std::string out;
  for (const std::uint64_t half : {value.high, value.low}) {
    for (unsigned shift = 64; shift > 0; shift -= 8) {
      out.push_back(static_cast<char>((half >> (shift - 8)) & 0xffU));
    }
  }
  return out;
}

bool uid_from(std::string_view bytes, base::Uid128& out) {
  if (bytes.size() != 16) return false;
  out.high = get_big(bytes.substr(0, 8));
  out.low = get_big(bytes.substr(8));
  return true;
}

void Writer::fixed64(int number, std::uint64_t value) {
  tag(number, WireType::fixed64);
  put_fixed64(out_, value);
}

void Writer::end_message(std::size_t mark) {
  const std::size_t length = out_.size() - mark;
  if (length < 0x80U) {
    out_[mark - 1] = static_cast<char>(length);
    return;
  }
  Writer prefix;
  prefix.bare_varint(length);
  out_.replace(mark - 1, 1, prefix.out_);
}

bool Reader::next() {
  number_ = 0;
  if (failed_ || input_.empty()) return false;
  std::uint64_t tag = 0;
  if (!bare_varint(tag)) return false;
  const std::uint64_t number = tag >> 3U;
  if (number == 0 || number > kMaxFieldNumber) return failure();
  number_ = static_cast<int>(number);
  type_ = static_cast<WireType>(tag & 7U);
  return true;
}

bool Reader::bare_varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (input_.empty()) return failure();
    const auto byte = static_cast<unsigned char>(input_.front());
    input_.remove_prefix(1);
    if (shift == 63 && byte > 1) return failure();
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80U) return true;
  }
  return failure();
}

bool Reader::varint(std::uint64_t& value) {
  return type_ == WireType::varint ? bare_varint(value) : failure();
}

bool Reader::fixed64(std::uint64_t& value) {
  if (type_ != WireType::fixed64 || input_.size() < 8) return failure();
  value = 0;
  for (unsigned i = 0; i < 8; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(input_[i])) << (8 * i);
  }
  input_.remove_prefix(8);
  return true;
}

bool Reader::bytes(std::string_view& value) {
  std::uint64_t length = 0;
  if (type_ != WireType::bytes || !bare_varint(length) || length > input_.size()) return failure();
  value = input_.substr(0, static_cast<std::size_t>(length));
  input_.remove_prefix(static_cast<std::size_t>(length));
  return true;
}

bool Reader::skip() {
  std::uint64_t ignored = 0;
  std::string_view bytes_ignored;
  switch (type_) {
    case WireType::varint: return bare_varint(ignored);
    case WireType::fixed64: return fixed64(ignored);
    case WireType::bytes: return bytes(bytes_ignored);
    case WireType::fixed32:
      if (input_.size() < 4) return failure();
      input_.remove_prefix(4);
      return true;
  }
  return failure();
}

}  // namespace sluice::wire
