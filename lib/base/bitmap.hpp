// Bitmap: a set of small dense numbers (nodes of a cluster, cores of a node, array tasks), in
// 64-bit words, so that set algebra over 80,000 nodes costs about a thousand machine operations.
// Invariants: the size is fixed by the constructor or resize(); bits at and above it are always
// zero in the last word, so counting and comparing need no masks. Two operands of a set operation
// have the same size; a difference is a bug and trips an assert, as does an index out of range.
// Of a large bitmap only the words [first_, first_ + words_.size()) are kept, and all members lie
// in them: a few CPUs of a very large node take little room, and what is done with them costs no
// look at its others. Pure: usable from core.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/result.hpp"

namespace sluice::base {

class Bitmap {
 public:
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  Bitmap() = default;
  explicit Bitmap(std::size_t size)
      : size_(size), words_(words_of(size) <= kSmall ? words_of(size) : 0, 0) {}
  Bitmap(std::size_t size, std::initializer_list<std::size_t> members);
  // All bits below `size` set.
  [[nodiscard]] static Bitmap full(std::size_t size);
  // From words as words() gives them. Fails if their number doesn't fit the size or a bit lies
  // above it: this is what decoders of foreign data use.
  [[nodiscard]] static Result<Bitmap> from_words(std::size_t size,
                                                 std::vector<std::uint64_t> words);
  // From "0-3,7". Fails on anything else, and on numbers at or above `size`. "" is the empty set.
  [[nodiscard]] static Result<Bitmap> from_ranges(std::string_view text, std::size_t size);

  [[nodiscard]] std::size_t size() const { return size_; }
  // The members among [64 w, 64 w + 64), as bits; and all such words.
  [[nodiscard]] std::uint64_t word(std::size_t w) const {
    const std::size_t at = w - first_;
    return at < words_.size() ? words_[at] : 0;
  }
  [[nodiscard]] std::size_t word_count() const { return words_of(size_); }
  [[nodiscard]] std::vector<std::uint64_t> words() const;
  // All members lie in the words [words_begin(), words_end()).
  [[nodiscard]] std::size_t words_begin() const { return first_; }
  [[nodiscard]] std::size_t words_end() const { return first_ + words_.size(); }
  // New bits are zero; members at and above a smaller size are dropped.
  void resize(std::size_t size);

  void set(std::size_t index) {
    check(index);
    reach(index / 64, index / 64 + 1);
    words_[index / 64 - first_] |= std::uint64_t{1} << (index % 64);
  }
  void set_word(std::size_t w, std::uint64_t members);
  void reset(std::size_t index) {
    check(index);
    const std::size_t at = index / 64 - first_;
    if (at < words_.size()) words_[at] &= ~(std::uint64_t{1} << (index % 64));
  }
  [[nodiscard]] bool test(std::size_t index) const {
    check(index);
    return ((word(index / 64) >> (index % 64)) & 1) != 0;
  }
  // [first, end)
  void set_range(std::size_t first, std::size_t end);
  void reset_range(std::size_t first, std::size_t end);
  void set_all() { set_range(0, size_); }
  void reset_all();

  [[nodiscard]] std::size_t count() const;
  // Members of both: the size of the intersection, without making it.
  [[nodiscard]] std::size_t count_common(const Bitmap& other) const;
  [[nodiscard]] std::size_t count_range(std::size_t first, std::size_t end) const;
  [[nodiscard]] bool any() const;
  [[nodiscard]] bool none() const { return !any(); }
  [[nodiscard]] bool all() const { return count() == size_; }

  // The least member, or npos.
  [[nodiscard]] std::size_t find_first() const { return find_from(0); }
  // The least member above `index`, or npos.
  [[nodiscard]] std::size_t find_next(std::size_t index) const { return find_from(index + 1); }
  // The least member at or above `index`, or npos. `index` may be beyond the size.
  [[nodiscard]] std::size_t find_from(std::size_t index) const;
  // The greatest member, or npos.
  [[nodiscard]] std::size_t find_last() const;
  // The set of the n least members (all of them if there are fewer).
  [[nodiscard]] Bitmap first_n(std::size_t n) const;

  [[nodiscard]] bool is_subset_of(const Bitmap& other) const;
  [[nodiscard]] bool intersects(const Bitmap& other) const;

  Bitmap& operator&=(const Bitmap& other);
  Bitmap& operator|=(const Bitmap& other);
  Bitmap& operator-=(const Bitmap& other);  // set difference
  friend Bitmap operator&(Bitmap a, const Bitmap& b) { return std::move(a &= b); }
  friend Bitmap operator|(Bitmap a, const Bitmap& b) { return std::move(a |= b); }
  friend Bitmap operator-(Bitmap a, const Bitmap& b) { return std::move(a -= b); }
  // The bits below size() that are not members.
  [[nodiscard]] Bitmap complement() const;
  bool operator==(const Bitmap& other) const;

  // Calls visit(index) for each member, in ascending order. The set must not change meanwhile.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t at = 0; at < words_.size(); ++at) {
      for (std::uint64_t bits = words_[at]; bits != 0; bits &= bits - 1) {
        visit((first_ + at) * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
      }
    }
  }

  [[nodiscard]] std::vector<std::uint32_t> members() const;
  [[nodiscard]] std::string to_ranges() const;  // "0-3,7"
  [[nodiscard]] std::string to_list() const;    // "0,1,2,3,7"
  [[nodiscard]] std::string to_hex() const;     // "0x8F", no leading zeros: Slurm's CPU masks
  [[nodiscard]] static Result<Bitmap> from_hex(std::string_view text, std::size_t size);
  [[nodiscard]] std::uint64_t hash() const;

 private:
  static constexpr std::size_t kSmall = 16;  // words: so few are all kept
  static constexpr std::size_t words_of(std::size_t size) { return (size + 63) / 64; }
  void check(std::size_t index) const {
    SLUICE_ASSERT(index < size_, "bit {} of a bitmap of {}", index, size_);
  }
  void check_same_size(const Bitmap& other) const {
    SLUICE_ASSERT(size_ == other.size_, "bitmaps of {} and {} bits", size_, other.size_);
  }
  void clear_tail();
  // Keeps the words [begin, end) too.
  void reach(std::size_t begin, std::size_t end) {
    if (begin < first_ || end > first_ + words_.size()) grow(begin, end);
  }
  void grow(std::size_t begin, std::size_t end);

  std::size_t size_ = 0;
  std::size_t first_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace sluice::base
