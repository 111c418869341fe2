// PriceSet: all versions of all price books, an immutable value. Answers which version holds when,
// and when that changes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ledger/price_book.hpp"

namespace sluice::ledger {

using PriceBookPtr = std::shared_ptr<const PriceBook>;

class PriceSet {
 public:
  PriceSet() = default;
  // Of books without a fault.
  explicit PriceSet(std::vector<PriceBookPtr> books);

  // Null: no version of the book holds then. Lives as long as any set that has it.
  [[nodiscard]] const PriceBook* at(std::string_view name, WallTime when) const;
  [[nodiscard]] const PriceBook* version(std::string_view name, std::uint32_t version) const;
  // The first moment after `when` at which a version begins or ends; 0: never.
  [[nodiscard]] WallTime next_change(std::string_view name, WallTime when) const;
  // The last such moment; 0: there is no such book.
  [[nodiscard]] WallTime last_change(std::string_view name) const;
  // Empty: there is no such book.
  [[nodiscard]] Text currency(std::string_view name) const;
  [[nodiscard]] const std::vector<PriceBookPtr>& books() const { return books_; }

 private:
  std::vector<PriceBookPtr> books_;  // by name and beginning
};

// What becomes of the set when a price file is read anew: books that it lacks stay if they have
// begun (entries name them) and go if they haven't.
struct PriceChange {
  std::vector<PriceBookPtr> changed;  // new, or with another end
  std::vector<PriceBookPtr> all;
};
struct PriceChangeResult {
  std::optional<PriceFault> fault;  // then nothing else
  PriceChange change;
};
// Faults besides those of find_fault(): a version that has begun by `now` is no more the same, but
// for its end, which may move as long as both ends lie ahead; a further version of a known book
// begins in the past (what is charged stays charged).
[[nodiscard]] PriceChangeResult change_prices(const PriceSet& old, std::vector<PriceBook> books,
                                              WallTime now);

}  // namespace sluice::ledger
