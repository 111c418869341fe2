// sreport's words, units and tables, without a cluster. The expected lines are those that Slurm's
// sreport printed of the same use.
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/sreport/reports.hpp"

namespace sluice::cli::reporting {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kBegin = 1795132800;  // 2026-11-20T00:00:00Z
constexpr std::int64_t kHour = 3600;

class SreportTest : public ::testing::Test {
 protected:
  SreportTest() {
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
    style.tres = {model::first_tres().front()};
    style.unit = TimeUnit::seconds;
    style.shape = report::ListShape::delimited;
    style.header = false;
    conditions.start = kBegin;
    conditions.end = kBegin + 48 * kHour;
    answer.use.cluster = "oracle";
    answer.use.tres = model::first_tres();
    answer.accounts = model::first_accounts();
    answer.use.whole.emplace_back();
    model::ClusterUse& whole = answer.use.whole.front();
    set(whole.reported, 5529600);
    set(whole.allocated, 284440);
    set(whole.down, 72000);
    set(whole.planned, 345600);
    set(whole.over_committed, 57600);
    set(whole.idle, 4827560);
    set(whole.counts, 32);
    std::uint32_t id = 10;
    const auto account = [&](const char* name, std::uint32_t parent, const char* user) {
      model::Association one;
      one.id = ++id;
      one.parent = parent;
      one.account = name;
      one.user = user;
      answer.accounts.associations.push_back(one);
      return id;
    };
    const std::uint32_t a = account("a", 1, "");
    const std::uint32_t a1 = account("a1", a, "");
    const std::uint32_t a2 = account("a2", a, "");
    const std::uint32_t b = account("b", 1, "");
    account("a1", a1, "alice");
    account("a2", a2, "alice");
    account("a2", a2, "bob");
    account("b", b, "alice");
    account("b", b, "bob");
    use("a1", "alice", "w1", 4, 25200);
    use("a1", "alice", "", 1, 40);
    use("a2", "alice", "w2", 2, 57600);
    use("a2", "bob", "", 8, 28800);
    use("b", "alice", "", 16, 57600);
    use("b", "bob", "", 32, 115200);
  }
  static void set(model::TresCounts& counts, std::int64_t value) {
    model::set_tres(counts, model::kTresCpu, value);
  }
  void use(const char* account, const char* user, const char* wckey, std::uint32_t cpus,
           std::int64_t seconds) {
    model::UseRow row;
    row.key.account = account;
    row.key.user = user;
    row.key.wckey = wckey;
    row.cpus = cpus;
    row.jobs = 1;
    set(row.seconds, seconds);
    answer.use.rows.push_back(row);
  }
  void told(std::initializer_list<std::string> words, ReportKind kind) {
    const Conditions given = parse_conditions(words, conditions_of(kind), kBegin + 60 * kHour);
    ASSERT_THAT(given.complaints, IsEmpty());
    const auto [start, end] = std::pair(conditions.start, conditions.end);
    conditions = given;
    conditions.start = start;
    conditions.end = end;
  }
  [[nodiscard]] ReportInput in() const { return {answer, conditions, style}; }

