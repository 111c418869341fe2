// Planned starts: those of members behind their leader count for all others, a plan in one
// partition is no obstacle in another, and what is said of a job is true after each pass.
#include <gtest/gtest.h>

#include "core/planner_pass.hpp"
#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

using Request = model::Request;
using Ids = std::vector<std::uint32_t>;

Request whole_nodes(std::uint32_t count) {
  Request made;
  made.tasks = count * 4;
  made.min_nodes = count;
  made.max_nodes = count;
  made.tasks_per_node = 4;
  return made;
}

// Minutes from now; 0: none.
std::int64_t planned_in(World& w, std::uint32_t id) {
  const PlanEntry* entry = w.planner().explain(JobId(id));
  if (entry == nullptr || entry->planned_start == 0) return 0;
  return (entry->planned_start - w.now().wall) / (60 * model::kSecond);
}

// Another one of the same group.
Candidate one_more(World& w, const Candidate& like) {
  Candidate made = w.candidate(*like.request);
  made.request = like.request;
  return made;
}

TEST(PlannerPlans, WhoStandsBehindAGroupIsPlannedAfterAllOfIt) {
  World w;
  w.nodes(1).up();
  w.submit(whole_nodes(1), 10);
  EXPECT_EQ(w.pass(), Ids{1});
  const Candidate first = w.candidate(whole_nodes(1), 10);
  w.submit(first);
  w.submit(one_more(w, first));
  w.submit(whole_nodes(1), 5);
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(planned_in(w, 2), 10);
  EXPECT_EQ(planned_in(w, 4), 30);
}

TEST(PlannerPlans, AnArrayCountsAsManyTimesAsItMayStart) {
  World w;
  w.nodes(1).up();
  w.submit(whole_nodes(1), 10);
  EXPECT_EQ(w.pass(), Ids{1});
  Candidate array = w.candidate(whole_nodes(1), 10);
  array.startable = 4;
  w.submit(array);
  w.submit(whole_nodes(1), 5);
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(planned_in(w, 3), 50);
}

TEST(PlannerPlans, MembersStandAtTheirOwnPlaces) {
  World w;
  w.nodes(1).up();
  w.submit(whole_nodes(1), 10);
  EXPECT_EQ(w.pass(), Ids{1});
  const Candidate first = w.candidate(whole_nodes(1), 10);
  w.submit(first);
  w.submit(whole_nodes(1), 5);  // 3, before the second member
  w.submit(one_more(w, first));
  w.submit(whole_nodes(1), 7);  // 5
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(planned_in(w, 3), 20);
  EXPECT_EQ(planned_in(w, 5), 35);
  // Somebody new in the middle pushes back only who stands behind him.
  Candidate late = w.candidate(whole_nodes(1), 20);
  late.order = 3;
  w.submit(late);
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(planned_in(w, 3), 20);
  EXPECT_EQ(planned_in(w, 6), 25);
  EXPECT_EQ(planned_in(w, 5), 55);
}

TEST(PlannerPlans, AllMembersStartWhenTheyWerePlanned) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(1), 10);
  w.submit(whole_nodes(1), 20);
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  Candidate array = w.candidate(whole_nodes(1), 10);
  array.startable = 2;
  w.submit(array);
  w.submit(whole_nodes(2), 5);
  w.pass();
  EXPECT_EQ(planned_in(w, 4), 30);
  w.at(600).end(1);
  EXPECT_EQ(w.pass(), Ids{3});
  EXPECT_EQ(planned_in(w, 4), 20);
}

TEST(PlannerPlans, APlanInOnePartitionIsNoObstacleInAnother) {
  World w;
  w.nodes(3);
  w.partition("left", "n[1-2]");
  w.partition("right", "n[2-3]");
  w.up();
  Candidate busy = w.candidate(whole_nodes(1), 5);
  w.submit(busy);
  ASSERT_EQ(w.pass(), Ids{1});
  ASSERT_EQ(w.allocation(1).nodes.view(), "n1");
  Candidate both = w.candidate(whole_nodes(2), 10);
  both.partitions = {PartitionIndex(0), PartitionIndex(1)};
  w.submit(both);
  EXPECT_EQ(w.pass(), Ids{2});
}

TEST(PlannerPlans, TheEarliestOfSeveralPartitionsIsPlanned) {
  World w;
  w.nodes(2);
  w.partition("left", "n1");
  w.partition("right", "n2");
  w.up();
  w.submit(whole_nodes(1), 30);
  Candidate other = w.candidate(whole_nodes(1), 10);
  other.partitions = {PartitionIndex(1)};
  w.submit(other);
  ASSERT_EQ(w.pass(), (Ids{1, 2}));
  Candidate both = w.candidate(whole_nodes(1), 10);
  both.partitions = {PartitionIndex(0), PartitionIndex(1)};
  w.submit(both);
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(planned_in(w, 3), 10);
}

