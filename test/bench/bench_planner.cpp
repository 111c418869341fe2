// How long the planner takes: queueing, the first pass over everything, a pass after one job ended,
// a pass after one submit; and what a queued job costs in memory. No threads, no I/O: figures are
// of one core.
//   bench_planner [NODES JOBS SHAPES [ROUNDS]]     default: a table of sizes
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <malloc.h>

#include "core/planner.hpp"
#include "core/resources.hpp"

namespace {

using namespace sluice;
using namespace sluice::core;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

SettingsPtr make_settings(std::uint32_t nodes) {
  auto settings = std::make_shared<Settings>();
  settings->default_memory_per_cpu = 1000;
  for (std::uint32_t n = 0; n < nodes; ++n) {
    NodeSetting node;
    node.name = "n" + std::to_string(n + 1);
    node.facts_fixed = true;
    node.facts.sockets = 2;
    node.facts.cores_per_socket = n % 4 == 0 ? 8 : 4;
    node.facts.threads_per_core = n % 3 == 0 ? 2 : 1;
    node.facts.memory = 64'000;
    if (n % 8 == 0) {
      model::NodeGres gpu;
      gpu.name = "gpu";
      gpu.count = 4;
      for (int d = 0; d < 4; ++d) gpu.files.emplace_back("/dev/gpu" + std::to_string(d));
      node.facts.gres.push_back(gpu);
    }
    settings->nodes.push_back(std::move(node));
  }
  model::Partition batch;
  batch.name = "batch";
  batch.nodes = "ALL";
  settings->partitions.push_back(batch);
  return settings;
}

class Bench {
 public:
  Bench(std::uint32_t nodes, std::uint32_t jobs, std::uint32_t shapes)
      : jobs_(jobs), settings_(make_settings(nodes)), pool_(settings_), planner_(settings_) {
    for (std::uint32_t n = 0; n < nodes; ++n) pool_.set_available(NodeIndex(n), true);
    for (std::uint32_t s = 0; s < shapes; ++s) shapes_.push_back(shape());
  }

  void run(std::uint32_t rounds) {
    const std::size_t before = mallinfo2().uordblks;
    auto start = Clock::now();
    for (std::uint32_t j = 0; j < jobs_; ++j) submit();
    const double add_us = ms_since(start) * 1000 / jobs_;
    const double bytes = static_cast<double>(mallinfo2().uordblks - before) / jobs_;
    start = Clock::now();
    const std::size_t started = pass();
    const double first_ms = ms_since(start);
    std::vector<double> ends;
    std::vector<double> submits;
    for (std::uint32_t r = 0; r < rounds && !running_.empty(); ++r) {
      now_ms_ += 1000;
      end_one();
      start = Clock::now();
      pass();
      ends.push_back(ms_since(start));
      submit();
      start = Clock::now();
      pass();
      submits.push_back(ms_since(start));
    }
    std::printf("%7zu %9u %7zu %9.2f %7.0f %10.1f %8zu %10.3f %10.3f %10.3f\n",
                settings_->nodes.size(), jobs_, shapes_.size(), add_us, bytes, first_ms, started,
                median(ends), worst(ends), median(submits));
  }

 private:
  struct Shape {
    model::RequestPtr request;
    std::uint32_t uid = 0;
    std::uint32_t minutes = 0;
  };

  std::uint32_t pick(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(random_() % (high - low + 1));
  }

  Shape shape() {
    auto request = std::make_shared<model::Request>();
    request->min_nodes = 1;
    request->tasks = pick(0, 2) == 0 ? pick(1, 64) : pick(1, 8);
    request->cpus_per_task = pick(0, 3) == 0 ? 2 : 1;
    if (pick(0, 9) == 0) request->gres = {{.name = "gpu", .type = {}, .count = pick(1, 4)}};
    if (pick(0, 9) == 0) request->sharing = model::Sharing::exclusive;
    return {request, 1000 + pick(0, 199), 10 * pick(1, 144)};
  }

  void submit() {
    const Shape& shape = shapes_[random_() % shapes_.size()];
    Candidate job;
    job.id = JobId(++last_id_);
    job.request = shape.request;
    job.partitions = {PartitionIndex(0)};
    job.uid = shape.uid;
    job.priority = pick(1, 1000);
    job.order = last_id_;
    job.time_limit = shape.minutes;
    planner_.add(job);
    uids_[last_id_] = shape.uid;
  }

  std::size_t pass() {
    std::size_t started = 0;
    bool finished = false;
    while (!finished) {
      PassResult result =
          planner_.pass(pool_, {now_ms_ * 1000 + 1'000'000'000, now_ms_}, ~std::uint64_t{0});
      finished = result.finished;
      started += result.starts.size();
      for (Start& start : result.starts) {
        planner_.job_started(start.id, start.allocation,
                             now_ms_ + std::int64_t{start.time_limit} * 60'000);
        running_.push_back(std::move(start));
      }
    }
    return started;
  }

  void end_one() {
    const std::size_t at = random_() % running_.size();
    const Start ended = running_[at];
    running_[at] = running_.back();
    running_.pop_back();
    for (const model::NodeShare& share : ended.allocation->shares) {
      pool_.release(share, {ended.id, uids_[ended.id.value], ended.partition, {}});
    }
    planner_.job_ended(ended.id);
  }

  static double median(std::vector<double> times) {
    if (times.empty()) return 0;
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  }
  static double worst(const std::vector<double>& times) {
    return times.empty() ? 0 : *std::max_element(times.begin(), times.end());
  }

  std::uint32_t jobs_;
  SettingsPtr settings_;
  NodePool pool_;
  Planner planner_;
  std::mt19937 random_{1};
  std::vector<Shape> shapes_;
  std::vector<Start> running_;
  std::vector<std::uint32_t> uids_ = std::vector<std::uint32_t>(4'000'000);
  std::uint32_t last_id_ = 0;
  std::int64_t now_ms_ = 0;
};

std::uint32_t number(const char* text) {
  return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("%7s %9s %7s %9s %7s %10s %8s %10s %10s %10s\n", "nodes", "jobs", "shapes", "add us",
              "B/job", "first ms", "started", "end ms", "worst", "submit ms");
  if (argc >= 4) {
    Bench(number(argv[1]), number(argv[2]), number(argv[3])).run(argc > 4 ? number(argv[4]) : 20);
    return 0;
  }
  Bench(16, 10'000, 100).run(50);
  Bench(16, 100'000, 100).run(50);
  Bench(1'000, 100'000, 500).run(20);
  Bench(10'000, 100'000, 500).run(5);
  return 0;
}
