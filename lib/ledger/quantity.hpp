// Quantities: how much of a resource for how long. A resource that is charged is a *meter*, named
// as TRES are ("cpu", "mem", "gres/gpu:a100"); its quantity is TRES * time, counted in
// TRES-microseconds (memory: MiB-microseconds). Products of quantities and prices are formed in 128
// bits and rounded down once, so a charge is exact to the micro-unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "ledger/money.hpp"

namespace sluice::ledger {

__extension__ using Wide = __int128;

// As stored and sent: TRES-seconds, and millionths of one (0 to 999,999, also below zero).
struct Quantity {
  std::int64_t seconds = 0;
  std::uint32_t micros = 0;

  bool operator==(const Quantity&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "seconds", self.seconds);
    visit(2, "micros", self.micros);
  }
};

[[nodiscard]] Wide in_micros(Quantity quantity);
// |micros| is below 2^82.
[[nodiscard]] Quantity quantity_of(Wide micros);
[[nodiscard]] Quantity operator+(Quantity a, Quantity b);
[[nodiscard]] Quantity operator-(Quantity a, Quantity b);

// What prices of a meter are per.
struct MeterUnit {
  std::string_view label;     // as price files write it: "core-hour"
  std::string_view plural;    // as exports write it: "Core-Hours"
  std::int64_t per_hour = 0;  // TRES-seconds in one unit: 3,600; of GiB-hours 1,024 times that
};

// Null: such a meter can't be charged. `label` empty: the meter's usual one. cpu: core-hour,
// thread-hour or cpu-hour (what a CPU is, is the cluster's choice); mem: gib-hour; node: node-hour;
// billing: billing-hour; gres/...: card-hour; license/...: license-hour.
[[nodiscard]] const MeterUnit* find_unit(std::string_view meter, std::string_view label);

// floor(quantity * price * permille / 1000), where `price` is per unit; never above kMaxMoney.
// The quantity isn't negative.
struct UnitPrice {
  Money amount = 0;           // per unit
  std::int64_t per_hour = 0;  // of the unit
  std::uint32_t permille = 1000;
};
[[nodiscard]] Money cost(Wide micros, const UnitPrice& price);

// floor(total * part / whole), 0 <= part <= whole.
[[nodiscard]] Money share_of(Money total, Wide part, Wide whole);

// Units with twelve decimals, rounded to the nearest: 1 core-second is "0.000277777778".
[[nodiscard]] std::string units_text(Quantity quantity, std::int64_t per_hour);
// TRES-seconds, exact: "90.5".
[[nodiscard]] std::string seconds_text(Quantity quantity);

}  // namespace sluice::ledger
