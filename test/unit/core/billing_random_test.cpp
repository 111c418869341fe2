// Random histories with money: jobs of two customers and of none start, are suspended, requeued,
// lose nodes and end in every way, while money comes in, time passes, prices change with the hour,
// months are closed and the controller is restarted. Every entry is audited as it comes; what is
// stored is what the entries say; each job that runs for a customer is charged; nobody is overdrawn
// by more than the overdraft and the grace times of its jobs; in the end nothing is held.
//
// A failure prints its seed; SLUICE_SEED=n replays that one alone.
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "core/billing.hpp"
#include "test/unit/core/with_accounts.hpp"

namespace sluice::core {
namespace {

using ledger::EntryKind;
using ledger::kMicro;
using test::a_job;
using test::World;

constexpr std::uint32_t kNodes = 4;
constexpr int kEvents = 150;
// An invoice is rounded to an amount that can be paid.
constexpr ledger::Money kHalfCent = kMicro / 200;
// An hour of the most that a job of this test can have: eight CPUs and their memory.
constexpr ledger::Money kMostPerHour = 9 * kMicro;

class Player {
 public:
  explicit Player(std::uint32_t seed) : random_(seed), world_(settings()) {
    test::AccountsEditor accounts(world_.cluster->accounts().accounts());
    accounts.account("physics").account("optics", "physics").account("acme").account("plain");
    for (const char* account : {"physics", "optics", "acme", "plain"}) {
      accounts.user("alice", account);
    }
    world_.apply(EditAccounts{accounts.edit()});
    load();
    top_up();
  }

  void play() {
    for (int i = 0; i < kEvents && !::testing::Test::HasFailure(); ++i) {
      step();
      world_.books.check();
      everybody_is_charged();
    }
  }
  void wind_down() {
    for (std::uint32_t n = 0; n < kNodes; ++n) world_.register_node(n);
    for (int round = 0; round < 2; ++round) {
      for (const model::JobPtr& job : world_.cluster->all_jobs()) {
        world_.act_as_admin(JobVerb::cancel, job->id);
      }
      for (const model::JobPtr& job : world_.cluster->all_jobs()) {
        if (job->allocation && (job->flags & model::kFlagCompleting) != 0) world_.release(job->id);
      }
    }
  }
  World& world() { return world_; }

  // Its overdraft, and what each grace time that was given may have cost.
  ledger::Money most_overdrawn(std::uint32_t customer) const {
    const ledger::Customer& record = *world_.cluster->books()->customer(customer);
    ledger::Money most = record.overdraft;
    for (const ledger::Entry& entry : world_.books.entries) {
      if (entry.customer != customer) continue;
      const bool grace = entry.kind == EntryKind::notice && entry.job.job.is_set();
      // Granules and minimum are charged whole.
      if (grace) most += kMostPerHour * (record.grace_s + 180) / 3600;
      if (entry.kind == EntryKind::rounding) most += kHalfCent;
    }
    return most;
  }

 private:
  void everybody_is_charged() const {
    const ledger::Books& books = *world_.cluster->books();
    std::size_t charged = 0;
    for (const model::JobPtr& job : world_.cluster->all_jobs()) {
      const bool runs = job->allocation != nullptr && (job->state == model::JobState::running ||
                                                       job->state == model::JobState::suspended);
      const ledger::OpenAttempt* open = books.attempt({job->uid, job->attempt});
      ASSERT_EQ(open != nullptr, runs && job->request->account != Text("plain"))
          << "job " << job->id.value;
      if (open == nullptr) continue;
      ++charged;
    }
    ASSERT_EQ(charged, books.attempts());
  }
  static model::Settings settings() {
    model::Settings settings = test::some_settings({.nodes = kNodes});
    settings.billing_period_s = 1800;
    settings.min_job_age_s = 120;
    return settings;
  }
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  JobId some_job() {
    const std::vector<model::JobPtr> all = world_.cluster->all_jobs();
    return all.empty() ? JobId(7) : all[pick(static_cast<std::uint32_t>(all.size()))]->id;
  }

  Changes bill(BillingRequest request) {
    return world_.apply(Bill{std::make_shared<const BillingRequest>(std::move(request))});
  }

