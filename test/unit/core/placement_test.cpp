// Which nodes, CPUs, memory and devices a job gets.
#include <algorithm>

#include <gtest/gtest.h>

#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

using Request = model::Request;
using Ids = std::vector<std::uint32_t>;

Request tasks(std::uint32_t count, std::uint32_t cpus = 1) {
  Request made;
  made.tasks = count;
  made.cpus_per_task = cpus;
  return made;
}

std::vector<std::uint32_t> tasks_of(const model::Allocation& allocation) {
  std::vector<std::uint32_t> counts;
  for (const model::NodeShare& share : allocation.shares) counts.push_back(share.tasks);
  return counts;
}

TEST(Placement, FirstNodeThenTightest) {
  World w;
  w.nodes(3).up();
  const JobId a = w.submit(tasks(3));
  const JobId b = w.submit(tasks(2));
  const JobId c = w.submit(tasks(1));
  EXPECT_EQ(w.pass(), (Ids{1, 2, 3}));
  EXPECT_EQ(w.nodes_of(a.value), "n1");
  EXPECT_EQ(w.nodes_of(b.value), "n2");
  EXPECT_EQ(w.nodes_of(c.value), "n1");  // the one core left there, not one of three
  EXPECT_EQ(w.problem(), "");
}

TEST(Placement, LowWeightFirst) {
  World w;
  w.nodes(1, {.weight = 5}).nodes(1, {.weight = 2}).up();
  const JobId a = w.submit(tasks(4));
  const JobId b = w.submit(tasks(1));
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n2");
  EXPECT_EQ(w.nodes_of(b.value), "n1");
}

TEST(Placement, FewestNodesAndBlockDistribution) {
  World w;
  w.nodes(4).up();
  const JobId a = w.submit(tasks(6));
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n[1-2]");
  EXPECT_EQ(tasks_of(w.allocation(a.value)), (Ids{4, 2}));
  EXPECT_EQ(w.allocation(a.value).cpus, 6U);
}

// As recorded from Slurm on nodes of 2 sockets, 2 cores, 2 threads.
TEST(Placement, TasksAndCpusAreDealtAsSlurmDoes) {
  struct Case {
    std::uint32_t nodes, tasks, cpus_per_task;
    bool one_thread;
    Ids want_tasks, want_cpus;
  };
  const Case cases[] = {
      {2, 4, 1, false, {2, 2}, {2, 2}},        {2, 7, 1, false, {5, 2}, {6, 2}},
      {2, 8, 1, false, {6, 2}, {6, 2}},        {3, 8, 1, false, {4, 2, 2}, {4, 2, 2}},
      {3, 12, 1, false, {8, 2, 2}, {8, 2, 2}}, {3, 15, 1, false, {7, 6, 2}, {8, 6, 2}},
      {2, 9, 1, false, {7, 2}, {8, 2}},        {2, 3, 2, false, {2, 1}, {4, 2}},
      {3, 5, 2, false, {3, 1, 1}, {6, 2, 2}},  {0, 10, 1, false, {8, 2}, {8, 2}},
      {0, 17, 1, false, {8, 7, 2}, {8, 8, 2}}, {2, 5, 1, true, {4, 1}, {8, 2}},
      {3, 6, 1, true, {4, 1, 1}, {8, 2, 2}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(std::to_string(each.nodes) + " nodes, " + std::to_string(each.tasks) + " tasks");
    World w;
    w.nodes(3, {.sockets = 2, .cores = 2, .threads = 2}).up();
    Request request = tasks(each.tasks, each.cpus_per_task);
    request.min_nodes = std::max(1U, each.nodes);
    request.max_nodes = each.nodes;
    request.no_multithread = each.one_thread;
    const JobId a = w.submit(request);
    w.pass();
    EXPECT_EQ(tasks_of(w.allocation(a.value)), each.want_tasks);
    Ids cpus;
    for (const model::NodeShare& share : w.allocation(a.value).shares) {
      cpus.push_back(share.cpu_count);
    }
    EXPECT_EQ(cpus, each.want_cpus);
  }
}

TEST(Placement, OneTaskStaysOnOneSocket) {
  World w;
  w.nodes(1, {.sockets = 2, .cores = 2, .threads = 2}).up();
  Request request = tasks(1, 2);
  request.no_multithread = true;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).shares[0].cpus.to_ranges(), "0-3");
  w.end(a.value);
  const JobId b = w.submit(tasks(2, 3));
  w.pass();
  EXPECT_EQ(w.allocation(b.value).shares[0].cpus.to_ranges(), "0-5");
}

