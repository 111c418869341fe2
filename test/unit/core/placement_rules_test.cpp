// What the configuration adds to requests and to the choice of nodes: defaults per GPU, tasks that
// fill a node before the next one, one task per core, nodes that one user has alone.
#include <vector>

#include <gtest/gtest.h>

#include "core/request_rules.hpp"
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

Request with_gpus(std::uint64_t count) {
  Request made;
  made.tasks = 1;
  made.gres = {{.name = "gpu", .type = {}, .count = count}};
  return made;
}

Ids tasks_of(const model::Allocation& allocation) {
  Ids counts;
  for (const model::NodeShare& share : allocation.shares) counts.push_back(share.tasks);
  return counts;
}

class DefaultsPerGpu : public ::testing::Test {
 protected:
  DefaultsPerGpu() {
    settings.job_defaults = "DefCpuPerGPU=2,DefMemPerGPU=100";
    partition.name = "batch";
  }
  Request complete(const Request& request) {
    const Result<Request> done = complete_request(request, partition, settings);
    EXPECT_TRUE(done);
    return done ? *done : request;
  }

  Settings settings;
  model::Partition partition;
};

TEST_F(DefaultsPerGpu, CountWhereTheJobSaysNothing) {
  const Request done = complete(with_gpus(2));
  EXPECT_EQ(done.cpus_per_gpu, 2U);
  EXPECT_EQ(done.memory_per_gpu, 100U);
  EXPECT_FALSE(done.all_memory);
  World w;
  w.nodes(1, {.cores = 8, .gres = {gpus(4)}}).up();
  const JobId id = w.submit(done);
  w.pass();
  EXPECT_EQ(w.allocation(id.value).cpus, 4U);
  EXPECT_EQ(w.allocation(id.value).shares[0].memory, 200U);
}

TEST_F(DefaultsPerGpu, ThePartitionsComeFirst) {
  partition.job_defaults = "DefCpuPerGPU=3";
  const Request done = complete(with_gpus(1));
  EXPECT_EQ(done.cpus_per_gpu, 3U);
  EXPECT_EQ(done.memory_per_gpu, 100U) << "of which the partition says nothing";
}

TEST_F(DefaultsPerGpu, GiveWayToWhatTheJobAsks) {
  Request asked = with_gpus(1);
  asked.cpus_per_gpu = 5;
  asked.memory_per_node = 70;
  Request done = complete(asked);
  EXPECT_EQ(done.cpus_per_gpu, 5U);
  EXPECT_EQ(done.memory_per_gpu, 0U);
  asked = with_gpus(1);
  asked.cpus_per_task = 2;
  asked.memory_per_cpu = 10;
  done = complete(asked);
  EXPECT_EQ(done.cpus_per_gpu, 0U);
  EXPECT_EQ(done.memory_per_gpu, 0U);
  done = complete(tasks(1));
  EXPECT_EQ(done.cpus_per_gpu, 0U) << "no GPU, no defaults";
  EXPECT_EQ(done.memory_per_gpu, 0U);
}

TEST(PlacementRules, PackedTasksFillANodeBeforeTheNext) {
  for (const bool packed : {false, true}) {
    World w;
    w.nodes(3).settings().pack_nodes = packed;
    w.up();
    Request request = tasks(6);
    request.min_nodes = request.max_nodes = 3;
    request.sharing = model::Sharing::exclusive;  // else each node is sized for its tasks
    const JobId id = w.submit(request);
    w.pass();
    EXPECT_EQ(tasks_of(w.allocation(id.value)), packed ? (Ids{4, 1, 1}) : (Ids{2, 2, 2}));
    EXPECT_EQ(w.allocation(id.value).cpus, 12U);
    EXPECT_EQ(w.problem(), "");
  }
}

TEST(PlacementRules, OneTaskPerCoreUnlessTheJobSaysOtherwise) {
  const auto cpus_of = [](bool rule, const Request& request) {
    World w;
    w.nodes(1, {.cores = 4, .threads = 2}).settings().one_task_per_core = rule;
    w.up();
    const JobId id = w.submit(request);
    w.pass();
    return w.run(id.value) == nullptr ? 0U : w.allocation(id.value).cpus;
  };
  EXPECT_EQ(cpus_of(false, tasks(4)), 4U);
  EXPECT_EQ(cpus_of(true, tasks(4)), 8U);
  EXPECT_EQ(cpus_of(true, tasks(4, 2)), 8U) << "a task may have the core's threads";
  EXPECT_EQ(cpus_of(true, tasks(5)), 0U) << "there are four cores";
  Request two = tasks(4);
  two.tasks_per_core = 2;
  EXPECT_EQ(cpus_of(true, two), 4U);
  Request overcommitted = tasks(5);
  overcommitted.overcommit = true;
  EXPECT_EQ(cpus_of(true, overcommitted), 2U);
}

TEST(PlacementRules, ThreadsThatAreNotToBeUsedHaveNoMemory) {
  World w;
  w.nodes(1, {.cores = 4, .threads = 2, .memory = 1000}).up();
  Request one_thread = tasks(3);
  one_thread.threads_per_core = 1;
  one_thread.memory_per_cpu = 300;
  const JobId id = w.submit(one_thread);
  w.pass();
  ASSERT_NE(w.run(id.value), nullptr);
  EXPECT_EQ(w.allocation(id.value).cpus, 6U);
  EXPECT_EQ(w.allocation(id.value).shares[0].memory, 900U);
}

class UsersPartition : public ::testing::Test {
 protected:
  UsersPartition() {
    w.nodes(3).partition("alone").exclusive_user = true;
    w.partition("batch");
    w.up();
  }
  JobId submit(std::uint32_t uid, std::uint32_t partition, std::uint32_t nodes = 1) {
    Request request = tasks(nodes);
    request.min_nodes = nodes;
    Candidate made = w.candidate(request);
    made.uid = uid;
    made.partitions = {PartitionIndex(partition)};
    return w.submit(made);
  }

  World w;
};

TEST_F(UsersPartition, NodesAreOneUsersAtATime) {
  const JobId first = submit(1000, 0);
  const JobId own = submit(1000, 0);
  const JobId other = submit(2000, 0);
  const JobId elsewhere = submit(2000, 1);
  const JobId own_elsewhere = submit(1000, 1);
  w.pass();
  EXPECT_EQ(w.nodes_of(first.value), "n1");
  EXPECT_EQ(w.nodes_of(own.value), "n1");
  EXPECT_EQ(w.nodes_of(other.value), "n2");
  EXPECT_EQ(w.nodes_of(elsewhere.value), "n2") << "not on what another user has alone";
  EXPECT_EQ(w.nodes_of(own_elsewhere.value), "n1");
  EXPECT_EQ(w.problem(), "");
}

TEST_F(UsersPartition, WhoComesLaterWaitsForTheOthersJobs) {
  const JobId everywhere = submit(2000, 1, 3);
  w.pass();
  const JobId alone = submit(1000, 0);
  w.at(1).pass();
  EXPECT_EQ(w.nodes_of(alone.value), "");
  const PlanEntry* plan = w.planner().explain(alone);
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->reason, model::Reason::resources);
  EXPECT_EQ(plan->planned_start, 1'000'000'000 + 600LL * model::kSecond);
  w.end(everywhere.value);
  w.at(2).pass();
  EXPECT_EQ(w.nodes_of(alone.value), "n1");
}

}  // namespace
}  // namespace sluice::core::test
