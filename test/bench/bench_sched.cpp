// The whole scheduler at size, through the cluster's door and on one core: nodes of several classes
// with accelerators, jobs of 200 users in a few thousand shapes, priorities by many factors.
// Deterministic by the seed, but for the times, which are the processor's.
//   bench_sched [SETUP] [SEED]                      growth tables, and an array of 10^7 tasks
//   bench_sched [SETUP] NODES JOBS [SHAPES [SEED]]  one size
// SETUP says how the scheduler is set; without it both are measured:
//   shipped  as a configuration that says nothing: what has waited long for its length goes first,
//            and the first job of a partition has a planned start
//   window   priorities by age, fair share, size and TRES, and 1,000 planned starts in a day
//
// What the columns are:
//   node B, job B  memory of an idle node, of a pending job (all that the cluster keeps)
//   submit us      one submit, mean
//   first ms       the first full pass: it fills the cluster and plans what it can
//   started        jobs that it started
//   end us         the event that ends a job, median
//   pass ms        the pass that follows, median; worst: the longest of those
//   late ms        a pass after a submit, median
//   cycle ms       a full pass over the whole queue, as it is due every 30 seconds; median
//   slice ms       the longest piece of such a cycle when it is cut as the daemon cuts it
//   calc ms        usage, shares and priorities anew, every calc period
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <malloc.h>

#include "core/cluster.hpp"
#include "model/site_order.hpp"
#include "test/support/account_builders.hpp"

namespace {

using namespace sluice;
using namespace sluice::core;

// The processor's time that this program has used: what competes with it hardly counts.
struct Clock {
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock, duration>;
  static time_point now() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return time_point(std::chrono::seconds(used.tv_sec) + duration(used.tv_nsec));
  }
};

