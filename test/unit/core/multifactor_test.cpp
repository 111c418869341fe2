// Multifactor priority: each factor by hand, the flags, and the ends of the range.
#include "core/multifactor.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using core::PriorityInputs;
using core::PriorityScore;
using core::RankedJob;
using core::score;

constexpr std::int64_t kOne = 1'000'000'000;
constexpr model::WallTime kNow = 1'700'000'000 * model::kSecond;
constexpr PartitionIndex kBatch{0};
constexpr PartitionIndex kFast{1};

PriorityInputs some_inputs() {
  PriorityInputs inputs;
  inputs.settings.type = model::PriorityType::multifactor;
  inputs.settings.max_age_s = 1000;
  inputs.as_of = kNow;
  inputs.tres = *model::with_tres(model::first_tres(), "gres/gpu");
  inputs.nodes = 10;
  inputs.cpus = 80;
  inputs.highest_partition = 40;
  inputs.partitions = {{"batch", 10, {{model::kTresCpu, 40}, {model::kTresMemory, 1000}}},
                       {"fast", 40, {{model::kTresCpu, 40}}}};
  model::Accounts accounts;
  accounts.associations.resize(2);
  accounts.associations[0].id = 1;
  accounts.associations[0].account = "root";
  accounts.associations[1].id = 2;
  accounts.associations[1].parent = 1;
  accounts.associations[1].account = "root";
  accounts.associations[1].user = "ann";
  accounts.associations[1].priority = 3;
  accounts.qos.resize(1);
  accounts.qos[0].id = 1;
  accounts.qos[0].name = "normal";
  accounts.qos[0].priority = 5;
  inputs.tree =
      std::make_shared<const core::AccountTree>(std::make_shared<const model::Accounts>(accounts));
  inputs.highest_association = 12;
  inputs.highest_qos = 20;
  inputs.shares.resize(2);
  inputs.shares[1].factor = kOne / 2;
  return inputs;
}

struct Asked {
  model::Request request;
  RankedJob job;
  Asked() {
    request.min_nodes = 5;
    request.tasks = 20;
    request.memory_per_node = 50;
    job.request = &request;
    job.association = 2;
    job.qos = 1;
    job.time_limit = 60;
    job.accrue = kNow - 250 * model::kSecond;
  }
};

TEST(Multifactor, FactorsAsByHand) {
  PriorityInputs inputs = some_inputs();
  const Asked asked;
  inputs.settings.weight_job_size = 1;
  inputs.tres_weights = *core::parse_tres_weights(inputs.tres, "CPU=1000,Mem=-2000");
  const PriorityScore made = score(inputs, asked.job, kBatch);
  EXPECT_EQ(made.age, kOne / 4);
  EXPECT_EQ(made.association, kOne / 4);
  EXPECT_EQ(made.qos, kOne / 4);
  EXPECT_EQ(made.fairshare, kOne / 2);
  EXPECT_EQ(made.partition, kOne / 4);
  EXPECT_EQ(made.job_size, kOne * 3 / 8);  // (5/10 + 20/80) / 2
  ASSERT_EQ(made.tres.size(), 2U);
  EXPECT_EQ(made.tres[0].count, kOne / 2);
  EXPECT_EQ(made.tres[1].count, kOne / 4);
  EXPECT_EQ(score(inputs, asked.job, kFast).partition, kOne);
}

