// Preemption in the core: who makes room for whom, in which way, and that nobody does in vain.
#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::core {
namespace {

using model::JobState;
using model::PreemptMode;
using test::a_job;
using test::World;

// Two partitions over the same nodes: batch, and urgent of a higher tier.
model::Settings two_tiers(PreemptMode mode, std::uint32_t grace_s = 0) {
  model::Settings settings = test::some_settings({.nodes = 4, .cpus = 4, .memory = 4000});
  settings.preempt.type = model::PreemptType::partition_prio;
  settings.preempt.mode = mode;
  settings.partitions[0].grace_time = grace_s;
  model::Partition urgent = settings.partitions[0];
  urgent.name = "urgent";
  urgent.index = PartitionIndex(1);
  urgent.is_default = false;
  urgent.priority_tier = 10;
  settings.partitions.push_back(urgent);
  return settings;
}

World started(model::Settings settings) {
  World world(std::move(settings));
  world.register_all();
  return world;
}

JobId run(World& world, const test::JobBuilder& job) {
  const JobId id = world.submit(job);
  world.prepared(id);
  return id;
}

TEST(Preemption, CancelledVictimMakesRoom) {
  World world = started(two_tiers(PreemptMode::cancel));
  std::vector<JobId> low;
  for (int n = 0; n < 4; ++n) low.push_back(run(world, a_job().cpus(4).minutes(60)));
  const JobId high = world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  // One victim is enough; the youngest of equals goes.
  EXPECT_EQ(world.job(low[3]).state, JobState::preempted);
  for (int n = 0; n < 3; ++n) EXPECT_EQ(world.job(low[n]).state, JobState::running);
  EXPECT_EQ(world.job(high).state, JobState::pending);
  world.release(low[3]);
  world.plan();
  EXPECT_EQ(world.job(high).state, JobState::running);
}

TEST(Preemption, RequeuedVictimComesBack) {
  World world = started(two_tiers(PreemptMode::requeue));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  const JobId high = world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::preempted);
  world.release(low);
  world.plan();
  EXPECT_EQ(world.job(high).state, JobState::running);
  EXPECT_EQ(world.job(low).state, JobState::pending);
  EXPECT_EQ(world.job(low).restarts, 1U);
  ASSERT_FALSE(world.ended.empty());
  EXPECT_EQ(world.ended.back()->state, JobState::preempted);
  world.prepared(high);
  world.finish(high);
  world.plan();
  EXPECT_EQ(world.job(low).state, JobState::running);
}

TEST(Preemption, GraceTimeIsGiven) {
  World world = started(two_tiers(PreemptMode::cancel, 60));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  const Changes submitted = world.apply(a_job().cpus(4).minutes(10).on("urgent").event());
  EXPECT_TRUE(submitted.outcome);
  const std::vector<SignalJob> told = World::orders<SignalJob>(world.last_plan);
  ASSERT_EQ(told.size(), 8U);  // SIGCONT and SIGTERM on four nodes
  EXPECT_EQ(told[0].signal, static_cast<std::uint32_t>(SIGCONT));
  EXPECT_EQ(told[1].signal, static_cast<std::uint32_t>(SIGTERM));
  EXPECT_EQ(world.job(low).state, JobState::running);
  world.pass(59);
  EXPECT_EQ(world.job(low).state, JobState::running);
  world.pass(2);
  EXPECT_EQ(world.job(low).state, JobState::preempted);
}

TEST(Preemption, GraceTimeOutlastsARestart) {
  World world = started(two_tiers(PreemptMode::cancel, 60));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  world.pass(30);
  world.restart();
  world.pass(29);
  EXPECT_EQ(world.job(low).state, JobState::running);
  world.pass(3);
  EXPECT_EQ(world.job(low).state, JobState::preempted);
}

TEST(Preemption, SuspendedVictimGoesOnAfterwards) {
  World world = started(two_tiers(PreemptMode::suspend));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  const JobId high = world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::suspended);
  EXPECT_EQ(world.job(high).state, JobState::running);  // in the same pass
  world.prepared(high);
  world.pass(30);
  EXPECT_EQ(world.job(low).state, JobState::suspended);
  world.finish(high);
  world.plan();
  EXPECT_EQ(world.job(low).state, JobState::running);
}

