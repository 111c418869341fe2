// What billing costs the cluster: the same jobs without customers, and with 200 of them, through
// the cluster's door and on one core. Deterministic but for the times, which are the processor's.
//   bench_billing [NODES JOBS]        default: 80000 nodes, 100000 jobs that run at once
//
// The rows, with and without: the start of a job (its share of the pass that starts it), a round of
// charges of all that run (per job, and the longest piece, during which the loop answers nobody),
// holding anew for all of them at once, an end, and memory per running job.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <malloc.h>

#include "core/billing_request.hpp"
#include "core/cluster.hpp"
#include "ledger/books.hpp"
#include "test/support/account_builders.hpp"

namespace {

using namespace sluice;
using namespace sluice::core;

constexpr std::uint32_t kCustomers = 200;
constexpr std::uint32_t kCoresPerNode = 8;
constexpr model::WallTime kEpoch = 1'700'000'000 * model::kSecond;

double cpu_ms() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return 1e3 * static_cast<double>(used.tv_sec) + 1e-6 * static_cast<double>(used.tv_nsec);
}

std::string name_of(std::uint32_t customer) { return "customer" + std::to_string(customer); }

SettingsPtr settings_of(std::uint32_t nodes) {
  auto settings = std::make_shared<Settings>();
  settings->default_memory_per_cpu = 1000;
  settings->max_job_count = 20'000'000;
  for (std::uint32_t n = 0; n < nodes; ++n) {
    NodeSetting node;
    node.name = "n" + std::to_string(n + 1);
    node.facts_fixed = true;
    node.facts.cores_per_socket = kCoresPerNode;
    node.facts.memory = 64'000;
    settings->nodes.push_back(std::move(node));
  }
  model::Partition batch;
  batch.name = "batch";
  batch.nodes = "ALL";
  batch.is_default = true;
  settings->partitions.push_back(batch);
  return settings;
}

// Cores, memory and a night price: what most sites charge for.
ledger::PriceLoad load() {
  const auto price = [](const char* sku, const char* meter, ledger::Money amount) {
    ledger::Price made;
    made.sku = sku;
    made.meter = meter;
    made.service = "HPC batch";
    made.unit_price = amount;
    return made;
  };
  ledger::PriceBook book;
  book.name = "standard";
  book.version = 1;
  book.currency = "CHF";
  book.from = kEpoch - model::kSecond;
  ledger::Price night = price("night", "cpu", ledger::kMicro / 50);
  night.window = {0x7f, 20 * 60, 6 * 60};
  book.prices = {night, price("core", "cpu", ledger::kMicro / 25),
                 price("mem", "mem", ledger::kMicro / 400)};
  ledger::PriceLoad load{{book}, false, {}};
  for (std::uint32_t n = 0; n < kCustomers; ++n) {
    ledger::Customer customer;
    customer.name = customer.account = name_of(n);
    customer.currency = "CHF";
    customer.book = "standard";
    customer.hold_hours = 2;
    load.customers.push_back(std::move(customer));
  }
  return load;
}

class Bench {
 public:
  Bench(std::uint32_t nodes, bool billing) : settings_(settings_of(nodes)) {
    cluster_ = std::make_unique<Cluster>(settings_);
    test::AccountsEditor editor(cluster_->accounts().accounts());
    for (std::uint32_t n = 0; n < kCustomers; ++n) {
      editor.account(name_of(n)).user("user" + std::to_string(n), name_of(n));
    }
    take(cluster_->apply(EditAccounts{editor.edit()}, now()));
    for (std::uint32_t n = 0; n < nodes; ++n) {
      take(cluster_->apply(NodeRegistered{NodeIndex(n), settings_->nodes[n].facts, {}}, now()));
    }
    pass();
    if (!billing) return;
    bill({.what = LoadPrices{load()}});
    for (std::uint32_t n = 0; n < kCustomers; ++n) {
      const ledger::MoneyRequest much{Text(name_of(n)), 1'000'000 * ledger::kMicro, nullptr};
      bill({.what = MoveMoney{ledger::EntryKind::topup, much}});
    }
  }

