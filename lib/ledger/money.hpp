// Money: whole micro-units (millionths) of a currency of ISO 4217, in 64 bits. Which currency is
// said beside it, once per customer and price book; sums never mix two. No amount exceeds kMaxMoney
// (a million millions of the unit), so sums of a few can't overflow; who adds up many asks first.
// Decimal texts are exact in both directions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::ledger {

using Money = std::int64_t;
inline constexpr Money kMicro = 1'000'000;                           // one unit
inline constexpr Money kMaxMoney = 1'000'000'000'000'000'000;        // 10^12 units
inline constexpr Money kUnlimitedMoney = 2'000'000'000'000'000'000;  // of limits: there is none

struct Currency {
  std::string_view code;    // "CHF"
  std::uint8_t digits = 0;  // of its minor unit: 2 of CHF, 0 of JPY, 3 of KWD
};

// Null: no such currency. Codes are upper case; metals and test codes are none.
[[nodiscard]] const Currency* find_currency(std::string_view code);

// The smallest amount that can be paid, in micro-units: 10,000 of CHF.
[[nodiscard]] Money minor_unit(std::string_view currency);
// The nearest payable amount; what lies in the middle goes away from zero.
[[nodiscard]] Money rounded_to_minor(Money amount, std::string_view currency);

// "12", "-0.025": at most six digits behind the point, at most kMaxMoney.
[[nodiscard]] Result<Money> parse_money(std::string_view text);

// Exact, without needless zeros: "12.5", "-0.000001", "0".
[[nodiscard]] std::string decimal(Money amount);
// For people: at least the digits of the currency, more where they aren't zero: "12.50".
[[nodiscard]] std::string money_text(Money amount, std::string_view currency);

}  // namespace sluice::ledger
