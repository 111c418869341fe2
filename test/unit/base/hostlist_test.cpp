// Host lists: what was recorded from `scontrol show hostlist`, `hostlistsorted` and `hostnames`,
// and round trips.
#include "base/hostlist.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/strings.hpp"

namespace sluice::base {
namespace {

std::string expand(std::string_view text) {
  const auto hosts = parse_hosts(text);
  return hosts ? join(*hosts, " ") : "error: " + hosts.error().text;
}

struct Recorded {
  const char* text;
  const char* names;
  const char* list;
  const char* sorted;
};

TEST(Hostlist, AsRecorded) {
  const Recorded table[] = {
      {"b2,b1,a3,b1", "b2 b1 a3 b1", "b[2,1],a3,b1", "a3,b[1,1-2]"},
      {"n3,n1,n2", "n3 n1 n2", "n[3,1-2]", "n[1-3]"},
      {"a[01-03,07],b,c[1-2]x[3-4]", "a01 a02 a03 a07 b c1x3 c1x4 c2x3 c2x4",
       "a[01-03,07],b,c1x[3-4],c2x[3-4]", "a[01-03,07],b,c1x[3-4],c2x[3-4]"},
      {"n1,n01,n2,n02", "n1 n01 n2 n02", "n[1,01,2,02]", "n[1-2,01-02]"},
      {"n9,n10,n11", "n9 n10 n11", "n[9-11]", "n[9-11]"},
      {"n09,n10,n099,n100", "n09 n10 n099 n100", "n[09-10,099-100]", "n[09-10,099-100]"},
      {"n1,m1,n2", "n1 m1 n2", "n1,m1,n2", "m1,n[1-2]"},
      {"n[1-3],n2", "n1 n2 n3 n2", "n[1-3,2]", "n[1-2,2-3]"},
      {"b,a,a", "b a a", "b,a,a", "a,a,b"},
      {"n1,n", "n1 n", "n1,n", "n,n1"},
      {"1,2,3", "1 2 3", "[1-3]", "[1-3]"},
      {"a,,b", "a b", "a,b", "a,b"},
      {"a b", "a b", "a,b", "a,b"},
      {"n[01-3]", "n01 n02 n03", "n[01-03]", "n[01-03]"},
      {"n[1-03]", "n1 n2 n3", "n[1-3]", "n[1-3]"},
      {"n[08-12]", "n08 n09 n10 n11 n12", "n[08-12]", "n[08-12]"},
      {"A1,a2,a1,B1", "A1 a2 a1 B1", "A1,a[2,1],B1", "A1,B1,a[1-2]"},
      {"n[1-2][1-3]", "n11 n12 n13 n21 n22 n23", "n[11-13,21-23]", "n[11-13,21-23]"},
      {"n0,n00,n000,n001", "n0 n00 n000 n001", "n[0,00,000-001]", "n[0,00,000-001]"},
      {"a-1,a1,aa1,a", "a-1 a1 aa1 a", "a-1,a1,aa1,a", "a,a1,a-1,aa1"},
      {"rack2n1,rack10n1", "rack2n1 rack10n1", "rack2n1,rack10n1", "rack2n1,rack10n1"},
      {"node10-1,node9-2,node9-1", "node10-1 node9-2 node9-1", "node10-1,node9-[2,1]",
       "node9-[1-2],node10-1"},
      {"n3,n02,n1,n03", "n3 n02 n1 n03", "n[3,02,1,03]", "n[1,3,02-03]"},
      {"n100,n99,n099", "n100 n99 n099", "n[100,99,099]", "n[99,099-100]"},
  };
  for (const Recorded& row : table) {
    const auto hosts = parse_hosts(row.text);
    ASSERT_TRUE(hosts) << row.text;
    EXPECT_EQ(join(*hosts, " "), row.names);
    EXPECT_EQ(compress_hosts(*hosts), row.list);
    EXPECT_EQ(compress_hosts(sort_hosts(*hosts)), row.sorted);
  }
}

TEST(Hostlist, RefusesWhatIsWrong) {
  for (const char* text : {"a[3-1]", "a[1", "a[1]]", "a]1[", "a[]", "a[x]", "a[1,,2]", "a[1-]",
                           "a[[1]]", "a[-1]", "a[1-2-3]", "a[99999999999999999999]"}) {
    const auto hosts = parse_hosts(text);
    ASSERT_FALSE(hosts) << text;
    EXPECT_EQ(hosts.error().code, ErrorCode::invalid_node_name);
  }
  EXPECT_EQ(expand("a[1"), "error: Invalid hostlist: a[1");
}

TEST(Hostlist, IsBounded) {
  EXPECT_EQ(parse_hosts("n[1-100000]")->size(), kMaxHosts);
  EXPECT_FALSE(parse_hosts("n[1-100001]"));
  EXPECT_FALSE(parse_hosts("n[1-100000],m"));
  EXPECT_FALSE(parse_hosts("n[0-999999999999999999]"));
  EXPECT_FALSE(parse_hosts("n[1-1000]x[1-1000]"));
  EXPECT_FALSE(parse_hosts("[1-10][1-10][1-10][1-10][1-10][1-10]"));
  EXPECT_FALSE(parse_hosts(std::string(kMaxHostName + 1, 'n')));
  EXPECT_TRUE(parse_hosts(std::string(kMaxHostName, 'n')));
  EXPECT_TRUE(parse_hosts("")->empty());
}

TEST(Hostlist, SetsAreSortedAndUnique) {
  EXPECT_EQ(compress_sorted_hosts({"n2", "n1", "n2", "m"}), "m,n[1-2]");
  EXPECT_EQ(compress_sorted_hosts({}), "");
}

TEST(Hostlist, NumbersTooLongForAWordStayWhole) {
  const std::vector<std::string> hosts{"n18446744073709551615", "n18446744073709551616"};
  EXPECT_EQ(parse_hosts(compress_hosts(hosts)), hosts);
}

// Names that collide often in prefix, number and padding.
rc::Gen<std::string> host_name() {
  return rc::gen::map(rc::gen::tuple(rc::gen::element<std::string>("n", "m", "n1x", "a-", ""),
                                     rc::gen::inRange(0, 120), rc::gen::inRange(0, 4)),
                      [](const std::tuple<std::string, int, int>& parts) {
                        std::string digits = std::to_string(std::get<1>(parts));
                        const auto width = static_cast<std::size_t>(std::get<2>(parts));
                        if (width == 0 && !std::get<0>(parts).empty())
                          return std::get<0>(parts) + "z";
                        if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
                        return std::get<0>(parts) + digits;
                      });
}

RC_GTEST_PROP(HostlistProperty, CompressedTextGivesTheNamesBack, ()) {
  const auto hosts = *rc::gen::container<std::vector<std::string>>(host_name());
  RC_ASSERT(parse_hosts(compress_hosts(hosts)) == hosts);
  auto unique = sort_hosts(hosts);
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  RC_ASSERT(parse_hosts(compress_sorted_hosts(hosts)) == unique);
}

RC_GTEST_PROP(HostlistProperty, OrderIsTotal, ()) {
  const auto hosts = *rc::gen::container<std::vector<std::string>>(3, host_name());
  const std::string& a = hosts[0];
  const std::string& b = hosts[1];
  const std::string& c = hosts[2];
  RC_ASSERT(static_cast<int>(host_less(a, b)) + static_cast<int>(host_less(b, a)) ==
            static_cast<int>(a != b));
  if (host_less(a, b) && host_less(b, c)) RC_ASSERT(host_less(a, c));
}

RC_GTEST_PROP(HostlistProperty, AnyTextIsReadOrRefused, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::element('a', '1', '9', '0', '[', ']', '-', ',', ' '));
  const auto hosts = parse_hosts(text);
  if (!hosts) RC_SUCCEED("refused");
  for (const std::string& host : *hosts) {
    RC_ASSERT(!host.empty());
    RC_ASSERT(host.find_first_of("[], ") == std::string::npos);
  }
}

TEST(RepeatList, AsSlurmPrintsIt) {
  EXPECT_EQ(repeat_list(std::vector<std::uint32_t>{8, 8, 4}), "8(x2),4");
  EXPECT_EQ(repeat_list(std::vector<std::uint32_t>{1}), "1");
  EXPECT_EQ(repeat_list(std::vector<std::uint32_t>{2, 1, 1, 1, 2}), "2,1(x3),2");
  EXPECT_EQ(repeat_list({}), "");
}

TEST(RepeatList, RefusesWhatIsWrong) {
  for (const char* text : {"8(x0)", "8(2)", "8(x2", "(x2)", "8,", "a", "8(x100001)", "-1"}) {
    EXPECT_FALSE(parse_repeat_list(text)) << text;
  }
}

RC_GTEST_PROP(RepeatListProperty, RoundTrips, ()) {
  const auto counts =
      *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 4));
  RC_ASSERT(parse_repeat_list(repeat_list(counts)) == counts);
}

}  // namespace
}  // namespace sluice::base