TEST(Multifactor, SumsWeightsSiteAndNice) {
  PriorityInputs inputs = some_inputs();
  Asked asked;
  inputs.settings.weight_age = 1000;
  inputs.settings.weight_association = 100;
  inputs.settings.weight_fairshare = 10'000;
  inputs.settings.weight_job_size = 800;
  inputs.settings.weight_partition = 40;
  inputs.settings.weight_qos = 4;
  inputs.tres_weights = *core::parse_tres_weights(inputs.tres, "CPU=1000,Mem=-100");
  asked.job.nice = 7;
  asked.job.site_factor = 100;
  EXPECT_EQ(score(inputs, asked.job, kBatch).priority,
            250U + 25U + 5000U + 300U + 10U + 1U + 500U - 25U + 100U - 7U);
  asked.job.nice = 1'000'000;
  EXPECT_EQ(score(inputs, asked.job, kBatch).priority, 1U);
  asked.job.nice = 0;
  inputs.settings.weight_fairshare = inputs.settings.weight_partition = 4'294'967'295U;
  EXPECT_EQ(score(inputs, asked.job, kFast).priority, 4'294'967'295U);
}

TEST(Multifactor, AgeHasAnEndAndABeginning) {
  PriorityInputs inputs = some_inputs();
  Asked asked;
  for (const auto& [accrue, age] : std::vector<std::pair<model::WallTime, std::int64_t>>{
           {0, 0}, {kNow, 0}, {kNow + 5, 0}, {kNow - 5000 * model::kSecond, kOne}}) {
    asked.job.accrue = accrue;
    EXPECT_EQ(score(inputs, asked.job, kBatch).age, age);
  }
}

TEST(Multifactor, FlagsOfSize) {
  PriorityInputs inputs = some_inputs();
  const Asked asked;
  inputs.settings.weight_job_size = 1;
  inputs.settings.favor_small = true;
  EXPECT_EQ(score(inputs, asked.job, kBatch).job_size, kOne * 5 / 8);
  inputs.settings.flags = model::kPrioritySmallRelativeToTime;
  EXPECT_EQ(score(inputs, asked.job, kBatch).job_size, kOne - kOne * 20 / (60 * 80));
  inputs.settings.favor_small = false;
  EXPECT_EQ(score(inputs, asked.job, kBatch).job_size, kOne * 20 / (60 * 80));
}

TEST(Multifactor, FlagsOfNormalisation) {
  PriorityInputs inputs = some_inputs();
  const Asked asked;
  inputs.tres_weights = *core::parse_tres_weights(inputs.tres, "CPU=2");
  inputs.settings.flags = model::kPriorityNoNormalAll;
  const PriorityScore made = score(inputs, asked.job, kBatch);
  EXPECT_EQ(made.association, 3 * kOne);
  EXPECT_EQ(made.qos, 5 * kOne);
  EXPECT_EQ(made.partition, 10 * kOne);
  EXPECT_EQ(made.tres[0].count, 20 * kOne);
  EXPECT_EQ(made.priority, 40U);
  inputs.settings.flags = model::kPriorityNoNormalQos;
  EXPECT_EQ(score(inputs, asked.job, kBatch).qos, 5 * kOne);
  EXPECT_EQ(score(inputs, asked.job, kBatch).partition, kOne / 4);
}

TEST(Multifactor, PointsAreRoundedToTheNearest) {
  EXPECT_EQ(core::points(11U, kOne / 20), 1);
  EXPECT_EQ(core::points(9U, kOne / 20), 0);
  EXPECT_EQ(core::points(core::TresWeight{.millionths = -11'000'000}, kOne / 20), -1);
  // Between two the even one.
  EXPECT_EQ(core::points(10U, kOne / 20), 0);
  EXPECT_EQ(core::points(30U, kOne / 20), 2);
}

TEST(Multifactor, RuleGivesFixedPrioritiesAsTheyAre) {
  core::Multifactor rule;
  const std::uint64_t before = rule.generation();
  PriorityInputs inputs = some_inputs();
  inputs.settings.weight_age = 1000;
  rule.publish(std::make_shared<const PriorityInputs>(inputs));
  EXPECT_NE(rule.generation(), before);
  Asked asked;
  EXPECT_EQ(rule.priority_of(asked.job, kBatch, {}), 250U);
  asked.job.fixed = true;
  asked.job.priority = 17;
  EXPECT_EQ(rule.priority_of(asked.job, kBatch, {}), 17U);
}

TEST(Multifactor, ShownPriorityIsTheBestOfThePartitions) {
  PriorityInputs inputs = some_inputs();
  inputs.settings.weight_partition = 100;
  model::Job job;
  job.spec = std::make_shared<const model::JobSpec>();
  job.request = std::make_shared<const model::Request>();
  job.partition = "batch,fast";
  job.priority = 3;
  EXPECT_EQ(core::shown_priority(job, inputs), 100U);
  job.state = model::JobState::running;
  job.partition = "batch";
  EXPECT_EQ(core::shown_priority(job, inputs), 3U);
  inputs.settings.flags = model::kPriorityCalculateRunning;
  EXPECT_EQ(core::shown_priority(job, inputs), 25U);
  job.priority = 0;
  EXPECT_EQ(core::shown_priority(job, inputs), 0U);
}

}  // namespace
}  // namespace sluice::test
