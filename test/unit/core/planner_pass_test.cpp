// The order of a pass, backfill, reasons, and what can never run.
#include <gtest/gtest.h>

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

Request one_cpu() {
  Request made;
  made.tasks = 1;
  return made;
}

std::string cause(World& w, const Request& request) {
  const Status status = w.planner().can_ever_run(w.pool(), w.candidate(request));
  return status ? "" : status.error().text;
}

TEST(PlannerPass, PriorityThenSubmitOrder) {
  World w;
  w.nodes(1).up();
  Candidate low = w.candidate(whole_nodes(1));
  Candidate high = w.candidate(whole_nodes(1));
  high.priority = 9;
  Candidate low_too = w.candidate(whole_nodes(1));
  w.submit(low);
  w.submit(high);
  w.submit(low_too);
  EXPECT_EQ(w.pass(), Ids{2});
  w.end(2);
  EXPECT_EQ(w.pass(), Ids{1});
  w.end(1);
  EXPECT_EQ(w.pass(), Ids{3});
}

TEST(PlannerPass, HigherTierGoesFirst) {
  World w;
  w.nodes(1);
  w.partition("batch");
  w.partition("urgent").priority_tier = 5;
  w.up();
  w.submit(whole_nodes(1));
  Candidate urgent = w.candidate(whole_nodes(1));
  urgent.partitions = {PartitionIndex(1)};
  w.submit(urgent);
  EXPECT_EQ(w.pass(), Ids{2});
}

TEST(PlannerPass, BackfillsWhatDelaysNobody) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(1), 60);  // 1 runs for an hour
  w.pass();
  const JobId head = w.submit(whole_nodes(2), 60);
  const JobId longer = w.submit(whole_nodes(1), 61);
  const JobId shorter = w.submit(whole_nodes(1), 60);
  EXPECT_EQ(w.pass(), Ids{shorter.value});
  const PlanEntry* plan = w.planner().explain(head);
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->reason, model::Reason::resources);
  EXPECT_EQ(plan->planned_nodes.view(), "n[1-2]");
  EXPECT_EQ(plan->planned_start, w.now().wall + 3600 * model::kSecond);
  plan = w.planner().explain(longer);
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->reason, model::Reason::priority);
  EXPECT_EQ(plan->behind, head);
  EXPECT_EQ(plan->planned_start, w.now().wall + 7200 * model::kSecond);
}

TEST(PlannerPass, WithoutBackfillTheHeadHoldsItsPartitionUp) {
  World w;
  w.nodes(2);
  w.partition("batch");
  w.partition("apart", "n3");
  w.nodes(1).settings().backfill = false;
  w.settings().partitions[0].nodes = "n[1-2]";
  w.up();
  w.submit(whole_nodes(1), 60);
  w.submit(whole_nodes(2), 60);
  w.submit(one_cpu(), 1);
  Candidate apart = w.candidate(one_cpu());
  apart.partitions = {PartitionIndex(1)};
  w.submit(apart);
  EXPECT_EQ(w.pass(), (Ids{1, 4}));
}

// Nodes n1 to n3 in batch, n3 also in urgent.
class OverlappingPartitions : public testing::Test {
 public:
  OverlappingPartitions() {
    w.nodes(3).settings().backfill = false;
    w.partition("batch");
    w.partition("urgent", "n3").priority_tier = 5;
    w.up();
  }
  Candidate in(std::vector<PartitionIndex> partitions, const Request& request) {
    Candidate made = w.candidate(request);
    made.partitions = std::move(partitions);
    return made;
  }

  const PartitionIndex batch{0};
  const PartitionIndex urgent{1};
  World w;
};

TEST_F(OverlappingPartitions, WithoutBackfillTheHeadOfOneHoldsUpItsNodesOnly) {
  w.submit(in({urgent}, whole_nodes(1)));
  const JobId head = w.submit(in({urgent}, whole_nodes(1)));
  const JobId either = w.submit(in({batch, urgent}, one_cpu()));
  w.submit(in({batch}, whole_nodes(1)));
  EXPECT_EQ(w.pass(), (Ids{1, 3, 4}));
  EXPECT_EQ(w.nodes_of(either.value), "n1");
  EXPECT_EQ(w.planner().explain(head)->reason, model::Reason::resources);
}