  Answer answer;
  Conditions conditions;
  Style style;
  Printed printed;
};

TEST_F(SreportTest, Units) {
  EXPECT_EQ(amount_text(TimeUnit::minutes, 25240, 0), "421");
  EXPECT_EQ(amount_text(TimeUnit::minutes, 30, 0), "0");
  EXPECT_EQ(amount_text(TimeUnit::percent, 284440, 5529600), "5.14%");
  EXPECT_EQ(amount_text(TimeUnit::hours_percent, 284440, 5529600), "79(5.14%)");
  EXPECT_EQ(parse_time_unit("HOURPER"), TimeUnit::hours_percent);
  EXPECT_EQ(parse_time_unit("sec"), TimeUnit::seconds);
  EXPECT_EQ(parse_time_unit("foo"), std::nullopt);
}

TEST_F(SreportTest, PeriodsAreWholeHours) {
  const auto period = [](std::initializer_list<std::string> words) {
    const Conditions given = parse_conditions(words, 0, kBegin + 60 * kHour);
    return std::pair(given.start - kBegin, given.end - kBegin);
  };
  EXPECT_EQ(period({}), std::pair(24 * kHour, 48 * kHour));
  EXPECT_EQ(period({"start=2026-11-20T05:30:00", "end=2026-11-20T07:45:00"}),
            std::pair(6 * kHour, 8 * kHour));
  EXPECT_EQ(period({"start=2026-11-20T05:29:59", "end=2026-11-20T07:15:00"}),
            std::pair(5 * kHour, 7 * kHour));
  EXPECT_EQ(period({"Start=2026-11-21", "End=2026-11-20"}), std::pair(24 * kHour, 25 * kHour));
}

TEST_F(SreportTest, WhatIsWrongIsTold) {
  const Conditions unknown = parse_conditions({"foo=bar"}, 0, kBegin);
  EXPECT_THAT(unknown.complaints,
              ElementsAre(" Unknown condition: foo=bar\nUse keyword set to modify value"));
  EXPECT_TRUE(unknown.failed);
  const Conditions time = parse_conditions({"start=foo"}, 0, kBegin);
  EXPECT_THAT(time.complaints, ElementsAre("Invalid time specification (pos=0): foo"));
  EXPECT_FALSE(time.failed);
  EXPECT_TRUE(parse_conditions({"users=x"}, 0, kBegin).failed);
  EXPECT_TRUE(parse_conditions({"grouping=8,4"}, kOfJobs, kBegin).failed);
  EXPECT_TRUE(parse_conditions({"topcount=x"}, kOfTop, kBegin).failed);
}

TEST_F(SreportTest, ClusterUtilization) {
  cluster_utilization(in(), printed);
  EXPECT_EQ(printed.out, "oracle|284440|72000|0|4827560|345600|5529600\n");
  printed = {};
  style.shape = report::ListShape::columns;
  style.header = true;
  cluster_utilization(in(), printed);
  EXPECT_EQ(printed.out,
            "--------------------------------------------------------------------------------\n"
            "Cluster Utilization 2026-11-20T00:00:00 - 2026-11-21T23:59:59\n"
            "Usage reported in CPU Seconds\n"
            "--------------------------------------------------------------------------------\n"
            "  Cluster Allocate     Down PLND Dow     Idle  Planned Reported \n"
            "--------- -------- -------- -------- -------- -------- -------- \n"
            "   oracle   284440    72000        0  4827560   345600  5529600 \n");
}

TEST_F(SreportTest, TwoValuesTakeMoreRoom) {
  style.shape = report::ListShape::columns;
  style.unit = TimeUnit::hours_percent;
  told({"format=cluster,alloc,over,count,tresname"}, ReportKind::cluster_utilization);
  cluster_utilization(in(), printed);
  EXPECT_EQ(printed.out,
            "   oracle         79(5.14%)         16(1.04%)         32            cpu \n");
}

TEST_F(SreportTest, AnotherClusterHasNothing) {
  told({"clusters=nix"}, ReportKind::cluster_utilization);
  cluster_utilization(in(), printed);
  EXPECT_EQ(printed.out, "");
}

TEST_F(SreportTest, AccountsWithTheirUsers) {
  account_utilization(in(), printed);
  EXPECT_EQ(printed.out,
            "oracle|root|||284440|0\noracle|a|||111640|0\noracle|a1|||25240|0\n"
            "oracle|a1|alice||25240|0\noracle|a2|||86400|0\noracle|a2|alice||57600|0\n"
            "oracle|a2|bob||28800|0\noracle|b|||172800|0\noracle|b|alice||57600|0\n"
            "oracle|b|bob||115200|0\n");
}

TEST_F(SreportTest, ASubtreeIndented) {
  told({"tree", "accounts=a"}, ReportKind::account_utilization_by_user);
  account_utilization(in(), printed);
  EXPECT_EQ(printed.out,
            "oracle|a|||111640|0\noracle| a1|||25240|0\noracle|  a1|alice||25240|0\n"
            "oracle| a2|||86400|0\noracle|  a2|alice||57600|0\noracle|  a2|bob||28800|0\n");
}

TEST_F(SreportTest, UseWithoutAnAccountThatThereIsCountsForRoot) {
  use("gone", "carol", "", 1, 7);
  account_utilization(in(), printed);
  EXPECT_THAT(printed.out, HasSubstr("oracle|root|||284447|0\n"));
  EXPECT_THAT(printed.out, HasSubstr("oracle|gone|||7|0\noracle|gone|carol||7|0\n"));
}

TEST_F(SreportTest, UsersOnly) {
  told({"users=alice"}, ReportKind::account_utilization_by_user);
  account_utilization(in(), printed);
  EXPECT_EQ(printed.out,
            "oracle|a2|alice||57600|0\noracle|b|alice||57600|0\noracle|a1|alice||25240|0\n");
}

TEST_F(SreportTest, Wckeys) {
  user_utilization(ReportKind::user_utilization_by_wckey, in(), printed);
  EXPECT_EQ(printed.out, "oracle|alice||w2|57600\noracle|alice||w1|25200\n");
  printed = {};
  user_utilization(ReportKind::wckey_utilization_by_user, in(), printed);
  EXPECT_EQ(printed.out,
            "oracle|w1|||25200\noracle|w1|alice||25200\noracle|w2|||57600\n"
            "oracle|w2|alice||57600\n");
}

TEST_F(SreportTest, TopUsersWithAllTheirAccounts) {
  told({"group", "topcount=1"}, ReportKind::top_usage);
  style.unit = TimeUnit::minutes;
  top_usage(in(), printed);
  EXPECT_EQ(printed.out, "oracle|bob||b, a2|2400|0\n");
}

TEST_F(SreportTest, SizesOfJobs) {
  told({"grouping=4,8"}, ReportKind::sizes_by_account);
  job_sizes(ReportKind::sizes_by_account, in(), printed);
  EXPECT_EQ(printed.out, "oracle|root|57640|25200|201600|100.00%\n");
  printed = {};
  told({"acctasparent", "account=a"}, ReportKind::sizes_by_account);
  style.unit = TimeUnit::minutes;
  job_sizes(ReportKind::sizes_by_account, in(), printed);
  EXPECT_EQ(printed.out, "oracle|a1|421|0|0|0|0|22.61%\noracle|a2|1440|0|0|0|0|77.39%\n");
  printed = {};
  told({"printjobcount", "grouping=individual"}, ReportKind::sizes_by_account);
  job_sizes(ReportKind::sizes_by_account, in(), printed);
  EXPECT_EQ(printed.out, "oracle|root|1|1|1|1|1|1|100.00%\n");
  printed = {};
  told({}, ReportKind::sizes_by_account_and_wckey);
  job_sizes(ReportKind::sizes_by_account_and_wckey, in(), printed);
  EXPECT_EQ(printed.out, "oracle|root:w1|420|0|0|0|0|30.43%\noracle|root:w2|960|0|0|0|0|69.57%\n");
}

TEST_F(SreportTest, AnUnknownFieldIsLeftOut) {
  told({"format=foo,login"}, ReportKind::top_usage);
  top_usage(in(), printed);
  EXPECT_THAT(printed.complaints, ElementsAre(" Unknown field 'foo'"));
  EXPECT_TRUE(printed.failed);
  EXPECT_THAT(printed.out, HasSubstr("bob\n"));
}

TEST_F(SreportTest, Reservations) {
  model::ReservationUse r1;
  r1.id = 1;
  r1.name = "r1";
  r1.nodes = "n1";
  r1.start = (kBegin + 12 * kHour) * model::kSecond;
  r1.end = (kBegin + 18 * kHour) * model::kSecond;
  set(r1.counts, 8);
  set(r1.seconds, 14400);
  answer.use.reservations.push_back(r1);
  told({"format=alloc,clus,count,end,flags,idle,name,nodes,res,start,total,tresname,trestime"},
       ReportKind::reservation_utilization);
  style.unit = TimeUnit::seconds_percent;
  reservation_utilization(in(), printed);
  EXPECT_EQ(printed.out,
            "14400(8.33%)|oracle|8|2026-11-20T18:00:00||158400(91.67%)|r1|n1|1|"
            "2026-11-20T12:00:00|06:00:00|cpu|2-00:00:00\n");
}

}  // namespace
}  // namespace sluice::cli::reporting
