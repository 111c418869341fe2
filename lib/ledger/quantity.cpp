// See quantity.hpp.
#include "ledger/quantity.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace sluice::ledger {

namespace {

constexpr std::int64_t kHour = 3'600;

struct MeterRow {
  std::string_view meter;  // ends with '/' where a name follows
  MeterUnit unit;
};
constexpr std::array<MeterRow, 8> kUnits{{
    {"cpu", {"core-hour", "Core-Hours", kHour}},
    {"cpu", {"thread-hour", "Thread-Hours", kHour}},
    {"cpu", {"cpu-hour", "CPU-Hours", kHour}},
    {"mem", {"gib-hour", "GiB-Hours", kHour * 1024}},
    {"node", {"node-hour", "Node-Hours", kHour}},
    {"billing", {"billing-hour", "Unit-Hours", kHour}},
    {"gres/", {"card-hour", "Card-Hours", kHour}},
    {"license/", {"license-hour", "License-Hours", kHour}},
}};

bool is_of(std::string_view meter, std::string_view row) {
  if (!row.ends_with('/')) return meter == row;
  return meter.starts_with(row) && meter.size() > row.size();
}

// The digits of value / 10^places.
std::string fixed_point(Wide value, std::size_t places) {
  const bool negative = value < 0;
  if (negative) value = -value;
  std::string digits;
  for (; value > 0 || digits.size() <= places; value /= 10) {
    digits.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
  }
  std::ranges::reverse(digits);
  std::string part = digits.substr(digits.size() - places);
  digits.resize(digits.size() - places);
  while (!part.empty() && part.back() == '0') part.pop_back();
  if (!part.empty()) digits += "." + part;
  return negative && digits != "0" ? "-" + digits : digits;
}

}  // namespace

Wide in_micros(Quantity quantity) {
  return Wide{quantity.seconds} * kMicro + Wide{quantity.micros};
}

Quantity quantity_of(Wide micros) {
  Wide seconds = micros / kMicro;
  Wide rest = micros % kMicro;
  if (rest < 0) {
    rest += kMicro;
    --seconds;
  }
  return {static_cast<std::int64_t>(seconds), static_cast<std::uint32_t>(rest)};
}

Quantity operator+(Quantity a, Quantity b) { return quantity_of(in_micros(a) + in_micros(b)); }
Quantity operator-(Quantity a, Quantity b) { return quantity_of(in_micros(a) - in_micros(b)); }

const MeterUnit* find_unit(std::string_view meter, std::string_view label) {
  for (const MeterRow& row : kUnits) {
    if (is_of(meter, row.meter) && (label.empty() || label == row.unit.label)) return &row.unit;
  }
  return nullptr;
}

// The quantity is cut into whole multiples of the divisor and a rest, so that no product overflows:
// whole * price is the result's own size, the rest is below 2^52 and the factor below 2^70.
Money cost(Wide micros, const UnitPrice& price) {
  SLUICE_ASSERT(micros >= 0, "a quantity below zero has no price");
  const Wide divisor = Wide{price.per_hour} * kMicro * 1000;
  const Wide factor = Wide{price.amount} * Wide{price.permille};
  if (factor == 0) return 0;
  const Wide whole = micros / divisor;
  if (whole > Wide{kMaxMoney} / factor) return kMaxMoney;
  const Wide amount = whole * factor + micros % divisor * factor / divisor;
  return static_cast<Money>(std::min(amount, Wide{kMaxMoney}));
}

Money share_of(Money total, Wide part, Wide whole) {
  SLUICE_ASSERT(part >= 0 && part <= whole, "a part is no larger than the whole");
  return whole == 0 ? 0 : static_cast<Money>(Wide{total} * part / whole);
}

std::string units_text(Quantity quantity, std::int64_t per_hour) {
  constexpr Wide kScale = 1'000'000'000'000;
  const Wide divisor = Wide{per_hour} * kMicro;
  const Wide micros = in_micros(quantity);
  const Wide size = micros < 0 ? -micros : micros;
  const Wide scaled = size / divisor * kScale + (size % divisor * kScale + divisor / 2) / divisor;
  return fixed_point(micros < 0 ? -scaled : scaled, 12);
}

std::string seconds_text(Quantity quantity) { return fixed_point(in_micros(quantity), 6); }

}  // namespace sluice::ledger
