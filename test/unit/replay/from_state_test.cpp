// What if: small clusters whose future was worked out by hand.
#include "replay/from_state.hpp"

#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::replay {
namespace {

using test::a_job;

constexpr model::WallTime kMinute = 60 * model::kSecond;

// The state of a small world as a reader gets it.
LiveState copy_of(const test::World& world) {
  LiveState copy;
  copy.now = world.now.wall;
  copy.stored.jobs = world.cluster->all_jobs();
  copy.stored.nodes = world.cluster->all_nodes();
  copy.stored.partitions = world.cluster->all_partitions();
  copy.stored.accounts = world.cluster->accounts().pointer();
  copy.stored.usage = world.cluster->usage();
  return copy;
}

// Minutes from now; -1: never.
std::vector<std::int64_t> starts(const test::World& world, const ForecastOptions& options = {}) {
  const LiveState state = copy_of(world);
  const Result<std::vector<Start>> all = forecast(state, world.settings, options);
  EXPECT_TRUE(all) << all.error().text;
  std::vector<std::int64_t> minutes;
  for (const Start& start : all.value_or(std::vector<Start>())) {
    minutes.push_back(start.first == 0 ? -1 : (start.first - state.now) / kMinute);
  }
  return minutes;
}

class FromState : public testing::Test {
 protected:
  FromState() : world_({.nodes = 1}) {
    world_.register_all();
    world_.submit(a_job().cpus(4).minutes(10));  // runs
    world_.submit(a_job().cpus(4).minutes(30));
    world_.submit(a_job().cpus(2).minutes(20));
  }
  test::World world_;
};

TEST_F(FromState, JobsStartWhenThoseBeforeThemReachTheirLimits) {
  EXPECT_EQ(starts(world_), (std::vector<std::int64_t>{10, 40}));
}

TEST_F(FromState, OrWhenAPartOfThemIsOver) {
  EXPECT_EQ(starts(world_, {.percent = 50}), (std::vector<std::int64_t>{5, 20}));
}

TEST_F(FromState, WhoRanLongerThanThatTakesItsWholeLimit) {
  world_.pass(6 * 60);
  EXPECT_EQ(starts(world_, {.percent = 50}), (std::vector<std::int64_t>{4, 19}));
}

TEST_F(FromState, AnotherNodeServesAtOnce) {
  auto more = std::make_shared<model::Settings>(test::some_settings({.nodes = 2}));
  for (model::NodeSetting& node : more->nodes) {
    node.facts = world_.node(0).facts;
    node.facts_fixed = true;
  }
  EXPECT_EQ(starts(world_, {.changed = more}), (std::vector<std::int64_t>{0, 10}));
}

TEST_F(FromState, ANewNodeMustBeDescribed) {
  auto more = std::make_shared<model::Settings>(*world_.settings);
  model::NodeSetting node;
  node.name = "new";
  more->nodes.push_back(node);
  const auto all = forecast(copy_of(world_), world_.settings, {.changed = more});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().text, "node new is new: its CPUs and memory must be given");
}

TEST_F(FromState, WhatIsHeldOrBeyondTheHorizonDoesNotStart) {
  world_.submit(a_job().held());
  EXPECT_EQ(starts(world_, {.horizon_s = 20 * 60}), (std::vector<std::int64_t>{10, -1, -1}));
}

TEST_F(FromState, DependenciesAndBeginTimesAreHeeded) {
  world_.submit(a_job().cpus(1).minutes(5).after("afterok:3"));
  world_.submit(a_job().cpus(1).minutes(5).begin(world_.now.wall + 90 * kMinute));
  EXPECT_EQ(starts(world_), (std::vector<std::int64_t>{10, 40, 60, 90}));
}

TEST(FromStateArray, TasksCountTogether) {
  test::World world({.nodes = 1, .cpus = 2});
  world.register_all();
  world.submit(a_job().cpus(2).minutes(10));
  const JobId array = world.submit(a_job().cpus(1).minutes(10).array("1-5"));
  const LiveState state = copy_of(world);
  const auto all = forecast(state, world.settings, {});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().job, array);
  EXPECT_EQ(all->front().tasks, 5U);
  EXPECT_EQ((all->front().first - state.now) / kMinute, 10);
  EXPECT_EQ((all->front().last - state.now) / kMinute, 30);
}

}  // namespace
}  // namespace sluice::replay
