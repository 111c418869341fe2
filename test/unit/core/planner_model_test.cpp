// The planner against slow and obvious models, on small random clusters by seed: placement by
// trying every set of nodes, the first reservation by trying every moment, and EASY backfill by
// counting processors.
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

// --- Placement ----------------------------------------------------------------------------------

struct ModelNode {
  Hw hw;
  bool up = true;
};

class Model {
 public:
  explicit Model(std::vector<ModelNode> nodes) : nodes_(std::move(nodes)) {}

  // Whether the request fits if only the jobs of `world` that end after `time_ms` run.
  [[nodiscard]] bool fits(const World& world, const Request& request, std::int64_t time_ms) const {
    return least_nodes(world, request, time_ms) != 0;
  }

  // The size of the smallest set of nodes that serves; 0: none does.
  [[nodiscard]] std::uint32_t least_nodes(const World& world, const Request& request,
                                          std::int64_t time_ms) const {
    std::vector<std::uint32_t> room;
    for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
      room.push_back(capacity(world, request, n, time_ms));
    }
    std::uint32_t best = 0;
    for (std::uint32_t set = 1; set < (1U << nodes_.size()); ++set) {
      const auto size = static_cast<std::uint32_t>(__builtin_popcount(set));
      const std::uint32_t most = request.max_nodes == 0 ? 99 : request.max_nodes;
      if (size < request.min_nodes || size > most || size > request.tasks) continue;
      std::uint32_t tasks = 0;
      bool all_used = true;
      for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
        if ((set & (1U << n)) == 0) continue;
        tasks += room[n];
        all_used = all_used && room[n] != 0;
      }
      if (all_used && tasks >= request.tasks && (best == 0 || size < best)) best = size;
    }
    return best;
  }

  // The least weight of a node that could take the whole job now.
  [[nodiscard]] std::uint32_t least_weight(const World& world, const Request& request) const {
    std::uint32_t least = UINT32_MAX;
    for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
      if (capacity(world, request, n, -1) < request.tasks) continue;
      least = std::min(least, nodes_[n].hw.weight);
    }
    return least;
  }
  [[nodiscard]] std::uint32_t weight(NodeIndex node) const { return nodes_[node.value].hw.weight; }

 private:
  [[nodiscard]] std::uint32_t capacity(const World& world, const Request& request, std::uint32_t n,
                                       std::int64_t time_ms) const {
    const Hw& hw = nodes_[n].hw;
    if (!nodes_[n].up || !has_feature(hw.features, request.features)) return 0;
    if (request.exclude.view() == "n" + std::to_string(n + 1)) return 0;
    std::vector<bool> busy(hw.sockets * hw.cores, false);
    std::uint64_t memory = hw.memory;
    std::uint64_t free_gpus = hw.gres.empty() ? 0 : hw.gres[0].count;
    bool alone = true;
    for (const std::uint32_t id : world.running()) {
      const World::Run& run = *world.run(id);
      if (run.end_ms <= time_ms) continue;
      for (const model::NodeShare& share : run.start.allocation->shares) {
        if (share.node.value != n) continue;
        alone = false;
        memory -= share.memory;
        if (!share.gres.empty()) free_gpus -= share.gres[0].count;
        share.cpus.for_each([&](std::size_t cpu) { busy[cpu / hw.threads] = true; });
      }
    }
    if (request.sharing == model::Sharing::exclusive && !alone) return 0;
    const auto idle = static_cast<std::uint32_t>(std::count(busy.begin(), busy.end(), false));
    const std::uint32_t usable = request.no_multithread ? 1 : hw.threads;
    std::uint32_t most = 0;
    for (std::uint32_t t = 1; t <= request.tasks; ++t) {
      if (request.tasks_per_node != 0 && t > request.tasks_per_node) break;
      std::uint32_t cores = (t * request.cpus_per_task + usable - 1) / usable;
      if (cores > idle) break;
      if (request.sharing == model::Sharing::exclusive) cores = hw.sockets * hw.cores;
      const std::uint64_t need = request.memory_per_node + request.memory_per_cpu * cores * usable +
                                 (request.memory_per_node + request.memory_per_cpu == 0 ? 1 : 0);
      if (need > memory) break;
      if (!request.gres.empty() && request.gres[0].count > free_gpus) break;
      most = t;
    }
    return most;
  }

  static bool has_feature(const std::string& features, const Text& wanted) {
    return wanted.empty() || features.find(wanted.view()) != std::string::npos;
  }

  std::vector<ModelNode> nodes_;
};