TEST(Preemption, ASleeperIsNotDisplacedOnceMoreInTheSamePass) {
  World world = started(two_tiers(PreemptMode::suspend));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.planning = false;
  const JobId high = world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  const JobId wide = world.submit(a_job().nodes(4).cpus(4).minutes(10).on("urgent"));
  world.plan();
  EXPECT_EQ(world.job(low).state, JobState::suspended);
  EXPECT_EQ(world.job(high).state, JobState::running);
  EXPECT_EQ(world.job(wide).state, JobState::pending);
  EXPECT_FALSE(world.cluster->check());
}

TEST(Preemption, WhoSleepsBesideAVictimSleepsOn) {
  World world = started(two_tiers(PreemptMode::cancel));
  const JobId sleeper = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.act_as_admin(model::JobVerb::suspend, sleeper);
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::preempted);
  EXPECT_EQ(world.job(sleeper).state, JobState::suspended);
  EXPECT_FALSE(world.cluster->check());
}

// A job that goes on without a node has nothing there any more: whoever has the same CPUs now is
// not taken for it.
TEST(Preemption, VictimIsNotLookedForOnANodeThatItLost) {
  World world = started(two_tiers(PreemptMode::suspend));
  const JobId low =
      run(world, a_job().nodes(2).cpus(4).minutes(60).spec([](auto& s) { s.no_kill = true; }));
  world.apply(NodeLost{NodeIndex(1)});
  ASSERT_EQ(world.job(low).allocation->nodes.view(), "n1");
  run(world, a_job().nodes(2).cpus(4).minutes(60).on("urgent"));
  world.register_node(1);
  const JobId other = run(world, a_job().cpus(4).minutes(60).on("urgent"));
  ASSERT_EQ(world.job(other).allocation->nodes.view(), "n2");
  const JobId high = run(world, a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::suspended);
  EXPECT_EQ(world.job(high).allocation->nodes.view(), "n1");
  const JobId late = world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(late).state, JobState::pending);
  EXPECT_FALSE(world.cluster->check());
}

TEST(Preemption, SuspendedVictimKeepsItsMemory) {
  World world = started(two_tiers(PreemptMode::suspend));
  const JobId low = run(world, a_job().nodes(4).cpus(4).memory(3000).minutes(60));
  const JobId large = world.submit(a_job().cpus(4).memory(2000).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);  // it would be suspended in vain
  EXPECT_EQ(world.job(large).state, JobState::pending);
  const JobId small = world.submit(a_job().cpus(4).memory(1000).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::suspended);
  EXPECT_EQ(world.job(small).state, JobState::running);
}

TEST(Preemption, NobodyIsDisplacedInVain) {
  World world = started(two_tiers(PreemptMode::cancel));
  const JobId low = run(world, a_job().cpus(4).minutes(60));
  const JobId peer = run(world, a_job().nodes(2).cpus(4).minutes(60).on("urgent"));
  // Needs all nodes, two of which are held by a job of its own tier.
  world.submit(a_job().nodes(4).cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);
  EXPECT_EQ(world.job(peer).state, JobState::running);
}

TEST(Preemption, ExemptTimeProtects) {
  model::Settings settings = two_tiers(PreemptMode::cancel);
  settings.preempt.exempt_time_s = 300;
  World world = started(std::move(settings));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.pass(100);
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);
  world.pass(201);
  world.plan();
  EXPECT_EQ(world.job(low).state, JobState::preempted);
}

TEST(Preemption, ThePlannerWakesWhenAnExemptTimeEnds) {
  model::Settings settings = two_tiers(PreemptMode::cancel);
  settings.preempt.exempt_time_s = 300;
  World world = started(std::move(settings));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.pass(100);
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  world.submit(a_job().cpus(4).minutes(10));  // a change behind it must not make it forget
  EXPECT_EQ(world.job(low).state, JobState::running);
  world.pass(201);
  EXPECT_EQ(world.job(low).state, JobState::preempted);
}

TEST(Preemption, NobodyIsExemptFromBeingSuspended) {
  model::Settings settings = two_tiers(PreemptMode::suspend);
  settings.preempt.exempt_time_s = 300;
  World world = started(std::move(settings));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::suspended);
}

