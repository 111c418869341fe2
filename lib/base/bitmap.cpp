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
  if (words.size() != words_of(size)) {
    return fail(ErrorCode::invalid_argument, "bitmap words do not fit its size");
  }
  if (size % 64 != 0 && (words.back() >> (size % 64)) != 0) {
    return fail(ErrorCode::invalid_argument, "bitmap has bits above its size");
  }
  Bitmap result;
  result.size_ = size;
  result.words_ = std::move(words);
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
  if (size_ % 64 != 0 && words_end() == word_count() && !words_.empty()) {
    words_.back() &= kOnes >> (64 - size_ % 64);
  }
}

// To the left by at least as many words as there are: whoever adds members in descending order
// moves them seldom.
void Bitmap::grow(std::size_t begin, std::size_t end) {
  if (words_.empty()) {
    first_ = begin;
    words_.resize(end - begin, 0);
    return;
  }
  if (end > words_end()) words_.resize(end - first_, 0);
  if (begin >= first_) return;
  const std::size_t more = std::min(first_, std::max(first_ - begin, words_.size()));
  words_.insert(words_.begin(), more, 0);
  first_ -= more;
}

std::vector<std::uint64_t> Bitmap::words() const {
  std::vector<std::uint64_t> all(word_count(), 0);
  std::copy(words_.begin(), words_.end(), all.begin() + static_cast<std::ptrdiff_t>(first_));
  return all;
}

void Bitmap::resize(std::size_t size) {
  size_ = size;
  if (first_ >= word_count()) {
    words_.clear();
    first_ = 0;
  }
  if (words_end() > word_count()) words_.resize(word_count() - first_);
  clear_tail();
}

void Bitmap::set_word(std::size_t w, std::uint64_t members) {
  SLUICE_ASSERT(w < word_count(), "word {} of a bitmap of {}", w, size_);
  reach(w, w + 1);
  words_[w - first_] = members;
  if (w + 1 == word_count()) clear_tail();
}

void Bitmap::set_range(std::size_t first, std::size_t end) {
  SLUICE_ASSERT(first <= end && end <= size_, "range {}-{} of {}", first, end, size_);
  if (first == end) return;
  reach(first / 64, (end - 1) / 64 + 1);
  for (std::size_t w = first / 64; w <= (end - 1) / 64; ++w) {
    words_[w - first_] |= range_mask(w, first, end);
  }
}

void Bitmap::reset_range(std::size_t first, std::size_t end) {
  SLUICE_ASSERT(first <= end && end <= size_, "range {}-{} of {}", first, end, size_);
  if (first == end) return;
  const std::size_t last = std::min((end - 1) / 64 + 1, words_end());
  for (std::size_t w = std::max(first / 64, first_); w < last; ++w) {
    words_[w - first_] &= ~range_mask(w, first, end);
  }
}

void Bitmap::reset_all() {
  if (word_count() <= kSmall) {
    std::fill(words_.begin(), words_.end(), 0);
    return;
  }
  words_.clear();
  first_ = 0;
}

SLUICE_COUNTS_BITS std::size_t Bitmap::count() const {
  std::size_t sum = 0;
  for (const std::uint64_t word : std::span(words_))
    sum += static_cast<std::size_t>(std::popcount(word));
  return sum;
}

std::size_t Bitmap::count_common(const Bitmap& other) const {
  check_same_size(other);
  std::size_t sum = 0;
  const std::size_t end = std::min(words_end(), other.words_end());
  for (std::size_t w = std::max(first_, other.first_); w < end; ++w) {
    sum += static_cast<std::size_t>(
        std::popcount(words_[w - first_] & other.words_[w - other.first_]));
  }
  return sum;
}

std::size_t Bitmap::count_range(std::size_t first, std::size_t end) const {
  SLUICE_ASSERT(first <= end && end <= size_, "range {}-{} of {}", first, end, size_);
  if (first == end) return 0;
  std::size_t sum = 0;
  const std::size_t last = std::min((end - 1) / 64 + 1, words_end());
  for (std::size_t w = std::max(first / 64, first_); w < last; ++w) {
    sum += static_cast<std::size_t>(std::popcount(words_[w - first_] & range_mask(w, first, end)));
  }
  return sum;
}

bool Bitmap::any() const {
  return std::any_of(words_.begin(), words_.end(), [](std::uint64_t word) { return word != 0; });
}

