// The life of single jobs: submit, start, end in every way, requeue, suspend, hold.
#include <limits>

#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::BatchEnded;
using core::JobVerb;
using core::LaunchJob;
using core::SignalJob;
using core::TerminateJob;
using model::JobState;
using model::Reason;

TEST(Lifecycle, ASubmittedJobStartsAndEndsInTwoRecords) {
  World world;
  world.planning = false;
  const core::Changes submitted = world.apply(a_job().event());
  ASSERT_TRUE(submitted.outcome);
  EXPECT_EQ(submitted.job, JobId(1));
  ASSERT_EQ(submitted.jobs.size(), 1U);
  EXPECT_EQ(submitted.jobs[0]->state, JobState::pending);
  EXPECT_EQ(submitted.jobs[0]->priority, 4294901759U);

  const core::Changes started = world.plan();
  ASSERT_EQ(started.jobs.size(), 1U);
  EXPECT_EQ(world.state(JobId(1)), "RUNNING");
  EXPECT_EQ(world.job(1).batch_host, Text("n1"));
  EXPECT_EQ(world.job(1).start, world.now.wall);
  const auto launches = World::orders<LaunchJob>(started);
  ASSERT_EQ(launches.size(), 1U);
  EXPECT_EQ(launches[0].job->state, JobState::running);
  EXPECT_EQ(world.node(0).state, model::NodeState::mixed);

  const core::Changes over = world.apply(BatchEnded{
      .attempt = world.attempt(JobId(1)), .exit_code = 0, .error = {}, .released = true});
  EXPECT_EQ(over.jobs.size(), 1U);
  EXPECT_EQ(over.ended.size(), 1U);
  EXPECT_TRUE(over.orders.empty());
  EXPECT_EQ(world.state(JobId(1)), "COMPLETED");
  EXPECT_EQ(world.node(0).state, model::NodeState::idle);
}

struct EndCase {
  std::uint32_t status;
  bool out_of_memory;
  const char* state;
  const char* detail;
};

TEST(Lifecycle, TheExitStatusDecidesTheState) {
  const EndCase cases[] = {
      {0, false, "COMPLETED", ""},
      {3U << 8U, false, "FAILED/NonZeroExitCode", ""},
      {9, false, "FAILED/RaisedSignal", "RaisedSignal:9(Killed)"},
      {9, true, "OUT_OF_MEMORY/OutOfMemory", ""},
      {139, false, "FAILED/RaisedSignal", "RaisedSignal:11(Segmentation_fault)"},
  };
  for (const EndCase& one : cases) {
    World world;
    const JobId id = world.submit(a_job());
    world.apply(BatchEnded{.attempt = world.attempt(id),
                           .exit_code = one.status,
                           .out_of_memory = one.out_of_memory,
                           .error = {},
                           .released = true});
    EXPECT_EQ(world.state(id), one.state);
    EXPECT_EQ(world.job(id).reason_detail, Text(one.detail));
    EXPECT_EQ(world.job(id).exit_code, one.status);
    ASSERT_EQ(world.ended.size(), 1U);
    EXPECT_EQ(world.ended[0]->exit_code, one.status);
  }
}

// --- images
// ---------------------------------------------------------------------------------------

JobBuilder in_container() {
  return a_job().spec([](model::JobSpec& spec) {
    spec.container.emplace_back();
    spec.container.front().image = "debian";
  });
}

void batch_step(World& world, JobId id, const char* reason) {
  model::Step step;
  step.job = id;
  step.attempt = world.attempt(id);
  step.number = base::kBatchStep;
  step.reason = reason;
  world.apply(core::StepStarted{std::make_shared<const model::Step>(step)});
}

TEST(Lifecycle, AnImageOnItsWayIsShownAsConfiguring) {
  World world;
  const JobId id = world.submit(in_container());
  world.prepared(id);
  batch_step(world, id, "ImagePull (35%)");
  const auto shown = [&] {
    return std::string(model::short_name(world.job(id).state, world.job(id).flags)) + " " +
           world.job(id).reason_detail.str();
  };
  EXPECT_EQ(shown(), "CF ImagePull (35%)");
  world.prepared(id);  // said again by its node
  batch_step(world, id, "ImageUnpack");
  EXPECT_EQ(shown(), "CF ImageUnpack");
  batch_step(world, id, "");
  EXPECT_EQ(shown(), "R ");
  world.finish(id);
  EXPECT_EQ(world.state(id), "COMPLETED");
}