TEST(Placement, AtLeastOneTaskOnEachNode) {
  World w;
  w.nodes(3).up();
  Request request = tasks(4);
  request.min_nodes = 3;
  request.max_nodes = 3;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(tasks_of(w.allocation(a.value)), (Ids{2, 1, 1}));
}

TEST(Placement, RangeTakesAsManyAsItCan) {
  World w;
  w.nodes(4).up();
  Request request = tasks(8);
  request.min_nodes = 1;
  request.max_nodes = 3;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n[1-3]");
  w.end(a.value);
  request.use_min_nodes = true;
  const JobId b = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(b.value), "n[1-2]");
}

TEST(Placement, RangeAlsoTakesNodesOfGreaterWeight) {
  World w;
  w.nodes(1, {.weight = 1}).nodes(2, {.weight = 2}).nodes(1, {.weight = 3}).up();
  Request request;
  request.min_nodes = 1;
  request.max_nodes = 3;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n[1-3]");
  request.max_nodes = 9;
  const JobId b = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(b.value), "n[1-4]");
  request.use_min_nodes = true;
  const JobId c = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(c.value), "n1");
}

TEST(Placement, CoresPerSocketAreAlsoAnAmount) {
  World w;
  w.nodes(1, {.sockets = 2, .cores = 4, .threads = 2}).up();
  Request request = tasks(1);
  request.cores_per_socket = 4;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).cpus, 4U);
  request.sockets_per_node = 2;
  const JobId b = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(b.value).cpus, 8U);
}

TEST(Placement, SpreadDealsTasksEvenly) {
  World w;
  w.nodes(3).up();
  Request request = tasks(6);
  request.spread = true;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(tasks_of(w.allocation(a.value)), (Ids{2, 2, 2}));
}

TEST(Placement, TasksPerNode) {
  World w;
  w.nodes(4).up();
  Request request = tasks(8);
  request.min_nodes = 4;
  request.max_nodes = 4;
  request.tasks_per_node = 2;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(tasks_of(w.allocation(a.value)), (Ids{2, 2, 2, 2}));
  Request each;
  each.min_nodes = 2;
  each.max_nodes = 2;
  each.tasks_per_node = 2;
  const JobId b = w.submit(each);
  w.pass();
  EXPECT_EQ(tasks_of(w.allocation(b.value)), (Ids{2, 2}));
}

TEST(Placement, CoresAreHeldWholeAndTakenInTurnFromSockets) {
  World w;
  w.nodes(1, {.sockets = 2, .cores = 2, .threads = 2}).up();
  const JobId a = w.submit(tasks(3));
  w.pass();
  const model::NodeShare& share = w.allocation(a.value).shares[0];
  EXPECT_EQ(share.cpu_count, 4U);
  EXPECT_EQ(share.cpus.to_ranges(), "0-1,4-5");  // a core of each socket
  EXPECT_EQ(share.tasks, 3U);
}

TEST(Placement, OneThreadPerCoreHoldsTheCore) {
  World w;
  w.nodes(1, {.cores = 4, .threads = 2}).up();
  Request request = tasks(3);
  request.no_multithread = true;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).shares[0].cpus.to_ranges(), "0-5");
  EXPECT_EQ(w.pool().use(NodeIndex(0)).cpus, 6U);
}

TEST(Placement, ThreadUnitSharesCores) {
  World w;
  w.nodes(1, {.cores = 2, .threads = 2}).partition("batch").cpu_unit = model::CpuUnit::thread;
  w.up();
  const JobId a = w.submit(tasks(1));
  const JobId b = w.submit(tasks(2));
  const JobId c = w.submit(tasks(1));
  EXPECT_EQ(w.pass().size(), 3U);
  EXPECT_EQ(w.allocation(a.value).shares[0].cpus.to_ranges(), "0");
  EXPECT_EQ(w.allocation(b.value).shares[0].cpus.to_ranges(), "2-3");
  EXPECT_EQ(w.allocation(c.value).shares[0].cpus.to_ranges(), "1");
  EXPECT_EQ(w.problem(), "");
}

TEST(Placement, SocketUnit) {
  World w;
  w.nodes(1, {.sockets = 2, .cores = 4}).partition("batch").cpu_unit = model::CpuUnit::socket;
  w.up();
  const JobId a = w.submit(tasks(1));
  const JobId b = w.submit(tasks(4));
  w.submit(tasks(1));
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  EXPECT_EQ(w.allocation(a.value).shares[0].cpus.to_ranges(), "0-3");
  EXPECT_EQ(w.allocation(b.value).shares[0].cpus.to_ranges(), "4-7");
}