constexpr std::uint32_t kUsers = 200;
constexpr std::uint32_t kAccounts = 20;
constexpr std::uint32_t kShapes = 5000;
constexpr std::uint64_t kSlice = 2'000;  // steps of a piece of a pass in the daemon
constexpr std::uint64_t kWhole = ~std::uint64_t{0};
constexpr int kRounds = 101;
constexpr int kCycles = 3;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> times) {
  if (times.empty()) return 0;
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

double worst(const std::vector<double>& times) {
  return times.empty() ? 0 : *std::max_element(times.begin(), times.end());
}

std::size_t memory_in_use() { return mallinfo2().uordblks; }

NodeSetting make_node(std::uint32_t n) {
  NodeSetting node;
  node.name = "n" + std::to_string(n + 1);
  node.facts_fixed = true;
  node.facts.sockets = 2;
  node.facts.cores_per_socket = n % 4 == 0 ? 8 : 4;
  node.facts.threads_per_core = n % 3 == 0 ? 2 : 1;
  node.facts.memory = n % 5 == 0 ? 128'000 : 64'000;
  if (n % 8 != 0) return node;
  model::NodeGres gpu;
  gpu.name = "gpu";
  gpu.type = n % 16 == 0 ? "a100" : "h100";
  gpu.count = 4;
  for (int d = 0; d < 4; ++d) gpu.files.emplace_back("/dev/gpu" + std::to_string(d));
  node.facts.gres.push_back(gpu);
  return node;
}

enum class Setup : std::uint8_t { shipped, window };

SettingsPtr make_settings(std::uint32_t nodes, Setup setup) {
  auto settings = std::make_shared<Settings>();
  settings->default_memory_per_cpu = 1000;
  settings->max_job_count = 20'000'000;
  settings->max_array_size = 20'000'001;
  for (std::uint32_t n = 0; n < nodes; ++n) settings->nodes.push_back(make_node(n));
  model::Partition batch;
  batch.name = "batch";
  batch.nodes = "ALL";
  batch.is_default = true;
  settings->partitions.push_back(batch);
  if (setup == Setup::shipped) {
    model::follow_site_order(*settings);
    return settings;
  }
  model::PrioritySettings& priority = settings->priority;
  priority.type = model::PriorityType::multifactor;
  priority.weight_age = 1000;
  priority.weight_fairshare = 100'000;
  priority.weight_job_size = 1000;
  priority.weight_tres = "CPU=500,GRES/gpu=3000";
  return settings;
}

std::string user_name(std::uint32_t user) { return "user" + std::to_string(user); }
std::string account_name(std::uint32_t user) {
  return "account" + std::to_string(user % kAccounts);
}

class Bench {
 public:
  Bench(Setup setup, std::uint32_t nodes, std::uint32_t shapes, std::uint32_t seed)
      : settings_(make_settings(nodes, setup)), random_(seed) {
    const std::size_t before = memory_in_use();
    cluster_ = std::make_unique<Cluster>(settings_);
    add_accounts();
    for (std::uint32_t n = 0; n < nodes; ++n) {
      take(cluster_->apply(NodeRegistered{NodeIndex(n), settings_->nodes[n].facts, {}}, now()));
    }
    pass();
    node_bytes_ = static_cast<double>(memory_in_use() - before) / nodes;
    for (std::uint32_t s = 0; s < shapes; ++s) shapes_.push_back(shape());
  }

  static void print_header(Setup setup) {
    std::printf("%s\n", setup == Setup::shipped ? "shipped" : "window of 1,000 planned starts");
    std::printf("%6s %8s %7s %6s %9s %9s %8s %7s %8s %8s %8s %9s %9s %9s\n", "nodes", "jobs",
                "node B", "job B", "submit us", "first ms", "started", "end us", "pass ms", "worst",
                "late ms", "cycle ms", "slice ms", "calc ms");
  }

  void run(std::uint32_t jobs) {
    const std::size_t before = memory_in_use();
    auto start = Clock::now();
    for (std::uint32_t j = 0; j < jobs; ++j) submit();
    const double submit_us = ms_since(start) * 1000 / jobs;
    const double job_bytes = static_cast<double>(memory_in_use() - before) / jobs;
    start = Clock::now();
    pass();
    const double first_ms = ms_since(start);
    const std::size_t started = running_.size();
    for (std::uint32_t j = 0; j < started; ++j) submit();  // as many wait as before
    pass();
    short_rounds();
    cycles();
    std::printf("%6zu %8u %7.0f %6.0f %9.1f %9.0f %8zu %7.0f %8.2f %8.1f %8.2f %9.1f %9.1f %9.1f\n",
                settings_->nodes.size(), jobs, node_bytes_, job_bytes, submit_us, first_ms, started,
                median(end_us_), median(pass_ms_), worst(pass_ms_), median(late_ms_),
                median(cycle_ms_), worst(slice_ms_), median(calc_ms_));
    std::fflush(stdout);
  }

  // One submit of an array, and what it costs beside the tasks that start.
  void run_array(std::uint32_t tasks) {
    const std::size_t before = memory_in_use();
    SubmitJob event = event_of(shapes_.front());
    auto spec = std::make_shared<model::JobSpec>(*event.spec);
    spec->array = "0-" + std::to_string(tasks - 1);
    event.spec = spec;
    auto start = Clock::now();
    take(cluster_->apply(event, now()));
    const double submit_us = ms_since(start) * 1000;
    const std::size_t bytes = memory_in_use() - before;
    start = Clock::now();
    pass();
    const double first_ms = ms_since(start);
    const std::size_t started = running_.size();
    short_rounds();
    std::printf(
        "array of %u tasks: submit %.0f us, %zu bytes; %zu start in %.0f ms; a pass after "
        "one ended %.2f ms\n",
        tasks, submit_us, bytes, started, first_ms, median(pass_ms_));
  }

 private:
  struct Shape {
    model::RequestPtr request;
    model::JobSpecPtr spec;
  };

  std::uint32_t pick(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(random_() % (high - low + 1));
  }
  [[nodiscard]] Now now() const { return {kEpoch + now_ms_ * 1000, now_ms_}; }

  void add_accounts() {
    test::AccountsEditor editor(cluster_->accounts().accounts());
    for (std::uint32_t a = 0; a < kAccounts; ++a) {
      editor.account(account_name(a)).with([&](auto& own) { own.shares = 1 + a; });
    }
    for (std::uint32_t u = 0; u < kUsers; ++u) {
      editor.user(user_name(u), account_name(u)).with([&](auto& own) { own.shares = 1 + u % 7; });
    }
    editor.edit().add_tres.emplace_back("gres/gpu");
    take(cluster_->apply(EditAccounts{editor.edit()}, now()));
  }

  Shape shape() {
    const std::uint32_t user = pick(0, kUsers - 1);
    auto request = std::make_shared<model::Request>();
    request->account = account_name(user);
    request->min_nodes = 1;
    request->tasks = pick(0, 2) == 0 ? pick(1, 64) : pick(1, 8);
    request->cpus_per_task = pick(0, 3) == 0 ? 2 : 1;
    request->time_limit = 10 * pick(1, 144);
    if (pick(0, 9) == 0) request->gres = {{.name = "gpu", .type = {}, .count = pick(1, 4)}};
    if (pick(0, 9) == 0) request->sharing = model::Sharing::exclusive;
    auto spec = std::make_shared<model::JobSpec>();
    spec->uid = 1000 + user;
    spec->user = user_name(user);
    spec->name = "job";
    return {request, spec};
  }

  SubmitJob event_of(const Shape& shape) {
    SubmitJob event;
    event.spec = shape.spec;
    event.request = shape.request;
    event.uid = {.high = 1, .low = ++uids_};
    return event;
  }

  void submit() { take(cluster_->apply(event_of(shapes_[random_() % shapes_.size()]), now())); }

  void take(const Changes& changes) {
    if (!changes.outcome) {
      std::fprintf(stderr, "bench_sched: %s\n", changes.outcome.error().text.c_str());
      std::exit(1);
    }
    for (const model::JobPtr& job : changes.jobs) {
      if (job->state != model::JobState::running || job->start != now().wall) continue;
      (job->allocation->shares.size() == 1 ? ready_ : wide_).push_back(job->id);
      running_.push_back(job->id);
    }
  }

  void pass(std::uint64_t budget = kWhole) {
    while (cluster_->more_to_plan()) {
      const auto start = Clock::now();
      const Changes changes = cluster_->plan(now(), budget);
      if (budget != kWhole) slice_ms_.push_back(ms_since(start));
      take(changes);
    }
  }

  // As the daemon does: ticks when they are due.
  void advance(std::int64_t ms) {
    now_ms_ += ms;
    if (cluster_->next_tick_ms() <= now_ms_) take(cluster_->apply(Tick{}, now()));
  }

  // A job that runs still, of one node if there is any. (Some have reached their limits, in the
  // long run.)
  model::JobPtr next_to_end() {
    while (!ready_.empty() || !wide_.empty()) {
      std::vector<JobId>& from = ready_.empty() ? wide_ : ready_;
      const std::size_t at = random_() % from.size();
      const model::JobPtr job = cluster_->find_job(from[at]);
      from[at] = from.back();
      from.pop_back();
      if (job && job->state == model::JobState::running) return job;
    }
    return nullptr;
  }

  // Its script ends, and all its nodes are clean.
  void end(const model::Job& job) {
    BatchEnded ended;
    ended.attempt = {job.uid, job.attempt};
    ended.released = true;
    take(cluster_->apply(ended, now()));
    const std::vector<model::NodeShare>& shares = job.allocation->shares;
    for (std::size_t n = 1; n < shares.size(); ++n) {
      take(cluster_->apply(NodeReleased{ended.attempt, shares[n].node, false}, now()));
    }
  }

  void short_rounds() {
    for (int round = 0; round < kRounds; ++round) {
      advance(10);
      pass();
      const model::JobPtr job = next_to_end();
      if (job == nullptr) return;
      auto start = Clock::now();
      end(*job);
      end_us_.push_back(ms_since(start) * 1000);
      start = Clock::now();
      pass();
      pass_ms_.push_back(ms_since(start));
      submit();
      start = Clock::now();
      pass();
      late_ms_.push_back(ms_since(start));
    }
  }

  void cycles() {
    for (int cycle = 0; cycle < 2 * kCycles; ++cycle) {
      advance(31'000);
      pass();
      const model::JobPtr job = next_to_end();
      if (job == nullptr) return;
      advance(31'000);
      end(*job);
      const auto start = Clock::now();
      pass(cycle % 2 == 0 ? kWhole : kSlice);
      if (cycle % 2 == 0) cycle_ms_.push_back(ms_since(start));
    }
    for (int cycle = 0; cycle < kCycles; ++cycle) {
      now_ms_ += 300'000;
      const auto start = Clock::now();
      take(cluster_->apply(Tick{}, now()));
      calc_ms_.push_back(ms_since(start));
      pass(kSlice);
    }
  }

  static constexpr model::WallTime kEpoch = 1'700'000'000 * model::kSecond;
  SettingsPtr settings_;
  std::unique_ptr<Cluster> cluster_;
  std::mt19937 random_;
  std::vector<Shape> shapes_;
  std::vector<JobId> running_;
  std::vector<JobId> ready_;  // of those running, of one node each; some have ended
  std::vector<JobId> wide_;   // the others
  std::int64_t now_ms_ = 1000;
  std::uint64_t uids_ = 0;
  double node_bytes_ = 0;
  std::vector<double> end_us_;
  std::vector<double> pass_ms_;
  std::vector<double> late_ms_;
  std::vector<double> cycle_ms_;
  std::vector<double> slice_ms_;
  std::vector<double> calc_ms_;
};

std::uint32_t number(const char* text) {
  return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> given(argv + 1, argv + argc);
  std::vector<Setup> setups{Setup::shipped, Setup::window};
  if (!given.empty() && (given.front() == "shipped" || given.front() == "window")) {
    setups = {given.front() == "shipped" ? Setup::shipped : Setup::window};
    given.erase(given.begin());
  }
  const auto at = [&](std::size_t n, std::uint32_t otherwise) {
    return n < given.size() ? number(given[n].data()) : otherwise;
  };
  for (const Setup setup : setups) {
    Bench::print_header(setup);
    if (given.size() > 1) {
      Bench(setup, at(0, 0), at(2, kShapes), at(3, 1)).run(at(1, 0));
      continue;
    }
    for (const std::uint32_t nodes : {1'000U, 10'000U, 80'000U}) {
      for (const std::uint32_t jobs : {10'000U, 100'000U, 1'000'000U}) {
        Bench(setup, nodes, kShapes, at(0, 1)).run(jobs);
      }
    }
    Bench(setup, 1'000, kShapes, at(0, 1)).run_array(10'000'000);
  }
  return 0;
}
