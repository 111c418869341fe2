// Points in time: the tables were recorded from `srun -v --begin=...` in UTC.
#include "base/timetext.hpp"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

// Sets the process's zone for one test.
class Timetext : public ::testing::Test {
 protected:
  Timetext() { use_zone("UTC"); }
  ~Timetext() override { use_zone("UTC"); }
  static void use_zone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
};

constexpr std::int64_t kNow = 1795290651;  // 2026-11-21T19:50:51 UTC, a Saturday

std::string read(std::string_view text, TimeOfDay meaning = TimeOfDay::next) {
  const auto time = parse_time(text, kNow, meaning);
  return time ? format_time(*time) : "error";
}

TEST_F(Timetext, Parse) {
  const std::pair<const char*, const char*> table[] = {
      {"2026-03-01", "2026-03-01T00:00:00"},
      {"2026-03-01T12:30", "2026-03-01T12:30:00"},
      {"2026-03-01T12:30:45", "2026-03-01T12:30:45"},
      {"2030-03-01-12:30", "2030-03-01T12:30:00"},
      {"2030-03-01 12:30", "2030-03-01T12:30:00"},
      {"2030-03-01T5:06", "2030-03-01T05:06:00"},
      {"2030-03-01T", "2030-03-01T00:00:00"},
      {"2030-01-01T12:30PM", "2030-01-01T12:30:00"},
      {"2030-02-30", "2030-03-02T00:00:00"},
      {"1969-01-01", "1969-01-01T00:00:00"},
      {"2107-01-01", "2107-01-01T00:00:00"},
      {"03/01", "2027-03-01T00:00:00"},
      {"7/4", "2027-07-04T00:00:00"},
      {"12/31", "2026-12-31T00:00:00"},
      {"12/31/30", "2030-12-31T00:00:00"},
      {"12/31-12:30", "2026-12-31T12:30:00"},
      {"12/31/30-12:30:15", "2030-12-31T12:30:15"},
      {"1231", "2026-12-31T00:00:00"},
      {"1231-12:30", "2026-12-31T12:30:00"},
      {"123130", "2030-12-31T00:00:00"},
      {"010199", "2099-01-01T00:00:00"},
      {"12.31", "2026-12-31T00:00:00"},
      {"12.31.30", "2030-12-31T00:00:00"},
      {"16:00", "2026-11-22T16:00:00"},
      {"00:01", "2026-11-22T00:01:00"},
      {"1:30", "2026-11-22T01:30:00"},
      {"23:59:59", "2026-11-21T23:59:59"},
      {"4:00PM", "2026-11-22T16:00:00"},
      {"9:00 pm", "2026-11-21T21:00:00"},
      {"4:30:15pm", "2026-11-22T16:30:15"},
      {"12:00AM", "2026-11-22T00:00:00"},
      {"12:00pm", "2026-11-22T12:00:00"},
      {"midnight", "2026-11-22T00:00:00"},
      {"NOON", "2026-11-22T12:00:00"},
      {"elevenses", "2026-11-22T11:00:00"},
      {"fika", "2026-11-22T15:00:00"},
      {"teatime", "2026-11-22T16:00:00"},
      {"today", "2026-11-21T00:00:00"},
      {"tomorrow", "2026-11-22T00:00:00"},
      {"tomorrow 16:00", "2026-11-22T16:00:00"},
      {"16:00tomorrow", "2026-11-22T16:00:00"},
      {"tomorrow-16:00", "2026-11-22T16:00:00"},
      {"noon tomorrow", "2026-11-22T12:00:00"},
      {"today-10:00", "2026-11-21T10:00:00"},
      {"12:30-12/31", "2026-12-31T12:30:00"},
      {"now", "2026-11-21T19:50:51"},
      {"now+60", "2026-11-21T19:51:51"},
      {"now+1hours", "2026-11-21T20:50:51"},
      {"now + 1 hour", "2026-11-21T20:50:51"},
      {"Now+1Day", "2026-11-22T19:50:51"},
      {"now+5MINUTES", "2026-11-21T19:55:51"},
      {"now+3weeks", "2026-12-12T19:50:51"},
      {"now-1day", "2026-11-20T19:50:51"},
      {"uts1900000000", "2030-03-17T17:46:40"},
  };
  for (const auto& [text, time] : table) EXPECT_EQ(read(text), time) << text;
}