TEST(Placement, NodeUnitTakesAll) {
  World w;
  w.nodes(2).partition("batch").cpu_unit = model::CpuUnit::node;
  w.up();
  const JobId a = w.submit(tasks(1));
  const JobId b = w.submit(tasks(1));
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n1");
  EXPECT_EQ(w.nodes_of(b.value), "n2");
  EXPECT_EQ(w.allocation(a.value).cpus, 4U);
}

TEST(Placement, TasksPerSocketAndPerCore) {
  World w;
  w.nodes(2, {.sockets = 2, .cores = 4, .threads = 2}).up();
  Request by_socket = tasks(3);
  by_socket.tasks_per_socket = 1;
  const JobId a = w.submit(by_socket);
  Request by_core = tasks(3);
  by_core.tasks_per_core = 1;
  const JobId b = w.submit(by_core);
  w.pass();
  EXPECT_EQ(tasks_of(w.allocation(a.value)), (Ids{2, 1}));
  EXPECT_EQ(w.allocation(b.value).cpus, 6U);
}

TEST(Placement, MemoryPerCpuCountsAllChargedCpus) {
  World w;
  w.nodes(1, {.cores = 4, .threads = 2, .memory = 1000}).up();
  Request request = tasks(1);
  request.memory_per_cpu = 100;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).shares[0].memory, 200U);
  EXPECT_EQ(w.pool().use(NodeIndex(0)).memory, 200U);
}

TEST(Placement, MemoryLimitsWhatFits) {
  World w;
  w.nodes(2, {.cores = 8, .memory = 1000}).up();
  Request request = tasks(1);
  request.memory_per_node = 600;
  w.submit(request);
  w.submit(request);
  w.submit(request);
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  Request rest = tasks(1);
  rest.memory_per_node = 400;
  const JobId d = w.submit(rest);
  w.pass();
  EXPECT_EQ(w.nodes_of(d.value), "n1");
  EXPECT_EQ(w.problem(), "");
}

TEST(Placement, AllMemoryNeedsItAll) {
  World w;
  w.nodes(1).up();
  Request request = tasks(1);
  request.all_memory = true;
  const JobId a = w.submit(request);
  w.submit(tasks(1));
  EXPECT_EQ(w.pass(), Ids{1});
  EXPECT_EQ(w.allocation(a.value).shares[0].memory, 1000U);
}

TEST(Placement, MemoryBeyondMaxPerCpuCostsCpus) {
  World w;
  w.nodes(1).settings().max_memory_per_cpu = 100;
  w.up();
  Request request = tasks(1);
  request.memory_per_cpu = 250;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).cpus, 3U);
  EXPECT_EQ(w.allocation(a.value).shares[0].memory, 252U);
}

TEST(Placement, ExclusiveHasTheNodeAlone) {
  World w;
  w.nodes(2).up();
  Request request = tasks(1);
  request.sharing = model::Sharing::exclusive;
  request.memory_per_node = 10;
  w.submit(tasks(1));
  const JobId b = w.submit(request);
  w.submit(tasks(4));
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  EXPECT_EQ(w.nodes_of(b.value), "n2");
  EXPECT_EQ(w.allocation(b.value).cpus, 4U);
  EXPECT_EQ(w.allocation(b.value).shares[0].memory, 10U);
}

TEST(Placement, ExclusiveUserToleratesOnlyOwnJobs) {
  World w;
  w.nodes(2).up();
  Request request = tasks(1);
  request.sharing = model::Sharing::exclusive_user;
  w.submit(request);
  Candidate own = w.candidate(tasks(1));
  Candidate other = w.candidate(tasks(1));
  other.uid = 2000;
  w.submit(own);
  w.submit(other);
  w.pass();
  EXPECT_EQ(w.nodes_of(1), "n1");
  EXPECT_EQ(w.nodes_of(2), "n1");
  EXPECT_EQ(w.nodes_of(3), "n2");
}

TEST(Placement, ForcedSharingUpToItsDepth) {
  World w;
  model::Partition& partition = w.nodes(1).partition("batch");
  partition.oversubscribe = model::OverSubscribe::force;
  partition.oversubscribe_jobs = 2;
  w.up();
  for (int n = 0; n < 3; ++n) w.submit(tasks(4));
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  EXPECT_EQ(w.problem(), "");
  w.end(1);
  EXPECT_EQ(w.pass(), Ids{3});
}

TEST(Placement, SharingOnRequestOnlyAmongSharers) {
  World w;
  model::Partition& partition = w.nodes(1).partition("batch");
  partition.oversubscribe = model::OverSubscribe::yes;
  w.up();
  Request sharing = tasks(4);
  sharing.sharing = model::Sharing::oversubscribe;
  w.submit(sharing);
  w.submit(sharing);
  w.submit(tasks(1));
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
}

