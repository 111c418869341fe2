// Tariff: which prices hold for a job's resources at a moment, and until when that stays so.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ledger/price_set.hpp"

namespace sluice::ledger {

// What is allocated of a meter: CPUs, MiB, devices.
struct MeterCount {
  Text meter;
  std::int64_t count = 0;

  bool operator==(const MeterCount&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "meter", self.meter);
    visit(2, "count", self.count);
  }
};
// Each meter once; none below zero. Devices of a type may also be counted by the generic name.
using Allotment = std::vector<MeterCount>;

// What the conditions of prices look at.
struct Subject {
  std::string_view partition;
  std::string_view qos;
  std::span<const Text> accounts;  // its own, and those above it
  bool suspended = false;
};

struct TariffItem {
  const Price* price = nullptr;
  std::int64_t count = 0;

  bool operator==(const TariffItem&) const = default;
};
struct Tariff {
  const PriceBook* book = nullptr;  // null: none holds, so nothing is charged
  std::vector<TariffItem> items;
  WallTime until = 0;  // the same up to here, at least; never 0
};

struct TariffQuestion {
  std::string_view book;
  const Allotment& allotment;
  Subject subject;
};
// Pointers are into the set.
[[nodiscard]] Tariff tariff_at(const PriceSet& prices, const TariffQuestion& question,
                               WallTime when);

// The end of time, for tariffs that never change.
inline constexpr WallTime kEver = std::numeric_limits<WallTime>::max();

}  // namespace sluice::ledger
