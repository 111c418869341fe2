// The parts of Bitmap that aren't worth inlining. Everything works a word at a time.
#include "base/bitmap.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"

// Counting bits is one instruction on nearly every machine, but not on the least that we build for.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SLUICE_COUNTS_BITS __attribute__((target_clones("popcnt", "default")))
#else
#define SLUICE_COUNTS_BITS
#endif

namespace sluice::base {
namespace {

// Changes words of `to` with those of `from`. By blocks of a known length, which compilers turn
// into wide instructions.
template <class Change>
void change_words(std::span<std::uint64_t> to, std::span<const std::uint64_t> from,
                  Change&& change) {
  constexpr std::size_t kBlock = 8;
  std::uint64_t* a = to.data();
  const std::uint64_t* b = from.data();
  std::size_t left = to.size();
  for (; left >= kBlock; left -= kBlock, a += kBlock, b += kBlock) {
    for (std::size_t w = 0; w < kBlock; ++w) a[w] = change(a[w], b[w]);
  }
  for (; left > 0; --left, ++a, ++b) *a = change(*a, *b);
}

constexpr std::uint64_t kOnes = ~std::uint64_t{0};

// The bits of word `w` that lie in [first, end).
std::uint64_t range_mask(std::size_t w, std::size_t first, std::size_t end) {
  const std::size_t base = w * 64;
  if (end <= base || first >= base + 64) return 0;
  std::uint64_t mask = kOnes;
  if (first > base) mask &= kOnes << (first - base);
  if (end < base + 64) mask &= kOnes >> (base + 64 - end);
  return mask;
}

Error bad_set(std::string_view text) {
  return Error{ErrorCode::invalid_argument, fmt::format("invalid set of numbers '{}'", text)};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Bitmap::Bitmap(std::size_t size, std::initializer_list<std::size_t> members) : Bitmap(size) {
  for (const std::size_t member : members) set(member);
}

Bitmap Bitmap::full(std::size_t size) {
  Bitmap result(size);
  result.set_all();
  return result;
}

Result<Bitmap> Bitmap::from_words(std::size_t size, std::vector<std::uint64_t> words) {
  if (words.size() != word_count(size)) {
    return fail(ErrorCode::invalid_argument, "bitmap words do not fit its size");
  }
  if (size % 64 != 0 && (words.back() >> (size % 64)) != 0) {
    return fail(ErrorCode::invalid_argument, "bitmap has bits above its size");
  }
  Bitmap result;
  result.size_ = size;
  result.words_ = std::move(words);
  result.cover_all();
  return result;
}

Result<Bitmap> Bitmap::from_ranges(std::string_view text, std::size_t size) {
  Bitmap result(size);
  if (text.empty()) return result;
  for (const std::string_view piece : split(text, ',')) {
    const Cut range = cut(piece, '-');
    const auto first = parse_unsigned(range.before);
    const auto last = range.found ? parse_unsigned(range.after) : first;
    if (!first || !last || *first > *last || *last >= size) {
      return tl::unexpected<Error>(bad_set(text));
    }
    result.set_range(*first, *last + 1);
  }
  return result;
}

Result<Bitmap> Bitmap::from_hex(std::string_view text, std::size_t size) {
  std::string_view digits = text;
  if (istarts_with(digits, "0x")) digits.remove_prefix(2);
  if (digits.empty()) return tl::unexpected<Error>(bad_set(text));
  Bitmap result(size);
  for (std::size_t place = 0; place < digits.size(); ++place) {
    const int value = hex_digit(digits[digits.size() - 1 - place]);
    if (value < 0) return tl::unexpected<Error>(bad_set(text));
    for (std::size_t bit = 0; bit < 4; ++bit) {
      if (((static_cast<unsigned>(value) >> bit) & 1U) == 0) continue;
      if (place * 4 + bit >= size) return tl::unexpected<Error>(bad_set(text));
      result.set(place * 4 + bit);
    }
  }
  return result;
}

void Bitmap::clear_tail() {
  if (size_ % 64 != 0) words_.back() &= kOnes >> (64 - size_ % 64);
}

void Bitmap::resize(std::size_t size) {
  size_ = size;
  words_.resize(word_count(size), 0);
  clear_tail();
  end_ = std::min(end_, static_cast<std::uint32_t>(words_.size()));
  begin_ = std::min(begin_, end_);
}

void Bitmap::set_word(std::size_t w, std::uint64_t members) {
  SLUICE_ASSERT(w < words_.size(), "word {} of a bitmap of {}", w, size_);
  words_[w] = members;
  if (w + 1 == words_.size()) clear_tail();
  cover(w, w + 1);
}

void Bitmap::set_range(std::size_t first, std::size_t end) {
  SLUICE_ASSERT(first <= end && end <= size_, "range {}-{} of {}", first, end, size_);
  if (first == end) return;
  for (std::size_t w = first / 64; w <= (end - 1) / 64; ++w) words_[w] |= range_mask(w, first, end);
  cover(first / 64, (end - 1) / 64 + 1);
}

void Bitmap::reset_range(std::size_t first, std::size_t end) {
  SLUICE_ASSERT(first <= end && end <= size_, "range {}-{} of {}", first, end, size_);
  if (first == end) return;
  for (std::size_t w = first / 64; w <= (end - 1) / 64; ++w) {
    words_[w] &= ~range_mask(w, first, end);
  }
}

void Bitmap::reset_all() {
  std::fill(words_.begin() + begin_, words_.begin() + end_, 0);
  begin_ = end_ = 0;
}

SLUICE_COUNTS_BITS std::size_t Bitmap::count() const {
  std::size_t sum = 0;
  const std::uint64_t* const words = words_.data();
  const std::size_t end = end_;
  for (std::size_t w = begin_; w < end; ++w)
    sum += static_cast<std::size_t>(std::popcount(words[w]));
  return sum;
}

std::size_t Bitmap::count_common(const Bitmap& other) const {
  check_same_size(other);
  std::size_t sum = 0;
  for (std::size_t w = std::max(begin_, other.begin_); w < std::min(end_, other.end_); ++w) {
    sum += static_cast<std::size_t>(std::popcount(words_[w] & other.words_[w]));
  }
  return sum;
}

std::size_t Bitmap::count_range(std::size_t first, std::size_t end) const {
  SLUICE_ASSERT(first <= end && end <= size_, "range {}-{} of {}", first, end, size_);
  if (first == end) return 0;
  std::size_t sum = 0;
  for (std::size_t w = first / 64; w <= (end - 1) / 64; ++w) {
    sum += static_cast<std::size_t>(std::popcount(words_[w] & range_mask(w, first, end)));
  }
  return sum;
}

bool Bitmap::any() const {
  return std::any_of(words_.begin() + begin_, words_.begin() + end_,
                     [](std::uint64_t word) { return word != 0; });
}

std::size_t Bitmap::find_from(std::size_t index) const {
  index = std::max(index, std::size_t{begin_} * 64);
  std::size_t w = index / 64;
  if (w >= end_) return npos;
  std::uint64_t bits = words_[w] & (kOnes << (index % 64));
  while (bits == 0) {
    if (++w >= end_) return npos;
    bits = words_[w];
  }
  return w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
}

std::size_t Bitmap::find_last() const {
  for (std::size_t w = end_; w > begin_; --w) {
    const std::uint64_t bits = words_[w - 1];
    if (bits != 0) return w * 64 - 1 - static_cast<std::size_t>(std::countl_zero(bits));
  }
  return npos;
}

SLUICE_COUNTS_BITS Bitmap Bitmap::first_n(std::size_t n) const {
  Bitmap result(size_);
  const std::uint64_t* const from = words_.data();
  std::uint64_t* const to = result.words_.data();
  std::size_t left = n;
  result.begin_ = begin_;
  result.end_ = end_;
  for (std::size_t w = begin_; w < end_ && left > 0; ++w) {
    const auto here = static_cast<std::size_t>(std::popcount(from[w]));
    if (here <= left) {
      to[w] = from[w];
      left -= here;
      continue;
    }
    std::uint64_t bits = from[w];
    for (; left > 0; --left, bits &= bits - 1) to[w] |= bits & (~bits + 1);
  }
  return result;
}

bool Bitmap::is_subset_of(const Bitmap& other) const {
  check_same_size(other);
  for (std::size_t w = begin_; w < end_; ++w) {
    if ((words_[w] & ~other.words_[w]) != 0) return false;
  }
  return true;
}

bool Bitmap::intersects(const Bitmap& other) const {
  check_same_size(other);
  const std::uint64_t* const a = words_.data();
  const std::uint64_t* const b = other.words_.data();
  const std::size_t end = std::min(end_, other.end_);
  for (std::size_t w = std::max(begin_, other.begin_); w < end; ++w) {
    if ((a[w] & b[w]) != 0) return true;
  }
  return false;
}

Bitmap& Bitmap::operator&=(const Bitmap& other) {
  check_same_size(other);
  const std::size_t length = end_ - begin_;
  change_words(std::span(words_).subspan(begin_, length),
               std::span(other.words_).subspan(begin_, length),
               [](std::uint64_t a, std::uint64_t b) { return a & b; });
  return *this;
}

Bitmap& Bitmap::operator|=(const Bitmap& other) {
  check_same_size(other);
  if (other.begin_ == other.end_) return *this;
  const std::size_t length = other.end_ - other.begin_;
  change_words(std::span(words_).subspan(other.begin_, length),
               std::span(other.words_).subspan(other.begin_, length),
               [](std::uint64_t a, std::uint64_t b) { return a | b; });
  cover(other.begin_, other.end_);
  return *this;
}

Bitmap& Bitmap::operator-=(const Bitmap& other) {
  check_same_size(other);
  const std::size_t begin = std::max(begin_, other.begin_);
  const std::size_t end = std::min(end_, other.end_);
  if (begin >= end) return *this;
  change_words(std::span(words_).subspan(begin, end - begin),
               std::span(other.words_).subspan(begin, end - begin),
               [](std::uint64_t a, std::uint64_t b) { return a & ~b; });
  return *this;
}

Bitmap Bitmap::complement() const {
  Bitmap result(size_);
  change_words(result.words_, words_, [](std::uint64_t, std::uint64_t b) { return ~b; });
  result.cover_all();
  if (size_ != 0) result.clear_tail();
  return result;
}

std::vector<std::uint32_t> Bitmap::members() const {
  std::vector<std::uint32_t> result;
  result.reserve(count());
  for_each([&](std::size_t index) { result.push_back(static_cast<std::uint32_t>(index)); });
  return result;
}

std::string Bitmap::to_ranges() const {
  std::string text;
  for (std::size_t first = find_first(); first != npos;) {
    std::size_t last = first;
    std::size_t next = find_next(last);
    while (next == last + 1) {
      last = next;
      next = find_next(last);
    }
    if (!text.empty()) text += ',';
    text += std::to_string(first);
    if (last > first) text.append("-").append(std::to_string(last));
    first = next;
  }
  return text;
}

std::string Bitmap::to_list() const {
  std::string text;
  for_each([&](std::size_t index) {
    if (!text.empty()) text += ',';
    text += std::to_string(index);
  });
  return text;
}

std::string Bitmap::to_hex() const {
  std::string digits;
  for (std::size_t w = words_.size(); w > 0; --w) {
    const std::uint64_t word = words_[w - 1];
    if (digits.empty() && word == 0) continue;
    digits += digits.empty() ? fmt::format("{:X}", word) : fmt::format("{:016X}", word);
  }
  return "0x" + (digits.empty() ? std::string("0") : digits);
}

std::uint64_t Bitmap::hash() const {
  std::uint64_t result = size_;
  for (const std::uint64_t word : words_) result = hash_mix(result, word);
  return result;
}

}  // namespace sluice::base
