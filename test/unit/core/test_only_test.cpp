// A submit that only asks when and where: it answers, and changes nothing.
#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

TEST(TestOnly, AnswersAndChangesNothing) {
  World world({.nodes = 1});
  world.submit(a_job().cpus(4).minutes(30));
  core::SubmitJob event = a_job().cpus(4).event();
  event.test_only = true;
  const core::Changes changes = world.apply(event);
  ASSERT_TRUE(changes.outcome);
  ASSERT_TRUE(changes.tested);
  EXPECT_EQ(changes.tested->planned_start, world.now.wall + 1800 * model::kSecond);
  EXPECT_EQ(changes.tested->planned_nodes, Text("n1"));
  EXPECT_EQ(changes.tested->planned_cpus, 4U);
  EXPECT_TRUE(changes.jobs.empty());
  EXPECT_EQ(world.cluster->all_jobs().size(), 1U);
}

TEST(TestOnly, TellsWhyNoPartitionWouldDo) {
  model::Settings settings = some_settings();
  settings.partitions.front().max_time = 30;
  settings.partitions.front().max_nodes = 1;
  World world(settings);
  const auto refusal = [&](const JobBuilder& job) {
    core::SubmitJob event = job.event();
    event.test_only = true;
    return world.apply(event).outcome.error().code;
  };
  EXPECT_EQ(refusal(a_job().minutes(31)), ErrorCode::invalid_time_limit);
  EXPECT_EQ(refusal(a_job().minutes(5).nodes(2)), ErrorCode::node_count);
  model::Partition down = *world.cluster->all_partitions().front();
  down.state = model::PartitionState::down;
  world.apply(core::UpdatePartition{down});
  EXPECT_EQ(refusal(a_job().minutes(5)), ErrorCode::partition_down);
}

}  // namespace
}  // namespace sluice::test
