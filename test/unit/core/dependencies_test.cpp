// Dependencies: each kind, their combinations, what happens when they can't be met.
#include <gtest/gtest.h>

#include "core/dependency_spec.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::JobVerb;

const char* const kOpen = "PENDING/Dependency";
const char* const kNever = "PENDING/DependencyNeverSatisfied";

TEST(DependencySpec, ReadsAndWritesSlurmsForm) {
  const auto spec = core::parse_dependency("afterok:20:21_3,after:7+5,singleton");
  ASSERT_TRUE(spec);
  EXPECT_EQ(core::dependency_text(*spec),
            "afterok:20(unfulfilled),afterok:21_3(unfulfilled),after:7+5(unfulfilled),"
            "singleton(unfulfilled)");
  for (const char* text : {"afterok:1(unfulfilled)?afterany:2_*(failed)", "singleton(unfulfilled)",
                           "afterok:1(failed),aftercorr:2_7(unfulfilled)"}) {
    const auto again = core::parse_dependency(text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(core::dependency_text(*again), text);
  }
  EXPECT_TRUE(core::parse_dependency("")->clauses.empty());
}

TEST(DependencySpec, RefusesNonsense) {
  for (const char* text :
       {"afterok", "afterok:", "afterok:x", "afterok:1:", "before:1", "afterok:0",
        "afterok:1,afterany:2?after:3", "singleton:3", "afterok:1+5", ",", "afterok:1,", "after:1+",
        "afterok:1_", "afterok:99999999999"}) {
    EXPECT_EQ(core::parse_dependency(text).error().code, ErrorCode::invalid_dependency) << text;
  }
  EXPECT_EQ(core::parse_dependency("afterburstbuffer:1").error().code, ErrorCode::unsupported);
}

struct KindCase {
  const char* kind;
  std::uint32_t exit_code;
  const char* state;
};

TEST(Dependencies, WaitForTheEndTheyName) {
  const KindCase cases[] = {
      {"afterany:1", 0, "RUNNING"},          {"afterany:1", 256, "RUNNING"},
      {"afterok:1", 0, "RUNNING"},           {"afterok:1", 256, kNever},
      {"afternotok:1", 0, kNever},           {"afternotok:1", 256, "RUNNING"},
      {"aftercorr:1", 0, "RUNNING"},         {"afterok:1?afterany:1", 256, "RUNNING"},
      {"afterok:1,afterany:1", 256, kNever},
  };
  for (const KindCase& one : cases) {
    World world;
    const JobId first = world.submit(a_job());
    const JobId second = world.submit(a_job().after(one.kind));
    EXPECT_EQ(world.state(second), kOpen) << one.kind;
    EXPECT_EQ(world.job(second).eligible, 0);
    world.restart();
    world.finish(first, one.exit_code);
    EXPECT_EQ(world.state(second), one.state) << one.kind;
    world.restart();
    EXPECT_EQ(world.state(second), one.state) << one.kind;
  }
}

TEST(Dependencies, WaitUntilNothingOfTheTargetIsLeft) {
  World world;
  const JobId first = world.submit(a_job().nodes(2));
  const JobId second = world.submit(a_job().after("afterany:1"));
  world.script_ends(first, 0);
  EXPECT_EQ(world.state(first), "COMPLETING");
  EXPECT_EQ(world.state(second), kOpen);
  world.release(first);
  EXPECT_EQ(world.state(second), "RUNNING");
}

TEST(Dependencies, AfterIsFromTheStartOnWithMinutes) {
  World world;
  const JobId first = world.submit(a_job().begin(world.now.wall + 60 * model::kSecond));
  const JobId at_once = world.submit(a_job().after("after:1"));
  const JobId later = world.submit(a_job().after("after:1+2"));
  EXPECT_EQ(world.state(at_once), kOpen);
  world.pass(60);
  EXPECT_EQ(world.state(first), "RUNNING");
  EXPECT_EQ(world.state(at_once), "RUNNING");
  world.pass(119);
  EXPECT_EQ(world.state(later), kOpen);
  world.pass(1);
  EXPECT_EQ(world.state(later), "RUNNING");
}

TEST(Dependencies, ACancelledTargetCountsAsStarted) {
  World world;
  const JobId first = world.submit(a_job().held());
  const JobId second = world.submit(a_job().after("after:1"));
  const JobId third = world.submit(a_job().after("afterok:1"));
  world.act(JobVerb::cancel, first);
  EXPECT_EQ(world.state(second), "RUNNING");
  EXPECT_EQ(world.state(third), kNever);
}

TEST(Dependencies, OnArraysMeanAllTasks) {
  World world;
  const JobId array = world.submit(a_job().array("1-2"));
  const JobId all = world.submit(a_job().after("afterok:1"));
  const JobId one = world.submit(a_job().after("afterok:1_1"));
  EXPECT_EQ(world.job(all).dependency, Text("afterok:1_*(unfulfilled)"));
  world.finish(world.cluster->find_task(array, 1)->id);
  EXPECT_EQ(world.state(one), "RUNNING");
  EXPECT_EQ(world.state(all), kOpen);
  world.restart();
  world.finish(world.cluster->find_task(array, 2)->id);
  EXPECT_EQ(world.state(all), "RUNNING");
}

TEST(Dependencies, OfArraysTaskByTask) {
  World world;
  const JobId target = world.submit(a_job().array("1-3"));
  const JobId waiting = world.submit(a_job().array("1-4").after("aftercorr:1"));
  EXPECT_EQ(world.state(waiting), kOpen);
  world.finish(world.cluster->find_task(target, 2)->id);
  EXPECT_EQ(world.cluster->find_task(waiting, 2)->state, model::JobState::running);
  EXPECT_EQ(world.cluster->find_task(waiting, 1)->id, waiting);
  world.restart();
  world.finish(world.cluster->find_task(target, 1)->id, 256);
  EXPECT_EQ(world.state(world.cluster->find_task(waiting, 1)->id), kNever);
  world.finish(world.cluster->find_task(target, 3)->id);
  EXPECT_EQ(world.cluster->find_task(waiting, 3)->state, model::JobState::running);
  EXPECT_EQ(world.state(waiting), kNever);  // task 4: no counterpart, and the whole wasn't ok
}

TEST(Dependencies, OnEndedTasksOfAnArrayAreSeenAtSubmit) {
  World world;
  const JobId target = world.submit(a_job().array("1-2"));
  world.finish(world.cluster->find_task(target, 1)->id);
  const JobId waiting = world.submit(a_job().array("1-2").after("aftercorr:1"));
  EXPECT_EQ(world.cluster->find_task(waiting, 1)->state, model::JobState::running);
  EXPECT_EQ(world.cluster->find_task(waiting, 2)->state, model::JobState::pending);
}

TEST(Dependencies, SingletonsGoOneByOne) {
  World world;
  const JobId first = world.submit(a_job());
  const JobId second = world.submit(a_job().after("singleton"));
  const JobId third = world.submit(a_job().after("singleton"));
  const JobId other_name = world.submit(a_job().named("other").after("singleton"));
  const JobId other_user = world.submit(a_job().by(1001).after("singleton"));
  EXPECT_EQ(world.state(second), kOpen);
  EXPECT_EQ(world.state(other_name), "RUNNING");
  EXPECT_EQ(world.state(other_user), "RUNNING");
  world.restart();
  world.finish(first);
  EXPECT_EQ(world.state(second), "RUNNING");
  EXPECT_EQ(world.state(third), kOpen);
  world.finish(second);
  EXPECT_EQ(world.state(third), "RUNNING");
}

TEST(Dependencies, ASingletonArrayRunsTaskByTask) {
  World world;
  const JobId array = world.submit(a_job().array("1-3").after("singleton"));
  EXPECT_EQ(world.cluster->all_jobs().size(), 2U);
  EXPECT_EQ(world.state(array), kOpen);
  world.finish(world.cluster->find_task(array, 1)->id);
  EXPECT_EQ(world.cluster->find_task(array, 2)->state, model::JobState::running);
  EXPECT_EQ(world.state(array), kOpen);
}

TEST(Dependencies, ThatCanNeverBeMetMayCancelTheJob) {
  World world;
  const JobId first = world.submit(a_job());
  const JobId second = world.submit(a_job().after("afterok:1").spec([](model::JobSpec& spec) {
    spec.kill_on_invalid_dependency = true;
  }));
  const JobId third = world.submit(a_job().after("afterok:2"));
  world.finish(first, 256);
  EXPECT_EQ(world.state(second), "CANCELLED/DependencyNeverSatisfied");
  EXPECT_EQ(world.state(third), kNever);
}

TEST(Dependencies, ThatFailedRecoverWithTheTarget) {
  World world;
  const JobId first = world.submit(a_job());
  const JobId second = world.submit(a_job().after("afterok:1"));
  world.finish(first, 256);
  EXPECT_EQ(world.state(second), kNever);
  EXPECT_EQ(world.job(second).dependency, Text("afterok:1(failed)"));
  world.restart();
  world.act(JobVerb::requeue, first);
  EXPECT_EQ(world.state(second), kOpen);
  world.finish(first);
  EXPECT_EQ(world.state(second), "RUNNING");
}

TEST(Dependencies, OnJobsThatAreGone) {
  World world;
  const JobId first = world.submit(a_job());
  world.finish(first);
  world.pass(400);
  EXPECT_EQ(world.state(world.submit(a_job().after("afterany:1"))), "RUNNING");
  EXPECT_EQ(world.try_submit(a_job().after("afterok:77")).error().text, "Job dependency problem");
  EXPECT_EQ(world.try_submit(a_job().after("afterany:77")).error().code,
            ErrorCode::invalid_dependency);
  EXPECT_EQ(world.try_submit(a_job().after("afterany:2_5")).error().code,
            ErrorCode::invalid_dependency);
}

TEST(Dependencies, OnJobsThatAreGoneAreAnsweredByHistory) {
  const KindCase cases[] = {
      {"afterok:1", 0, "RUNNING"},    {"afterok:1", 256, kNever},
      {"afternotok:1", 0, kNever},    {"afternotok:1", 256, "RUNNING"},
      {"aftercorr:1", 0, "RUNNING"},  {"afterok:1?afternotok:1", 256, "RUNNING"},
      {"afterany:1", 256, "RUNNING"},
  };
  for (const KindCase& one : cases) {
    World world;
    const JobId first = world.submit(a_job());
    world.finish(first, one.exit_code);
    world.pass(400);
    ASSERT_FALSE(world.cluster->find_job(first));
    const JobId second = world.submit(a_job().after(one.kind));
    EXPECT_EQ(world.state(second), one.state) << one.kind;
    world.restart();
    world.pass(400);
    EXPECT_EQ(world.state(second), one.state) << one.kind;
    core::JobPatch patch;
    patch.dependency = one.kind;
    const JobId third = world.submit(a_job().held());
    EXPECT_TRUE(world.update(third, patch).outcome);
    world.act(JobVerb::release, third);
    EXPECT_EQ(world.state(third), one.state) << one.kind;
  }
}

TEST(Dependencies, OnArraysThatAreGone) {
  World world;
  const JobId target = world.submit(a_job().array("1-3"));
  for (const std::uint32_t task : {1U, 2U, 3U}) {
    world.finish(world.cluster->find_task(target, task)->id, task == 2 ? 256 : 0);
  }
  world.pass(400);
  ASSERT_TRUE(world.cluster->records_of(target).empty());
  EXPECT_EQ(world.state(world.submit(a_job().after("afterok:1"))), kNever);
  EXPECT_EQ(world.state(world.submit(a_job().after("afterok:1_*"))), kNever);
  EXPECT_EQ(world.state(world.submit(a_job().after("afterok:1_3"))), "RUNNING");
  EXPECT_EQ(world.state(world.submit(a_job().after("afterok:1_2"))), kNever);
  EXPECT_EQ(world.try_submit(a_job().after("afterok:1_7")).error().code,
            ErrorCode::invalid_dependency);
  const JobId waiting = world.submit(a_job().array("1-3").after("aftercorr:1"));
  world.pass(400);
  EXPECT_EQ(world.cluster->find_task(waiting, 1)->state, model::JobState::running);
  EXPECT_EQ(world.state(world.cluster->find_task(waiting, 2)->id), kNever);
  EXPECT_EQ(world.cluster->find_task(waiting, 3)->state, model::JobState::running);
}

TEST(Dependencies, CirclesAreRefused) {
  World world;
  const JobId first = world.submit(a_job().held());
  const JobId second = world.submit(a_job().after("afterok:1"));
  world.submit(a_job().after("afterok:2"));
  core::JobPatch patch;
  patch.dependency = "afterany:3";
  EXPECT_EQ(world.update(first, patch).outcome.error().code, ErrorCode::invalid_dependency);
  patch.dependency = "afterany:1";
  EXPECT_EQ(world.update(first, patch).outcome.error().code, ErrorCode::invalid_dependency);
  patch.dependency = "";
  EXPECT_TRUE(world.update(second, patch).outcome);
  EXPECT_EQ(world.state(second), "RUNNING");
  EXPECT_EQ(world.job(second).dependency, Text());
}

}  // namespace
}  // namespace sluice::test
