// `sluice why`: the explanation says what the plan rests on, and what it promises holds.
#include <algorithm>

#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::core {
namespace {

using test::a_job;
using test::World;

const model::Alternative* change(const model::Explanation& why, std::string_view words) {
  const auto found = std::find_if(why.sooner.begin(), why.sooner.end(),
                                  [&](const auto& other) { return other.change.view() == words; });
  return found == why.sooner.end() ? nullptr : &*found;
}

World some_world() {
  World world({.nodes = 2, .cpus = 4, .memory = 4000});
  world.register_all();
  return world;
}

TEST(Why, NamesTheJobsThatThePlannedStartCountsOn) {
  World world = some_world();
  const JobId first = world.submit(a_job().cpus(4).minutes(30));
  const JobId second = world.submit(a_job().cpus(4).minutes(60));
  const JobId waiting = world.submit(a_job().cpus(4).minutes(10));
  const auto why = world.cluster->why(waiting, false);
  ASSERT_TRUE(why);
  ASSERT_EQ(why->lanes.size(), 1U);
  EXPECT_EQ(why->lanes[0].reason, model::Reason::resources);
  EXPECT_EQ(why->lanes[0].usable, 2U);
  EXPECT_EQ(why->lanes[0].free, 0U);
  EXPECT_EQ(why->lanes[0].planned_start, world.now.wall + 30 * 60 * model::kSecond);
  ASSERT_EQ(why->until.size(), 1U);
  EXPECT_EQ(why->until[0].job, first);
  EXPECT_NE(why->until[0].job, second);
  EXPECT_EQ(why->ahead, 0U);
}

TEST(Why, CountsWhoIsAheadAndNamesWhomItWaitsBehind) {
  World world = some_world();
  world.submit(a_job().cpus(4).minutes(30));
  world.submit(a_job().cpus(4).minutes(60));
  const JobId head = world.submit(a_job().nodes(2).cpus(4).minutes(10));
  const JobId behind = world.submit(a_job().nodes(2).cpus(3).minutes(10));
  const auto why = world.cluster->why(behind, false);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->ahead, 1U);
  EXPECT_EQ(why->behind, head);
  EXPECT_EQ(why->behind_start, world.now.wall + 60 * 60 * model::kSecond);
}

// A job that the gap before a reservation is too short for.
TEST(Why, WhatItOffersStartsWhenItSays) {
  World world = some_world();
  world.submit(a_job().cpus(4).minutes(30));
  world.submit(a_job().nodes(2).cpus(4).minutes(60));
  const JobId waiting = world.submit(a_job().cpus(4).minutes(120));
  const auto why = world.cluster->why(waiting, true);
  ASSERT_TRUE(why);
  const model::Alternative* shorter = change(*why, "--time=00:30:00");
  ASSERT_NE(shorter, nullptr);
  EXPECT_EQ(shorter->start, world.now.wall);
  core::JobPatch patch;
  patch.time_limit = 30;
  world.update(waiting, patch);
  EXPECT_EQ(world.job(waiting).state, model::JobState::running);
}

// Of the partition only the first job has a planned start: the next one's earliest is told, and no
// change that would gain nothing.
TEST(Why, TellsTheEarliestStartWhereNoneIsPlanned) {
  model::Settings settings = test::some_settings({.nodes = 2, .cpus = 4, .memory = 4000});
  settings.backfill_reserve = 1;
  World world(settings);
  world.register_all();
  world.submit(a_job().nodes(2).cpus(4).minutes(30));
  const JobId head = world.submit(a_job().nodes(2).cpus(4).minutes(10));
  const JobId next = world.submit(a_job().nodes(2).cpus(4).minutes(60));
  const auto first = world.cluster->why(head, true);
  const auto why = world.cluster->why(next, true);
  ASSERT_TRUE(first && why);
  const model::WallTime start = world.now.wall;
  EXPECT_EQ(first->lanes[0].planned_start, start + 30 * 60 * model::kSecond);
  EXPECT_EQ(first->earliest, 0);
  EXPECT_EQ(why->lanes[0].planned_start, 0);
  EXPECT_EQ(why->behind, head);
  EXPECT_EQ(why->earliest, start + 40 * 60 * model::kSecond);
  for (const model::Alternative& other : why->sooner) EXPECT_LT(other.start, why->earliest);
}