TEST_F(OverlappingPartitions, NobodyTakesTheNodesThatAnothersHeadWaitsFor) {
  w.submit(in({urgent}, one_cpu()));
  w.submit(in({urgent}, whole_nodes(1)));
  Request here = one_cpu();
  here.node_list = "n3";
  const JobId late = w.submit(in({batch}, here));
  EXPECT_EQ(w.pass(), Ids{1});
  EXPECT_EQ(w.planner().explain(late)->reason, model::Reason::resources);
  w.end(1);
  EXPECT_EQ(w.pass(), Ids{2});
  w.end(2);
  EXPECT_EQ(w.pass(), Ids{late.value});
}

TEST_F(OverlappingPartitions, ThePartitionThatCanTakeTheJobSaysWhyItWaits) {
  w.submit(in({batch}, whole_nodes(2)));
  const JobId wide = w.submit(in({batch, urgent}, whole_nodes(2)));
  EXPECT_EQ(w.pass(), Ids{1});
  EXPECT_EQ(w.planner().explain(wide)->reason, model::Reason::resources);
}

TEST(PlannerPass, PlannedStartIsKept) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(1), 10);
  w.submit(whole_nodes(1), 20);
  w.pass();
  const JobId head = w.submit(whole_nodes(2), 10);
  w.pass();
  const model::WallTime planned = w.planner().explain(head)->planned_start;
  EXPECT_EQ(w.planner().next_start_ms(), 1'200'000);
  EXPECT_EQ(planned, w.now().wall + 1200 * model::kSecond);
  w.at(600);
  w.end(1);
  const JobId filler = w.submit(whole_nodes(1), 10);
  EXPECT_EQ(w.pass(), Ids{filler.value});
  EXPECT_EQ(w.planner().explain(head)->planned_start, planned);
  w.at(1200);
  w.end(2);
  w.end(filler.value);
  EXPECT_EQ(w.pass(), Ids{head.value});
}

TEST(PlannerPass, GroupMembersFollowTheirLeader) {
  World w;
  w.nodes(1).up();
  const Candidate first = w.candidate(whole_nodes(1));
  w.submit(first);
  for (int n = 0; n < 3; ++n) {
    Candidate same = w.candidate(Request{});
    same.request = first.request;
    w.submit(same);
  }
  EXPECT_EQ(w.pass(), Ids{1});
  ASSERT_NE(w.planner().explain(JobId(4)), nullptr);
  EXPECT_EQ(w.planner().explain(JobId(2))->reason, model::Reason::resources);
  EXPECT_EQ(w.planner().explain(JobId(4))->reason, model::Reason::priority);
  EXPECT_EQ(w.planner().explain(JobId(4))->behind, JobId(2));
  EXPECT_EQ(w.explained().size(), 3U);
  w.explained().clear();
  w.end(1);
  EXPECT_EQ(w.pass(), Ids{2});
  EXPECT_EQ(w.explained(), std::vector<JobId>{JobId(3)});  // only the new leader's plan changed
}

TEST(PlannerPass, ArrayStartsWhatItsThrottleAllows) {
  World w;
  w.nodes(2).up();
  Candidate array = w.candidate(one_cpu());
  array.startable = 5;
  w.submit(array);
  EXPECT_EQ(w.pass(), (Ids{1, 1, 1, 1, 1}));
  EXPECT_EQ(w.planner().queued(), 0U);
  EXPECT_EQ(w.problem(), "");
}

TEST(PlannerPass, ASecondPassWithNothingNewLooksAtNothing) {
  World w;
  w.nodes(1).up();
  w.submit(whole_nodes(1));
  for (int n = 0; n < 10; ++n) w.submit(whole_nodes(1));
  w.pass();
  const PassResult again = w.planner().pass(w.pool(), w.now(), 1);
  EXPECT_TRUE(again.finished);
  EXPECT_TRUE(again.explained.empty());
}

