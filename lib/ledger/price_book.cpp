// See price_book.hpp.
#include "ledger/price_book.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "ledger/quantity.hpp"

namespace sluice::ledger {

namespace {

constexpr std::array<std::string_view, kFates> kFateNames = {
    "none",      "completed", "failed",        "timeout",   "cancelled", "node_fail",
    "preempted", "requeued",  "launch_failed", "boot_fail", "deadline",  "out_of_memory"};

constexpr std::int64_t kMinute = 60 * kSecond;

using Fault = std::optional<PriceFault>;

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

Fault fault_of(const Price& price) {
  const auto at = [](std::string key, std::string text) -> Fault {
    return PriceFault{0, std::nullopt, std::move(key), std::move(text)};
  };
  if (!is_name(price.sku)) return at("sku", "expected a name");
  if (find_unit(price.meter, "") == nullptr) {
    return at("meter", "expected cpu, mem, node, billing, gres/NAME[:TYPE] or license/NAME, not " +
                           quoted(price.meter));
  }
  if (find_unit(price.meter, price.unit) == nullptr) {
    return at("unit", quoted(price.unit) + " is no unit of " + price.meter.str());
  }
  if (price.unit_price < 0 || price.unit_price > kMaxUnitPrice) {
    return at("price", "expected an amount from 0 to " + decimal(kMaxUnitPrice));
  }
  if (price.service.empty()) return at("service", "expected the name of a service");
  const Window& window = price.window;
  if (window.days == 0 || window.days > 0x7f) return at("days", "expected days of the week");
  if (window.from_min >= 1440 || window.to_min > 1440 || window.from_min == window.to_min) {
    return at("hours", "expected two different times of day");
  }
  return std::nullopt;
}

Fault fault_of(const PriceBook& book) {
  const auto at = [](std::string key, std::string text) -> Fault {
    return PriceFault{0, std::nullopt, std::move(key), std::move(text)};
  };
  if (!is_name(book.name)) return at("name", "expected a name");
  if (book.version == 0) return at("version", "expected a number from 1");
  if (book.currency.empty()) return at("currency", "a price book needs a currency");
  if (find_currency(book.currency) == nullptr) {
    return at("currency", quoted(book.currency) + " is no currency of ISO 4217");
  }
  if (book.from <= 0) return at("valid_from", "expected the time from which the prices hold");
  if (book.until != 0 && book.until <= book.from) {
    return at("valid_until", "the end is not after the beginning");
  }
  if (book.granularity_s == 0 || book.granularity_s > kMaxGranularity) {
    return at("granularity", "expected seconds from 1 to a day");
  }
  if (book.minimum_s > kMaxGranularity) return at("minimum", "expected seconds, at most a day");
  if (book.utc_offset_s < -14 * 3600 || book.utc_offset_s > 14 * 3600) {
    return at("utc_offset", "expected at most 14 hours");
  }
  if (book.prices.empty()) return at("prices", "a price book needs prices");
  if (book.prices.size() > kMaxPrices) return at("prices", "too many prices");
  std::set<Text> skus;
  for (std::size_t index = 0; index < book.prices.size(); ++index) {
    Fault fault = fault_of(book.prices[index]);
    if (!fault && !skus.insert(book.prices[index].sku).second) {
      fault = at("sku", quoted(book.prices[index].sku) + " stands twice in the book");
    }
    if (!fault) continue;
    fault->price = index;
    return fault;
  }
  return std::nullopt;
}

std::string version_name(const PriceBook& book) {
  return book.name.str() + " version " + std::to_string(book.version);
}

// Two books of one name, the first of which begins first.
Fault clash(const PriceBook& before, const PriceBook& after) {
  const auto at = [](std::string key, std::string text) -> Fault {
    return PriceFault{0, std::nullopt, std::move(key), std::move(text)};
  };
  if (before.currency != after.currency) {
    return at("currency", "book " + before.name.str() + " is in " + before.currency.str() +
                              "; all its versions must be");
  }
  if (before.until != 0 && before.until <= after.from) return std::nullopt;
  return at("valid_from", version_name(after) + " overlaps with version " +
                              std::to_string(before.version) + ", which holds from " +
                              utc_text(before.from) + " until " +
                              (before.until == 0 ? "further notice" : utc_text(before.until)));
}

}  // namespace

std::string_view fate_name(Fate fate) { return kFateNames[static_cast<std::size_t>(fate)]; }

std::optional<Fate> find_fate(std::string_view name) {
  for (std::size_t index = 1; index < kFateNames.size(); ++index) {
    if (kFateNames[index] == name) return static_cast<Fate>(index);
  }
  return std::nullopt;
}

bool is_always(const Window& window) {
  return window.days == 0x7f && window.from_min == 0 && window.to_min == 1440;
}

bool contains(const Window& window, WallTime local) {
  const DayTime when = day_time(local);
  const auto on = [&window](std::uint32_t weekday) { return (window.days >> weekday & 1U) != 0; };
  const std::int64_t from = window.from_min * kMinute;
  const std::int64_t to = window.to_min * kMinute;
  if (from < to) return on(when.weekday) && when.micros >= from && when.micros < to;
  return (on(when.weekday) && when.micros >= from) ||
         (on((when.weekday + 6) % 7) && when.micros < to);
}

std::optional<PriceFault> find_fault(std::span<const PriceBook> books) {
  for (std::size_t index = 0; index < books.size(); ++index) {
    Fault fault = fault_of(books[index]);
    if (!fault) continue;
    fault->book = index;
    return fault;
  }
  std::vector<std::size_t> order(books.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return std::tie(books[a].name, books[a].from) < std::tie(books[b].name, books[b].from);
  });
  std::set<std::pair<Text, std::uint32_t>> versions;
  for (std::size_t at = 0; at < order.size(); ++at) {
    const PriceBook& book = books[order[at]];
    Fault fault;
    if (at > 0 && books[order[at - 1]].name == book.name) {
      fault = clash(books[order[at - 1]], book);
    }
    if (!versions.emplace(book.name, book.version).second) {
      fault = PriceFault{0, std::nullopt, "version", version_name(book) + " stands twice"};
    }
    if (!fault) continue;
    fault->book = order[at];
    return fault;
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.:/+-").find(c) != std::string_view::npos;
  });
}

}  // namespace sluice::ledger
