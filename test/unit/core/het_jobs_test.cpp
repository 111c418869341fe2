// Heterogeneous jobs: several jobs that start together, on nodes of their own, or not at all; what
// is done to the first one is done to all.
#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::JobVerb;
using core::LaunchJob;
using model::JobState;

core::SubmitHetJob whole(std::initializer_list<JobBuilder> parts) {
  static std::uint64_t made = 0;
  core::SubmitHetJob event;
  for (const JobBuilder& part : parts) {
    event.parts.push_back(part.event());
    event.parts.back().uid = {++made, 0x4e7};
  }
  return event;
}

core::Changes submit(World& world, std::initializer_list<JobBuilder> parts) {
  return world.apply(whole(parts));
}

std::string node_of(const World& world, std::uint32_t id) {
  return world.job(id).allocation ? world.job(id).allocation->nodes.str() : "";
}

TEST(HetJobs, ComponentsGetConsecutiveIdsAndStartAtOnceOnNodesOfTheirOwn) {
  World world;
  const core::Changes changes = submit(world, {a_job().cpus(1), a_job().cpus(2), a_job().nodes(2)});
  ASSERT_TRUE(changes.outcome);
  EXPECT_EQ(changes.job, JobId(1));
  for (std::uint32_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(world.job(id).het_job, JobId(1));
    EXPECT_EQ(world.job(id).het_offset, id - 1);
    EXPECT_EQ(world.job(id).het_count, 3U);
    EXPECT_EQ(world.job(id).state, JobState::running);
    EXPECT_EQ(world.job(id).start, world.job(1).start);
  }
  EXPECT_EQ(node_of(world, 1), "n1");
  EXPECT_EQ(node_of(world, 2), "n2");
  EXPECT_EQ(node_of(world, 3), "n[3-4]");
  EXPECT_EQ(World::orders<LaunchJob>(world.last_plan).size(), 4U);
}

TEST(HetJobs, AllOrNone) {
  World world;
  const core::Changes refused = submit(world, {a_job(), a_job().on("nosuch")});
  EXPECT_EQ(refused.outcome.error().code, ErrorCode::invalid_partition);
  EXPECT_TRUE(world.cluster->all_jobs().empty());
  EXPECT_EQ(submit(world, {a_job(), a_job().array("0-1")}).outcome.error().code,
            ErrorCode::invalid_array);
  EXPECT_EQ(submit(world, {a_job()}).outcome.error().code, ErrorCode::invalid_argument);
  const auto on_n1 = [](model::Request& request) { request.node_list = "n1"; };
  EXPECT_EQ(submit(world, {a_job().request(on_n1), a_job().request(on_n1)}).outcome.error().code,
            ErrorCode::invalid_node_name);
}

TEST(HetJobs, AllComponentsStartInTheReservationThatTheyName) {
  World world;
  world.register_all();
  core::EditReservation keep;
  keep.name = "r";
  keep.by_operator = true;
  keep.patch.start = world.now.wall + 60 * model::kSecond;
  keep.patch.duration_min = 60;
  keep.patch.users = model::ListEdit{0, "user1000"};
  keep.patch.nodes = Text("n[3-4]");
  ASSERT_TRUE(world.apply(keep).outcome);
  const auto inside = [](const char* name) {
    return a_job()
        .by(1000)
        .minutes(10)
        .cpus(4)
        .request([=](auto& r) { r.reservation = name; })
        .spec([](auto& s) { s.user = "user1000"; });
  };
  EXPECT_EQ(submit(world, {inside("r"), a_job()}).outcome.error().code, ErrorCode::unsupported);
  EXPECT_EQ(submit(world, {inside("r,r"), inside("r,r")}).outcome.error().code,
            ErrorCode::unsupported);
  const std::uint32_t first = submit(world, {inside("r"), inside("r")}).job.value;
  EXPECT_EQ(world.state(JobId(first)), "PENDING/Reservation");
  world.pass(61);
  EXPECT_EQ(world.state(JobId(first)), "RUNNING");
  EXPECT_EQ(node_of(world, first), "n3");
  EXPECT_EQ(node_of(world, first + 1), "n4");
  EXPECT_EQ(world.job(first).reservation, Text("r"));
  EXPECT_EQ(world.job(first + 1).reservation, Text("r"));
  const std::uint32_t second = submit(world, {inside("r"), inside("r")}).job.value;
  world.pass(1);
  EXPECT_EQ(world.job(second).state, JobState::pending)
      << "its nodes alone, though others are idle";
  const std::uint32_t outside = submit(world, {a_job().cpus(4), a_job().cpus(4)}).job.value;
  EXPECT_EQ(node_of(world, outside), "n1");
  EXPECT_EQ(node_of(world, outside + 1), "n2");
}