  void load() {
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
    book.from = 1'600'000'000 * model::kSecond;
    book.granularity_s = pick(2) == 0 ? 1 : 60;
    book.minimum_s = pick(2) * 120;
    ledger::Price night = price("night", "cpu", kMicro / 3);
    night.window = {0x7f, 20 * 60, 6 * 60};
    book.prices = {night, price("core", "cpu", kMicro / 2), price("mem", "mem", kMicro / 7)};
    versions_ = {book};
    ledger::Customer physics;
    physics.name = physics.account = "physics";
    physics.currency = "CHF";
    physics.book = "standard";
    physics.hold_hours = pick(3);
    physics.discount = 125;
    physics.warn_at = {20 * kMicro, 5 * kMicro};
    physics.overdraft = pick(3) * kMicro;
    physics.grace_s = pick(3) * 400;
    ledger::Customer acme = physics;
    acme.name = acme.account = "acme";
    acme.kind = ledger::CustomerKind::postpaid;
    acme.credit_limit = 60 * kMicro;
    acme.hold_hours = 0;
    const Changes done = bill({.what = LoadPrices{{{book}, false, {physics, acme}}}});
    ASSERT_TRUE(done.outcome);
    ASSERT_FALSE(done.billed->fault) << done.billed->fault->text;
  }
  // Cores cost up to twice as much from some time on, or less.
  void change_prices() {
    ledger::PriceBook& last = versions_.back();
    if (last.from > world_.now.wall) return;
    ledger::PriceBook next = last;
    last.until = next.from = world_.now.wall + (1 + pick(20'000)) * model::kSecond;
    ++next.version;
    next.prices[1].unit_price = kMicro * (1 + pick(4)) / 4;
    versions_.push_back(std::move(next));
    const Changes done = bill({.what = LoadPrices{{versions_, false, {}}}});
    ASSERT_TRUE(done.outcome);
    ASSERT_FALSE(done.billed->fault) << done.billed->fault->text;
  }
  void top_up() {
    bill({.what = MoveMoney{EntryKind::topup, {"physics", (1 + pick(30)) * kMicro, nullptr}}});
  }

  void step() {
    const std::uint32_t what = pick(100);
    if (what < 25) return submit();
    if (what < 45) return report();
    if (what < 60) return act();
    if (what < 65) return node_event();
    if (what < 70) return top_up();
    if (what < 75) return money();
    if (what < 80) return world_.restart();
    JobPatch patch;
    patch.time_limit = 1 + pick(300);
    if (what < 84) return void(world_.update(some_job(), patch, true));
    world_.pass(pick(4) == 0 ? 86'400 * pick(5) : pick(3600));
  }

  void submit() {
    const char* const accounts[] = {"physics", "optics", "acme", "plain"};
    const char* account = accounts[pick(4)];
    test::JobBuilder job = a_job().cpus(1 + pick(4)).minutes(1 + pick(400)).memory(200);
    job.request([&](model::Request& request) { request.account = account; });
    if (pick(4) == 0) job.array("0-3");
    if (pick(5) == 0) job.nodes(2);
    world_.try_submit(job);
  }
  void report() {
    const NodeIndex node(pick(kNodes));
    const std::vector<model::JobPtr> there = world_.cluster->jobs_on(node);
    if (there.empty()) return;
    const model::JobPtr job = there[pick(static_cast<std::uint32_t>(there.size()))];
    const Attempt attempt{job->uid, job->attempt};
    if (pick(3) == 0) return void(world_.apply(NodeReleased{attempt, node}));
    if (pick(3) == 0) return void(world_.apply(JobPrepared{attempt, node, pick(6) != 0, "no"}));
    if (job->allocation->shares.front().node != node) return;
    world_.apply(BatchEnded{.attempt = attempt,
                            .exit_code = pick(3) == 0 ? 256U : 0U,
                            .out_of_memory = pick(9) == 0,
                            .launch_failed = pick(5) == 0,
                            .error = "x",
                            .released = pick(2) == 0});
  }
  void act() { world_.act_as_admin(static_cast<JobVerb>(pick(10)), some_job()); }
  void node_event() {
    const NodeIndex node(pick(kNodes));
    if (pick(3) == 0) return void(world_.apply(NodeLost{node}));
    world_.register_node(node.value, pick(4) == 0 ? "boot-2" : "boot-1");
    world_.apply(UpdateNode{.nodes = {node}, .verb = NodeVerb::resume});
  }
  void money() {
    const ledger::Month last{ledger::month_of(world_.now.wall).value - 1};
    switch (pick(5)) {
      case 4: change_prices(); break;
      case 0: bill({.what = CloseMonth{last}}); break;
      case 1: bill({.what = ledger::TransferRequest{"physics", "acme", kMicro / 7}}); break;
      case 2: bill({.what = MoveMoney{EntryKind::payment, {"acme", kMicro / 3, nullptr}}}); break;
      default:
        bill({.what = ledger::PackageRequest{
                  .customer = pick(2) == 0 ? "physics" : "acme",
                  .name = "hours",
                  .meter = "cpu",
                  .units = 1 + pick(4),
                  .price = kMicro,
                  .expires = world_.now.wall + pick(100) * 3'600 * model::kSecond}});
    }
  }

  std::mt19937 random_;
  World world_;
  std::vector<ledger::PriceBook> versions_;
};

class RandomBilling : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomBilling, TheBooksAreRightAfterEveryEvent) {
  const char* replay = std::getenv("SLUICE_SEED");
  const auto seed = replay == nullptr
                        ? GetParam()
                        : static_cast<std::uint32_t>(std::strtoul(replay, nullptr, 10));
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
  Player player(seed);
  player.play();
  player.wind_down();
  World& world = player.world();
  const ledger::Books& books = *world.cluster->books();
  EXPECT_EQ(books.attempts(), 0U);
  for (const ledger::Customer* customer : books.customers()) {
    EXPECT_EQ(books.balance(customer->id).held, 0);
    EXPECT_GE(world.books.lowest(customer->id), -player.most_overdrawn(customer->id));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomBilling, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace sluice::core