Hw random_hw(Random& random) {
  Hw hw;
  hw.sockets = pick(random, 1, 2);
  hw.cores = pick(random, 1, 4);
  hw.threads = pick(random, 1, 2);
  hw.memory = 100 * pick(random, 2, 8);
  if (pick(random, 0, 1) == 1) hw.gres = {gpus(pick(random, 1, 3))};
  hw.features = pick(random, 0, 1) == 1 ? "red" : "blue";
  hw.weight = pick(random, 1, 2);
  return hw;
}

Request random_request(Random& random) {
  Request request;
  request.tasks = pick(random, 1, 8);
  request.cpus_per_task = pick(random, 1, 3);
  request.min_nodes = std::min(request.tasks, pick(random, 1, 2));
  if (pick(random, 0, 2) == 0) request.max_nodes = request.min_nodes;
  if (pick(random, 0, 4) == 0) request.tasks_per_node = pick(random, 1, 4);
  if (pick(random, 0, 2) == 0) request.memory_per_node = 50 * pick(random, 1, 6);
  if (request.memory_per_node == 0 && pick(random, 0, 1) == 0) {
    request.memory_per_cpu = 25 * pick(random, 1, 4);
  }
  if (pick(random, 0, 3) == 0) {
    request.gres = {{.name = "gpu", .type = {}, .count = pick(random, 1, 2)}};
  }
  if (pick(random, 0, 4) == 0) request.no_multithread = true;
  if (pick(random, 0, 5) == 0) request.sharing = model::Sharing::exclusive;
  if (pick(random, 0, 4) == 0) request.features = pick(random, 0, 1) == 1 ? "red" : "blue";
  if (pick(random, 0, 5) == 0) request.exclude = "n" + std::to_string(pick(random, 1, 3));
  return request;
}

std::vector<ModelNode> random_nodes(Random& random, World& world) {
  std::vector<ModelNode> nodes;
  // A feature that no node has would be an error of its own.
  world.nodes(1, {.cores = 1, .features = "red,blue"});
  nodes.push_back({.hw = {.cores = 1, .features = "red,blue"}});
  const std::uint32_t count = pick(random, 2, 3);
  for (std::uint32_t n = 0; n < count; ++n) {
    nodes.push_back({.hw = random_hw(random)});
    world.nodes(1, nodes.back().hw);
  }
  return nodes;
}

void check_allocation(const World& world, std::uint32_t id, const Request& request) {
  std::uint32_t tasks = 0;
  for (const model::NodeShare& share : world.allocation(id).shares) {
    tasks += share.tasks;
    EXPECT_GE(share.tasks, 1U);
    EXPECT_EQ(share.cpus.count(), share.cpu_count);
    if (!request.gres.empty()) {
      ASSERT_EQ(share.gres.size(), 1U);
      // Who has the whole node has all its devices.
      const bool whole = request.sharing == model::Sharing::exclusive;
      EXPECT_EQ(share.gres[0].indices.count(),
                whole ? share.gres[0].indices.size() : request.gres[0].count);
    }
  }
  EXPECT_EQ(tasks, request.tasks);
}

// The earliest moment at which the running jobs' ends make room.
std::int64_t earliest(const World& world, const Model& model, const Request& request) {
  std::vector<std::int64_t> moments;
  for (const std::uint32_t id : world.running()) moments.push_back(world.run(id)->end_ms);
  std::sort(moments.begin(), moments.end());
  for (const std::int64_t moment : moments) {
    if (model.fits(world, request, moment)) return moment;
  }
  return -1;
}

// What started where.
using History = std::vector<std::string>;