// A reservation begins before the job would be over: it can't start, so nobody sleeps for it.
TEST(Preemption, NobodySleepsForWhoCanNotStart) {
  World world = started(two_tiers(PreemptMode::suspend));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(4));
  EditReservation soon;
  soon.name = "soon";
  soon.by_operator = true;
  soon.patch.start = world.now.wall + 5 * 60 * model::kSecond;
  soon.patch.duration_min = 60;
  soon.patch.users = model::ListEdit{0, "user1000"};
  soon.patch.nodes = Text("ALL");
  ASSERT_TRUE(world.apply(soon).outcome);
  const JobId high = world.submit(a_job().by(1001).cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);
  EXPECT_EQ(world.job(high).state, JobState::pending);
  EXPECT_FALSE(world.cluster->more_to_plan());
}

// Two tasks of one array have had the same CPUs: one sleeps, the other runs. They must not be taken
// for each other.
TEST(Preemption, SleepingTaskOfAnArrayGoesWithoutTheOthersCpus) {
  World world = started(test::some_settings({.nodes = 1, .cpus = 1, .memory = 4000}));
  const JobId array = world.submit(a_job().cpus(1).minutes(60).array("0-2"));
  const auto task = [&](std::uint32_t t) { return world.cluster->find_task(array, t)->id; };
  world.act_as_admin(JobVerb::suspend, task(0));
  ASSERT_EQ(world.job(task(1)).state, JobState::running);
  world.act_as_admin(JobVerb::cancel, task(0));
  world.release(task(0));
  EXPECT_EQ(world.job(task(1)).state, JobState::running);
  EXPECT_EQ(world.state(task(2)), "PENDING/Resources");
}

TEST(Preemption, WhoIsResumedByHandIsDisplacedNoMore) {
  World world = started(two_tiers(PreemptMode::suspend));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  const JobId high = run(world, a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_NE(world.job(low).preempted_at, 0);
  world.planning = false;
  world.finish(high);
  world.act_as_admin(model::JobVerb::resume, low);
  EXPECT_EQ(world.job(low).state, JobState::running);
  EXPECT_EQ(world.job(low).preempted_at, 0);
}

TEST(Preemption, PartitionMayExemptItsJobs) {
  model::Settings settings = two_tiers(PreemptMode::cancel);
  settings.partitions[0].preempt_mode = PreemptMode::off;
  World world = started(std::move(settings));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);
}

TEST(Preemption, SameTierIsLeftAlone) {
  World world = started(two_tiers(PreemptMode::cancel));
  const JobId first = run(world, a_job().nodes(4).cpus(4).minutes(60).on("urgent"));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(first).state, JobState::running);
}

TEST(Preemption, OneLargeVictimIsBetterThanFourSmallOnes) {
  World world = started(two_tiers(PreemptMode::cancel));
  const JobId large = run(world, a_job().cpus(4).minutes(60));
  std::vector<JobId> small;
  for (int n = 0; n < 12; ++n) small.push_back(run(world, a_job().cpus(1).minutes(60)));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(large).state, JobState::preempted);
  for (const JobId id : small) EXPECT_EQ(world.job(id).state, JobState::running);
}

TEST(Preemption, HighPrioritiesMayBeSpared) {
  model::Settings settings = two_tiers(PreemptMode::cancel);
  settings.preempt.min_exempt_priority = 1;
  World world = started(std::move(settings));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);
}

TEST(Preemption, SendsTheSignalThatTheJobAskedFor) {
  model::Settings settings = two_tiers(PreemptMode::cancel, 60);
  settings.preempt.send_user_signal = true;
  World world = started(std::move(settings));
  run(world, a_job().nodes(4).cpus(4).minutes(60).spec([](model::JobSpec& spec) {
    spec.signal = SIGUSR1;
    spec.signal_before = 60;
  }));
  world.apply(a_job().cpus(4).minutes(10).on("urgent").event());
  const std::vector<SignalJob> told = World::orders<SignalJob>(world.last_plan);
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[0].signal, static_cast<std::uint32_t>(SIGUSR1));
}