  void run(std::uint32_t jobs, const char* what) {
    for (std::uint32_t n = 0; n < jobs; ++n) submit(n);
    const std::size_t before = mallinfo2().uordblks;
    double begun = cpu_ms();
    pass();
    const auto started = static_cast<double>(std::max<std::size_t>(running_.size(), 1));
    const double start_us = (cpu_ms() - begun) * 1000 / started;
    const double bytes = static_cast<double>(mallinfo2().uordblks - before) / started;
    const Round charges = advance(3'600'000);
    const Round holds = advance(3'600'000);
    begun = cpu_ms();
    const std::size_t ends = std::min<std::size_t>(running_.size(), 10'000);
    for (std::size_t n = 0; n < ends; ++n) end(running_[n]);
    const double end_us =
        (cpu_ms() - begun) * 1000 / static_cast<double>(std::max<std::size_t>(ends, 1));
    std::printf("%-16s %8.0f %9.1f %9.0f %11.2f %9.1f %9.2f %9.1f %9.1f %10zu\n", what, started,
                start_us, bytes, charges.total_ms * 1000 / started, charges.longest_ms,
                holds.total_ms * 1000 / started, holds.longest_ms, end_us, entries_);
    std::fflush(stdout);
  }

  static void print_header() {
    std::printf("%-16s %8s %9s %9s %11s %9s %9s %9s %9s %10s\n", "", "started", "start us", "job B",
                "charge us", "piece ms", "hold us", "piece ms", "end us", "entries");
  }

 private:
  struct Round {
    double total_ms = 0;
    double longest_ms = 0;
  };

  [[nodiscard]] Now now() const { return {kEpoch + now_ms_ * 1000, now_ms_}; }

  void bill(BillingRequest request) {
    take(cluster_->apply(Bill{std::make_shared<const BillingRequest>(std::move(request))}, now()));
  }

  void submit(std::uint32_t number) {
    const std::uint32_t customer = number % kCustomers;
    auto request = std::make_shared<model::Request>();
    request->account = name_of(customer);
    request->tasks = 4;
    request->time_limit = 24 * 60;
    auto spec = std::make_shared<model::JobSpec>();
    spec->uid = 1000 + customer;
    spec->user = "user" + std::to_string(customer);
    spec->name = "job";
    SubmitJob event;
    event.spec = spec;
    event.request = request;
    event.uid = {.high = 1, .low = number + 1};
    take(cluster_->apply(event, now()));
  }

  void end(const Attempt& attempt) {
    BatchEnded ended;
    ended.attempt = attempt;
    ended.released = true;
    take(cluster_->apply(ended, now()));
  }

  void take(const Changes& changes) {
    if (!changes.outcome) {
      std::fprintf(stderr, "bench_billing: %s\n", changes.outcome.error().text.c_str());
      std::exit(1);
    }
    if (changes.books != nullptr) entries_ += changes.books->entries.size();
    for (const model::JobPtr& job : changes.jobs) {
      if (job->state != model::JobState::running || job->start != now().wall) continue;
      running_.push_back({job->uid, job->attempt});
    }
  }

  void pass() {
    while (cluster_->more_to_plan()) take(cluster_->plan(now(), ~std::uint64_t{0}));
  }

  // All that is due by then, in the pieces in which the daemon does it.
  Round advance(std::int64_t ms) {
    const std::int64_t until = now_ms_ + ms;
    Round round;
    while (cluster_->next_tick_ms() <= until) {
      now_ms_ = std::max(now_ms_, cluster_->next_tick_ms());
      const double begun = cpu_ms();
      take(cluster_->apply(Tick{}, now()));
      const double took = cpu_ms() - begun;
      round.total_ms += took;
      round.longest_ms = std::max(round.longest_ms, took);
      pass();
    }
    now_ms_ = until;
    return round;
  }

  SettingsPtr settings_;
  std::unique_ptr<Cluster> cluster_;
  std::vector<Attempt> running_;
  std::int64_t now_ms_ = 1000;
  std::size_t entries_ = 0;
};

std::uint32_t number(const char* text) {
  return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint32_t nodes = argc > 2 ? number(argv[1]) : 80'000;
  const std::uint32_t jobs = argc > 2 ? number(argv[2]) : 100'000;
  Bench::print_header();
  Bench(nodes, false).run(jobs, "nobody charged");
  Bench(nodes, true).run(jobs, "all charged");
  return 0;
}