TEST(Lifecycle, AnImageThatCannotBeHadIsTheReason) {
  World world;
  const JobId id = world.submit(in_container());
  batch_step(world, id, "ImagePull (35%)");
  world.apply(BatchEnded{.attempt = world.attempt(id),
                         .exit_code = 1U << 8U,
                         .error = "no such tag",
                         .released = true});
  EXPECT_EQ(world.state(id), "FAILED/JobLaunchFailure");
  EXPECT_EQ(world.job(id).reason_detail, Text("no such tag"));
  EXPECT_EQ(world.job(id).exit_code, 1U << 8U);
}

TEST(Lifecycle, CompletingLastsUntilEveryNodeIsClean) {
  World world;
  const JobId id = world.submit(a_job().nodes(3));
  const core::Changes ended = world.apply(
      BatchEnded{.attempt = world.attempt(id), .exit_code = 0, .error = {}, .released = true});
  EXPECT_EQ(World::orders<TerminateJob>(ended).size(), 2U);  // the batch host is clean
  EXPECT_EQ(world.state(id), "COMPLETING");
  EXPECT_EQ(world.cluster->released(), (std::vector<model::NodeRelease>{{id, 0, "n1"}}));
  EXPECT_TRUE(world.ended.empty());
  EXPECT_EQ(model::long_state(world.node(1)), "IDLE+COMPLETING");
  const core::Changes one = world.apply(core::NodeReleased{world.attempt(id), NodeIndex(1), false});
  EXPECT_TRUE(one.jobs.empty()) << "a record is written once for all its nodes";
  EXPECT_EQ(one.released, (std::vector<model::NodeRelease>{{id, 0, "n2"}}));
  EXPECT_EQ(world.state(id), "COMPLETING");
  world.restart();
  EXPECT_EQ(world.cluster->released().size(), 2U);
  EXPECT_EQ(world.cluster->jobs_on(NodeIndex(1)).size(), 0U);
  EXPECT_EQ(world.cluster->jobs_on(NodeIndex(2)).size(), 1U);
  world.release(id, 2);
  EXPECT_EQ(world.state(id), "COMPLETED");
  EXPECT_EQ(world.ended.size(), 1U);
  EXPECT_EQ(world.node(1).flags, 0U);
}

TEST(Lifecycle, ACancelledPendingJobNeverStarted) {
  World world;
  const JobId id = world.submit(a_job().held());
  EXPECT_EQ(world.state(id), "PENDING/JobHeldUser");
  EXPECT_TRUE(world.act(JobVerb::cancel, id).outcome);
  EXPECT_EQ(world.state(id), "CANCELLED");
  EXPECT_EQ(world.job(id).start, 0);
  EXPECT_EQ(world.job(id).cancelled_by, 1000U);
  EXPECT_EQ(world.ended.size(), 1U);
  const core::Changes again = world.act(JobVerb::cancel, id);
  EXPECT_EQ(again.outcome.error().code, ErrorCode::already_done);
  EXPECT_EQ(world.act(JobVerb::cancel, JobId(99)).outcome.error().code, ErrorCode::invalid_job_id);
}

TEST(Lifecycle, ACancelledRunningJobKeepsItsPayloadsExitCode) {
  World world;
  const JobId id = world.submit(a_job());
  const Attempt attempt = world.attempt(id);
  const core::Changes cancelled = world.act(JobVerb::cancel, id);
  const auto orders = World::orders<TerminateJob>(cancelled);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].grace_s, 30U);
  EXPECT_EQ(world.state(id), "COMPLETING");
  EXPECT_TRUE(world.ended.empty());
  world.apply(BatchEnded{.attempt = attempt, .exit_code = 15, .error = {}, .released = true});
  EXPECT_EQ(world.state(id), "CANCELLED");
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_EQ(world.ended[0]->exit_code, 15U);
  EXPECT_EQ(world.ended[0]->cancelled_by, 1000U);
}