TEST(Preemption, WithoutGraceTheSignalThatTheJobAskedForComesBeforeTheEnd) {
  model::Settings settings = two_tiers(PreemptMode::cancel);
  settings.preempt.send_user_signal = true;
  World world = started(std::move(settings));
  run(world, a_job().nodes(4).cpus(4).minutes(60).spec([](model::JobSpec& spec) {
    spec.signal = SIGUSR1;
    spec.signal_before = 60;
  }));
  world.apply(a_job().cpus(4).minutes(10).on("urgent").event());
  ASSERT_EQ(world.last_plan.orders.size(), 8U);
  for (std::size_t n = 0; n < 8; ++n) {
    const auto& order = world.last_plan.orders[n];
    if (n < 4) {
      EXPECT_TRUE(std::holds_alternative<SignalJob>(order));
    } else {
      EXPECT_TRUE(std::holds_alternative<TerminateJob>(order));
    }
  }
}

// After a restart, too, it is known for whom the victim makes room: nobody else has to.
TEST(Preemption, ARestartDisplacesNobodyElse) {
  model::Settings settings = two_tiers(PreemptMode::cancel, 60);
  World world = started(std::move(settings));
  std::vector<JobId> low;
  for (int n = 0; n < 4; ++n) low.push_back(run(world, a_job().cpus(4).minutes(60)));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  ASSERT_NE(world.job(low[3]).preempted_at, 0);
  world.pass(30);
  world.restart();
  world.pass(1);
  for (int n = 0; n < 3; ++n) EXPECT_EQ(world.job(low[n]).preempted_at, 0) << n;
  // What one leaves isn't enough for two.
  world.submit(a_job().cpus(4).minutes(11).on("urgent"));
  EXPECT_NE(world.job(low[2]).preempted_at, 0);
  EXPECT_EQ(world.job(low[1]).preempted_at, 0);
}

// What it had made free for itself went to others while a limit kept it back.
TEST(Preemption, OthersAreDisplacedOnceTheVictimsAreGone) {
  World world = started(two_tiers(PreemptMode::cancel));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  const JobId high = world.submit(a_job().nodes(4).cpus(4).minutes(10).on("urgent"));
  ASSERT_EQ(world.job(low).state, JobState::preempted);
  world.act_as_admin(JobVerb::hold, high);
  world.release(low);
  const JobId next = run(world, a_job().nodes(4).cpus(4).minutes(60));
  ASSERT_EQ(world.job(next).state, JobState::running);
  world.act_as_admin(JobVerb::release, high);
  EXPECT_EQ(world.job(next).state, JobState::preempted);
}

TEST(Preemption, ASecondPreemptorDoesNotLengthenTheGraceTime) {
  World world = started(two_tiers(PreemptMode::cancel, 60));
  const JobId low = run(world, a_job().nodes(4).cpus(4).minutes(60));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  world.pass(30);
  world.restart();
  world.submit(a_job().nodes(2).cpus(4).minutes(10).on("urgent"));
  world.pass(29);
  EXPECT_EQ(world.job(low).state, JobState::running);
  world.pass(3);
  EXPECT_EQ(world.job(low).state, JobState::preempted);
}

// One old job that holds a node, four young ones that share another: those who started last are
// looked at first, and only another order finds that one is enough.
std::size_t displaced_of_five(std::uint32_t reorder_count, bool strict) {
  model::Settings settings = two_tiers(PreemptMode::cancel);
  for (model::NodeSetting& node : settings.nodes) node.facts = settings.nodes[0].facts;
  settings.preempt.reorder_count = reorder_count;
  settings.preempt.strict_order = strict;
  World world = started(std::move(settings));
  std::vector<JobId> low{run(world, a_job().cpus(4).minutes(60))};
  for (int n = 0; n < 12; ++n) low.push_back(run(world, a_job().cpus(1).minutes(60)));
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  return static_cast<std::size_t>(std::count_if(low.begin(), low.end(), [&](JobId id) {
    return world.job(id).state == JobState::preempted;
  }));
}

TEST(Preemption, FewerVictimsBySomeMoreOrders) {
  EXPECT_EQ(displaced_of_five(1, false), 1U);
  EXPECT_EQ(displaced_of_five(5, false), 1U);
  EXPECT_EQ(displaced_of_five(0, false), 4U);
  EXPECT_EQ(displaced_of_five(5, true), 4U);
}