TEST(HetJobs, LicencesOfAllComponentsMustBeFreeTogether) {
  model::Settings settings = some_settings();
  settings.licenses = {{"ansys", 4}};
  World world(settings);
  world.register_all();
  const auto takes = [](const char* licenses) {
    return a_job().minutes(10).request([licenses](auto& r) { r.licenses = licenses; });
  };
  // More than there are, together.
  EXPECT_EQ(submit(world, {takes("ansys:3"), takes("ansys:2")}).outcome.error().code,
            ErrorCode::invalid_licenses);
  const JobId busy = world.submit(takes("ansys:1"));
  submit(world, {takes("ansys:2"), takes("ansys:2")});
  EXPECT_EQ(world.state(JobId(2)), "PENDING/Licenses");
  EXPECT_EQ(world.cluster->licenses()[0].used, 1U);
  world.finish(busy);
  EXPECT_EQ(world.state(JobId(2)), "RUNNING");
  EXPECT_EQ(world.state(JobId(3)), "RUNNING");
  EXPECT_EQ(world.cluster->licenses()[0].used, 4U);
  EXPECT_EQ(world.job(2).allocation->licenses.view(), "ansys:2");
  EXPECT_EQ(world.job(3).allocation->licenses.view(), "ansys:2");
  world.restart();
  EXPECT_EQ(world.cluster->licenses()[0].used, 4U);
  world.finish(JobId(2));
  world.finish(JobId(3));
  EXPECT_EQ(world.cluster->licenses()[0].used, 0U);
}

TEST(HetJobs, NobodyStartsBeforeAllCan) {
  World world;  // 4 nodes of 4 CPUs
  const JobId busy = world.submit(a_job().nodes(3).cpus(4).minutes(30));
  submit(world, {a_job().cpus(1).minutes(10), a_job().cpus(1).minutes(20)});
  EXPECT_EQ(world.state(JobId(2)), "PENDING/Resources");
  EXPECT_EQ(world.state(JobId(3)), "PENDING/Resources");
  const model::WallTime meeting = world.job(busy).start + 30 * 60 * model::kSecond;
  EXPECT_EQ(world.job(2).planned_start, meeting);
  EXPECT_EQ(world.job(3).planned_start, meeting);

  world.finish(busy);
  EXPECT_EQ(world.state(JobId(2)), "RUNNING");
  EXPECT_EQ(world.state(JobId(3)), "RUNNING");
  EXPECT_NE(node_of(world, 2), node_of(world, 3));
}

TEST(HetJobs, TheMeetingIsNotDelayedByThoseBehind) {
  World world({.nodes = 2});
  world.submit(a_job().nodes(1).cpus(4).minutes(30));
  submit(world, {a_job().cpus(4).minutes(10), a_job().cpus(4).minutes(10)});
  // The free node is needed in 30 minutes: 20 fit before that, 60 don't.
  const JobId longer = world.submit(a_job().cpus(4).minutes(60));
  const JobId fits = world.submit(a_job().cpus(4).minutes(20));
  EXPECT_EQ(world.state(longer), "PENDING/Priority");
  EXPECT_EQ(world.state(fits), "RUNNING");
}