TEST(Lifecycle, ReportsThatComeTwiceOrLateChangeNothing) {
  World world;
  const JobId id = world.submit(a_job());
  const Attempt attempt = world.attempt(id);
  const BatchEnded report{.attempt = attempt, .exit_code = 0, .error = {}, .released = true};
  world.apply(report);
  const core::Changes second = world.apply(report);
  EXPECT_EQ(second.outcome.error().code, ErrorCode::invalid_job_id);
  EXPECT_TRUE(second.jobs.empty());
  EXPECT_TRUE(second.ended.empty());
  EXPECT_FALSE(world.apply(core::NodeReleased{attempt, NodeIndex(0), false}).outcome);
  EXPECT_FALSE(world.apply(core::JobPrepared{attempt, NodeIndex(0), true, {}}).outcome);
}

TEST(Lifecycle, ABatchHostMustTellTheEndBeforeItReleases) {
  World world;
  const JobId id = world.submit(a_job());
  const core::Changes early =
      world.apply(core::NodeReleased{world.attempt(id), NodeIndex(0), false});
  EXPECT_FALSE(early.outcome);
  EXPECT_EQ(world.state(id), "RUNNING");
  world.finish(id);
  EXPECT_EQ(world.state(id), "COMPLETED");
}

TEST(Lifecycle, TheTimeLimitEndsAJob) {
  World world;
  const JobId id = world.submit(a_job().minutes(2));
  world.pass(119);
  EXPECT_EQ(world.state(id), "RUNNING");
  world.pass(1);
  EXPECT_EQ(world.state(id), "COMPLETING/TimeLimit");
  world.release(id);
  EXPECT_EQ(world.state(id), "TIMEOUT/TimeLimit");
  EXPECT_EQ(world.ended.at(0)->state, JobState::timeout);
}

TEST(Lifecycle, OverTimeLimitAddsToTheLimit) {
  model::Settings settings = some_settings();
  settings.over_time_limit_min = 1;
  World world(settings);
  const JobId id = world.submit(a_job().minutes(2));
  world.pass(179);
  EXPECT_EQ(world.state(id), "RUNNING");
  world.pass(1);
  EXPECT_EQ(world.state(id), "COMPLETING/TimeLimit");
}

TEST(Lifecycle, JobsWithoutALimitAskedTakeThePartitions) {
  model::Settings settings = some_settings();
  settings.partitions[0].default_time = 5;
  World world(settings);
  const JobId id = world.submit(a_job().minutes(0));
  EXPECT_EQ(world.job(id).time_limit, 5U);
  world.pass(300);
  EXPECT_EQ(world.state(id), "COMPLETING/TimeLimit");
}

TEST(Lifecycle, AWarningSignalGoesOutBeforeTheEnd) {
  World world;
  const JobId id = world.submit(a_job().minutes(10).spec([](model::JobSpec& spec) {
    spec.signal = 10;
    spec.signal_before = 60;
    spec.signal_batch_only = true;
  }));
  world.pass(539);
  EXPECT_EQ(world.job(id).flags, 0U);
  world.now.wall += 1'000'000;
  world.now.mono_ms += 1000;
  const core::Changes warned = world.apply(core::Tick{});
  const auto signals = World::orders<SignalJob>(warned);
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_EQ(signals[0].signal, 10U);
  EXPECT_TRUE(signals[0].batch_only);
  EXPECT_EQ(world.state(id), "RUNNING");
  world.pass(60);
  EXPECT_EQ(world.state(id), "COMPLETING/TimeLimit");
}

TEST(Lifecycle, UnkillableProcessesDrainTheNodeAndTheJobEnds) {
  World world;
  const JobId id = world.submit(a_job());
  world.act(JobVerb::cancel, id);
  world.pass(89);
  EXPECT_EQ(world.state(id), "COMPLETING");
  world.pass(1);  // KillWait and UnkillableStepTimeout are over
  EXPECT_EQ(world.state(id), "CANCELLED");
  // Draining, not drained: something of the job is still there.
  EXPECT_EQ(model::sinfo_state(world.node(0)), "draining");
  EXPECT_EQ(world.node(0).reason, Text("Kill task failed"));
}