// `high` displaces `mid`, which displaces `low`; `plain` has nothing to do with them.
TEST(Preemption, QosThatDisplaceOthersStandBeforeThem) {
  model::Settings settings;
  settings.preempt.type = model::PreemptType::qos;
  settings.preempt.mode = PreemptMode::requeue;
  model::Accounts accounts = model::first_accounts();
  for (const char* name : {"low", "plain", "mid", "high"}) {
    model::Qos qos;
    qos.id = static_cast<std::uint32_t>(10 + accounts.qos.size());
    qos.name = name;
    if (qos.name == Text("mid")) qos.preempt.emplace_back("low");
    if (qos.name == Text("high")) qos.preempt.emplace_back("mid");
    accounts.qos.push_back(qos);
  }
  const AccountTree tree(std::make_shared<const model::Accounts>(accounts));
  const PreemptRules rules(settings, {}, tree);
  EXPECT_EQ(rules.ranks(), (PreemptRanks{{tree.qos("mid")->id, 1}, {tree.qos("high")->id, 2}}));
  settings.preempt.type = model::PreemptType::partition_prio;
  EXPECT_TRUE(PreemptRules(settings, {}, tree).ranks().empty());
}

// A heterogeneous job of two components, of which the second is in partition `second`.
JobId run_whole(World& world, const char* second) {
  core::SubmitHetJob whole;
  whole.parts = {a_job().nodes(2).cpus(4).minutes(60).event(),
                 a_job().nodes(2).cpus(4).minutes(60).on(second).event()};
  whole.parts[1].uid = {7, 7};
  const JobId leader = world.apply(whole).job;
  world.prepared(leader);
  world.prepared(JobId(leader.value + 1));
  return leader;
}

TEST(Preemption, AHeterogeneousJobMakesRoomAsAWhole) {
  World world = started(two_tiers(PreemptMode::requeue));
  const JobId low = run_whole(world, "batch");
  EXPECT_EQ(world.job(low).state, JobState::running);
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::preempted);
  EXPECT_EQ(world.job(JobId(low.value + 1)).state, JobState::preempted);
}

TEST(Preemption, AHeterogeneousJobWithOneComponentThatMayStayIsLeftAlone) {
  World world = started(two_tiers(PreemptMode::requeue));
  const JobId low = run_whole(world, "urgent");
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);
}

TEST(Preemption, AHeterogeneousJobIsNotSuspended) {
  World world = started(two_tiers(PreemptMode::suspend));
  const JobId low = run_whole(world, "batch");
  world.submit(a_job().cpus(4).minutes(10).on("urgent"));
  EXPECT_EQ(world.job(low).state, JobState::running);
}

TEST(Preemption, AllComponentsAreToldOfTheirGraceTime) {
  World world = started(two_tiers(PreemptMode::cancel, 60));
  const JobId low = run_whole(world, "batch");
  world.apply(a_job().cpus(4).minutes(10).on("urgent").event());
  EXPECT_EQ(World::orders<SignalJob>(world.last_plan).size(), 8U);
  EXPECT_NE(world.job(JobId(low.value + 1)).preempted_at, 0);
  world.pass(61);
  EXPECT_EQ(world.job(low).state, JobState::preempted);
  EXPECT_EQ(world.job(JobId(low.value + 1)).state, JobState::preempted);
}

TEST(Preemption, SuspendedByHandGivesUpItsCpus) {
  World world = started(test::some_settings({.nodes = 1, .cpus = 4, .memory = 4000}));
  const JobId first = run(world, a_job().cpus(4).memory(1000).minutes(60));
  const JobId second = world.submit(a_job().cpus(4).memory(1000).minutes(60));
  EXPECT_EQ(world.job(second).state, JobState::pending);
  world.act_as_admin(model::JobVerb::suspend, first);
  world.plan();
  EXPECT_EQ(world.job(second).state, JobState::running);
  world.prepared(second);
  const Changes refused = world.act_as_admin(model::JobVerb::resume, first);
  ASSERT_EQ(refused.outcomes.size(), 1U);
  EXPECT_FALSE(refused.outcomes[0].status);
  world.finish(second);
  world.act_as_admin(model::JobVerb::resume, first);
  EXPECT_EQ(world.job(first).state, JobState::running);
}

}  // namespace
}  // namespace sluice::core