// What was planned for the job in its first partition keeps nobody back once it is planned in the
// second, and who ranks higher has the first choice of what that leaves.
TEST(PlannerPlans, APlanThatIsGivenUpKeepsNobodyBack) {
  World w;
  w.nodes(3);
  w.partition("batch");
  w.partition("urgent", "n1").priority_tier = 5;
  w.up();
  const auto cpus = [](std::uint32_t count, const char* node = "") {
    Request made;
    made.tasks = count;
    made.min_nodes = made.max_nodes = 1;
    made.node_list = node;
    return made;
  };
  w.submit(cpus(2, "n1"), 60);
  w.submit(cpus(4, "n2"), 10);
  w.submit(cpus(4, "n3"), 20);
  ASSERT_EQ(w.pass(), (Ids{1, 2, 3}));
  const JobId high = w.submit(cpus(2), 100);
  Candidate both = w.candidate(whole_nodes(1), 10);
  both.partitions = {PartitionIndex(0), PartitionIndex(1)};
  const JobId wide = w.submit(both);
  w.submit(cpus(2), 5);
  EXPECT_EQ(w.pass(), Ids{high.value});
  EXPECT_EQ(planned_in(w, wide.value), 10);
}

TEST(PlannerPlans, MembersGoToThePartitionWhereTheyStartFirst) {
  World w;
  w.nodes(2);
  w.partition("left", "n1");
  w.partition("right", "n2");
  w.up();
  const auto on = [&](std::uint32_t partition, std::uint32_t minutes) {
    Candidate made = w.candidate(whole_nodes(1), minutes);
    made.partitions = {PartitionIndex(partition)};
    return w.submit(made);
  };
  on(0, 10);
  on(1, 15);
  ASSERT_EQ(w.pass(), (Ids{1, 2}));
  Candidate array = w.candidate(whole_nodes(1), 10);
  array.partitions = {PartitionIndex(0), PartitionIndex(1)};
  array.startable = 2;  // one on each side, at 10 and at 15
  w.submit(array);
  const JobId left = on(0, 5);
  const JobId right = on(1, 5);
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(planned_in(w, 3), 10);
  EXPECT_EQ(planned_in(w, left.value), 20);
  EXPECT_EQ(planned_in(w, right.value), 25);
}

// n1 is busy for 30 minutes and n2 for 10; `tasks` may run on either, and rank higher on n1.
struct TwoPlaces {
  explicit TwoPlaces(std::uint32_t tasks) {
    w.nodes(2);
    w.partition("batch");
    w.partition("urgent", "n1").priority_tier = 5;
    w.up();
    Candidate busy = w.candidate(whole_nodes(1), 30);
    busy.partitions = {PartitionIndex(1)};
    w.submit(busy);
    EXPECT_EQ(w.pass(), Ids{1});
    w.submit(whole_nodes(1), 10);
    EXPECT_EQ(w.pass(), Ids{2});
    Candidate both = w.candidate(whole_nodes(1), 10);
    both.partitions = {PartitionIndex(0), PartitionIndex(1)};
    both.startable = tasks;
    w.submit(both);
  }
  World w;
};

TEST(PlannerPlans, WhoStandsBetweenIsPlannedAnewWhenAPlanMoves) {
  for (const std::uint32_t tasks : {1U, 2U}) {  // that of the leader alone, and of a member
    SCOPED_TRACE(tasks);
    TwoPlaces places(tasks);
    World& w = places.w;
    Candidate urgent = w.candidate(whole_nodes(1), 10);
    urgent.partitions = {PartitionIndex(1)};
    w.submit(urgent);
    EXPECT_EQ(w.pass(), Ids{});
    EXPECT_EQ(planned_in(w, 3), 10);
    EXPECT_EQ(planned_in(w, urgent.id.value), 30);
  }
}

// Its place in the second partition is its own as long as it is the earliest: who ranks between,
// and waited for both nodes, doesn't get there first.
TEST(PlannerPlans, APlanThatHasMovedIsKept) {
  TwoPlaces places(1);
  World& w = places.w;
  const JobId wide = w.submit(whole_nodes(2), 10);
  for (const std::int64_t minute : {0, 1, 9}) {
    w.at(minute * 60);
    EXPECT_EQ(w.pass(), Ids{});
    EXPECT_EQ(planned_in(w, 3), 10 - minute);
    EXPECT_EQ(planned_in(w, wide.value), 30 - minute);
  }
  w.at(600).end(2);
  EXPECT_EQ(w.pass(), Ids{3});
  EXPECT_EQ(w.nodes_of(3), "n2");
  EXPECT_EQ(planned_in(w, wide.value), 20);
}

