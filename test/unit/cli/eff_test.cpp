// `sluice eff`: the arithmetic, and its three ways to print.
#include "cli/sluice/eff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::cli {
namespace {

using testing::HasSubstr;

constexpr model::WallTime kStart = 1'000'000 * model::kSecond;

model::NodeShare a_share(const std::string& node) {
  model::NodeShare share;
  share.name = node;
  share.cpu_count = 2;
  share.memory = 1024;
  return share;
}

// Two nodes with two cores each, for 100 seconds of 10 minutes.
model::Job a_job() {
  model::Job job;
  job.id = JobId(17);
  job.state = model::JobState::completed;
  job.start = kStart;
  job.end = kStart + 100 * model::kSecond;
  job.time_limit = 10;
  auto spec = std::make_shared<model::JobSpec>();
  spec->name = "train";
  spec->user = "ada";
  job.spec = spec;
  job.request = std::make_shared<model::Request>();
  auto allocation = std::make_shared<model::Allocation>();
  allocation->nodes = "n[1-2]";
  allocation->cpus = 4;
  allocation->shares = {a_share("n1"), a_share("n2")};
  job.allocation = allocation;
  return job;
}

model::DeviceUse a_use(const std::string& node, std::uint64_t samples, std::uint64_t sum,
                       std::uint32_t max) {
  model::DeviceUse use;
  use.node = node;
  use.name = "gpu";
  use.samples = samples;
  use.utilization_sum = sum;
  use.utilization_max = max;
  use.memory_sum = 100 * samples;
  use.memory_max = 200;
  return use;
}

model::Step a_step(StepNumber number) {
  model::Step step;
  step.job = JobId(17);
  step.number = number;
  step.usage.user_us = 90'000'000;
  step.usage.system_us = 10'000'000;
  step.usage.tasks = 2;
  step.usage.total_rss_kib = 1024 * 1024;
  step.usage.max_node_rss_kib = 768 * 1024;
  step.usage.max_rss_sum_node = "n2";
  return step;
}

TEST(Eff, MeasuresWhatAJobHadAndUsed) {
  const Efficiency job = measure(a_job(), {a_step(0), a_step(1)}, 0);
  EXPECT_EQ(job.elapsed_s, 100);
  EXPECT_EQ(job.limit_s, 600);
  EXPECT_EQ(job.cores, 4U);
  EXPECT_EQ(job.cpu_us, 200'000'000U);
  EXPECT_EQ(job.memory_mib, 2048U);
  EXPECT_EQ(job.used_kib, 1024U * 1024U);
  const std::string text = efficiency_text(job);
  EXPECT_THAT(text, HasSubstr("Job          17 train of ada\n"));
  EXPECT_THAT(text, HasSubstr("Time         00:01:40, 16.7% of the limit of 00:10:00\n"));
  EXPECT_THAT(text, HasSubstr("CPU          00:03:20 of 00:06:40 of core time: 50.0%\n"));
  EXPECT_THAT(text, HasSubstr("Memory       1G of 2G: 50.0%\n"));
  EXPECT_THAT(text, HasSubstr("fullest node n2: 768M of 1G: 75.0%\n"));
  EXPECT_THAT(text, Not(HasSubstr("Devices")));
}

TEST(Eff, CountsADeviceOnceThoughItsStepsHeldItToo) {
  model::Step batch = a_step(base::kBatchStep);
  batch.usage.devices = {a_use("n1", 4, 200, 90)};
  model::Step step = a_step(0);
  step.usage.devices = {a_use("n1", 2, 180, 95), a_use("n2", 2, 60, 40)};
  model::Step next = a_step(1);
  next.usage.devices = {a_use("n2", 2, 100, 70)};
  const Efficiency job = measure(a_job(), {step, batch, next}, 0);
  ASSERT_EQ(job.devices.size(), 2U);
  EXPECT_EQ(job.devices[0].mean_percent, 50U);
  EXPECT_EQ(job.devices[0].max_percent, 90U);
  EXPECT_EQ(job.devices[1].mean_percent, 40U);
  EXPECT_EQ(job.devices[1].max_percent, 70U);
  EXPECT_THAT(
      efficiency_text(job),
      HasSubstr("Devices      gpu 0 on n1: busy 50% on average, 90% at most; memory 100M on "
                "average, 200M at most\n"));
}

TEST(Eff, OfARunningJobSoFar) {
  model::Job job = a_job();
  job.state = model::JobState::running;
  job.end = 0;
  job.time_limit = model::kUnlimited;
  const Efficiency now = measure(job, {}, kStart / model::kSecond + 50);
  EXPECT_TRUE(now.running);
  EXPECT_EQ(now.elapsed_s, 50);
  EXPECT_EQ(now.limit_s, 0);
  EXPECT_THAT(efficiency_text(now), HasSubstr("State        RUNNING (so far)\n"));
  EXPECT_THAT(efficiency_text(now), HasSubstr("Time         00:00:50\n"));
}

TEST(Eff, SeveralJobsAreATable) {
  const std::string table = efficiency_table({measure(a_job(), {a_step(0)}, 0)});
  EXPECT_THAT(table, HasSubstr("17              COMPLETED          4     00:01:40   25.0%   50.0%"
                               "       -\n"));
}

TEST(Eff, JsonSaysTheSame) {
  model::Step batch = a_step(base::kBatchStep);
  batch.usage.devices = {a_use("n1", 4, 200, 90)};
  const auto document = nlohmann::json::parse(efficiency_json({measure(a_job(), {batch}, 0)}));
  const auto& job = document["jobs"][0];
  EXPECT_EQ(job["job"], "17");
  EXPECT_DOUBLE_EQ(job["cpu_efficiency"], 0.25);
  EXPECT_DOUBLE_EQ(job["memory_efficiency"], 0.5);
  EXPECT_EQ(job["devices"][0]["utilization_mean_percent"], 50);
  EXPECT_EQ(job["limit_seconds"], 600);
}

}  // namespace
}  // namespace sluice::cli
