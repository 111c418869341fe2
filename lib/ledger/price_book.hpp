// PriceBook: what an hour of each resource costs, from when until when, and by which rules. A book
// of a name has versions whose validity never overlaps; every charge names book, version and SKU,
// so a version that was in force stays for ever.
//
// Which price holds: for each resource of a job the first one in the order of the book whose meter,
// conditions and time window match. A device of a type ("gres/gpu:a100") is charged by a price of
// its type if there is one; the generic price ("gres/gpu") holds for those that are left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "ledger/calendar.hpp"
#include "ledger/money.hpp"

namespace sluice::ledger {

// How an attempt ended, as far as its price depends on it. Stored: numbers never change.
enum class Fate : std::uint8_t {
  none = 0,  // it runs
  completed = 1,
  failed = 2,
  timeout = 3,
  cancelled = 4,
  node_fail = 5,
  preempted = 6,
  requeued = 7,
  launch_failed = 8,
  boot_fail = 9,
  deadline = 10,
  out_of_memory = 11,
};
inline constexpr std::uint32_t kFates = 12;
[[nodiscard]] std::string_view fate_name(Fate fate);  // "node_fail"
[[nodiscard]] std::optional<Fate> find_fate(std::string_view name);
[[nodiscard]] constexpr std::uint32_t fate_bit(Fate fate) {
  return 1U << static_cast<std::uint32_t>(fate);
}
// What a book makes free if it doesn't say: faults of the site.
inline constexpr std::uint32_t kFreeFates =
    fate_bit(Fate::node_fail) | fate_bit(Fate::launch_failed) | fate_bit(Fate::boot_fail);

// A time of day, in the book's local time. From > to: over midnight, and the days are those of the
// beginning. From == to is not allowed; 0 to 1440 is the whole day.
struct Window {
  std::uint32_t days = 0x7f;  // bit 0: Monday
  std::uint32_t from_min = 0;
  std::uint32_t to_min = 1440;

  bool operator==(const Window&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "days", self.days);
    visit(2, "from_min", self.from_min);
    visit(3, "to_min", self.to_min);
  }
};
[[nodiscard]] bool is_always(const Window& window);
[[nodiscard]] bool contains(const Window& window, WallTime local);

struct Price {
  Text sku;    // unique in the book
  Text meter;  // "cpu", "mem", "node", "billing", "gres/NAME[:TYPE]", "license/NAME"
  Text unit;   // "core-hour"; empty: the meter's usual one
  Text service;
  // Empty: any. An account stands for everything below it.
  std::vector<Text> partitions;
  std::vector<Text> qos;
  std::vector<Text> accounts;
  Window window;
  Money unit_price = 0;
  bool while_suspended = false;  // suspended time costs the same; else it is free

  bool operator==(const Price&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "sku", self.sku);
    visit(2, "meter", self.meter);
    visit(3, "unit", self.unit);
    visit(4, "service", self.service);
    visit(5, "partitions", self.partitions);
    visit(6, "qos", self.qos);
    visit(7, "accounts", self.accounts);
    visit(8, "window", self.window);
    visit(9, "unit_price", self.unit_price);
    visit(10, "while_suspended", self.while_suspended);
  }
};

// How the prices of a job's resources go together.
enum class Combine : std::uint8_t {
  sum = 0,
  max = 1,  // of cpu, mem and the devices together only the dearest; nodes, billing and licences
            // are added to it
};

inline constexpr Money kMaxUnitPrice = 1'000'000'000'000'000;  // 10^9 units
inline constexpr std::uint32_t kMaxGranularity = 86'400;
inline constexpr std::size_t kMaxPrices = 10'000;

struct PriceBook {
  Text name;
  std::uint32_t version = 0;  // from 1
  Text currency;
  WallTime from = 0;   // in force from here
  WallTime until = 0;  // to before here; 0: open
  std::int32_t utc_offset_s = 0;
  // Time is charged in granules from the attempt's beginning: one that has begun is charged whole,
  // at the price that holds when it begins. The first one is at least minimum_s long. Both as at
  // the beginning of the attempt.
  std::uint32_t granularity_s = 1;
  std::uint32_t minimum_s = 0;
  std::uint32_t free_fates = kFreeFates;  // bits; as at the beginning of the attempt
  Combine combine = Combine::sum;
  std::vector<Price> prices;

  bool operator==(const PriceBook&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "version", self.version);
    visit(3, "currency", self.currency);
    visit(4, "from", self.from);
    visit(5, "until", self.until);
    visit(6, "utc_offset_s", self.utc_offset_s);
    visit(7, "granularity_s", self.granularity_s);
    visit(8, "minimum_s", self.minimum_s);
    visit(9, "free_fates", self.free_fates);
    visit(10, "combine", self.combine);
    visit(11, "prices", self.prices);
  }
};

// What is wrong, and where: for messages that name a line.
struct PriceFault {
  std::size_t book = 0;              // of those asked about
  std::optional<std::size_t> price;  // of that book
  std::string key;                   // "price", "currency", "valid_from": as in price files
  std::string text;
};
// Each book for itself, then that no two versions of a name overlap.
[[nodiscard]] std::optional<PriceFault> find_fault(std::span<const PriceBook> books);

// A name that stands in texts and ids: letters, digits, "_.:/+-", not empty, at most 64.
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace sluice::ledger