void random_history(std::uint32_t seed, History& history) {
  Random random(seed);
  World world;
  Model model(random_nodes(random, world));
  world.up();
  std::vector<std::pair<JobId, Request>> waiting;  // in the order of the queue
  std::int64_t seconds = 0;
  std::int64_t last_planned = INT64_MAX;
  JobId last_head;
  for (int round = 0; round < 60; ++round) {
    world.at(seconds += pick(random, 0, 30));
    if (pick(random, 0, 2) != 0) {
      const Request request = random_request(random);
      const Candidate job = world.candidate(request, pick(random, 10, 100));
      const bool possible = model.fits(world, request, INT64_MAX);
      ASSERT_EQ(world.planner().can_ever_run(world.pool(), job).has_value(), possible);
      if (possible) waiting.emplace_back(world.submit(job), request);
    } else if (const Ids running = world.running(); !running.empty()) {
      world.end(running[random() % running.size()]);
    }
    ASSERT_EQ(world.problem(), "");
    // The head has to start if and only if it fits, whatever else there is.
    const bool head_fits = !waiting.empty() && model.fits(world, waiting[0].second, -1);
    const std::uint32_t head_nodes =
        head_fits ? model.least_nodes(world, waiting[0].second, -1) : 0;
    const std::uint32_t head_weight =
        head_fits ? model.least_weight(world, waiting[0].second) : UINT32_MAX;
    const Ids started = world.pass(pick(random, 1, 20));
    ASSERT_EQ(world.problem(), "");
    if (!waiting.empty()) {
      const bool head_started =
          std::find(started.begin(), started.end(), waiting[0].first.value) != started.end();
      ASSERT_EQ(head_started, head_fits);
      if (head_started && waiting[0].second.max_nodes != 0) {
        ASSERT_EQ(world.allocation(waiting[0].first.value).shares.size(), head_nodes);
      }
      if (head_started && waiting[0].second.max_nodes == 1) {
        const model::Allocation& given = world.allocation(waiting[0].first.value);
        ASSERT_EQ(model.weight(given.shares[0].node), head_weight);
      }
    }
    for (const std::uint32_t id : started) {
      const auto job = std::find_if(waiting.begin(), waiting.end(),
                                    [&](const auto& w) { return w.first.value == id; });
      ASSERT_NE(job, waiting.end());
      check_allocation(world, id, job->second);
      history.push_back(std::to_string(id) + '@' + std::to_string(seconds));
      for (const model::NodeShare& share : world.allocation(id).shares) {
        history.back() += ' ' + share.name.str() + ':' + share.cpus.to_ranges();
      }
      waiting.erase(job);
    }
    if (waiting.empty()) continue;
    const PlanEntry* plan = world.planner().explain(waiting[0].first);
    ASSERT_NE(plan, nullptr);
    ASSERT_EQ(plan->reason, model::Reason::resources);
    const std::int64_t planned = (plan->planned_start - 1'000'000'000) / 1000;
    // Those that the pass started end after the head's planned start, or don't stand in its way.
    ASSERT_EQ(planned, earliest(world, model, waiting[0].second));
    if (last_head == waiting[0].first) {
      ASSERT_LE(planned, last_planned);
    }
    last_head = waiting[0].first;
    last_planned = planned;
  }
}

// The head of the queue starts if and only if it fits, on as few nodes as will do and, where one is
// asked for, on one of the least weight; the same history leads to the same decisions.
TEST(PlannerModel, PlacementAndFirstReservationByBruteForce) {
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    History once;
    random_history(seed, once);
    ASSERT_FALSE(HasFatalFailure());
    if (seed > 20) continue;
    History again;
    random_history(seed, again);
    ASSERT_EQ(once, again);
  }
}

// --- EASY backfill ------------------------------------------------------------------------------

struct TraceJob {
  std::int64_t submit = 0;
  std::uint32_t size = 1;
  std::uint32_t minutes = 1;  // limit
  std::int64_t seconds = 1;   // true length, at most the limit
};

