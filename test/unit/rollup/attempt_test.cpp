// What an attempt used, in whole seconds.
#include "rollup/attempt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::rollup {
namespace {

using ::testing::ElementsAre;

constexpr Seconds kBegin = 1'700'000'000;
constexpr model::WallTime at(double seconds) {
  return kBegin * model::kSecond + static_cast<model::WallTime>(seconds * 1e6);
}

model::Job a_job() {
  model::JobSpec spec;
  spec.user = "ada";
  spec.wckey = "w";
  model::Request request;
  request.account = "physics";
  request.tasks = 3;
  request.cpus_per_task = 2;
  model::Job job;
  job.spec = std::make_shared<const model::JobSpec>(spec);
  job.request = std::make_shared<const model::Request>(request);
  job.eligible = at(10);
  return job;
}

model::Job running(double from) {
  model::Job job = a_job();
  model::Allocation allocation;
  allocation.cpus = 8;
  allocation.shares.resize(2);
  allocation.shares[0].memory = 100;
  allocation.shares[1].memory = 50;
  job.allocation = std::make_shared<const model::Allocation>(allocation);
  job.state = model::JobState::running;
  job.start = at(from);
  return job;
}

TEST(AttemptTest, SecondsAreWholeOnes) {
  model::Job job = running(20.9);
  job.end = at(30.1);
  const AttemptUse use = use_of(job, 0);
  EXPECT_EQ(use.held, (Period{kBegin + 20, kBegin + 30}));
  EXPECT_EQ(use.seconds(), 10);
  EXPECT_EQ(use.cpus, 8U);
  EXPECT_EQ(model::tres_count(use.tres, model::kTresMemory), 150);
  EXPECT_EQ(use.wait.span, (Period{kBegin + 10, kBegin + 20}));
  EXPECT_EQ(use.wait.cpus, 8);
}

TEST(AttemptTest, SuspensionsAreLeftOut) {
  model::Job job = running(20);
  job.suspensions = {{at(22.5), at(25.5)}, {at(27), at(28)}};
  job.end = at(30);
  const AttemptUse use = use_of(job, 0);
  EXPECT_THAT(use.runs,
              ElementsAre(Period{kBegin + 20, kBegin + 22}, Period{kBegin + 25, kBegin + 27},
                          Period{kBegin + 28, kBegin + 30}));
  EXPECT_EQ(use.seconds_in({kBegin + 24, kBegin + 29}), 3);
  model::TresCounts sum;
  use.add_to(sum, {kBegin + 24, kBegin + 29});
  EXPECT_EQ(model::tres_count(sum, model::kTresCpu), 8 * 3);
  EXPECT_EQ(model::tres_count(sum, model::kTresMemory), 150 * 5) << "it keeps its memory";
}

TEST(AttemptTest, OneThatSleepsNow) {
  model::Job job = running(20);
  job.state = model::JobState::suspended;
  job.suspended_at = at(25);
  EXPECT_EQ(use_of(job, kBegin + 90).seconds(), 5);
  EXPECT_EQ(use_of(job, kBegin + 90).held.to, kBegin + 90);
}

TEST(AttemptTest, OldRecordsKnowOnlyHowLongTheySlept) {
  model::Job job = running(20);
  job.suspended_us = 4 * model::kSecond;
  job.end = at(30);
  EXPECT_EQ(use_of(job, 0).seconds(), 6);
}

TEST(AttemptTest, OneThatWaits) {
  model::Job job = a_job();
  AttemptUse use = use_of(job, kBegin + 50);
  EXPECT_EQ(use.held.length(), 0);
  EXPECT_EQ(use.wait.span, (Period{kBegin + 10, kBegin + 50}));
  EXPECT_EQ(use.wait.cpus, 6);
  job.end = at(30);  // cancelled
  EXPECT_EQ(use_of(job, kBegin + 50).wait.span.to, kBegin + 30);
  model::TaskSet tasks;
  tasks.runs = {{0, 9, 1}};
  job.array_rest = std::make_shared<const model::TaskSet>(tasks);
  EXPECT_EQ(use_of(job, kBegin + 50).wait.cpus, 60);
  job.eligible = 0;
  EXPECT_EQ(use_of(job, kBegin + 50).wait.span.length(), 0);
}

TEST(AttemptTest, SuspensionsOfAMinuteAreKeptAsOne) {
  model::Job job;
  job.start = 0;
  for (int n = 0; n < 600; ++n) {
    job.suspended_at = n * model::kSecond;
    model::add_suspension(job, job.suspended_at + model::kSecond / 2);
  }
  EXPECT_EQ(job.suspensions.size(), 10U);
  model::WallTime sum = 0;
  for (const model::Suspension& one : job.suspensions) sum += one.to - one.from;
  EXPECT_EQ(sum, 300 * model::kSecond);
}

}  // namespace
}  // namespace sluice::rollup