TEST(Lifecycle, SilentNodesAreNotBlamedForAKill) {
  World world;
  const JobId id = world.submit(a_job());
  world.act(JobVerb::cancel, id);
  world.apply(core::NodeSilent{NodeIndex(0)});
  world.pass(600);
  EXPECT_EQ(world.state(id), "COMPLETING");
  world.apply(core::NodeLost{NodeIndex(0)});
  EXPECT_EQ(world.state(id), "CANCELLED");
  EXPECT_EQ(world.node(0).reason, Text("Not responding"));
}

TEST(Lifecycle, ASuspendedJobKeepsItsTime) {
  World world({.nodes = 1});
  const JobId id = world.submit(a_job().cpus(4).minutes(10));
  world.pass(60);
  EXPECT_EQ(World::orders<core::SuspendJob>(world.act_as_admin(JobVerb::suspend, id)).size(), 1U);
  EXPECT_EQ(world.state(id), "SUSPENDED");
  world.pass(3600);
  EXPECT_EQ(world.state(id), "SUSPENDED");
  EXPECT_EQ(world.act_as_admin(JobVerb::suspend, id).outcome.error().code,
            ErrorCode::job_suspended);
  world.restart();
  world.act_as_admin(JobVerb::resume, id);
  EXPECT_EQ(world.job(id).suspended_us, 3600 * model::kSecond);
  world.pass(539);
  EXPECT_EQ(world.state(id), "RUNNING");
  world.pass(1);
  EXPECT_EQ(world.state(id), "COMPLETING/TimeLimit");
}

TEST(Lifecycle, ARequeuedJobRunsAgainAfterItsFormerAttemptIsGone) {
  World world;
  const JobId id = world.submit(a_job());
  const Attempt first = world.attempt(id);
  world.act(JobVerb::requeue, id);
  EXPECT_EQ(world.state(id), "COMPLETING");
  world.apply(core::NodeReleased{first, NodeIndex(0), false});
  EXPECT_EQ(world.state(id), "RUNNING");  // at once: the node is free
  EXPECT_EQ(world.job(id).attempt, 1U);
  EXPECT_EQ(world.job(id).restarts, 1U);
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_EQ(world.ended[0]->attempt, 0U);
  EXPECT_EQ(model::long_name(world.ended[0]->state, world.ended[0]->flags), "REQUEUED");
  world.finish(id);
  ASSERT_EQ(world.ended.size(), 2U);
  EXPECT_EQ(world.ended[1]->state, JobState::completed);
}

TEST(Lifecycle, ARequeueCanBeHeldOrCancelled) {
  World world;
  const JobId held = world.submit(a_job());
  const Attempt first = world.attempt(held);
  world.act(JobVerb::requeue_hold, held);
  world.apply(core::NodeReleased{first, NodeIndex(0), false});
  EXPECT_EQ(world.state(held), "PENDING/job requeued in held state");
  EXPECT_EQ(world.job(held).priority, 0U);
  world.act(JobVerb::release, held);
  EXPECT_EQ(world.state(held), "RUNNING");

  const JobId gone = world.submit(a_job());
  const Attempt attempt = world.attempt(gone);
  world.act(JobVerb::requeue, gone);
  world.act(JobVerb::cancel, gone);
  world.apply(core::NodeReleased{attempt, NodeIndex(0), false});
  EXPECT_EQ(world.state(gone), "CANCELLED");
}

TEST(Lifecycle, FinishedJobsCanBeRequeued) {
  World world;
  const JobId id = world.submit(a_job());
  world.finish(id, 256);
  world.act(JobVerb::requeue, id);
  EXPECT_EQ(world.state(id), "RUNNING");
  EXPECT_EQ(world.job(id).attempt, 1U);
  EXPECT_EQ(world.ended.size(), 1U);
  const JobId salloc = world.submit(a_job().interactive());
  EXPECT_EQ(world.act(JobVerb::requeue, salloc).outcome.error().code,
            ErrorCode::job_not_requeueable);
  const JobId never = world.submit(a_job().spec([](auto& spec) { spec.no_requeue = true; }));
  EXPECT_FALSE(world.act(JobVerb::requeue, never).outcome);
}

