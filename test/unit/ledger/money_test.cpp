// Money, quantities and the calendar: exact in both directions.
#include "ledger/money.hpp"

#include <gtest/gtest.h>

#include "ledger/calendar.hpp"
#include "ledger/quantity.hpp"

namespace sluice::ledger {
namespace {

TEST(Money, TextIsExactInBothDirections) {
  for (const char* text : {"0", "1", "12.5", "-0.000001", "0.1", "1000000000000", "-7.123456"}) {
    const Result<Money> amount = parse_money(text);
    ASSERT_TRUE(amount) << text;
    EXPECT_EQ(decimal(*amount), text);
  }
  EXPECT_EQ(*parse_money("0012.50"), 12'500'000);
  for (const char* text : {"", "-", ".", "1.", ".5", "1.0000001", "1e3", "+1", "1,5", "1 ", "--1",
                           "1000000000001", "99999999999999999999", "0x1"}) {
    EXPECT_FALSE(parse_money(text)) << text;
  }
}

TEST(Money, CurrenciesHaveTheirDigits) {
  EXPECT_EQ(find_currency("CHF")->digits, 2);
  EXPECT_EQ(find_currency("JPY")->digits, 0);
  EXPECT_EQ(find_currency("KWD")->digits, 3);
  EXPECT_EQ(find_currency("ZWG")->digits, 2);
  EXPECT_EQ(find_currency("chf"), nullptr);
  EXPECT_EQ(find_currency("XAU"), nullptr);
  EXPECT_EQ(find_currency(""), nullptr);
  EXPECT_EQ(minor_unit("CHF"), 10'000);
  EXPECT_EQ(minor_unit("JPY"), 1'000'000);
  EXPECT_EQ(money_text(12'500'000, "CHF"), "12.50");
  EXPECT_EQ(money_text(12'500'001, "CHF"), "12.500001");
  EXPECT_EQ(money_text(-5'000'000, "JPY"), "-5");
  EXPECT_EQ(rounded_to_minor(1'234'999, "CHF"), 1'230'000);
  EXPECT_EQ(rounded_to_minor(1'235'000, "CHF"), 1'240'000);
  EXPECT_EQ(rounded_to_minor(-1'235'000, "CHF"), -1'240'000);
  EXPECT_EQ(rounded_to_minor(499'999, "JPY"), 0);
}

TEST(Quantity, CostsAreRoundedDownOnce) {
  const UnitPrice price{25'000, 3'600, 1000};  // 0.025 an hour
  EXPECT_EQ(cost(Wide{3'600} * kMicro, price), 25'000);
  EXPECT_EQ(cost(Wide{1} * kMicro, price), 6);  // 6.94...
  EXPECT_EQ(cost(Wide{2} * kMicro, price), 13);
  EXPECT_EQ(cost(Wide{3'600} * kMicro, {25'000, 3'600, 875}), 21'875);
  EXPECT_EQ(cost(Wide{1'024} * 3'600 * kMicro, {2'000, 3'600 * 1'024, 1000}), 2'000);
  // 80,000 nodes of a TiB for a year, by the GiB-hour.
  const Wide much = Wide{80'000} * 1'048'576 * 31'536'000 * kMicro;
  EXPECT_EQ(cost(much, {2'000, 3'600 * 1'024, 1000}), Money{80'000} * 1'024 * 8'760 * 2'000);
  EXPECT_EQ(cost(much * 1'000, {kMaxMoney / 1'000, 3'600, 1000}), kMaxMoney);
}

TEST(Quantity, TextsAndStoredForm) {
  EXPECT_EQ(units_text({3'600, 0}, 3'600), "1");
  EXPECT_EQ(units_text({1, 0}, 3'600), "0.000277777778");
  EXPECT_EQ(units_text({-1, 0}, 3'600), "-0.000277777778");
  EXPECT_EQ(units_text({}, 3'600), "0");
  EXPECT_EQ(seconds_text({90, 500'000}), "90.5");
  for (const std::int64_t micros : {0LL, 1LL, 999'999LL, 1'000'000LL, -1LL, -1'000'001LL}) {
    EXPECT_EQ(in_micros(quantity_of(micros)), micros);
  }
  EXPECT_EQ(quantity_of(-1), (Quantity{-1, 999'999}));
  EXPECT_EQ(share_of(800, 1, 3), 266);
}

TEST(Quantity, MetersAndTheirUnits) {
  EXPECT_EQ(find_unit("cpu", "")->label, "core-hour");
  EXPECT_EQ(find_unit("cpu", "thread-hour")->plural, "Thread-Hours");
  EXPECT_EQ(find_unit("mem", "")->per_hour, 3'600 * 1'024);
  EXPECT_EQ(find_unit("gres/gpu:a100", "")->label, "card-hour");
  EXPECT_EQ(find_unit("license/matlab", "")->label, "license-hour");
  EXPECT_EQ(find_unit("gres/", ""), nullptr);
  EXPECT_EQ(find_unit("energy", ""), nullptr);
  EXPECT_EQ(find_unit("cpu", "gib-hour"), nullptr);
}

TEST(Calendar, MonthsAndTexts) {
  const WallTime when = *parse_utc("2026-11-22T05:06:17Z");
  EXPECT_EQ(when, 1'795'323'977LL * kSecond);
  EXPECT_EQ(utc_text(when + 999'999), "2026-11-22T05:06:17Z");
  EXPECT_EQ(month_text(month_of(when)), "2026-11");
  EXPECT_EQ(utc_text(month_start(month_of(when))), "2026-11-01T00:00:00Z");
  EXPECT_EQ(utc_text(month_start(next_month(*parse_month("2027-12")))), "2028-01-01T00:00:00Z");
  EXPECT_EQ(month_of(month_start(*parse_month("2028-03")) - 1), *parse_month("2028-02"));
  EXPECT_EQ(utc_text(*parse_utc("2028-02-29")), "2028-02-29T00:00:00Z");
  EXPECT_EQ(utc_text(*parse_utc("2026-01-01T00:30:00+01:00")), "2025-12-31T23:30:00Z");
  for (const char* text :
       {"2026-02-29", "2026-13-01", "2026-1-1", "26-01-01", "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00", "2026-01-01x", "", "2026-01-01T00:00:00+1"}) {
    EXPECT_FALSE(parse_utc(text)) << text;
  }
  EXPECT_FALSE(parse_month("2026-00"));
  EXPECT_FALSE(parse_month("2026"));
  EXPECT_EQ(*parse_utc_offset("-03:30"), -12'600);
}

TEST(Calendar, EveryDayOfFourCenturies) {
  Month month = *parse_month("1999-12");
  for (std::int64_t day = 10'956; day < 10'956 + 146'097; ++day) {  // from 2000-01-01, minus a day
    const WallTime when = day * kDay;
    const Month now = month_of(when);
    ASSERT_TRUE(now == month || now == next_month(month)) << day;
    if (now != month) {
      ASSERT_EQ(month_start(now), when);
    }
    month = now;
  }
  EXPECT_EQ(day_time(*parse_utc("2026-11-23")).weekday, 0U);  // a Monday
}

}  // namespace
}  // namespace sluice::ledger
