// One job on all nodes of a cluster, through the cluster's door and on one core: what its start and
// its end cost, and what comes of nodes that go and come back all at once. Growth must be linear.
//   bench_wide              clusters of 1,000, 10,000 and 80,000 nodes
//   bench_wide NODES
// What the columns are (times are the processor's):
//   start ms     the pass that starts the job
//   ready ms     every node says that it is prepared
//   end ms       the script ends
//   release ms   the other nodes come clean, one report each
//   node us      all of that, by node
//   writes, KiB  job records that the controller would store meanwhile, and their size
//   lost ms      half of the nodes are lost, one after the other, while another such job runs
//   back ms      they register again
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/cluster.hpp"
#include "store/records.hpp"

namespace {

using namespace sluice;
using namespace sluice::core;

double processor_ms() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

SettingsPtr make_settings(std::uint32_t nodes) {
  auto settings = std::make_shared<Settings>();
  settings->return_to_service = 2;
  for (std::uint32_t n = 0; n < nodes; ++n) {
    NodeSetting node;
    node.name = "n" + std::to_string(n + 1);
    node.facts_fixed = true;
    node.facts.sockets = 2;
    node.facts.cores_per_socket = 4;
    node.facts.memory = 64'000;
    settings->nodes.push_back(node);
  }
  model::Partition batch;
  batch.name = "batch";
  batch.nodes = "ALL";
  batch.is_default = true;
  settings->partitions.push_back(batch);
  return settings;
}

class Bench {
 public:
  explicit Bench(std::uint32_t nodes) : settings_(make_settings(nodes)), cluster_(settings_) {
    for (std::uint32_t n = 0; n < nodes; ++n) order_.emplace_back(n);
    for (const NodeIndex node : order_) {
      take(cluster_.apply(NodeRegistered{node, settings_->nodes[node.value].facts, {}}, now()));
    }
    pass();
    std::shuffle(order_.begin(), order_.end(), std::mt19937(1));
  }

  void run() {
    submit();
    writes_ = 0;
    bytes_ = 0;
    const double start = timed([&] { pass(); });
    const Attempt attempt = attempt_;
    const double ready = timed([&] {
      for (const NodeIndex node : order_) apply(JobPrepared{attempt, node, true, {}});
    });
    const double end = timed([&] {
      apply(BatchEnded{.attempt = attempt, .exit_code = 0, .error = {}, .released = true});
    });
    const double release = timed([&] {
      for (const NodeIndex node : order_) apply(NodeReleased{attempt, node, false});
    });
    if (cluster_.find_attempt(attempt)) fail("the job has not ended");
    const std::size_t writes = writes_;
    const std::size_t bytes = bytes_;
    submit();
    pass();
    const std::vector<NodeIndex> half(order_.begin(),
                                      order_.begin() + static_cast<long>(order_.size() / 2));
    const double lost = timed([&] {
      for (const NodeIndex node : half) apply(NodeLost{node});
    });
    const double back = timed([&] {
      for (const NodeIndex node : half) {
        apply(NodeRegistered{node, settings_->nodes[node.value].facts, {}});
      }
    });
    const auto nodes = static_cast<double>(order_.size());
    std::printf("%6zu %9.1f %9.1f %8.1f %11.1f %8.1f %7zu %8zu %8.1f %8.1f\n", order_.size(), start,
                ready, end, release, (start + ready + end + release) * 1000 / nodes, writes,
                bytes / 1024, lost, back);
    std::fflush(stdout);
  }

  static void print_header() {
    std::printf("%6s %9s %9s %8s %11s %8s %7s %8s %8s %8s\n", "nodes", "start ms", "ready ms",
                "end ms", "release ms", "node us", "writes", "KiB", "lost ms", "back ms");
  }

 private:
  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "bench_wide: %s\n", what);
    std::exit(1);
  }
  // Nothing is a second later than the last time.
  [[nodiscard]] Now now() {
    return {1'700'000'000 * model::kSecond + ++ms_ * 10, 1000 + ms_ / 100};
  }

  template <class Work>
  double timed(const Work& work) {
    const double begin = processor_ms();
    const double spent = spent_;
    work();
    return processor_ms() - begin - (spent_ - spent);
  }

  void submit() {
    auto request = std::make_shared<model::Request>();
    request->min_nodes = static_cast<std::uint32_t>(order_.size());
    request->tasks = request->min_nodes;
    request->sharing = model::Sharing::exclusive;
    auto spec = std::make_shared<model::JobSpec>();
    spec->uid = 1000;
    spec->user = "user";
    spec->name = "wide";
    SubmitJob event;
    event.spec = spec;
    event.request = request;
    event.uid = {.high = 1, .low = ++uids_};
    attempt_ = {event.uid, 0};
    take(cluster_.apply(event, now()));
  }
  void apply(const Event& event) { take(cluster_.apply(event, now())); }
  void pass() {
    while (cluster_.more_to_plan()) take(cluster_.plan(now(), ~std::uint64_t{0}));
  }

  // Counts what is to be written; that is no part of the times.
  void take(const Changes& changes) {
    const double begin = processor_ms();
    writes_ += changes.jobs.size();
    for (const model::JobPtr& job : changes.jobs) bytes_ += store::encode_job(*job).size();
    spent_ += processor_ms() - begin;
  }

  SettingsPtr settings_;
  Cluster cluster_;
  std::vector<NodeIndex> order_;  // in which nodes report
  Attempt attempt_;
  std::int64_t ms_ = 0;
  std::uint64_t uids_ = 0;
  std::size_t writes_ = 0;
  std::size_t bytes_ = 0;
  double spent_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Bench::print_header();
  std::vector<std::uint32_t> sizes{1'000, 10'000, 80'000};
  if (argc > 1) sizes = {static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10))};
  for (const std::uint32_t nodes : sizes) Bench(nodes).run();
  return 0;
}