TEST(PlannerPass, SlicedPassStartsTheSame) {
  World w;
  w.nodes(3).up();
  World sliced;
  sliced.nodes(3).up();
  for (World* each : {&w, &sliced}) {
    for (std::uint32_t n = 1; n <= 6; ++n) each->submit(whole_nodes(1 + n % 3), 10 * n);
  }
  EXPECT_EQ(w.pass(), sliced.pass(1));
  EXPECT_EQ(w.planner().explain(JobId(4))->planned_start,
            sliced.planner().explain(JobId(4))->planned_start);
}

TEST(PlannerPass, SecondPartitionIsTried) {
  World w;
  w.nodes(2);
  w.partition("one", "n1");
  w.partition("two", "n2");
  w.up();
  for (int n = 0; n < 3; ++n) {
    Candidate job = w.candidate(whole_nodes(1));
    job.partitions = {PartitionIndex(0), PartitionIndex(1)};
    w.submit(job);
  }
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  EXPECT_EQ(w.nodes_of(2), "n2");
  EXPECT_EQ(w.run(2)->start.partition, PartitionIndex(1));
  w.end(2);
  EXPECT_EQ(w.pass(), Ids{3});
}

TEST(PlannerPass, DownNodesAreNamed) {
  World w;
  w.nodes(3).up();
  w.pool().set_available(NodeIndex(1), false);
  Request request = one_cpu();
  request.node_list = "n2";
  const JobId named = w.submit(request);
  const JobId all = w.submit(whole_nodes(3));
  const JobId free = w.submit(one_cpu());
  EXPECT_EQ(w.pass(), Ids{free.value});
  for (const JobId id : {named, all}) {
    EXPECT_EQ(w.planner().explain(id)->reason, model::Reason::node_down);
  }
  EXPECT_EQ(w.planner().explain(named)->detail.view(), "ReqNodeNotAvail, UnavailableNodes:n2");
  EXPECT_EQ(w.planner().explain(all)->detail.view(),
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority "
            "partitions");
  EXPECT_EQ(w.planner().explain(all)->nodes_usable, 2U);
  w.pool().set_available(NodeIndex(1), true);
  EXPECT_EQ(w.pass(), Ids{named.value});
  for (std::uint32_t n = 0; n < 3; ++n) w.pool().set_available(NodeIndex(n), false);
  const JobId late = w.submit(one_cpu());
  w.pass();
  EXPECT_EQ(w.planner().explain(late)->detail.view(), "ReqNodeNotAvail, UnavailableNodes:n[1-3]");
}

TEST(PlannerPass, PartitionLimits) {
  World w;
  model::Partition& partition = w.nodes(4).partition("batch");
  partition.max_nodes = 2;
  partition.max_time = 60;
  w.up();
  const JobId wide = w.submit(whole_nodes(3));
  const JobId slow = w.submit(one_cpu(), 61);
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(w.planner().explain(wide)->reason, model::Reason::partition_node_limit);
  EXPECT_EQ(w.planner().explain(slow)->reason, model::Reason::partition_time_limit);
}

TEST(PlannerPass, TimeLimitComesFromThePartition) {
  World w;
  model::Partition& partition = w.nodes(1).partition("batch");
  partition.max_time = 100;
  partition.default_time = 30;
  w.up();
  w.submit(one_cpu(), 0);
  w.pass();
  EXPECT_EQ(w.run(1)->start.time_limit, 30U);
}

TEST(PlannerPass, ExtensionMovesThePlan) {
  World w;
  w.nodes(1).up();
  w.submit(whole_nodes(1), 10);
  const JobId next = w.submit(whole_nodes(1), 10);
  w.pass();
  EXPECT_EQ(w.planner().explain(next)->planned_start, w.now().wall + 600 * model::kSecond);
  w.planner().job_extended(JobId(1), 1'200'000);
  w.pass();
  EXPECT_EQ(w.planner().explain(next)->planned_start, w.now().wall + 1200 * model::kSecond);
}