TEST(HetJobs, TheChoosyComponentGetsTheNodeThatOnlyItCanUse) {
  model::Settings settings = some_settings({.nodes = 2});
  settings.nodes[0].features = "rare";
  World world(std::move(settings));
  submit(world, {a_job(), a_job().request([](auto& request) { request.features = "rare"; })});
  EXPECT_EQ(node_of(world, 1), "n2");
  EXPECT_EQ(node_of(world, 2), "n1");
}

TEST(HetJobs, WhatKeepsOneBackKeepsAll) {
  World world;
  submit(world, {a_job(), a_job().held()});
  EXPECT_EQ(world.state(JobId(1)), "PENDING");
  EXPECT_EQ(world.state(JobId(2)), "PENDING/JobHeldUser");
  EXPECT_TRUE(world.act(JobVerb::release, JobId(2)).outcome);
  EXPECT_EQ(world.state(JobId(1)), "RUNNING");
  EXPECT_EQ(world.state(JobId(2)), "RUNNING");
}

TEST(HetJobs, HoldAndReleaseOfTheLeaderAreForAll) {
  World world;
  world.planning = false;
  submit(world, {a_job(), a_job()});
  world.act(JobVerb::hold_user, JobId(1));
  EXPECT_EQ(world.state(JobId(2)), "PENDING/JobHeldUser");
  world.act(JobVerb::release, JobId(1));
  world.plan();
  EXPECT_EQ(world.state(JobId(2)), "RUNNING");
}

TEST(HetJobs, APendingComponentIsNotCancelledByItself) {
  World world;
  world.planning = false;
  submit(world, {a_job(), a_job()});
  EXPECT_EQ(world.act(JobVerb::cancel, JobId(2)).outcome.error().code, ErrorCode::het_component);
  EXPECT_TRUE(world.act(JobVerb::cancel, JobId(1)).outcome);
  EXPECT_EQ(world.state(JobId(1)), "CANCELLED");
  EXPECT_EQ(world.state(JobId(2)), "CANCELLED");
}

TEST(HetJobs, ARunningComponentIsCancelledByItselfTheLeaderWithAll) {
  World world;
  submit(world, {a_job(), a_job(), a_job()});
  const auto lost = World::orders<core::LoseNode>(world.act(JobVerb::cancel, JobId(3)));
  ASSERT_EQ(lost.size(), 1U);  // the agent that makes the steps hears of it
  EXPECT_EQ(lost[0].job, JobId(1));
  EXPECT_EQ(lost[0].lost, Text("n3"));
  EXPECT_EQ(world.job(1).state, JobState::running);
  EXPECT_EQ(world.job(2).state, JobState::running);
  world.act(JobVerb::cancel, JobId(1));
  EXPECT_EQ(world.job(2).state, JobState::cancelled);
}

TEST(HetJobs, TheScriptsEndIsTheEndOfAll) {
  World world;
  submit(world, {a_job(), a_job()});
  world.script_ends(JobId(1), 3U << 8U);
  EXPECT_EQ(world.job(2).state, JobState::failed);
  EXPECT_EQ(world.job(2).exit_code, 3U << 8U);
  world.release(JobId(2));
  EXPECT_EQ(world.state(JobId(2)), "FAILED/NonZeroExitCode");
}

TEST(HetJobs, EachHasATimeLimitOfItsOwn) {
  World world;
  submit(world, {a_job().minutes(20), a_job().minutes(10)});
  world.pass(11 * 60);
  EXPECT_EQ(world.job(1).state, JobState::running);
  EXPECT_EQ(world.job(2).state, JobState::timeout);
}

TEST(HetJobs, ALostNodeRequeuesAllAndTheyMeetAgain) {
  World world;
  submit(world, {a_job(), a_job()});
  world.apply(core::UpdateNode{
      .nodes = {NodeIndex(1)}, .verb = core::NodeVerb::down, .reason = Text("gone")});
  EXPECT_EQ(world.job(1).state, JobState::node_fail);
  EXPECT_EQ(world.job(1).flags & model::kFlagRequeued, model::kFlagRequeued);
  EXPECT_EQ(world.job(2).state, JobState::pending);  // nothing of it is left
  world.release(JobId(1));
  EXPECT_EQ(world.job(1).state, JobState::running);
  EXPECT_EQ(world.job(2).state, JobState::running);
  EXPECT_EQ(world.job(1).restarts, 1U);
  EXPECT_EQ(world.job(2).restarts, 1U);
  EXPECT_NE(node_of(world, 2), "n2");
}

