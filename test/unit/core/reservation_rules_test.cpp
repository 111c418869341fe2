// When repeating reservations occur: by the hour, the day and the week, and over changes of clocks.
#include "core/reservation_rules.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using model::kSecond;

constexpr model::WallTime kMinute = 60 * kSecond;

TEST(ReservationRules, HoursDaysAndWeeks) {
  model::Reservation r;
  r.start = 1'700'000'000 * kSecond;  // Tuesday, 2023-11-14 22:13 UTC
  r.end = r.start + 10 * kMinute;
  const auto next = [&](std::uint32_t flags) {
    r.flags = flags;
    return (next_occurrence(r, {r.start, r.end}, {}).from - r.start) / (60 * kMinute);
  };
  EXPECT_EQ(next(model::kResvHourly), 1);
  EXPECT_EQ(next(model::kResvDaily), 24);
  EXPECT_EQ(next(model::kResvWeekly), 168);
  EXPECT_EQ(next(model::kResvWeekday), 24);
  EXPECT_EQ(next(model::kResvWeekend), 4 * 24);
  r.utc_offset_s = 2 * 3600;  // there it is Wednesday
  EXPECT_EQ(next(model::kResvWeekend), 3 * 24);
  r.flags = model::kResvWeekday;
  r.start += 2 * 24 * 60 * kMinute;  // Friday there
  r.end = r.start + 10 * kMinute;
  EXPECT_EQ(next(model::kResvWeekday), 3 * 24);
}

TEST(ReservationRules, RepeatingOnesMeetWhatFallsOnThem) {
  model::Reservation daily;
  daily.start = 1'700'000'000 * kSecond;
  daily.end = daily.start + 60 * kMinute;
  daily.flags = model::kResvDaily;
  model::Reservation once;
  once.start = daily.start + (5 * 24 * 60 + 30) * kMinute;
  once.end = once.start + 10 * kMinute;
  EXPECT_TRUE(meet_in_time(daily, once, {}));
  once.start += 60 * kMinute;
  once.end += 60 * kMinute;
  EXPECT_FALSE(meet_in_time(daily, once, {}));
  model::Reservation hourly = once;
  hourly.flags = model::kResvHourly;
  EXPECT_TRUE(meet_in_time(daily, hourly, {}));
}

// Clocks go one hour ahead in the night of day 2, at two, and back again in that of day 200, at
// three.
struct SummerTime {
  static constexpr model::WallTime kDay = 24 * 60 * kMinute;
  model::WallTime midnight = 19'700 * kDay - 60 * kMinute;  // of day 0, UTC+1
  LocalClock clock{{{0, 3600},
                    {midnight + 2 * kDay + 120 * kMinute, 7200},
                    {midnight + 200 * kDay + 120 * kMinute, 3600}}};

  // A daily reservation that begins on day 0.
  [[nodiscard]] model::Reservation daily(int minute, int minutes) const {
    model::Reservation r;
    r.start = midnight + minute * kMinute;
    r.end = r.start + minutes * kMinute;
    r.flags = model::kResvDaily;
    r.utc_offset_s = 3600;
    return r;
  }
  // What clocks show when it begins and ends on a day, in minutes after that day's midnight.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> shown(const TimeSpan& span, int day) const {
    const auto minutes = [&](model::WallTime at) {
      const model::WallTime local = at + clock.offset_at(at, 0) * kSecond;
      return (local - 3600 * kSecond - midnight - day * kDay) / kMinute;
    };
    return {minutes(span.from), minutes(span.until)};
  }
};

TEST(ReservationRules, TheLocalHourStaysWhenClocksChange) {
  const SummerTime there;
  const std::pair<std::int64_t, std::int64_t> eight_to_ten(480, 600);
  const model::Reservation r = there.daily(480, 120);
  TimeSpan span{r.start, r.end};
  for (int day = 0; day < 210; ++day) {
    EXPECT_EQ(there.shown(span, day), eight_to_ten) << "day " << day;
    span = next_occurrence(r, span, there.clock);
  }
  const model::WallTime late = there.midnight + 100 * SummerTime::kDay;
  EXPECT_EQ(there.shown(occurrence_after(r, late, there.clock), 100), eight_to_ten);
}

// Half past two does not exist in one night; the night after it does again, and nothing drifts
// although the record moves along.
TEST(ReservationRules, AnHourThatADayLacksIsThereOnTheNext) {
  const SummerTime there;
  model::Reservation r = there.daily(150, 30);
  for (int day = 0; day < 205; ++day) {
    const std::pair<std::int64_t, std::int64_t> wanted =
        day == 2 ? std::pair<std::int64_t, std::int64_t>(210, 180)
                 : std::pair<std::int64_t, std::int64_t>(150, 180);
    EXPECT_EQ(there.shown({r.start, r.end}, day).first, wanted.first) << "day " << day;
    EXPECT_LT(r.start, r.end);
    set_occurrence(r, next_occurrence(r, {r.start, r.end}, there.clock), there.clock);
  }
}

TEST(ReservationRules, WholeDaysMeetWithoutAGap) {
  const SummerTime there;
  const model::Reservation r = there.daily(0, 24 * 60);
  TimeSpan span{r.start, r.end};
  for (int day = 0; day < 210; ++day) {
    const TimeSpan next = next_occurrence(r, span, there.clock);
    EXPECT_EQ(span.until, next.from) << "day " << day;
    span = next;
  }
  // From the last one back.
  model::Reservation last = r;
  set_occurrence(last, span, there.clock);
  span = {r.start, r.end};
  for (int day = 0; day < 210; ++day) {
    EXPECT_EQ(occurrence_at(last, span.from, there.clock), span) << "day " << day;
    span = next_occurrence(r, span, there.clock);
  }
}

}  // namespace
}  // namespace sluice::core
