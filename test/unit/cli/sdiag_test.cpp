// sdiag: the layout that scripts read, and the document.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/common/document.hpp"
#include "cli/sdiag/report.hpp"

namespace sluice::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

wire::RequestStats requests(std::uint32_t id, const char* name, std::uint64_t count,
                            std::uint64_t us) {
  wire::RequestStats stats;
  stats.id = id;
  stats.name = Text(name);
  stats.count = count;
  stats.us_all = us;
  return stats;
}

wire::SchedulerStats some_stats() {
  wire::SchedulerStats stats;
  stats.now = 1'000'000 * model::kSecond;
  stats.since = stats.now - 120 * model::kSecond;
  stats.jobs.submitted = 8;
  stats.jobs.seen = stats.now;
  stats.main.count = 12;
  stats.main.us = {109, 1012, 2688};
  stats.main.depth = {1, 3, 24};
  stats.main.queue = {3, 3, 30};
  stats.by_type = {requests(20, "SUBMIT", 6, 20'205), requests(30, "QUERY_JOBS", 29, 9326),
                   requests(44, "PING", 29, 29)};
  stats.by_user = {requests(0, "root", 87, 37'522), requests(65534, "nobody", 7, 4726)};
  return stats;
}

TEST(Sdiag, LaysOutCyclesAndRequests) {
  const std::string out = stats_report(some_stats(), opt::RequestOrder::count);
  EXPECT_THAT(out, HasSubstr("\nJobs submitted: 8\nJobs started:   0\n"));
  EXPECT_THAT(out, HasSubstr("\tLast cycle:   109\n\tMax cycle:    1012\n\tTotal cycles: 12\n"
                             "\tMean cycle:   224\n\tMean depth cycle:  2\n"
                             "\tCycles per minute: 6\n\tLast queue length: 3\n"));
  EXPECT_THAT(out, HasSubstr("\n\tLast cycle when: N/A\n"));
  EXPECT_THAT(out, Not(HasSubstr("Depth Mean")));  // there was no such cycle
  EXPECT_THAT(out, HasSubstr("\n\tSUBMIT                                  (   20) count:6      "
                             "ave_time:3367   total_time:20205\n"));
  EXPECT_THAT(out, HasSubstr("\n\troot            (       0) count:87     ave_time:431    "
                             "total_time:37522\n"
                             "\tnobody          (   65534) count:7      ave_time:675    "
                             "total_time:4726\n"));
  EXPECT_THAT(out, HasSubstr("\nPending RPC statistics\n\tNo pending RPCs\n"));
}

TEST(Sdiag, TheFirstMinuteHasNoRate) {
  wire::SchedulerStats stats = some_stats();
  stats.since = stats.now - 59 * model::kSecond;
  EXPECT_THAT(stats_report(stats, opt::RequestOrder::count), Not(HasSubstr("per minute")));
}

TEST(Sdiag, SortsRequests) {
  const auto order_of = [](opt::RequestOrder order) {
    const std::string out = stats_report(some_stats(), order);
    std::vector<std::pair<std::size_t, std::string>> places;
    for (const char* name : {"SUBMIT ", "QUERY_JOBS ", "PING "}) {
      places.emplace_back(out.find(name), name);
    }
    std::ranges::sort(places);
    std::string names;
    for (const auto& [place, name] : places) names += name;
    return names;
  };
  EXPECT_EQ(order_of(opt::RequestOrder::count), "QUERY_JOBS PING SUBMIT ");
  EXPECT_EQ(order_of(opt::RequestOrder::id), "SUBMIT QUERY_JOBS PING ");
  EXPECT_EQ(order_of(opt::RequestOrder::total_time), "SUBMIT QUERY_JOBS PING ");
  EXPECT_EQ(order_of(opt::RequestOrder::mean_time), "SUBMIT QUERY_JOBS PING ");
}

TEST(Sdiag, OrdersThatWaitAreListed) {
  wire::SchedulerStats stats = some_stats();
  stats.orders_waiting = 2;
  stats.pending = {requests(83, "LAUNCH_JOB", 2, 0)};
  const std::string out = stats_report(stats, opt::RequestOrder::count);
  EXPECT_THAT(out, HasSubstr("Agent queue size:     2\n"));
  EXPECT_THAT(out, HasSubstr("\tLAUNCH_JOB                              (   83) count:2\n"));
  EXPECT_THAT(out, Not(HasSubstr("No pending RPCs")));
}

TEST(Sdiag, TheDocumentHasTheSameFigures) {
  report::JsonWriter writer = writer_for(opt::Dump::json);
  writer.open_object();
  write_stats(writer, some_stats());
  writer.close();
  const auto document = nlohmann::json::parse(writer.take());
  EXPECT_EQ(document["jobs_submitted"], 8);
  EXPECT_EQ(document["schedule_cycle_mean"], 224);
  EXPECT_EQ(document["schedule_cycle_per_minute"], 6);
  EXPECT_EQ(document["bf_when_last_cycle"]["set"], false);
  EXPECT_EQ(document["rpcs_by_message_type"].size(), 3U);
  EXPECT_EQ(document["rpcs_by_user"][1]["user"], "nobody");
  EXPECT_EQ(document["rpcs_by_user"][1]["average_time"]["number"], 675);
}

}  // namespace
}  // namespace sluice::cli