TEST(PlannerPass, RemovedJobFreesItsReservation) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(1), 10);
  const JobId head = w.submit(whole_nodes(2), 10);
  const JobId waiting = w.submit(whole_nodes(1), 100);
  EXPECT_EQ(w.pass(), Ids{1});
  w.planner().remove(head);
  EXPECT_EQ(w.pass(), Ids{waiting.value});
}

TEST(PlannerPass, TestTellsWhenAndWhere) {
  World w;
  w.nodes(2).up();
  w.submit(whole_nodes(2), 10);
  w.pass();
  const auto later = w.planner().test(w.pool(), w.candidate(whole_nodes(1)), w.now());
  ASSERT_TRUE(later.has_value());
  EXPECT_EQ(later->planned_start, w.now().wall + 600 * model::kSecond);
  EXPECT_EQ(later->planned_nodes.view(), "n1");
  w.end(1);
  const auto at_once = w.planner().test(w.pool(), w.candidate(whole_nodes(1)), w.now());
  ASSERT_TRUE(at_once.has_value());
  EXPECT_EQ(at_once->planned_start, w.now().wall);
}

TEST(PlannerPass, ImpossibleRequestsAreToldWhy) {
  World w;
  w.nodes(2, {.cores = 64, .memory = 1000, .gres = {gpus(2)}, .features = "ib"}).up();
  const std::string slurm = "Requested node configuration is not available: ";
  Request request = one_cpu();
  request.cpus_per_task = 65;
  EXPECT_EQ(cause(w, request),
            slurm +
                "CPU count per node can not be satisfied: asks for 65 CPUs on one node; the "
                "largest in partition batch has 64");
  request = one_cpu();
  request.memory_per_node = 1001;
  EXPECT_EQ(cause(w, request),
            slurm +
                "Memory specification can not be satisfied: asks for 1001 MiB of memory on one "
                "node; the largest in partition batch has 1000");
  EXPECT_EQ(cause(w, whole_nodes(3)), slurm + "asks for 3 nodes; partition batch has 2 that fit");
  request = one_cpu();
  request.gres = {{.name = "gpu", .type = {}, .count = 3}};
  EXPECT_EQ(cause(w, request),
            slurm + "asks for 3 gpu on one node; the largest in partition batch has 2");
  request.gres = {{.name = "fpga", .type = {}, .count = 1}};
  EXPECT_EQ(cause(w, request), "Invalid generic resource (gres) specification: no node has fpga");
  request = one_cpu();
  request.features = "eth";
  EXPECT_EQ(cause(w, request), "Invalid feature specification: no node has feature 'eth'");
  request.features = "[ib*3]";
  EXPECT_NE(cause(w, request), "");
  request = one_cpu();
  request.node_list = "n9";
  EXPECT_EQ(cause(w, request), "Invalid node name specified: n9");
  request = one_cpu();
  request.tasks = 129;
  EXPECT_EQ(cause(w, request), slurm + "asks for 129 tasks; partition batch can't hold so many");
  request.tasks = 128;
  EXPECT_EQ(cause(w, request), "");
  request = one_cpu();
  request.reserved_cores = 1;
  EXPECT_NE(cause(w, request), "");
}

TEST(PlannerPass, NodesThatHaveNotToldMayFit) {
  World w;
  w.nodes(1).settings().nodes[0].facts_fixed = false;
  w.settings().nodes[0].facts.memory = 0;
  w.up();
  Request request = one_cpu();
  request.cpus_per_task = 100;
  EXPECT_EQ(cause(w, request), "");
  w.pool().set_facts(NodeIndex(0), model::NodeFacts{.cores_per_socket = 4, .memory = 1000});
  EXPECT_NE(cause(w, request), "");
}

}  // namespace
}  // namespace sluice::core::test