TEST(PlannerPlans, APlanThatHasMovedGoesBackToAnEarlierStart) {
  TwoPlaces places(1);
  World& w = places.w;
  EXPECT_EQ(w.pass(), Ids{});
  w.at(300).end(1);
  EXPECT_EQ(w.pass(), Ids{3});
  EXPECT_EQ(w.nodes_of(3), "n1");
}

// A task starts where the array ranks lower: the next one may stand where it ranks higher.
TEST(PlannerPlans, TheTaskAfterOneThatStartedElsewhereIsPlannedWhereItRanksHighest) {
  World w;
  w.nodes(2);
  w.partition("batch");
  w.partition("urgent", "n1").priority_tier = 5;
  w.up();
  Candidate array = w.candidate(whole_nodes(1), 10);
  array.partitions = {PartitionIndex(0), PartitionIndex(1)};
  array.startable = 3;
  w.submit(array);
  EXPECT_EQ(w.pass(), (Ids{1, 1}));
  EXPECT_EQ(planned_in(w, 1), 10);
  EXPECT_EQ(w.planner().explain(JobId(1))->partition, PartitionIndex(1));
}

// Of whom a restart has queued and no pass has looked at it isn't known yet what they wait for.
TEST(PlannerPlans, WhoHasWaitedForLongIsKnownAtOnceAfterARestart) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(2), 100);
  w.submit(whole_nodes(1), 100);
  Candidate old = w.candidate(whole_nodes(2), 10);
  old.accrue = 1;
  w.submit(old);
  for (int pass = 0; pass < 2; ++pass) {
    const auto overdue = w.planner().overdue(2);
    ASSERT_EQ(overdue.size(), 1U);
    EXPECT_EQ(overdue[0].cpus, 8U);
    EXPECT_EQ(overdue[0].oldest, 1);
    w.pass();
  }
}

// What is released while a pass is interrupted is not for those alone whom it hasn't examined yet.
TEST(PlannerPlans, AnInterruptedPassTurnsBackToWhoRanksHigher) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(1), 60);
  w.submit(whole_nodes(1), 60);
  ASSERT_EQ(w.pass(), (Ids{1, 2}));
  w.submit(whole_nodes(1), 120);
  w.submit(whole_nodes(1), 10);
  EXPECT_FALSE(w.planner().pass(w.pool(), w.now(), 1).finished);
  w.end(2);
  EXPECT_EQ(w.pass(), Ids{3});
}

// Somebody has ended early while a pass was interrupted: what stands above is planned anew before
// anybody below it may start.
TEST(PlannerPlans, NobodyStartsBelowAPlanThatIsOutOfDate) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(1), 100);
  ASSERT_EQ(w.pass(), Ids{1});
  const JobId both = w.submit(whole_nodes(2), 15);
  w.submit(whole_nodes(1), 45);
  EXPECT_FALSE(w.planner().pass(w.pool(), w.now(), 1).finished);
  w.planner().job_extended(JobId(1), w.now().mono_ms);  // it leaves its node at any moment
  EXPECT_EQ(w.pass(1), Ids{});
  EXPECT_EQ(planned_in(w, both.value), 1);
  w.end(1);
  EXPECT_EQ(w.pass(1), Ids{both.value});
}

// A pass that is given up half-way, for the configuration has changed, has told nobody of the nodes
// that were released before it.
TEST(PlannerPlans, WhatWasReleasedBeforeAPassThatIsGivenUpIsNotForgotten) {
  World w;
  w.nodes(2);
  w.settings().backfill_reserve = 1;
  w.up();
  w.submit(whole_nodes(1), 10);
  w.submit(whole_nodes(1), 100);
  ASSERT_EQ(w.pass(), (Ids{1, 2}));
  w.submit(whole_nodes(2), 10);
  const JobId narrow = w.submit(whole_nodes(1), 5);
  ASSERT_EQ(w.pass(), Ids{});
  ASSERT_EQ(w.pass(), Ids{});
  w.end(1);
  ASSERT_FALSE(w.planner().pass(w.pool(), w.now(), 1).finished);
  w.planner().configure(std::make_shared<const Settings>(w.settings()));
  EXPECT_EQ(w.pass(), Ids{narrow.value});
}

