// See price_set.hpp.
#include "ledger/price_set.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace sluice::ledger {

namespace {

bool earlier(const PriceBookPtr& a, const PriceBookPtr& b) {
  return std::tie(a->name, a->from) < std::tie(b->name, b->from);
}

struct Key {
  std::string_view name;
  WallTime when = 0;
};
// The first book of that name that begins after the time, or one of a later name.
auto after(const std::vector<PriceBookPtr>& books, const Key& key) {
  return std::upper_bound(
      books.begin(), books.end(), key, [](const Key& wanted, const PriceBookPtr& book) {
        return std::tuple(wanted.name, wanted.when) < std::tuple(book->name.view(), book->from);
      });
}

// Why a version that is in force may not be replaced by another form of it.
std::optional<PriceFault> kept_rule(const PriceBook& old, const PriceBook& wanted, WallTime now) {
  PriceBook same = wanted;
  same.until = old.until;
  if (same != old) {
    return PriceFault{0, std::nullopt, "version",
                      "this version is in force since " + utc_text(old.from) +
                          " and can't change; give the new prices a version of their own"};
  }
  const auto lies_ahead = [now](WallTime end) { return end == 0 || end >= now; };
  if (old.until == wanted.until || (lies_ahead(old.until) && lies_ahead(wanted.until))) return {};
  return PriceFault{0, std::nullopt, "valid_until", "the end of a version can't move in the past"};
}

}  // namespace

PriceSet::PriceSet(std::vector<PriceBookPtr> books) : books_(std::move(books)) {
  std::ranges::sort(books_, earlier);
}

const PriceBook* PriceSet::at(std::string_view name, WallTime when) const {
  const auto next = after(books_, {name, when});
  if (next == books_.begin()) return nullptr;
  const PriceBook& book = **(next - 1);
  return book.name.view() == name && (book.until == 0 || when < book.until) ? &book : nullptr;
}

const PriceBook* PriceSet::version(std::string_view name, std::uint32_t version) const {
  for (auto book = after(books_, {name, -1}); book != books_.end(); ++book) {
    if ((*book)->name.view() != name) return nullptr;
    if ((*book)->version == version) return book->get();
  }
  return nullptr;
}

WallTime PriceSet::next_change(std::string_view name, WallTime when) const {
  if (const PriceBook* now = at(name, when); now != nullptr && now->until != 0) return now->until;
  const auto next = after(books_, {name, when});
  return next == books_.end() || (*next)->name.view() != name ? 0 : (*next)->from;
}

WallTime PriceSet::last_change(std::string_view name) const {
  constexpr WallTime kEver = std::numeric_limits<WallTime>::max();
  const auto next = after(books_, {name, kEver});
  if (next == books_.begin() || (*(next - 1))->name.view() != name) return 0;
  return std::max((*(next - 1))->from, (*(next - 1))->until);
}

Text PriceSet::currency(std::string_view name) const {
  const auto first = after(books_, {name, -1});
  return first == books_.end() || (*first)->name.view() != name ? Text() : (*first)->currency;
}

PriceChangeResult change_prices(const PriceSet& old, std::vector<PriceBook> books, WallTime now) {
  PriceChangeResult result;
  if (result.fault = find_fault(books); result.fault) return result;
  std::set<std::pair<Text, std::uint32_t>> named;
  std::vector<PriceBook> together;  // those of the file first, so that a fault names one of them
  for (std::size_t index = 0; index < books.size(); ++index) {
    const PriceBook& book = books[index];
    named.emplace(book.name, book.version);
    const PriceBook* known = old.version(book.name, book.version);
    const bool begun = known != nullptr && known->from <= now;
    if (begun) {
      result.fault = kept_rule(*known, book, now);
    } else if (book.from < now && !old.currency(book.name).empty()) {
      result.fault =
          PriceFault{index, std::nullopt, "valid_from", "a new version can't begin in the past"};
    }
    if (result.fault) {
      result.fault->book = index;
      return result;
    }
    together.push_back(book);
    const auto ptr = std::make_shared<const PriceBook>(book);
    if (known == nullptr || *known != book) result.change.changed.push_back(ptr);
    result.change.all.push_back(ptr);
  }
  for (const PriceBookPtr& kept : old.books()) {
    if (named.contains({kept->name, kept->version}) || kept->from > now) continue;
    together.push_back(*kept);
    result.change.all.push_back(kept);
  }
  result.fault = find_fault(together);
  if (result.fault && result.fault->book >= books.size()) {
    result.fault->book = 0;  // an older version reaches into one of the file
    result.fault->text += " (an earlier version that the file no more has)";
  }
  return result;
}

}  // namespace sluice::ledger
