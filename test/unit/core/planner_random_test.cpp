// Random histories of clusters too large for brute force, and of everything that partitions and
// requests can ask for at once: nothing oversubscribed, the head of the queue never held back, its
// planned start never moved to later, the same decisions in each run.
#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

using Request = model::Request;
using Ids = std::vector<std::uint32_t>;
using Random = std::mt19937;

std::uint32_t pick(Random& random, std::uint32_t low, std::uint32_t high) {
  return low + static_cast<std::uint32_t>(random() % (high - low + 1));
}

constexpr std::uint32_t kNodes = 48;
constexpr std::uint32_t kCores = 8;
constexpr std::uint64_t kMemory = 800;

struct Wish {
  JobId id;
  Request request;
};

// Whether the request fits beside the jobs that end after `time_ms`.
bool fits(const World& world, const Request& request, std::int64_t time_ms) {
  std::vector<std::uint32_t> idle(kNodes, kCores);
  std::vector<std::uint64_t> memory(kNodes, kMemory);
  for (const std::uint32_t id : world.running()) {
    if (world.run(id)->end_ms <= time_ms) continue;
    for (const model::NodeShare& share : world.allocation(id).shares) {
      idle[share.node.value] -= share.cpu_count;
      memory[share.node.value] -= share.memory;
    }
  }
  std::vector<std::uint32_t> room;
  for (std::uint32_t n = 0; n < kNodes; ++n) {
    if (memory[n] < request.memory_per_node) continue;
    if (const std::uint32_t tasks = idle[n] / request.cpus_per_task) room.push_back(tasks);
  }
  std::sort(room.rbegin(), room.rend());
  std::uint32_t tasks = 0;
  for (std::uint32_t n = 0; n < room.size(); ++n) {
    tasks += room[n];
    if (request.max_nodes != 0 && n >= request.max_nodes) return false;
    if (n + 1 >= request.min_nodes && n < request.tasks && tasks >= request.tasks) return true;
  }
  return false;
}

std::int64_t earliest(const World& world, const Request& request) {
  std::vector<std::int64_t> ends;
  for (const std::uint32_t id : world.running()) ends.push_back(world.run(id)->end_ms);
  std::sort(ends.begin(), ends.end());
  for (const std::int64_t end : ends) {
    if (fits(world, request, end)) return end;
  }
  return -1;
}

// Enough lanes on enough nodes that passes become light ones.
TEST(PlannerRandom, LightPassesKeepTheHeadsReservation) {
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    World world;
    world.nodes(kNodes, {.cores = kCores, .memory = kMemory}).up();
    std::vector<Wish> waiting;
    const auto submit = [&] {
      Request request;
      request.tasks = pick(random, 1, pick(random, 1, 40));
      request.cpus_per_task = pick(random, 1, 3);
      request.min_nodes = std::min(request.tasks, pick(random, 1, 4));
      request.memory_per_node = pick(random, 1, 300);
      waiting.push_back({world.submit(request, pick(random, 5, 200)), request});
    };
    for (int n = 0; n < 150; ++n) submit();
    std::int64_t seconds = 0;
    std::int64_t last_planned = INT64_MAX;
    JobId last_head;
    for (int round = 0; round < 120; ++round) {
      world.at(seconds += pick(random, 0, 3));
      const Ids running = world.running();
      if (!running.empty()) world.end(running[random() % running.size()]);
      if (pick(random, 0, 2) == 0) submit();
      const bool head_fits = fits(world, waiting[0].request, -1);
      const Ids started = world.pass();
      ASSERT_EQ(world.problem(), "");
      ASSERT_EQ(std::find(started.begin(), started.end(), waiting[0].id.value) != started.end(),
                head_fits);
      std::erase_if(waiting, [&](const Wish& wish) { return world.run(wish.id.value) != nullptr; });
      const PlanEntry* plan = world.planner().explain(waiting[0].id);
      ASSERT_NE(plan, nullptr);
      ASSERT_EQ(plan->reason, model::Reason::resources);
      ASSERT_NE(plan->planned_start, 0);
      const std::int64_t planned = (plan->planned_start - 1'000'000'000) / 1000;
      ASSERT_GE(planned, earliest(world, waiting[0].request));
      if (last_head == waiting[0].id) {
        ASSERT_LE(planned, last_planned);
      }
      last_head = waiting[0].id;
      last_planned = planned;
    }
  }
}