TEST_F(Timetext, RefusesWhatIsWrong) {
  for (const char* text : {"2030-3-1",
                           "12/31/2030",
                           "31.12.30",
                           "0:1",
                           "4PM",
                           "12am",
                           "13:00PM",
                           "now+5min",
                           "now+5m",
                           "now+1month",
                           "1900000000",
                           "2030-13-01",
                           "2026-01-32",
                           "25:00",
                           "24:00",
                           "12:60",
                           "",
                           "garbage",
                           "2030-03-01T12",
                           "2030-01-01T25:00",
                           "2030-03-01T12:30:61",
                           "now+",
                           "now+-1",
                           "4:5",
                           "016:00",
                           "fikatime",
                           "2030-03-01Z",
                           "12:00 13:00",
                           "today tomorrow",
                           "99/01",
                           "12/32",
                           "uts",
                           "uts-1",
                           "now+99999999999999999999",
                           "-",
                           "nowhere",
                           "1-00"}) {
    EXPECT_EQ(read(text), "error") << text;
  }
}

TEST_F(Timetext, ForHistoryATimeOfDayIsToday) {
  EXPECT_EQ(read("16:00", TimeOfDay::today), "2026-11-21T16:00:00");
  EXPECT_EQ(read("midnight", TimeOfDay::today), "2026-11-21T00:00:00");
  EXPECT_EQ(read("23:00", TimeOfDay::today), "2026-11-21T23:00:00");
  EXPECT_EQ(read("03/01", TimeOfDay::today), "2026-03-01T00:00:00");
}

TEST_F(Timetext, Relative) {
  const std::pair<const char*, const char*> table[] = {
      {"now-1day", "Ystday 19:50"},      {"tomorrow-10:00", "Tomorr 10:00"},
      {"now+2days", "Mon 19:50"},        {"today", "00:00:00"},
      {"now-2days", "19 Nov 19:50"},     {"2026-04-05T01:02", "5 Apr 01:02"},
      {"now+4weeks", "19 Dec 19:50"},    {"now+7days", "28 Nov 19:50"},
      {"now+6days", "Fri 19:50"},        {"2027-01-02T10:00", "2 Jan 2027"},
      {"2030-03-01T5:06", "1 Mar 2030"},
  };
  for (const auto& [text, shown] : table) {
    EXPECT_EQ(format_time_as(*parse_time(text, kNow), "relative", kNow), shown) << text;
  }
}

TEST_F(Timetext, Formats) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00");
  EXPECT_EQ(format_time_as(kNow, "", kNow), "2026-11-21T19:50:51");
  EXPECT_EQ(format_time_as(kNow, "standard", kNow), "2026-11-21T19:50:51");
  EXPECT_EQ(format_time_as(kNow, "%s|%a", kNow), "1795290651|Sat");
  EXPECT_EQ(format_time_as(kNow, std::string(300, 'x'), kNow), "");
}

TEST_F(Timetext, DaysAreLocalAndMayLack24Hours) {
  use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const auto before = parse_time("2026-03-28T12:00", kNow);  // the night before the clocks change
  ASSERT_TRUE(before);
  EXPECT_EQ(format_time(*before), "2026-03-28T12:00:00");
  EXPECT_EQ(local_midnight(*before, 2) - local_midnight(*before, 1), 23 * 3600);
  EXPECT_EQ(format_time(*parse_time("tomorrow noon", *before)), "2026-03-29T12:00:00");
  EXPECT_EQ(format_time(*parse_time("now+1day", *before)), "2026-03-29T13:00:00");
}

}  // namespace
}  // namespace sluice::base