TEST(Lifecycle, LaunchFailuresRequeueAndInTheEndHold) {
  World world;
  const JobId id = world.submit(a_job());
  for (std::uint32_t round = 1; round <= 3; ++round) {
    ASSERT_EQ(world.state(id), "RUNNING");
    const Attempt attempt = world.attempt(id);
    world.apply(core::JobPrepared{attempt, NodeIndex(0), false, "prolog failed"});
    EXPECT_EQ(world.job(id).launch_failures, round);
    world.apply(core::NodeReleased{attempt, NodeIndex(0), false});
  }
  EXPECT_EQ(world.state(id), "PENDING/job requeued in held state");
  EXPECT_EQ(world.job(id).reason_detail, Text("launch failed requeued held"));
  EXPECT_EQ(world.ended.size(), 3U);
  const JobId salloc = world.submit(a_job().interactive());
  world.apply(core::JobPrepared{world.attempt(salloc), NodeIndex(0), false, "no"});
  EXPECT_EQ(world.state(salloc), "COMPLETING/JobLaunchFailure");
}

TEST(Lifecycle, HoldAndReleaseKnowWhoHeld) {
  World world;
  const JobId id = world.submit(a_job().begin(world.now.wall + 3600 * model::kSecond));
  EXPECT_EQ(world.state(id), "PENDING/BeginTime");
  const std::uint32_t priority = world.job(id).priority;
  world.act_as_admin(JobVerb::hold, id);
  EXPECT_EQ(world.state(id), "PENDING/JobHeldAdmin");
  EXPECT_EQ(world.act(JobVerb::release, id).outcome.error().code, ErrorCode::access_denied);
  world.act(JobVerb::hold_user, id);
  EXPECT_EQ(world.state(id), "PENDING/JobHeldAdmin");
  world.act_as_admin(JobVerb::release, id);
  EXPECT_EQ(world.state(id), "PENDING/BeginTime");
  EXPECT_EQ(world.job(id).priority, priority);
  world.pass(3600);
  EXPECT_EQ(world.state(id), "RUNNING");
  // Held while it runs, it runs on, and waits when it is requeued.
  EXPECT_TRUE(world.act(JobVerb::hold, id).outcome);
  EXPECT_EQ(world.state(id), "RUNNING");
  EXPECT_EQ(world.job(id).priority, 0U);
  EXPECT_TRUE(world.act(JobVerb::release, id).outcome);
  EXPECT_EQ(world.job(id).priority, priority);
}

TEST(Lifecycle, ExitCodesMayRequeueOrHoldWhateverTheJobSays) {
  model::Settings settings = some_settings();
  settings.requeue_exit = {7, 9};
  settings.requeue_exit_hold = {5, 9};
  World world(settings);
  const auto never = [](model::JobSpec& spec) { spec.no_requeue = true; };
  const JobId again = world.submit(a_job().spec(never));
  const JobId held = world.submit(a_job().spec(never));
  const JobId both = world.submit(a_job());
  const JobId other = world.submit(a_job());
  world.finish(again, 7 << 8);
  world.finish(held, 5 << 8);
  world.finish(both, 9 << 8);
  world.finish(other, 6 << 8);
  EXPECT_EQ(world.state(again), "PENDING/BeginTime");
  EXPECT_EQ(world.job(again).exit_code, 7U << 8);
  EXPECT_EQ(world.job(again).restarts, 1U);
  EXPECT_EQ(world.state(held), "SPECIAL_EXIT/JobHeldUser");
  EXPECT_EQ(world.job(held).priority, 0U);
  EXPECT_EQ(world.job(held).exit_code, 5U << 8);
  EXPECT_EQ(world.state(both), "SPECIAL_EXIT/JobHeldUser");
  EXPECT_EQ(world.state(other), "FAILED/NonZeroExitCode");
  EXPECT_EQ(world.ended.size(), 4U);
  world.restart();
  EXPECT_EQ(world.state(held), "SPECIAL_EXIT/JobHeldUser");
  world.pass(120);
  EXPECT_EQ(world.state(again), "RUNNING");
  EXPECT_EQ(world.job(again).exit_code, 0U);
  EXPECT_TRUE(world.act(JobVerb::release, held).outcome);
  EXPECT_EQ(world.state(held), "RUNNING");
  world.act(JobVerb::cancel, both);
  EXPECT_EQ(world.state(both), "CANCELLED");
}

