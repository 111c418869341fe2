// Hours, days and months of places with odd clocks, and how periods are made of them.
#include "rollup/calendar.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::rollup {
namespace {

constexpr Seconds kHour = 3600;
constexpr Seconds kDay = 24 * kHour;
constexpr Seconds kNovember = 1793491200;  // 2026-11-01T00:00:00Z

model::LocalClock clock_of(std::initializer_list<std::pair<Seconds, std::int32_t>> changes) {
  model::LocalClock clock;
  for (const auto& [at, offset] : changes) clock.changes.push_back({at * model::kSecond, offset});
  return clock;
}

// Central Europe: summer time ended on 2026-10-25 at 01:00 UTC, and begins on 2027-03-28.
const model::LocalClock kZurich =
    clock_of({{0, 3600}, {1774746000, 7200}, {1792890000, 3600}, {1806195600, 7200}});
// Lord Howe: half an hour of summer time.
const model::LocalClock kIsland = clock_of({{0, 37800}, {1775314800, 37800}, {1791039600, 39600}});
const model::LocalClock kKolkata = clock_of({{0, 19800}});

TEST(CalendarTest, Utc) {
  const Calendar utc;
  EXPECT_EQ(utc.around(Level::hour, kNovember + 5000),
            (Period{kNovember + 3600, kNovember + 7200}));
  EXPECT_EQ(utc.around(Level::day, kNovember + 5000), (Period{kNovember, kNovember + kDay}));
  EXPECT_EQ(utc.around(Level::month, kNovember + 5000), (Period{kNovember, kNovember + 30 * kDay}));
  EXPECT_EQ(utc.around(Level::month, kNovember - 1).to, kNovember);
}

TEST(CalendarTest, ADayOfTwentyFiveHours) {
  const Calendar zurich(kZurich);
  const Period day = zurich.around(Level::day, 1792890000);
  EXPECT_EQ(day.length(), 25 * kHour);
  EXPECT_EQ(zurich.around(Level::month, 1792890000).length(), 31 * kDay + kHour);
  EXPECT_EQ(zurich.around(Level::day, 1806195600).length(), 23 * kHour);
}

TEST(CalendarTest, HalfHours) {
  const Calendar kolkata(kKolkata);
  EXPECT_EQ(kolkata.around(Level::hour, kNovember).from, kNovember - 1800);
  EXPECT_EQ(kolkata.around(Level::month, kNovember).from, kNovember - 19800);
}

TEST(CalendarTest, APeriodTakesFewParts) {
  const Calendar utc;
  const Period year{1767225600, 1767225600 + 365 * kDay};  // 2026
  ASSERT_EQ(utc.cover(year).size(), 1U);
  EXPECT_EQ(utc.cover(year).front().level, Level::month);
  const auto runs = utc.cover({kNovember - 2 * kHour, kNovember + 3 * kDay + kHour});
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0], (Calendar::Run{Level::hour, {kNovember - 2 * kHour, kNovember}}));
  EXPECT_EQ(runs[1], (Calendar::Run{Level::day, {kNovember, kNovember + 3 * kDay}}));
  EXPECT_EQ(runs[2].level, Level::hour);
  EXPECT_TRUE(utc.cover({5, 5}).empty());
}

// Whatever the clock: parts touch, begin and end with the period, and are themselves periods of
// their level; and around() gives the same period for all of its moments.
TEST(CalendarTest, AnyPeriodOfAnyClock) {
  const std::uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const model::LocalClock& clock : {model::LocalClock{}, kZurich, kIsland, kKolkata}) {
    const Calendar calendar(clock);
    for (int n = 0; n < 50; ++n) {
      const Seconds from = 1788000000 + static_cast<Seconds>(random() % (200 * kDay));
      const Period period{from, from + 1 + static_cast<Seconds>(random() % (70 * kDay))};
      Seconds at = calendar.around(Level::hour, period.from).from;
      for (const Calendar::Run& run : calendar.cover(period)) {
        EXPECT_EQ(run.span.from, at);
        while (at < run.span.to) {
          const Period part = calendar.around(run.level, at);
          EXPECT_EQ(part.from, at);
          EXPECT_EQ(calendar.around(run.level, part.to - 1), part);
          at = part.to;
        }
        EXPECT_EQ(at, run.span.to);
      }
      EXPECT_EQ(at, calendar.around(Level::hour, period.to - 1).to);
    }
  }
}

}  // namespace
}  // namespace sluice::rollup