std::size_t Bitmap::find_from(std::size_t index) const {
  index = std::max(index, first_ * 64);
  std::size_t at = index / 64 - first_;
  if (at >= words_.size()) return npos;
  std::uint64_t bits = words_[at] & (kOnes << (index % 64));
  while (bits == 0) {
    if (++at >= words_.size()) return npos;
    bits = words_[at];
  }
  return (first_ + at) * 64 + static_cast<std::size_t>(std::countr_zero(bits));
}

std::size_t Bitmap::find_last() const {
  for (std::size_t w = words_end(); w > first_; --w) {
    const std::uint64_t bits = words_[w - 1 - first_];
    if (bits != 0) return w * 64 - 1 - static_cast<std::size_t>(std::countl_zero(bits));
  }
  return npos;
}

SLUICE_COUNTS_BITS Bitmap Bitmap::first_n(std::size_t n) const {
  Bitmap result = *this;
  std::size_t left = n;
  for (std::uint64_t& word : std::span(result.words_)) {
    const auto here = static_cast<std::size_t>(std::popcount(word));
    if (here <= left) {
      left -= here;
      continue;
    }
    std::uint64_t bits = word;
    word = 0;
    for (; left > 0; --left, bits &= bits - 1) word |= bits & (~bits + 1);
  }
  return result;
}

bool Bitmap::operator==(const Bitmap& other) const {
  if (size_ != other.size_) return false;
  if (first_ == other.first_ && words_.size() == other.words_.size()) {
    return words_ == other.words_;
  }
  const std::size_t end = std::max(words_end(), other.words_end());
  for (std::size_t w = std::min(first_, other.first_); w < end; ++w) {
    if (word(w) != other.word(w)) return false;
  }
  return true;
}

bool Bitmap::is_subset_of(const Bitmap& other) const {
  check_same_size(other);
  for (std::size_t w = first_; w < words_end(); ++w) {
    if ((words_[w - first_] & ~other.word(w)) != 0) return false;
  }
  return true;
}

bool Bitmap::intersects(const Bitmap& other) const {
  check_same_size(other);
  const std::size_t begin = std::max(first_, other.first_);
  const std::size_t end = std::min(words_end(), other.words_end());
  if (begin >= end) return false;
  const std::uint64_t* const a = words_.data() + (begin - first_);
  const std::uint64_t* const b = other.words_.data() + (begin - other.first_);
  for (std::size_t at = 0; at < end - begin; ++at) {
    if ((a[at] & b[at]) != 0) return true;
  }
  return false;
}

Bitmap& Bitmap::operator&=(const Bitmap& other) {
  check_same_size(other);
  for (std::size_t w = first_; w < words_end(); ++w) words_[w - first_] &= other.word(w);
  return *this;
}

Bitmap& Bitmap::operator|=(const Bitmap& other) {
  check_same_size(other);
  if (other.words_.empty()) return *this;
  reach(other.first_, other.words_end());
  change_words(std::span(words_).subspan(other.first_ - first_, other.words_.size()), other.words_,
               [](std::uint64_t a, std::uint64_t b) { return a | b; });
  return *this;
}

Bitmap& Bitmap::operator-=(const Bitmap& other) {
  check_same_size(other);
  const std::size_t begin = std::max(first_, other.first_);
  const std::size_t end = std::min(words_end(), other.words_end());
  if (begin >= end) return *this;
  change_words(std::span(words_).subspan(begin - first_, end - begin),
               std::span(other.words_).subspan(begin - other.first_, end - begin),
               [](std::uint64_t a, std::uint64_t b) { return a & ~b; });
  return *this;
}

Bitmap Bitmap::complement() const {
  Bitmap result(size_);
  result.words_ = words();
  for (std::uint64_t& word : result.words_) word = ~word;
  result.clear_tail();
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
  for (std::size_t w = words_end(); w > 0; --w) {
    const std::uint64_t here = word(w - 1);
    if (digits.empty() && here == 0) continue;
    digits += digits.empty() ? fmt::format("{:X}", here) : fmt::format("{:016X}", here);
  }
  return "0x" + (digits.empty() ? std::string("0") : digits);
}

std::uint64_t Bitmap::hash() const {
  std::uint64_t result = size_;
  for (std::size_t w = 0; w < word_count(); ++w) result = hash_mix(result, word(w));
  return result;
}

}  // namespace sluice::base