TEST(Lifecycle, RequeueForSpecialExit) {
  World world;
  const JobId runs = world.submit(a_job());
  const JobId done = world.submit(a_job());
  const JobId waits = world.submit(a_job().held());
  world.finish(done, 3 << 8);
  core::ActOnJob event{.verb = JobVerb::requeue, .selector = {runs, {}}, .by_uid = 1000};
  event.special_exit = true;
  EXPECT_TRUE(world.apply(event).outcome);
  EXPECT_EQ(world.state(runs), "COMPLETING/job requeued in held state");
  world.release(runs);
  EXPECT_EQ(world.state(runs), "SPECIAL_EXIT/job requeued in held state");
  EXPECT_EQ(world.job(runs).reason_detail.view(), "job requeued in special exit state");
  event.selector.job = done;
  EXPECT_TRUE(world.apply(event).outcome);
  EXPECT_EQ(world.state(done), "SPECIAL_EXIT/job requeued in held state");
  EXPECT_EQ(world.job(done).exit_code, 3U << 8);
  event.selector.job = waits;
  EXPECT_EQ(world.apply(event).outcome.error().code, ErrorCode::job_pending);
  EXPECT_TRUE(world.act(JobVerb::release, done).outcome);
  EXPECT_EQ(world.state(done), "RUNNING");
}