// Its own nodes are busy, those of another partition are not.
TEST(Why, OffersAnotherPartition) {
  model::Settings settings = test::some_settings({.nodes = 2, .cpus = 4, .memory = 4000});
  settings.partitions.push_back(settings.partitions.front());
  settings.partitions.back().name = "quick";
  settings.partitions.back().is_default = false;
  settings.partitions.back().nodes = "n2";
  settings.partitions.front().nodes = "n1";
  World world(settings);
  world.register_all();
  world.submit(a_job().cpus(4).minutes(30));
  const JobId waiting = world.submit(a_job().cpus(4).minutes(60));
  const auto why = world.cluster->why(waiting, true);
  ASSERT_TRUE(why);
  const model::Alternative* other = change(*why, "--partition=quick");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->start, world.now.wall);
  EXPECT_EQ(other->nodes.view(), "n2");
  core::JobPatch patch;
  patch.partitions = Text("quick");
  world.update(waiting, patch);
  EXPECT_EQ(world.job(waiting).state, model::JobState::running);
}

// Only a shorter job in another partition could start now: neither change alone would do.
TEST(Why, TriesTwoChangesTogether) {
  model::Settings settings = test::some_settings({.nodes = 2, .cpus = 4, .memory = 4000});
  settings.partitions.push_back(settings.partitions.front());
  settings.partitions.back().name = "quick";
  settings.partitions.back().is_default = false;
  settings.partitions.back().nodes = "n2";
  settings.partitions.back().max_time = 20;
  settings.partitions.front().nodes = "n1";
  World world(settings);
  world.register_all();
  world.submit(a_job().cpus(4).minutes(600));
  const JobId waiting = world.submit(a_job().cpus(4).minutes(60));
  const auto why = world.cluster->why(waiting, true);
  ASSERT_TRUE(why);
  const model::Alternative* both = change(*why, "--partition=quick --time=00:15:00");
  ASSERT_NE(both, nullptr);
  EXPECT_EQ(both->start, world.now.wall);
  EXPECT_EQ(change(*why, "--partition=quick"), nullptr);
  core::JobPatch patch;
  patch.partitions = Text("quick");
  patch.time_limit = 15;
  world.update(waiting, patch);
  EXPECT_EQ(world.job(waiting).state, model::JobState::running);
}

TEST(Why, AskingChangesNothing) {
  World world = some_world();
  world.submit(a_job().cpus(4).minutes(30));
  const JobId head = world.submit(a_job().nodes(2).cpus(4).minutes(60));
  const JobId waiting = world.submit(a_job().cpus(4).minutes(120));
  const std::string before = world.cluster->fingerprint();
  const auto first = world.cluster->why(waiting, true);
  const auto again = world.cluster->why(waiting, true);
  ASSERT_TRUE(first && again);
  EXPECT_TRUE(*first == *again);
  EXPECT_EQ(world.cluster->fingerprint(), before);
  EXPECT_TRUE(world.cluster->why(head, true));
  // The reservations are all in place: nothing starts that should not.
  const JobId late = world.submit(a_job().cpus(4).minutes(31));
  EXPECT_EQ(world.job(late).state, model::JobState::pending);
}

TEST(Why, TellsOfTheStart) {
  World world = some_world();
  const JobId running = world.submit(a_job().cpus(4).minutes(30));
  world.submit(a_job().nodes(2).cpus(4).minutes(60));
  const JobId filler = world.submit(a_job().cpus(4).minutes(20));
  const auto why = world.cluster->why(filler, false);
  ASSERT_TRUE(why);
  ASSERT_EQ(why->placed.size(), 1U);
  EXPECT_EQ(why->placed[0].usable, 2U);
  EXPECT_EQ(why->placed[0].serving, 1U);
  EXPECT_EQ(why->placed[0].ahead_of, JobId(running.value + 1));
  EXPECT_FALSE(world.cluster->why(JobId(4711), false));
}

}  // namespace
}  // namespace sluice::core
