// Filters and texts of events.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "event/filter.hpp"
#include "event/text.hpp"

namespace sluice::event {
namespace {

Event of_job(What what) {
  auto job = std::make_shared<JobChange>();
  job->job = JobId(12);
  job->array_job = JobId(10);
  job->array_task = 2;
  job->user = "ann";
  job->user_id = 1000;
  job->account = "physics";
  job->partition = "batch";
  job->name = "a \"job\"\n\xff";
  job->state = model::JobState::failed;
  job->exit_code = 3U << 8U;
  job->time_limit = model::kUnlimited;
  job->start = 1'700'000'000'000'001;
  Event event;
  event.cursor = 0x2a;
  event.origin = 0xfedcba9876543210;
  event.time = 1'700'000'000'123'456;
  event.kind = Kind::job;
  event.what = what;
  event.job = std::move(job);
  return event;
}

Event of_entry() {
  auto entry = std::make_shared<ledger::Entry>();
  entry->sequence = 5;
  entry->kind = ledger::EntryKind::charge;
  entry->job.job = JobId(12);
  entry->job.user = "ann";
  entry->contracted = 1'500'000;
  entry->postings = {{ledger::LedgerAccount::held, -1'500'000}};
  Event event;
  event.kind = Kind::ledger;
  event.entry = std::move(entry);
  return event;
}

Event of_node() {
  Event event;
  event.kind = Kind::node;
  event.what = What::down;
  event.node = std::make_shared<const NodeChange>(NodeChange{"n1", "DOWN", "UP", "fire"});
  return event;
}

TEST(EventText, NamesAndIds) {
  EXPECT_EQ(event_name(of_job(What::ended)), "job.ended");
  EXPECT_EQ(event_name(of_node()), "node.down");
  EXPECT_EQ(event_name(of_entry()), "ledger.charge");
  EXPECT_EQ(event_id(of_job(What::ended)), "fedcba9876543210000000000000002a");
  EXPECT_EQ(time_text(1'700'000'000'123'456), "2023-11-14T22:13:20.123456Z");
  for (const char* good : {"job", "node", "ledger", "job.preempted", "node.up", "ledger.invoice"}) {
    EXPECT_TRUE(is_event_name(good)) << good;
  }
  for (const char* bad : {"", "jobs", "job.", "job.down", "ledger.none", "node.ended"}) {
    EXPECT_FALSE(is_event_name(bad)) << bad;
  }
}

TEST(EventText, JsonIsOneSoundLine) {
  const std::string line = event_json(of_job(What::ended));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["cursor"], 42);
  EXPECT_EQ(json["event"], "job.ended");
  EXPECT_EQ(json["job"]["exit_code"], 3);
  EXPECT_EQ(json["job"]["array_task"], 2);
  EXPECT_TRUE(json["job"]["time_limit_minutes"].is_null());
  EXPECT_EQ(json["job"]["start"], "2023-11-14T22:13:20.000001Z");
  EXPECT_FALSE(json["job"].contains("end"));
  const auto money = nlohmann::json::parse(event_json(of_entry()));
  EXPECT_EQ(money["entry"]["contracted"], "1.5");
  EXPECT_EQ(money["entry"]["postings"][0]["amount"], "-1.5");
}

TEST(EventFilter, PassesWhatIsNamed) {
  const Event job = of_job(What::ended);
  EXPECT_TRUE(passes(job, {}));
  EXPECT_TRUE(passes(job, {.job = JobId(12)}));
  EXPECT_TRUE(passes(job, {.job = JobId(10)}));
  EXPECT_FALSE(passes(job, {.job = JobId(11)}));
  EXPECT_TRUE(passes(job, {.user = "ann", .account = "physics", .partition = "batch"}));
  EXPECT_FALSE(passes(job, {.user = "bob"}));
  EXPECT_FALSE(passes(job, {.kinds = *parse_kinds("node, ledger")}));
  EXPECT_TRUE(passes(of_entry(), {.job = JobId(12), .user = "ann"}));
  EXPECT_TRUE(passes(of_node(), {}));
  EXPECT_FALSE(passes(of_node(), {.user = "ann"}));
  EXPECT_FALSE(passes(of_node(), {.job = JobId(12)}));
  EXPECT_EQ(*parse_kinds(""), kAllKinds);
  EXPECT_FALSE(parse_kinds("jobs"));
}

}  // namespace
}  // namespace sluice::event
