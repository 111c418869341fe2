// See money.hpp. The table is that of ISO 4217 (currencies in use, without metals, funds and test
// codes).
#include "ledger/money.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"

namespace sluice::ledger {

namespace {

// By the number of digits of the minor unit; blanks separate.
constexpr std::string_view kNoDigits =
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
constexpr std::string_view kThreeDigits = "BHD IQD JOD KWD LYD OMR TND";
constexpr std::string_view kFourDigits = "CLF UYW";
constexpr std::string_view kTwoDigits =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ "
    "GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL "
    "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
    "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

constexpr std::size_t count_codes(std::string_view list) { return (list.size() + 1) / 4; }
constexpr std::size_t kCount = count_codes(kNoDigits) + count_codes(kThreeDigits) +
                               count_codes(kFourDigits) + count_codes(kTwoDigits);

constexpr std::array<Currency, kCount> make_table() {
  std::array<Currency, kCount> table{};
  std::size_t at = 0;
  const auto add = [&](std::string_view list, std::uint8_t digits) {
    for (std::size_t from = 0; from < list.size(); from += 4) {
      table[at++] = {list.substr(from, 3), digits};
    }
  };
  add(kNoDigits, 0);
  add(kThreeDigits, 3);
  add(kFourDigits, 4);
  add(kTwoDigits, 2);
  return table;
}
constexpr std::array<Currency, kCount> kTable = make_table();

constexpr std::size_t kDigits = 6;  // of a micro-unit

// `fixed` digits at least.
std::string text_of(Money amount, std::size_t fixed) {
  const bool negative = amount < 0;
  const std::uint64_t size = negative ? std::uint64_t{0} - static_cast<std::uint64_t>(amount)
                                      : static_cast<std::uint64_t>(amount);
  std::string part = std::to_string(size % kMicro);
  part.insert(0, kDigits - part.size(), '0');
  while (part.size() > fixed && part.back() == '0') part.pop_back();
  std::string text = (negative ? "-" : "") + std::to_string(size / kMicro);
  return part.empty() ? text : text + "." + part;
}

}  // namespace

const Currency* find_currency(std::string_view code) {
  const auto* found = std::ranges::find(kTable, code, &Currency::code);
  return found == kTable.end() ? nullptr : found;
}

Money minor_unit(std::string_view currency) {
  const Currency* known = find_currency(currency);
  Money unit = kMicro;
  for (std::uint8_t digit = known == nullptr ? 6 : known->digits; digit > 0; --digit) unit /= 10;
  return unit;
}

Money rounded_to_minor(Money amount, std::string_view currency) {
  const Money unit = minor_unit(currency);
  const Money half = amount < 0 ? -(unit / 2) : unit / 2;
  return (amount + half) / unit * unit;
}

Result<Money> parse_money(std::string_view text) {
  const auto wrong = [text] {
    return fail(ErrorCode::invalid_argument,
                "\"" + std::string(text) + "\" is not an amount like 12.5 (at most 6 decimals)");
  };
  const bool negative = text.starts_with('-');
  const base::Cut parts = base::cut(negative ? text.substr(1) : text, '.');
  const auto digits = [](std::string_view piece) {
    return !piece.empty() && piece.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!digits(parts.before) || parts.before.size() > 13) return wrong();
  if (parts.found && (!digits(parts.after) || parts.after.size() > kDigits)) return wrong();
  std::string all(parts.before);
  all.append(parts.after).append(kDigits - parts.after.size(), '0');
  Money amount = 0;
  for (const char digit : all) {
    amount = amount * 10 + (digit - '0');
    if (amount > kMaxMoney) return wrong();
  }
  return negative ? -amount : amount;
}

std::string decimal(Money amount) { return text_of(amount, 0); }

std::string money_text(Money amount, std::string_view currency) {
  const Currency* known = find_currency(currency);
  return text_of(amount, known == nullptr ? 0 : known->digits);
}

}  // namespace sluice::ledger
