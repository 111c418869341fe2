// What sacct asks for, and what it sorts out: windows of time, filters, the order of rows.
#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

#include "cli/sacct/query.hpp"
#include "cli/sacct/rows.hpp"
#include "test/unit/report/sample_records.hpp"

namespace sluice::cli {
namespace {

using report::test::kNow;
using report::test::sample_step;
using report::test::SampleJob;

constexpr std::int64_t kDay = 86'400;

class SacctWindow : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  opt::SacctOptions options_;
};

TEST_F(SacctWindow, SinceMidnight) {
  const auto window = window_of(options_, kNow);
  ASSERT_TRUE(window);
  EXPECT_EQ(window->from, kNow - kNow % kDay);
  EXPECT_EQ(window->to, 0);
}

TEST_F(SacctWindow, SinceEverWithIds) {
  options_.jobs.push_back({278, {}, {}, "", {}});
  EXPECT_EQ(window_of(options_, kNow)->from, 0);
}

TEST_F(SacctWindow, JustNowWithStates) {
  options_.states.states = 2;
  EXPECT_EQ(window_of(options_, kNow)->from, kNow);
  options_.start = kNow - 100;
  EXPECT_EQ(window_of(options_, kNow)->from, kNow - 100);
  EXPECT_EQ(window_of(options_, kNow)->to, kNow - 100);
}

TEST_F(SacctWindow, EndsAfterItBegins) {
  options_.start = kNow;
  options_.end = kNow - 1;
  EXPECT_EQ(window_of(options_, kNow).error().text,
            "Start time (2023-11-14T22:13:28) requested is after end time "
            "(2023-11-14T22:13:27).");
}

TEST_F(SacctWindow, OwnJobsUnlessAskedOtherwise) {
  EXPECT_EQ(history_query(options_, {}, 1000)->filter.uids, std::vector<std::uint32_t>{1000});
  EXPECT_TRUE(history_query(options_, {}, 0)->filter.uids.empty());
  options_.all_users = true;
  EXPECT_TRUE(history_query(options_, {}, 1000)->filter.uids.empty());
  options_.all_users = false;
  options_.jobs.push_back({278, {}, {}, "", {}});
  EXPECT_TRUE(history_query(options_, {}, 1000)->filter.uids.empty());
}

TEST(SacctFilter, SizesLimitsFeaturesReasons) {
  SampleJob sample;
  sample.request.features = "fast&(big|small)";
  sample.job.reason = model::Reason::priority;
  const model::Job job = sample.running();
  opt::SacctOptions options;
  EXPECT_TRUE(is_wanted(job, options, kNow));
  options.min_nodes = 2;
  options.max_nodes = 3;
  options.min_cpus = options.max_cpus = 8;
  options.timelimit_min = 10;
  options.constraints = {"big"};
  options.reasons = {"priority"};
  EXPECT_TRUE(is_wanted(job, options, kNow));
  options.timelimit_max = 12;
  EXPECT_TRUE(is_wanted(job, options, kNow));
  options.timelimit_min = 11;
  EXPECT_FALSE(is_wanted(job, options, kNow));
  options.timelimit_min = 0;
  options.constraints = {"bi"};
  EXPECT_FALSE(is_wanted(job, options, kNow));
}

TEST(SacctFilter, WhatCanNotStartYetOnlyById) {
  SampleJob sample;
  sample.job.eligible = 0;
  opt::SacctOptions options;
  EXPECT_FALSE(is_wanted(sample.pending(), options, kNow));
  options.jobs.push_back({278, {}, {}, "", {}});
  EXPECT_TRUE(is_wanted(sample.pending(), options, kNow));
}

JobAnswer sample_answer() {
  JobAnswer answer;
  answer.jobs.push_back(std::make_shared<const model::Job>(SampleJob().running()));
  for (const StepNumber number : {StepNumber{1}, StepNumber{0}, base::kBatchStep}) {
    model::Step step = sample_step(number);
    step.usage.user_us = 1'000'000;
    answer.steps.push_back(std::make_shared<const model::Step>(step));
  }
  return answer;
}

TEST(SacctRows, BatchStepFirstThenByNumberAndTheirSum) {
  const HistoryRows rows = history_rows(sample_answer(), {}, kNow);
  ASSERT_EQ(rows.rows.size(), 4U);
  EXPECT_EQ(rows.rows[0].step, nullptr);
  EXPECT_EQ(rows.rows[0].usage.user_us, 3'000'000U);
  EXPECT_EQ(rows.rows[1].step->number, base::kBatchStep);
  EXPECT_EQ(rows.rows[2].step->number, 0U);
  EXPECT_EQ(rows.rows[3].step->number, 1U);
}

TEST(SacctRows, AStepByItselfComesWithoutItsJob) {
  opt::SacctOptions options;
  options.jobs.push_back({278, {}, {}, "", StepNumber{1}});
  const HistoryRows rows = history_rows(sample_answer(), options, kNow);
  ASSERT_EQ(rows.rows.size(), 1U);
  EXPECT_EQ(rows.rows[0].step->number, 1U);
}

TEST(SacctRows, AllocationsAlone) {
  opt::SacctOptions options;
  options.allocations = true;
  EXPECT_EQ(history_rows(sample_answer(), options, kNow).rows.size(), 1U);
}

TEST(SacctRows, StepsBelongToTheirAttempt) {
  JobAnswer answer = sample_answer();
  model::Job again = *answer.jobs.front();
  again.attempt = 1;
  answer.jobs.push_back(std::make_shared<const model::Job>(again));
  const HistoryRows rows = history_rows(answer, {}, kNow);
  ASSERT_EQ(rows.rows.size(), 5U);
  EXPECT_EQ(rows.rows[4].job, answer.jobs.back().get());
  EXPECT_EQ(rows.rows[4].step, nullptr);
}

TEST(SacctRows, PendingTasksOneByOne) {
  SampleJob sample;
  sample.job.array_job = JobId(278);
  model::TaskSet rest;
  rest.runs = {{3, 7, 2}};
  sample.job.array_rest = std::make_shared<const model::TaskSet>(rest);
  JobAnswer answer;
  answer.jobs.push_back(std::make_shared<const model::Job>(sample.pending()));
  opt::SacctOptions options;
  EXPECT_EQ(history_rows(answer, options, kNow).rows.size(), 1U);
  options.array = true;
  const HistoryRows rows = history_rows(answer, options, kNow);
  ASSERT_EQ(rows.rows.size(), 3U);
  EXPECT_EQ(rows.rows[2].job->array_task, 7U);
}

}  // namespace
}  // namespace sluice::cli
