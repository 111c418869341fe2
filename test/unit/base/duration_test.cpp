// Lengths of time: the table was recorded from `srun -v --time=...`.
#include "base/duration.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::base {
namespace {

TEST(Duration, Parse) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"90", 5400},
      {"0:30", 30},
      {"1:30", 90},
      {"1:2:3", 3723},
      {"1-", 86400},
      {"1-2", 93600},
      {"1-2:3", 93780},
      {"1-2:3:4", 93784},
      {"0:36000", 36000},
      {"0", 0},
      {"1:60", 120},
      {"1:99:99", 9639},
      {"25:00:00", 90000},
      {"1-25", 176400},
      {"1-24:61:61", 176521},
      {"365-0", 31536000},
      {"-1", kUnlimited},
      {"UNLIMITED", kUnlimited},
      {"infinite", kUnlimited},
      {"Unlimited", kUnlimited},
      {"0-0:0:59", 59},
      {"4294967293", kMaxDurationSeconds},
  };
  for (const auto& [text, seconds] : table) EXPECT_EQ(parse_duration(text), seconds) << text;
}

TEST(Duration, RefusesWhatIsWrong) {
  for (const char* text : {"",
                           " 5",
                           "5 ",
                           "1:2:3:4",
                           "1-2:3:4:5",
                           "-5",
                           "--",
                           "-",
                           "a",
                           "1-a",
                           "1:",
                           ":1",
                           "1::",
                           "1--",
                           "1-1-1",
                           "+5",
                           "1.5",
                           "UNLIM",
                           "4294967294",
                           "99999999999999999999",
                           "9223372036854775807-0",
                           "49710269-0",
                           "0:18446744073709551615"}) {
    const auto result = parse_duration(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_time_limit);
  }
}

TEST(Duration, MinutesRoundUp) {
  EXPECT_EQ(to_minutes_up(0), 0);
  EXPECT_EQ(to_minutes_up(1), 1);
  EXPECT_EQ(to_minutes_up(60), 1);
  EXPECT_EQ(to_minutes_up(61), 2);
  EXPECT_EQ(to_minutes_up(kUnlimited), kUnlimited);
}

TEST(Duration, Format) {
  EXPECT_EQ(format_short_duration(0), "0:00");
  EXPECT_EQ(format_short_duration(5), "0:05");
  EXPECT_EQ(format_short_duration(300), "5:00");
  EXPECT_EQ(format_short_duration(3723), "1:02:03");
  EXPECT_EQ(format_short_duration(93784), "1-02:03:04");
  EXPECT_EQ(format_short_duration(kUnlimited), "UNLIMITED");
  EXPECT_EQ(format_short_duration(-1), "INVALID");
  EXPECT_EQ(format_duration(5), "00:00:05");
  EXPECT_EQ(format_duration(93784), "1-02:03:04");
  EXPECT_EQ(format_duration(kUnlimited), "UNLIMITED");
  EXPECT_EQ(format_cpu_time(123456), "00:00.123");
  EXPECT_EQ(format_cpu_time(3599999000), "59:59.999");
  EXPECT_EQ(format_cpu_time(3600000000), "01:00:00");
  EXPECT_EQ(format_cpu_time(93784000000), "1-02:03:04");
}

RC_GTEST_PROP(DurationProperty, RoundTrip, ()) {
  const auto seconds = *rc::gen::inRange<std::int64_t>(0, kMaxDurationSeconds);
  RC_ASSERT(parse_duration(format_duration(seconds)) == seconds);
  RC_ASSERT(parse_duration(format_short_duration(seconds)) == seconds);
}

RC_GTEST_PROP(DurationProperty, AnyTextIsReadOrRefused, ()) {
  const auto text =
      *rc::gen::container<std::string>(rc::gen::element('0', '1', '9', ':', '-', 'a'));
  const auto seconds = parse_duration(text);
  if (seconds)
    RC_ASSERT(*seconds == kUnlimited || (*seconds >= 0 && *seconds <= kMaxDurationSeconds));
}

}  // namespace
}  // namespace sluice::base
