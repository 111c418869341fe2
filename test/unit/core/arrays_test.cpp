// Job arrays: one record until tasks start, records of their own afterwards, the limit.
#include <gtest/gtest.h>

#include "model/task_set.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::ActOnJob;
using core::JobVerb;
using model::TaskRun;

std::string rest_of(const World& world, JobId array) {
  const model::Job& job = world.job(array);
  return job.array_rest ? model::task_text(*job.array_rest) : "";
}

std::size_t running(const World& world, JobId array) {
  std::size_t count = 0;
  for (const model::JobPtr& job : world.cluster->records_of(array)) {
    count += job->state == model::JobState::running ? 1 : 0;
  }
  return count;
}

ActOnJob on_tasks(JobVerb verb, JobId array, std::vector<TaskRun> tasks) {
  return {.verb = verb, .selector = {array, std::move(tasks)}, .by_uid = 1000};
}

TEST(Arrays, AreOneRecordUntilTasksStart) {
  World world({.nodes = 1, .cpus = 2});
  world.planning = false;
  const JobId array = world.submit(a_job().array("0-999999"));
  EXPECT_EQ(world.cluster->all_jobs().size(), 1U);
  EXPECT_EQ(world.job(array).array_job, array);
  EXPECT_EQ(world.job(array).array_count, 1'000'000U);
  EXPECT_EQ(world.job(array).array_max, 999'999U);
  world.plan();
  EXPECT_EQ(world.cluster->all_jobs().size(), 3U);
  EXPECT_EQ(rest_of(world, array), "2-999999");
  const model::Job& first = *world.cluster->find_task(array, 0);
  EXPECT_EQ(first.id, JobId(2));
  EXPECT_EQ(first.array_task, 0U);
  EXPECT_NE(first.uid, world.job(array).uid);
  EXPECT_EQ(world.cluster->find_task(array, 77)->id, array);
  EXPECT_EQ(world.cluster->find_task(array, 1'000'000), nullptr);
}

TEST(Arrays, TheLastTaskTakesOverTheArraysRecord) {
  World world({.nodes = 1, .cpus = 4});
  const JobId array = world.submit(a_job().array("3,5,9"));
  EXPECT_EQ(running(world, array), 3U);
  EXPECT_EQ(world.job(array).array_task, 9U);
  EXPECT_EQ(rest_of(world, array), "");
  EXPECT_EQ(world.cluster->find_task(array, 9)->id, array);
  for (const model::JobPtr& job : world.cluster->records_of(array)) world.finish(job->id);
  EXPECT_EQ(world.ended.size(), 3U);
  world.pass(300);
  EXPECT_TRUE(world.cluster->all_jobs().empty());
}

TEST(Arrays, TheLimitHoldsAtEveryMoment) {
  World world;
  const JobId array = world.submit(a_job().array("1-10", 3));
  EXPECT_EQ(running(world, array), 3U);
  EXPECT_EQ(rest_of(world, array), "4-10");
  EXPECT_EQ(world.state(array), "PENDING/JobArrayTaskLimit");
  world.finish(world.cluster->find_task(array, 1)->id);
  EXPECT_EQ(running(world, array), 3U);
  core::JobPatch patch;
  patch.array_limit = 5;
  EXPECT_TRUE(world.update(array, patch).outcome);
  EXPECT_EQ(running(world, array), 5U);
  patch.array_limit = 2;
  world.update(array, patch);
  EXPECT_EQ(running(world, array), 5U);  // what runs stays
  world.finish(world.cluster->find_task(array, 2)->id);
  world.finish(world.cluster->find_task(array, 3)->id);
  world.finish(world.cluster->find_task(array, 4)->id);
  EXPECT_EQ(running(world, array), 2U);
  world.restart();
  world.finish(world.cluster->find_task(array, 5)->id);
  EXPECT_EQ(running(world, array), 2U);
  patch.array_limit = 0;
  world.update(array, patch);
  EXPECT_EQ(running(world, array), 5U);
}

TEST(Arrays, RequeuedTasksCountAgainstTheLimit) {
  World world;
  const JobId array = world.submit(a_job().array("1-4", 2));
  const JobId first = world.cluster->find_task(array, 1)->id;
  const Attempt attempt = world.attempt(first);
  world.act(JobVerb::requeue, first);
  world.apply(core::NodeReleased{attempt, world.job(first).allocation->shares[0].node, false});
  EXPECT_EQ(running(world, array), 2U);
  EXPECT_EQ(world.state(first), "RUNNING");  // before the rest
  EXPECT_EQ(rest_of(world, array), "3-4");
}

TEST(Arrays, ActionsOnTheWholeReachEveryRecord) {
  World world({.nodes = 1, .cpus = 1});
  const JobId array = world.submit(a_job().array("1-5"));
  const core::Changes changes = world.act(JobVerb::cancel, array);
  EXPECT_TRUE(changes.outcome);
  ASSERT_EQ(changes.outcomes.size(), 2U);
  EXPECT_EQ(changes.outcomes[0].job, array);
  EXPECT_EQ(changes.outcomes[1].array_task, 1U);
  EXPECT_EQ(world.state(array), "CANCELLED");
  EXPECT_EQ(rest_of(world, array), "2-5");  // one record for what never started
  world.release(JobId(2));
  EXPECT_EQ(world.ended.size(), 2U);
  EXPECT_EQ(world.act(JobVerb::cancel, array).outcome.error().code, ErrorCode::already_done);
}

TEST(Arrays, NamedTasksGetRecordsOfTheirOwn) {
  World world({.nodes = 1, .cpus = 1});
  world.submit(a_job());
  const JobId array = world.submit(a_job().array("1-9"));
  const core::Changes cancelled =
      world.apply(on_tasks(JobVerb::cancel, array, {{2, 3, 1}, {7, 7, 1}, {42, 42, 1}}));
  EXPECT_TRUE(cancelled.outcome);
  EXPECT_EQ(rest_of(world, array), "1,4-6,8-9");
  ASSERT_EQ(cancelled.outcomes.size(), 4U);
  EXPECT_EQ(cancelled.outcomes[3].array_task, 42U);
  EXPECT_EQ(cancelled.outcomes[3].status.error().code, ErrorCode::invalid_job_id);
  EXPECT_EQ(world.cluster->find_task(array, 7)->state, model::JobState::cancelled);

  world.apply(on_tasks(JobVerb::hold_user, array, {{4, 4, 1}}));
  EXPECT_EQ(rest_of(world, array), "1,5-6,8-9");
  EXPECT_EQ(world.state(world.cluster->find_task(array, 4)->id), "PENDING/JobHeldUser");
  EXPECT_FALSE(world.apply(on_tasks(JobVerb::hold_user, array, {{99, 99, 1}})).outcome);
}

TEST(Arrays, AllTasksNamedIsTheWhole) {
  World world({.nodes = 1, .cpus = 1});
  world.submit(a_job());
  const JobId array = world.submit(a_job().array("1-1000"));
  world.apply(on_tasks(JobVerb::hold_user, array, {{0, 5000, 1}}));
  EXPECT_EQ(rest_of(world, array), "1-1000");
  EXPECT_EQ(world.state(array), "PENDING/JobHeldUser");
}

TEST(Arrays, BadSpecificationsAreRefused) {
  World world;
  for (const char* text : {"5-2", "1-2:0", "1000001", "a", "1,", "1-", "-3", "1:2", "1-9%2"}) {
    EXPECT_EQ(world.try_submit(a_job().array(text)).error().code, ErrorCode::invalid_array) << text;
  }
  EXPECT_TRUE(world.cluster->all_jobs().empty());
}

TEST(Arrays, ARestartKnowsThemAll) {
  World world({.nodes = 1, .cpus = 2});
  const JobId array = world.submit(a_job().array("0-20:5,7"));
  world.apply(on_tasks(JobVerb::hold_user, array, {{20, 20, 1}}));
  world.restart();
  EXPECT_EQ(rest_of(world, array), "7,10,15");
  world.finish(world.cluster->find_task(array, 0)->id);
  EXPECT_EQ(world.cluster->find_task(array, 7)->state, model::JobState::running);
}

}  // namespace
}  // namespace sluice::test