// Start times by counting processors.
std::vector<std::int64_t> easy_by_counting(const std::vector<TraceJob>& jobs, std::uint32_t size) {
  std::vector<std::int64_t> starts(jobs.size(), -1);
  std::vector<std::size_t> queue;
  std::vector<std::size_t> running;
  std::size_t arrived = 0;
  std::int64_t now = 0;
  const auto limit_end = [&](std::size_t j) { return starts[j] + jobs[j].minutes * 60; };
  while (arrived < jobs.size() || !queue.empty() || !running.empty()) {
    std::int64_t next = INT64_MAX;
    if (arrived < jobs.size()) next = jobs[arrived].submit;
    for (const std::size_t j : running) next = std::min(next, starts[j] + jobs[j].seconds);
    now = next;
    std::erase_if(running, [&](std::size_t j) { return starts[j] + jobs[j].seconds <= now; });
    while (arrived < jobs.size() && jobs[arrived].submit <= now) queue.push_back(arrived++);
    std::uint32_t free = size;
    for (const std::size_t j : running) free -= jobs[j].size;
    const auto start = [&](std::size_t place) {
      const std::size_t j = queue[place];
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(place));
      starts[j] = now;
      running.push_back(j);
      free -= jobs[j].size;
    };
    while (!queue.empty() && jobs[queue[0]].size <= free) start(0);
    if (queue.empty()) continue;
    std::vector<std::size_t> by_end = running;
    std::sort(by_end.begin(), by_end.end(),
              [&](std::size_t a, std::size_t b) { return limit_end(a) < limit_end(b); });
    std::uint32_t at_shadow = free;
    std::int64_t shadow = now;
    for (std::size_t n = 0; n < by_end.size(); ++n) {
      at_shadow += jobs[by_end[n]].size;
      shadow = limit_end(by_end[n]);
      const bool more_at_once = n + 1 < by_end.size() && limit_end(by_end[n + 1]) == shadow;
      if (at_shadow >= jobs[queue[0]].size && !more_at_once) break;
    }
    std::uint32_t extra = at_shadow - jobs[queue[0]].size;
    for (std::size_t place = 1; place < queue.size();) {
      const TraceJob& job = jobs[queue[place]];
      const bool ends_before = now + job.minutes * 60 <= shadow;
      if (job.size > free || (!ends_before && job.size > extra)) {
        ++place;
        continue;
      }
      if (!ends_before) extra -= job.size;
      start(place);
    }
  }
  return starts;
}

using OneStart = void (*)(model::Settings&);  // allows one planned start only

std::vector<std::int64_t> easy_by_planner(const std::vector<TraceJob>& jobs, std::uint32_t size,
                                          OneStart one_start) {
  World world;
  world.nodes(size, {.cores = 1});
  one_start(world.settings());
  world.settings().backfill_window_min = 1'000'000;
  world.up();
  std::vector<std::int64_t> starts(jobs.size(), -1);
  std::size_t arrived = 0;
  while (true) {
    std::int64_t next = INT64_MAX;
    if (arrived < jobs.size()) next = jobs[arrived].submit;
    const Ids running = world.running();
    for (const std::uint32_t id : running)
      next = std::min(next, starts[id - 1] + jobs[id - 1].seconds);
    if (next == INT64_MAX) return starts;
    world.at(next);
    for (const std::uint32_t id : running) {
      if (starts[id - 1] + jobs[id - 1].seconds <= next) world.end(id);
    }
    while (arrived < jobs.size() && jobs[arrived].submit <= next) {
      Request request;
      request.tasks = jobs[arrived].size;
      world.submit(request, jobs[arrived].minutes);
      ++arrived;
    }
    for (const std::uint32_t id : world.pass()) starts[id - 1] = next;
  }
}

TEST(PlannerModel, EasyBackfillByCounting) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::uint32_t size = pick(random, 4, 12);
    std::vector<TraceJob> jobs;
    std::int64_t submit = 0;
    for (int n = 0; n < 60; ++n) {
      TraceJob job;
      job.submit = submit += pick(random, 0, 200);
      job.size = pick(random, 1, pick(random, 1, size));
      job.minutes = pick(random, 1, 20);
      if (n != 0 && pick(random, 0, 2) == 0) {  // they share a group
        job.size = jobs.back().size;
        job.minutes = jobs.back().minutes;
      }
      job.seconds = pick(random, 1, job.minutes * 60);
      jobs.push_back(job);
    }
    const std::vector<std::int64_t> counted = easy_by_counting(jobs, size);
    ASSERT_EQ(easy_by_planner(jobs, size, [](model::Settings& s) { s.backfill_max_job_test = 1; }),
              counted);
    ASSERT_EQ(easy_by_planner(jobs, size, [](model::Settings& s) { s.backfill_reserve = 1; }),
              counted);
  }
}

}  // namespace
}  // namespace sluice::core::test