TEST(Placement, OvercommitCountsOneTask) {
  World w;
  w.nodes(1).up();
  Request request = tasks(100);
  request.overcommit = true;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).cpus, 1U);
  EXPECT_EQ(tasks_of(w.allocation(a.value)), Ids{100});
}

TEST(Placement, NodeListAndExclude) {
  World w;
  w.nodes(4).up();
  Request request = tasks(8);
  request.node_list = "n3";
  request.exclude = "n1";
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n[2-3]");
}

TEST(Placement, ContiguousNodes) {
  World w;
  w.nodes(5).up();
  Request second = tasks(4);
  second.node_list = "n2";
  w.submit(second);
  w.pass();
  Request request;
  request.min_nodes = 3;
  request.max_nodes = 3;
  request.contiguous = true;
  const JobId b = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(b.value), "n[3-5]");
}

TEST(Placement, Features) {
  World w;
  w.nodes(1, {.features = "old"})
      .nodes(1, {.features = "new,ib"})
      .nodes(1, {.features = "new"})
      .up();
  Request request = tasks(1);
  request.features = "new&(ib|old)";
  const JobId a = w.submit(request);
  request.features = "old|ib";
  const JobId b = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n2");
  EXPECT_EQ(w.nodes_of(b.value), "n2");  // tighter than n1
}

TEST(Placement, GresByNodeWithTypes) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {gpus(2, "a"), gpus(2, "b")}}).up();
  Request typed = tasks(1);
  typed.gres = {{.name = "gpu", .type = "b", .count = 1}};
  Request any = tasks(1);
  any.gres = {{.name = "gpu", .type = {}, .count = 3}};
  w.submit(typed);
  w.submit(any);
  w.submit(typed);
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  const auto& one = w.allocation(1).shares[0].gres;
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].type.view(), "b");
  EXPECT_EQ(one[0].indices.to_ranges(), "2");
  const auto& three = w.allocation(2).shares[0].gres;
  ASSERT_EQ(three.size(), 2U);
  EXPECT_EQ(three[0].indices.to_ranges(), "0-1");
  EXPECT_EQ(three[1].indices.to_ranges(), "3");
  EXPECT_EQ(w.problem(), "");
}

TEST(Placement, GresByTaskAndByJob) {
  World w;
  w.nodes(2, {.cores = 8, .gres = {gpus(2)}}).up();
  Request by_task = tasks(3);
  by_task.gres = {{.name = "gpu", .type = {}, .count = 1, .scope = model::GresScope::task}};
  const JobId a = w.submit(by_task);
  w.pass();
  EXPECT_EQ(tasks_of(w.allocation(a.value)), (Ids{2, 1}));
  EXPECT_EQ(w.allocation(a.value).shares[0].gres[0].count, 2U);
  w.end(a.value);
  Request by_job = tasks(1);
  by_job.tasks = 0;
  by_job.gres = {{.name = "gpu", .type = {}, .count = 3, .scope = model::GresScope::job}};
  const JobId b = w.submit(by_job);
  w.pass();
  ASSERT_EQ(w.allocation(b.value).shares.size(), 2U);
  EXPECT_EQ(w.allocation(b.value).shares[0].gres[0].count, 2U);
  EXPECT_EQ(w.allocation(b.value).shares[1].gres[0].count, 1U);
}

TEST(Placement, CpusAndMemoryByGpu) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {gpus(4)}}).up();
  Request request = tasks(1);
  request.gres = {{.name = "gpu", .type = {}, .count = 2}};
  request.cpus_per_gpu = 3;
  request.memory_per_gpu = 100;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).cpus, 6U);
  EXPECT_EQ(w.allocation(a.value).shares[0].memory, 200U);
}

TEST(Placement, PartitionMayUseOnlySoManyCpusOfANode) {
  World w;
  w.nodes(2).partition("batch").max_cpus_per_node = 3;
  w.up();
  for (int n = 0; n < 3; ++n) w.submit(tasks(1, 2));
  EXPECT_EQ(w.pass(), (Ids{1, 2}));
  EXPECT_EQ(w.nodes_of(2), "n2");
}

TEST(Placement, DefaultMemoryIsAllOfTheNode) {
  World w;
  w.nodes(1).settings().default_memory_per_node = 0;
  w.up();
  w.submit(tasks(1));
  w.submit(tasks(1));
  EXPECT_EQ(w.pass(), Ids{1});
}

}  // namespace
}  // namespace sluice::core::test