// A node was released that is kept for the first in line. When his start moves, who stands behind
// him is looked at, though nothing was released since.
TEST(PlannerPlans, WhoWasKeptBackStartsWhenThePlanBeforeHimMoves) {
  World w;
  w.nodes(1, {.cores = 8});
  w.settings().backfill_reserve = 1;
  w.up();
  const auto submit = [&](std::uint32_t cpus, std::uint32_t minutes, std::uint32_t priority) {
    Request made;
    made.tasks = cpus;
    Candidate job = w.candidate(made, minutes);
    job.priority = priority;
    return w.submit(job);
  };
  submit(1, 100, 9);
  submit(7, 10, 9);
  ASSERT_EQ(w.pass(), (Ids{1, 2}));
  submit(8, 10, 5);
  const JobId behind = submit(6, 200, 1);
  ASSERT_EQ(w.pass(), Ids{});
  w.end(2);
  ASSERT_EQ(w.pass(), Ids{});
  const JobId urgent = submit(1, 300, 9);
  EXPECT_EQ(w.pass(), (Ids{urgent.value, behind.value}));
}

// Jobs that a pass takes more than Settings::plan_anew_steps for.
constexpr std::uint32_t kLong = 6'000;

TEST(PlannerPlans, WhoIsSubmittedDuringAPassGoesBeforeThoseBelow) {
  for (const std::uint32_t others : {1U, kLong}) {  // a pass that may begin anew, one too long
    SCOPED_TRACE(others);
    World w;
    w.nodes(2).up();
    w.submit(whole_nodes(1), 100);
    ASSERT_EQ(w.pass(), Ids{1});
    for (std::uint32_t n = 0; n < others; ++n) {
      Candidate wide = w.candidate(whole_nodes(2), 15 + n);  // groups of their own
      wide.priority = 5;
      w.submit(wide);
    }
    w.submit(whole_nodes(1), 10);
    const std::uint64_t budget = others == 1 ? 1 : w.settings().plan_anew_steps + 1;
    ASSERT_FALSE(w.planner().pass(w.pool(), w.now(), budget).finished);
    Candidate urgent = w.candidate(whole_nodes(1), 20);
    urgent.priority = 9;
    w.submit(urgent);
    EXPECT_EQ(w.pass(), Ids{urgent.id.value});
  }
}

// How many slices it takes to get through a long queue whose last job may start at once.
std::uint32_t slices_to_the_last(bool disturbed) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(1), 100);
  EXPECT_EQ(w.pass(), Ids{1});
  for (std::uint32_t n = 0; n < kLong; ++n) {
    Candidate wide = w.candidate(whole_nodes(2), 15 + n);  // groups of their own
    wide.priority = 5;
    w.submit(wide);
  }
  const JobId last = w.submit(whole_nodes(1), 10);
  for (std::uint32_t slices = 1; slices < 1'000; ++slices) {
    const PassResult done = w.planner().pass(w.pool(), w.now(), 500);
    if (!done.starts.empty()) {
      EXPECT_EQ(done.starts.front().id, last);
      return slices;
    }
    if (!disturbed) continue;
    Candidate above = w.candidate(whole_nodes(2), 10);
    above.priority = 9;
    w.submit(above);
  }
  return 0;
}

// Though each interruption brings something that concerns who stands highest.
TEST(PlannerPlans, APassThatIsAlwaysInterruptedReachesItsEnd) {
  const std::uint32_t calm = slices_to_the_last(false);
  const std::uint32_t disturbed = slices_to_the_last(true);
  ASSERT_GT(calm, 0U);
  ASSERT_GT(disturbed, 0U);
  EXPECT_LE(disturbed, 2 * calm + 60);  // begun anew for 20 slices; back no more than forward
}

TEST(PlannerPlans, WhoStoodBehindAJobThatStartedElsewhereIsToldSo) {
  World w;
  w.nodes(2);
  w.partition("urgent", "n1").priority_tier = 5;
  w.partition("batch", "n2");
  w.up();
  w.submit(whole_nodes(1), 30);
  Candidate other = w.candidate(whole_nodes(1), 60);
  other.partitions = {PartitionIndex(1)};
  w.submit(other);
  ASSERT_EQ(w.pass(), (Ids{1, 2}));
  Candidate both = w.candidate(whole_nodes(1), 10);
  both.partitions = {PartitionIndex(0), PartitionIndex(1)};
  w.submit(both);
  w.submit(whole_nodes(1), 10);
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(w.planner().explain(JobId(4))->reason, model::Reason::priority);
  w.end(2);
  EXPECT_EQ(w.pass(), Ids{3});
  EXPECT_EQ(w.planner().explain(JobId(4))->reason, model::Reason::resources);
  EXPECT_EQ(planned_in(w, 4), 30);
}

}  // namespace
}  // namespace sluice::core::test
