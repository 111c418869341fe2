// Numbers, sizes and counts, by tables.
#include "base/quantity.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::base {
namespace {

TEST(Integers, StrictAndInRange) {
  EXPECT_EQ(parse_unsigned("0"), 0U);
  EXPECT_EQ(parse_unsigned("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_unsigned("007"), 7U);
  EXPECT_EQ(parse_u32("4294967295"), 4294967295U);
  EXPECT_EQ(parse_u32("5", 5), 5U);
  EXPECT_FALSE(parse_u32("6", 5));
  EXPECT_FALSE(parse_u32("4294967296"));
  for (const char* text :
       {"", " 1", "1 ", "+1", "-1", "1.0", "0x1", "1e3", "a", "18446744073709551616"}) {
    EXPECT_FALSE(parse_unsigned(text)) << text;
  }
  EXPECT_EQ(parse_signed("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_signed("+5"), 5);
  EXPECT_EQ(parse_signed("-10", {-10, 10}), -10);
  EXPECT_FALSE(parse_signed("-11", {-10, 10}));
  for (const char* text : {"", "+", "-", "+-1", "--1", "9223372036854775808"}) {
    EXPECT_FALSE(parse_signed(text)) << text;
  }
}

RC_GTEST_PROP(IntegersProperty, RoundTrip, (std::int64_t value)) {
  RC_ASSERT(parse_signed(std::to_string(value)) == value);
}

TEST(Memory, InMebibytes) {
  EXPECT_EQ(parse_memory_mib("4"), 4U);
  EXPECT_EQ(parse_memory_mib("0"), 0U);
  EXPECT_EQ(parse_memory_mib("100M"), 100U);
  EXPECT_EQ(parse_memory_mib("4G"), 4096U);
  EXPECT_EQ(parse_memory_mib("4gb"), 4096U);
  EXPECT_EQ(parse_memory_mib("4MB"), 4U);
  EXPECT_EQ(parse_memory_mib("1T"), 1048576U);
  EXPECT_EQ(parse_memory_mib("512K"), 1U);
  EXPECT_EQ(parse_memory_mib("1024K"), 1U);
  EXPECT_EQ(parse_memory_mib("1025K"), 2U);
  for (const char* text : {"", "G", "B", "4B", "4P", "4E", "1.5G", "-1", "4X", "4Gx", "4GG",
                           "99999999999999999999", "18446744073709551615T"}) {
    EXPECT_FALSE(parse_memory_mib(text)) << text;
  }
}

TEST(Counts, Suffixes) {
  EXPECT_EQ(parse_count("16"), 16U);
  EXPECT_EQ(parse_count("1k"), 1024U);
  EXPECT_EQ(parse_count("2M"), 2U << 20U);
  EXPECT_EQ(parse_count("1G"), 1U << 30U);
  for (const char* text : {"", "k", "1kk", "1kB", "-1k", "18446744073709551615k"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

TEST(NodeCounts, Forms) {
  const auto counts = [](std::uint32_t min, std::uint32_t max,
                         std::vector<std::uint32_t> sizes = {}) {
    return NodeCounts{min, max, std::move(sizes)};
  };
  EXPECT_EQ(parse_node_counts("4"), counts(4, 4));
  EXPECT_EQ(parse_node_counts("0"), counts(0, 0));
  EXPECT_EQ(parse_node_counts("2-4"), counts(2, 4));
  EXPECT_EQ(parse_node_counts("-4"), counts(1, 4));
  EXPECT_EQ(parse_node_counts("1k-2k"), counts(1024, 2048));
  EXPECT_EQ(parse_node_counts("9,1,5,1"), counts(1, 9, {1, 5, 9}));
  EXPECT_EQ(parse_node_counts("1-13:4"), counts(1, 13, {1, 5, 9, 13}));
  EXPECT_EQ(parse_node_counts("1-3,8"), counts(1, 8, {1, 2, 3, 8}));
  for (const char* text : {"", "4-", "1.5", "2-4-5", "a", "1,", "3-1,4", "1-5:0", "1-100000:1",
                           "4294967296", "1,4294967296"}) {
    EXPECT_FALSE(parse_node_counts(text)) << text;
  }
  EXPECT_EQ(parse_node_counts("4-2").error().text,
            "Maximum node count 2 is less than minimum node count 4");
  EXPECT_EQ(parse_node_counts("1.5").error().text, "\"1.5\" is not a valid node count");
}

TEST(Format, ExactRoundedAndForced) {
  EXPECT_EQ(format_exact(4096, Unit::mega), "4G");
  EXPECT_EQ(format_exact(500, Unit::mega), "500M");
  EXPECT_EQ(format_exact(1536, Unit::mega), "1536M");
  EXPECT_EQ(format_exact(0, Unit::mega), "0");
  EXPECT_EQ(format_exact(3, Unit::one), "3");
  EXPECT_EQ(format_rounded(1536, Unit::mega), "1.50G");
  EXPECT_EQ(format_rounded(4096, Unit::mega), "4G");
  EXPECT_EQ(format_rounded(1000, Unit::kilo), "1000K");
  EXPECT_EQ(format_rounded(1025, Unit::kilo), "1.00M");
  EXPECT_EQ(format_rounded(0, Unit::kilo), "0");
  EXPECT_EQ(format_in(1536, Unit::mega, Unit::giga), "1.50G");
  EXPECT_EQ(format_in(100, Unit::mega, Unit::giga), "0.10G");
  EXPECT_EQ(format_in(4, Unit::giga, Unit::kilo), "4194304K");
  EXPECT_EQ(format_plain(1536, Unit::mega), "1536M");
  EXPECT_EQ(format_plain(7, Unit::one), "7");
}

RC_GTEST_PROP(FormatProperty, ExactLosesNothing, ()) {
  const auto mib = *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 30U);
  RC_ASSERT(parse_memory_mib(format_plain(mib, Unit::mega)) == mib);
  RC_ASSERT(parse_memory_mib(format_exact(mib % 100000, Unit::mega)) == mib % 100000);
}

}  // namespace
}  // namespace sluice::base