// With a single reservation every job that fits, and would end before that, has to be running.
TEST(PlannerRandom, NothingThatCouldStartIsOverlooked) {
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    World world;
    world.nodes(kNodes, {.cores = kCores, .memory = kMemory});
    world.settings().backfill_max_job_test = 1;
    world.up();
    std::vector<Wish> waiting;
    std::vector<std::uint32_t> minutes{0};  // by job id
    for (int round = 0; round < 250; ++round) {
      world.at(round);
      const Ids running = world.running();
      if (round > 150 && !running.empty()) world.end(running[random() % running.size()]);
      for (std::uint32_t n = round < 150 ? 3 : pick(random, 0, 1); n != 0; --n) {
        Request request;
        request.tasks = pick(random, 1, pick(random, 1, 40));
        request.cpus_per_task = pick(random, 1, 3);
        request.min_nodes = std::min(request.tasks, pick(random, 1, 4));
        request.memory_per_node = pick(random, 1, 400);
        minutes.push_back(pick(random, 5, 200));
        waiting.push_back({world.submit(request, minutes.back()), request});
      }
      world.pass();
      std::erase_if(waiting, [&](const Wish& wish) { return world.run(wish.id.value) != nullptr; });
      ASSERT_EQ(world.problem(), "");
      if (waiting.empty()) continue;
      const PlanEntry* plan = world.planner().explain(waiting[0].id);
      ASSERT_NE(plan, nullptr);
      const std::int64_t planned = (plan->planned_start - 1'000'000'000) / 1000;
      for (const Wish& wish : waiting) {
        const std::int64_t end =
            world.now().mono_ms + std::int64_t{minutes[wish.id.value]} * 60'000;
        const bool overlooked = end <= planned && fits(world, wish.request, -1);
        ASSERT_FALSE(overlooked) << "job " << wish.id.value << " in round " << round;
      }
    }
  }
}

// --- Everything at once -------------------------------------------------------------------------

void build_mixed(Random& random, World& world) {
  for (std::uint32_t n = 0; n < 6; ++n) {
    Hw hw;
    hw.sockets = pick(random, 1, 2);
    hw.cores = pick(random, 2, 4);
    hw.threads = pick(random, 1, 4);
    hw.memory = 1000;
    if (pick(random, 0, 1) == 1) hw.gres = {gpus(pick(random, 1, 3), "a"), gpus(1, "b")};
    hw.features = n % 2 == 0 ? "even" : "odd";
    hw.weight = pick(random, 1, 3);
    world.nodes(1, hw);
  }
  const model::OverSubscribe kinds[] = {model::OverSubscribe::no, model::OverSubscribe::yes,
                                        model::OverSubscribe::force,
                                        model::OverSubscribe::exclusive};
  for (std::uint32_t p = 0; p < 4; ++p) {
    const std::string nodes = p == 0 ? "ALL" : "n[" + std::to_string(p) + "-6]";
    model::Partition& partition = world.partition("p" + std::to_string(p), nodes);
    partition.oversubscribe = kinds[pick(random, 0, 3)];
    partition.oversubscribe_jobs = pick(random, 1, 3);
    partition.cpu_unit = static_cast<model::CpuUnit>(pick(random, 0, 3));
    partition.priority_tier = pick(random, 1, 3);
    if (pick(random, 0, 2) == 0) partition.max_cpus_per_node = pick(random, 4, 16);
  }
  world.settings().default_memory_per_node = 10;
  world.settings().backfill = pick(random, 0, 4) != 0;
  world.settings().backfill_max_job_test = pick(random, 1, 20);
  world.up();
}