TEST(Lifecycle, ExpeditedAfterANodeFailure) {
  World world({.nodes = 1});
  const JobId first = world.submit(a_job().cpus(4));
  const JobId urgent = world.submit(
      a_job().cpus(4).spec([](model::JobSpec& spec) { spec.expedite_requeue = true; }));
  world.finish(first);
  const JobId other = world.submit(
      a_job().cpus(4).spec([](model::JobSpec& spec) { spec.priority = 4'294'967'000U; }));
  EXPECT_EQ(world.state(urgent), "RUNNING");
  world.apply(core::NodeLost{NodeIndex(0)});
  EXPECT_EQ(world.job(urgent).priority, std::numeric_limits<std::uint32_t>::max());
  world.register_node(0, "boot-2");
  EXPECT_EQ(world.state(urgent), "RUNNING");
  EXPECT_EQ(world.state(other), "PENDING/Resources");
}

TEST(Lifecycle, TopOvertakesTheUsersOwnJobsOnly) {
  World world({.nodes = 1});
  world.submit(a_job().cpus(4));
  const JobId a = world.submit(a_job().cpus(4));
  const JobId foreign = world.submit(a_job().cpus(4).by(1001));
  const JobId b = world.submit(a_job().cpus(4));
  const JobId c = world.submit(a_job().cpus(4));
  const std::uint32_t best = world.job(a).priority;
  const std::uint32_t theirs = world.job(foreign).priority;
  EXPECT_FALSE(world.act(JobVerb::top, c).outcome);
  EXPECT_TRUE(world.act_as_admin(JobVerb::top, c).outcome);
  EXPECT_EQ(world.job(c).priority, best);
  EXPECT_LT(world.job(a).priority, best);
  EXPECT_LT(world.job(b).priority, world.job(a).priority);
  EXPECT_EQ(world.job(foreign).priority, theirs);
  EXPECT_LT(world.job(c).spec->nice, 0);
  const JobId held = world.submit(a_job().held());
  EXPECT_EQ(world.act_as_admin(JobVerb::top, held).outcome.error().code, ErrorCode::job_held);
  core::JobPatch patch;
  patch.priority = 5;
  EXPECT_EQ(world.update(held, patch, true).outcome.error().code, ErrorCode::job_held);
}

TEST(Lifecycle, AllocationsAreReadyWhenAllNodesArePrepared) {
  World world;
  const JobId id = world.submit(a_job().interactive().nodes(2));
  EXPECT_EQ(world.state(id), "CONFIGURING");
  world.apply(core::JobPrepared{world.attempt(id), NodeIndex(0), true, {}});
  EXPECT_EQ(world.state(id), "CONFIGURING");
  world.apply(core::JobPrepared{world.attempt(id), NodeIndex(1), true, {}});
  EXPECT_EQ(world.state(id), "RUNNING");
  core::ActOnJob done{.verb = JobVerb::complete, .selector = {id, {}}, .by_uid = 1000};
  done.exit_code = 512;
  EXPECT_EQ(World::orders<TerminateJob>(world.apply(done)).size(), 2U);
  world.release(id);
  EXPECT_EQ(world.state(id), "FAILED/NonZeroExitCode");
}

TEST(Lifecycle, SignalsReachRunningJobsOnly) {
  World world;
  const JobId id = world.submit(a_job().nodes(2));
  core::ActOnJob event{.verb = JobVerb::signal, .selector = {id, {}}, .by_uid = 1000};
  event.signal = 10;
  EXPECT_EQ(World::orders<SignalJob>(world.apply(event)).size(), 2U);
  event.batch_only = true;
  EXPECT_EQ(World::orders<SignalJob>(world.apply(event)).size(), 1U);
  event.signal = 19;
  world.apply(event);
  EXPECT_EQ(world.state(id), "STOPPED");
  event.signal = 18;
  world.apply(event);
  EXPECT_EQ(world.state(id), "RUNNING");
  event.selector.job = world.submit(a_job().held());
  EXPECT_EQ(world.apply(event).outcome.error().code, ErrorCode::job_pending);
  event.quiet_if_pending = true;
  EXPECT_TRUE(world.apply(event).outcome);
}

TEST(Lifecycle, DeadlinesRemoveJobsThatCannotMakeIt) {
  World world({.nodes = 1});
  world.submit(a_job().cpus(4).minutes(60));
  const auto due = [&](std::int64_t seconds) {
    return [when = world.now.wall + seconds * model::kSecond](model::JobSpec& spec) {
      spec.deadline = when;
    };
  };
  const JobId late = world.submit(a_job().minutes(10).spec(due(1200)));
  EXPECT_EQ(world.state(late), "PENDING/Resources");
  world.pass(599);
  EXPECT_EQ(world.state(late), "PENDING/Resources");
  world.pass(2);
  EXPECT_EQ(world.state(late), "DEADLINE/DeadLine");
  // One that never can make it is taken, as in Slurm.
  EXPECT_EQ(world.state(world.submit(a_job().minutes(30).spec(due(1200)))), "DEADLINE/DeadLine");
  const JobId held = world.submit(a_job().minutes(30).spec(due(1200)).held());
  world.pass(1200);
  EXPECT_EQ(world.state(held), "PENDING/JobHeldUser");
  world.pass(1);
  EXPECT_EQ(world.state(held), "DEADLINE/DeadLine");
}

TEST(Lifecycle, FinishedJobsAreForgottenAfterMinJobAge) {
  World world;
  const JobId id = world.submit(a_job());
  world.finish(id);
  world.pass(299);
  EXPECT_TRUE(world.cluster->find_job(id));
  world.pass(1);
  EXPECT_FALSE(world.cluster->find_job(id));
  EXPECT_EQ(world.cluster->next_tick_ms(), INT64_MAX);
  EXPECT_EQ(world.submit(a_job()), JobId(2));
}

TEST(Lifecycle, JobIdsStartAgainAtTheFirstAndSkipThoseInUse) {
  model::Settings settings = some_settings();
  settings.first_job_id = 10;
  settings.max_job_id = 12;
  World world(settings);
  EXPECT_EQ(world.submit(a_job()), JobId(10));
  EXPECT_EQ(world.submit(a_job()), JobId(11));
  EXPECT_EQ(world.submit(a_job()), JobId(12));
  world.finish(JobId(11));
  world.pass(300);
  EXPECT_EQ(world.submit(a_job()), JobId(11));
}

}  // namespace
}  // namespace sluice::test