TEST(HetJobs, OnlyTheWholeIsRequeuedOrSuspended) {
  World world;
  submit(world, {a_job(), a_job()});
  EXPECT_EQ(world.act_as_admin(JobVerb::suspend, JobId(2)).outcome.error().code,
            ErrorCode::het_component);
  EXPECT_EQ(world.act(JobVerb::requeue, JobId(2)).outcome.error().code, ErrorCode::het_not_leader);
  world.act_as_admin(JobVerb::suspend, JobId(1));
  EXPECT_EQ(world.job(2).state, JobState::suspended);
  world.act_as_admin(JobVerb::resume, JobId(1));
  EXPECT_EQ(world.job(2).state, JobState::running);
  world.act(JobVerb::requeue, JobId(1));
  EXPECT_EQ(world.job(2).flags & model::kFlagRequeued, model::kFlagRequeued);
  world.release(JobId(1));
  EXPECT_EQ(world.job(1).state, JobState::pending);  // the other one still ends
  world.release(JobId(2));
  EXPECT_EQ(world.job(1).state, JobState::running);
  EXPECT_EQ(world.job(2).state, JobState::running);
}

TEST(HetJobs, AnUpdateOfTheLeaderIsForAll) {
  World world;
  submit(world, {a_job().minutes(20), a_job().minutes(10)});
  core::JobPatch patch;
  patch.time_limit = 5;
  EXPECT_TRUE(world.update(JobId(1), patch).outcome);
  EXPECT_EQ(world.job(1).time_limit, 5U);
  EXPECT_EQ(world.job(2).time_limit, 5U);
  patch.time_limit = 4;
  EXPECT_TRUE(world.update(JobId(2), patch).outcome);
  EXPECT_EQ(world.job(1).time_limit, 5U);
  EXPECT_EQ(world.job(2).time_limit, 4U);
}

TEST(HetJobs, WhoWaitsForTheLeaderWaitsForAll) {
  World world;
  submit(world, {a_job(), a_job()});
  const JobId next = world.submit(a_job().after("afterok:1"));
  world.script_ends(JobId(1), 0);
  EXPECT_EQ(world.state(next), "PENDING/Dependency");
  world.release(JobId(2));
  EXPECT_EQ(world.state(next), "RUNNING");
}

TEST(HetJobs, SingletonComponentsDontWaitForEachOther) {
  World world;
  submit(world, {a_job().after("singleton"), a_job().after("singleton")});
  EXPECT_EQ(world.state(JobId(2)), "RUNNING");
}

TEST(HetJobs, ATestTellsWhenTheWholeCouldStart) {
  World world;
  const JobId busy = world.submit(a_job().nodes(3).cpus(4).minutes(30));
  core::SubmitHetJob event = whole({a_job(), a_job()});
  event.parts.front().test_only = true;
  const core::Changes changes = world.apply(event);
  ASSERT_TRUE(changes.tested);
  EXPECT_EQ(changes.tested->planned_start, world.job(busy).start + 30 * 60 * model::kSecond);
  EXPECT_EQ(world.cluster->all_jobs().size(), 1U);
}

TEST(HetJobs, ARestartKeepsTheMeeting) {
  World world;
  const JobId busy = world.submit(a_job().nodes(3).cpus(4).minutes(30));
  submit(world, {a_job(), a_job()});
  world.restart();
  EXPECT_EQ(world.job(2).state, JobState::pending);
  world.finish(busy);
  EXPECT_EQ(world.job(2).state, JobState::running);
  EXPECT_EQ(world.job(3).state, JobState::running);
}

}  // namespace
}  // namespace sluice::test