Request mixed_request(Random& random) {
  Request request;
  if (pick(random, 0, 4) != 0) request.tasks = pick(random, 1, 10);
  request.cpus_per_task = pick(random, 0, 2);
  request.min_nodes = pick(random, 1, 2);
  if (pick(random, 0, 1) == 0) request.max_nodes = request.min_nodes + pick(random, 0, 2);
  if (pick(random, 0, 4) == 0) request.tasks_per_node = pick(random, 1, 3);
  if (pick(random, 0, 4) == 0) request.tasks_per_socket = pick(random, 1, 2);
  if (pick(random, 0, 4) == 0) request.tasks_per_core = pick(random, 1, 2);
  if (pick(random, 0, 4) == 0) request.memory_per_node = pick(random, 1, 600);
  if (pick(random, 0, 4) == 0) request.memory_per_cpu = pick(random, 1, 50);
  if (pick(random, 0, 9) == 0) request.all_memory = true;
  if (pick(random, 0, 2) == 0) {
    request.gres = {{.name = "gpu",
                     .type = pick(random, 0, 2) == 0 ? Text("a") : Text(),
                     .count = pick(random, 1, 3),
                     .scope = static_cast<model::GresScope>(pick(random, 0, 3))}};
    if (pick(random, 0, 2) == 0) request.cpus_per_gpu = 2;
    if (pick(random, 0, 2) == 0) request.memory_per_gpu = 50;
    if (pick(random, 0, 3) == 0) request.tasks_per_gpu = 2;
  }
  request.sharing = static_cast<model::Sharing>(pick(random, 0, 3));
  if (pick(random, 0, 5) == 0) request.features = "even|odd";
  if (pick(random, 0, 5) == 0) request.features = "even";
  if (pick(random, 0, 5) == 0) request.node_list = "n" + std::to_string(pick(random, 4, 6));
  if (pick(random, 0, 5) == 0) request.exclude = "n" + std::to_string(pick(random, 1, 3));
  request.contiguous = pick(random, 0, 6) == 0;
  request.spread = pick(random, 0, 6) == 0;
  request.overcommit = pick(random, 0, 6) == 0;
  request.no_multithread = pick(random, 0, 6) == 0;
  request.use_min_nodes = pick(random, 0, 3) == 0;
  return request;
}

// What happened, as a text; two runs of one seed must give the same.
std::string mixed_history(std::uint32_t seed) {
  Random random(seed);
  World world;
  build_mixed(random, world);
  std::string log;
  std::int64_t seconds = 0;
  for (int round = 0; round < 80; ++round) {
    world.at(seconds += pick(random, 0, 100));
    for (std::uint32_t n = pick(random, 0, 2); n != 0; --n) {
      Candidate job = world.candidate(mixed_request(random), pick(random, 1, 60));
      job.partitions = {PartitionIndex(pick(random, 0, 3))};
      if (pick(random, 0, 3) == 0) {
        job.partitions.push_back(PartitionIndex((job.partitions[0].value + 1) % 4));
      }
      job.uid = 1000 + pick(random, 0, 1);
      job.priority = pick(random, 1, 5);
      if (world.planner().can_ever_run(world.pool(), job)) world.submit(job);
    }
    const Ids running = world.running();
    if (!running.empty() && pick(random, 0, 1) == 0) world.end(running[random() % running.size()]);
    if (pick(random, 0, 9) == 0) {
      world.pool().set_available(NodeIndex(pick(random, 0, 5)), pick(random, 0, 2) != 0);
    }
    if (pick(random, 0, 19) == 0) world.planner().remove(JobId(pick(random, 1, 20)));
    for (const std::uint32_t id : world.pass(pick(random, 1, 300))) {
      log += std::to_string(id) + "@" + world.nodes_of(id) + " ";
      std::uint32_t tasks = 0;
      for (const model::NodeShare& share : world.allocation(id).shares) tasks += share.tasks;
      EXPECT_GE(tasks, 1U);
    }
    EXPECT_EQ(world.problem(), "");
    if (testing::Test::HasFailure()) return log;
  }
  for (const std::uint32_t id : world.running()) world.end(id);
  EXPECT_EQ(world.problem(), "");
  for (std::uint32_t n = 0; n < world.pool().size(); ++n) {
    EXPECT_EQ(world.pool().use(NodeIndex(n)).cpus, 0U);
    EXPECT_EQ(world.pool().use(NodeIndex(n)).memory, 0U);
  }
  return log;
}

TEST(PlannerRandom, NothingOversubscribedAndAlwaysTheSame) {
  std::size_t starts = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const std::string first = mixed_history(seed);
    ASSERT_FALSE(HasFailure());
    ASSERT_EQ(first, mixed_history(seed));
    starts += static_cast<std::size_t>(std::count(first.begin(), first.end(), '@'));
  }
  EXPECT_GT(starts, 500U);
}

}  // namespace
}  // namespace sluice::core::test
