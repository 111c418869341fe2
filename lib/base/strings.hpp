// Small text tools that the standard library lacks: cutting, trimming, joining, comparing without
// case (ASCII only: no locale), quoting. Views in, views out where nothing has to be copied: the
// results of split() and trim() point into the argument.
// Pure: usable from core.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::base {

// "a,,b" -> "a","","b"; "" -> one empty piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
// The same without empty pieces; "" -> none.
[[nodiscard]] std::vector<std::string_view> split_nonempty(std::string_view text, char separator);
// The pieces of split(), one by one: for (std::string_view piece : Pieces(text, ',')).
class Pieces {
 public:
  Pieces(std::string_view text, char separator) : text_(text), separator_(separator) {}

  class iterator {
   public:
    iterator(std::string_view text, char separator, bool over)
        : rest_(text), separator_(separator), over_(over) {
      measure();
    }
    std::string_view operator*() const { return rest_.substr(0, length_); }
    iterator& operator++() {
      over_ = length_ == std::string_view::npos;
      if (!over_) rest_.remove_prefix(length_ + 1);
      measure();
      return *this;
    }
    bool operator!=(const iterator& other) const { return over_ != other.over_; }

   private:
    void measure() {
      if (!over_) length_ = rest_.find(separator_);
    }

    std::string_view rest_;
    std::size_t length_ = std::string_view::npos;
    char separator_;
    bool over_;
  };
  [[nodiscard]] iterator begin() const { return {text_, separator_, false}; }
  [[nodiscard]] iterator end() const { return {{}, separator_, true}; }

 private:
  std::string_view text_;
  char separator_;
};
// Cuts at separators outside '...' and "..."; the quotes are removed, nothing is an escape.
// Fails if a quote stays open.
[[nodiscard]] Result<std::vector<std::string>> split_quoted(std::string_view text, char separator);
// Words as on an #SBATCH line: blanks separate, '...' and "..." group, a backslash takes the next
// character literally (not inside single quotes). Fails if a quote stays open.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

// "key=value" -> both; without the separator the second is empty and `found` false.
struct Cut {
  std::string_view before;
  std::string_view after;
  bool found = false;
};
[[nodiscard]] Cut cut(std::string_view text, char separator);

// Without blanks, tabs and line ends around it.
[[nodiscard]] std::string_view trim(std::string_view text);

[[nodiscard]] std::string join(std::span<const std::string> pieces, std::string_view separator);
[[nodiscard]] std::string join(std::span<const std::string_view> pieces,
                               std::string_view separator);

[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
[[nodiscard]] bool istarts_with(std::string_view text, std::string_view prefix);
// True if `word` abbreviates `keyword` by at least `least` letters, case aside ("sus" for
// "suspend"): how scontrol and sacctmgr read their keywords.
[[nodiscard]] bool abbreviates(std::string_view word, std::string_view keyword,
                               std::size_t least = 1);

// Printable ASCII stays; quotes, backslashes, control and other bytes become \n, \t, \", \\, \xNN:
// safe to show foreign text on a terminal or in a log line.
[[nodiscard]] std::string escape(std::string_view text);
// One word for /bin/sh, quoted only if it has to be.
[[nodiscard]] std::string shell_quote(std::string_view text);

}  // namespace sluice::base
