// Money in the cluster: who may start, what is held, charged and given back, what happens when the
// money is used up, and that a restart changes nothing. Every entry is audited as it comes
// (test/support/books_kept.hpp), and what is stored is compared with the entries at each end.
#include "core/billing.hpp"

#include <gtest/gtest.h>

#include "test/unit/core/with_accounts.hpp"

namespace sluice::core {
namespace {

using ledger::EntryKind;
using ledger::kMicro;
using ledger::Money;
using model::JobState;
using test::a_job;
using test::World;

constexpr model::WallTime kHour = 3'600 * model::kSecond;

ledger::Price a_price(const char* sku, const char* meter, Money amount) {
  ledger::Price price;
  price.sku = sku;
  price.meter = meter;
  price.service = "HPC batch";
  price.unit_price = amount;
  return price;
}

// A core-hour costs 1.
ledger::PriceBook a_book() {
  ledger::PriceBook book;
  book.name = "standard";
  book.version = 1;
  book.currency = "CHF";
  book.from = 1'600'000'000 * model::kSecond;
  book.prices = {a_price("core", "cpu", kMicro)};
  return book;
}

ledger::Customer a_customer(const char* name) {
  ledger::Customer customer;
  customer.name = name;
  customer.account = name;
  customer.currency = "CHF";
  customer.book = "standard";
  return customer;
}

class BillingTest : public test::WithAccounts {
 protected:
  void begin(model::Settings settings = test::some_settings()) {
    settings.min_job_age_s = 0;  // those that have ended are looked at
    world.emplace(std::move(settings));
    test::AccountsEditor accounts = editor();
    accounts.account("physics").user("ann", "physics").account("plain").user("bob", "plain");
    accounts.account("optics", "physics").user("ann", "optics");
    take(std::move(accounts));
  }
  void TearDown() override {
    if (world) world->books.check();
  }

  Changes bill(BillingRequest request) {
    return world->apply(Bill{std::make_shared<const BillingRequest>(std::move(request))});
  }
  std::string load(std::vector<ledger::PriceBook> books, std::vector<ledger::Customer> customers) {
    const bool keep = books.empty();
    LoadPrices asked{{std::move(books), keep, std::move(customers)}};
    const Changes changes = bill({.what = std::move(asked)});
    if (!changes.outcome) return changes.outcome.error().text;
    return changes.billed->fault ? changes.billed->fault->text : "";
  }
  Changes top_up(const char* customer, Money amount, Uid128 id = {}) {
    MoveMoney asked{EntryKind::topup, {customer, amount * kMicro, nullptr}};
    return bill({.request_id = id, .what = std::move(asked)});
  }
  const ledger::Balance& balance(std::uint32_t customer = 1) {
    return world->cluster->books()->balance(customer);
  }
  static test::JobBuilder of(const char* user, const char* account) {
    return job_of(user).request([&](model::Request& request) { request.account = account; });
  }
  JobId start(const test::JobBuilder& job) {
    const JobId id = world->submit(job);
    EXPECT_EQ(world->job(id).state, JobState::running);
    return id;
  }
  void end_on_all(JobId id) {
    world->act(JobVerb::cancel, id);
    if (world->job(id).allocation) world->release(id);
  }
};

TEST_F(BillingTest, HoldsChargesAndReleases) {
  begin();
  EXPECT_EQ(world->cluster->books(), nullptr);
  ASSERT_EQ(load({a_book()}, {a_customer("physics")}), "");
  top_up("physics", 10);
  const JobId id = start(of("ann", "physics").cpus(2).minutes(120));
  EXPECT_EQ(balance().held, 4 * kMicro);
  EXPECT_EQ(balance().balance, 6 * kMicro);
  world->pass(3 * 3600 / 2);  // with the rounds of charges in between
  EXPECT_GE(world->books.count(EntryKind::charge), 1U);
  EXPECT_LT(balance().held, 4 * kMicro);
  world->finish(id);
  EXPECT_EQ(balance().held, 0);
  EXPECT_EQ(balance().balance, 7 * kMicro);
  EXPECT_EQ(balance().earnings, 3 * kMicro);
  EXPECT_EQ(world->cluster->books()->attempts(), 0U);
}

TEST_F(BillingTest, AccountsWithoutCustomerCostNothing) {
  begin();
  load({a_book()}, {a_customer("physics")});
  start(of("bob", "plain"));
  EXPECT_EQ(world->cluster->books()->attempts(), 0U);
}

TEST_F(BillingTest, AttemptsThatRanBeforeTheCustomerAreNotCharged) {
  begin();
  const JobId id = start(of("ann", "physics"));
  load({a_book()}, {a_customer("physics")});
  world->pass(3600 / 2);
  world->finish(id);
  EXPECT_EQ(world->books.count(EntryKind::charge), 0U);
}

TEST_F(BillingTest, WhoCantPayWaitsAndSaysWhy) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 3);
  const JobId poor = world->submit(of("ann", "physics").cpus(4).minutes(60));
  EXPECT_EQ(world->state(poor), "PENDING/AssociationResourceLimit");
  EXPECT_EQ(detail(poor), "BillingFundsLimit");
  const auto why = world->cluster->why(poor, false);
  ASSERT_TRUE(why);
  ASSERT_EQ(why->limits.size(), 1U);
  EXPECT_EQ(why->limits[0].holder, Text("customer physics"));
  EXPECT_EQ(why->limits[0].resource, Text("money/CHF"));
  EXPECT_EQ(why->limits[0].wanted, 4 * kMicro);
  EXPECT_EQ(why->limits[0].limit, 3 * kMicro);
  // Nobody else waits for that.
  start(of("bob", "plain").cpus(4));
  start(of("ann", "physics").cpus(1).minutes(60));
  top_up("physics", 2);
  EXPECT_EQ(world->job(poor).state, JobState::running);
}

TEST_F(BillingTest, StartsOfOnePassCountAtOnce) {
  begin();
  load({a_book()}, {a_customer("physics")});
  world->planning = false;
  for (int i = 0; i < 10; ++i) world->submit(of("ann", "optics").cpus(1).minutes(60));
  world->planning = true;
  top_up("physics", 3);
  EXPECT_EQ(balance().held, 3 * kMicro);
  EXPECT_EQ(balance().balance, 0);
  EXPECT_EQ(world->cluster->books()->attempts(), 3U);
}

TEST_F(BillingTest, PackagesOfOnePassCountAtOnce) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 100);
  ledger::PackageRequest package{
      .customer = "physics", .name = "two", .meter = "cpu", .units = 2, .price = 100 * kMicro};
  ASSERT_TRUE(bill({.what = package}).outcome);
  world->planning = false;
  for (int i = 0; i < 4; ++i) world->submit(of("ann", "physics").cpus(1).minutes(60));
  world->planning = true;
  world->plan();
  EXPECT_EQ(world->cluster->books()->attempts(), 2U);
  EXPECT_EQ(balance().held, 0);
}

TEST_F(BillingTest, FatesOfTheSiteAreFree) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 100);
  const JobId id = start(of("ann", "physics").cpus(4).minutes(60));
  world->prepared(id);
  world->pass(1800);
  world->apply(NodeLost{world->job(id).allocation->shares[0].node});
  EXPECT_EQ(balance().earnings, 0);
  EXPECT_GE(world->books.count(EntryKind::reversal), world->books.count(EntryKind::charge) > 0);
  // It waits again, and starts anew on another node: an attempt of its own.
  world->pass(600);
  EXPECT_EQ(world->job(id).attempt, 1U);
  ASSERT_EQ(world->job(id).state, JobState::running);
  EXPECT_EQ(balance().held, 4 * kMicro);
}

TEST_F(BillingTest, SuspendedTimeIsFreeAndTheHoldLasts) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 1);
  const JobId id = start(of("ann", "physics").cpus(1).minutes(60));
  world->prepared(id);
  world->pass(600);
  world->act_as_admin(JobVerb::suspend, id);
  world->pass(10 * 3600);
  EXPECT_EQ(world->job(id).state, JobState::suspended);
  world->act_as_admin(JobVerb::resume, id);
  world->pass(3000 - 1);
  EXPECT_EQ(world->job(id).state, JobState::running);
  world->finish(id);
  EXPECT_GE(balance().balance, 0);
  EXPECT_LT(balance().balance, kMicro / 100);
}

TEST_F(BillingTest, ALongerTimeLimitIsHeldForToo) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 10);
  const JobId id = start(of("ann", "physics").cpus(1).minutes(60));
  JobPatch patch;
  patch.time_limit = 240;
  ASSERT_TRUE(world->update(id, patch, true).outcome);
  EXPECT_EQ(balance().held, 4 * kMicro);
  patch.time_limit = 30;
  world->update(id, patch, true);
  EXPECT_EQ(balance().held, kMicro / 2);
}

// Two hours ahead are held; when there is no more money they end, and nothing is overdrawn.
TEST_F(BillingTest, JobsEndWhenTheMoneyIsUsedUp) {
  begin();
  ledger::Customer customer = a_customer("physics");
  customer.hold_hours = 2;
  load({a_book()}, {customer});
  top_up("physics", 25);
  std::vector<JobId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(start(of("ann", "physics").cpus(2).minutes(1440)));
  EXPECT_EQ(balance().held, 16 * kMicro);
  world->pass(2 * 3600 - 60);
  for (const JobId id : ids) EXPECT_EQ(world->job(id).state, JobState::running);
  world->pass(2 * 3600 + 120);
  for (const JobId id : ids) {
    EXPECT_EQ(world->job(id).state, JobState::timeout);
    EXPECT_EQ(detail(id), "BillingFundsLimit");
  }
  EXPECT_GE(balance().balance, 0);
  EXPECT_LT(balance().balance, kMicro / 100);
  EXPECT_EQ(balance().held, 0);
  EXPECT_GE(world->books.lowest(1), 0);
}

TEST_F(BillingTest, OverdraftAndGraceBoundWhatRunsOn) {
  begin();
  ledger::Customer customer = a_customer("physics");
  customer.hold_hours = 1;
  customer.overdraft = 3 * kMicro;
  customer.grace_s = 600;
  load({a_book()}, {customer});
  top_up("physics", 1);
  const JobId id = start(of("ann", "physics").cpus(1).minutes(1440));
  world->pass(4 * 3600 - 1);
  EXPECT_EQ(world->job(id).state, JobState::running);
  world->pass(599);
  EXPECT_EQ(world->job(id).state, JobState::running);  // in its grace time
  world->pass(10);
  EXPECT_EQ(world->job(id).state, JobState::timeout);
  EXPECT_LT(balance().balance, -3 * kMicro);
  EXPECT_GE(balance().balance, -3 * kMicro - kMicro / 5);
}

TEST_F(BillingTest, ATopUpInTheGraceTimeSavesTheJob) {
  begin();
  ledger::Customer customer = a_customer("physics");
  customer.hold_hours = 1;
  customer.grace_s = 600;
  load({a_book()}, {customer});
  top_up("physics", 1);
  const JobId id = start(of("ann", "physics").cpus(1).minutes(1440));
  world->pass(3600 + 300);
  const JobId other = world->submit(of("ann", "physics").cpus(1).minutes(60));
  EXPECT_EQ(detail(other), "BillingFundsLimit");
  top_up("physics", 1);
  EXPECT_EQ(world->job(other).state, JobState::pending);  // it doesn't take what saves the other
  world->pass(1200);
  EXPECT_EQ(world->job(id).state, JobState::running);
  EXPECT_EQ(world->cluster->books()->attempt({world->job(id).uid, 0})->grace_until, 0);
}

TEST_F(BillingTest, TheGraceTimeGoesOnAfterARestart) {
  begin();
  ledger::Customer customer = a_customer("physics");
  customer.hold_hours = 1;
  customer.grace_s = 600;
  load({a_book()}, {customer});
  top_up("physics", 1);
  const JobId id = start(of("ann", "physics").cpus(1).minutes(1440));
  world->pass(3600 + 500);
  EXPECT_EQ(world->books.count(EntryKind::notice), 1U);
  world->restart();
  world->pass(90);
  EXPECT_EQ(world->job(id).state, JobState::running);
  world->pass(20);
  EXPECT_EQ(world->job(id).state, JobState::timeout);
  EXPECT_EQ(detail(id), "BillingFundsLimit");
  EXPECT_EQ(world->books.count(EntryKind::notice), 1U);
  EXPECT_EQ(balance().balance, -kMicro / 6);
}

// A controller that was away for longer than what is held and the grace time.
TEST_F(BillingTest, WhatNobodyCouldEndIsNotOverdrawn) {
  begin();
  ledger::Customer customer = a_customer("physics");
  customer.hold_hours = 1;
  customer.grace_s = 600;
  load({a_book()}, {customer});
  top_up("physics", 2);
  const JobId id = start(of("ann", "physics").cpus(1).minutes(1440));
  world->now.wall += 10 * kHour;
  world->now.mono_ms += 10 * 3'600'000;
  world->restart();
  world->pass(1);
  EXPECT_EQ(world->job(id).state, JobState::timeout);
  EXPECT_EQ(balance().balance, -kMicro / 6);
  EXPECT_EQ(world->cluster->books()->attempts(), 0U);
}

TEST_F(BillingTest, NewPricesAreHeldForAtOnce) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 20);
  const JobId cheap = start(of("ann", "physics").cpus(1).minutes(600));
  EXPECT_EQ(balance().held, 10 * kMicro);
  ledger::PriceBook first = a_book();
  ledger::PriceBook second = a_book();
  first.until = second.from = world->now.wall + 2 * kHour;
  second.version = 2;
  second.prices[0].unit_price = 2 * kMicro;
  ASSERT_EQ(load({first, second}, {}), "");
  world->pass(1);
  EXPECT_EQ(balance().held + balance().earnings, 18 * kMicro);
  // Cheaper again: what is held too much goes back.
  second.prices[0].unit_price = kMicro / 2;
  ASSERT_EQ(load({first, second}, {}), "");
  world->pass(1);
  EXPECT_EQ(balance().held + balance().earnings, 6 * kMicro);
  world->pass(10 * 3600);
  EXPECT_EQ(world->job(cheap).state, JobState::timeout);
  EXPECT_EQ(balance().earnings, 6 * kMicro);
}

TEST_F(BillingTest, NewPricesThatCantBePaidEndTheJobInTime) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 10);
  const JobId id = start(of("ann", "physics").cpus(1).minutes(600));
  ledger::PriceBook first = a_book();
  ledger::PriceBook second = a_book();
  first.until = second.from = world->now.wall + 2 * kHour;
  second.version = 2;
  second.prices[0].unit_price = 2 * kMicro;
  ASSERT_EQ(load({first, second}, {}), "");
  world->pass(6 * 3600 - 60);
  EXPECT_EQ(world->job(id).state, JobState::running);
  world->pass(120);
  EXPECT_EQ(world->job(id).state, JobState::timeout);
  EXPECT_EQ(detail(id), "BillingFundsLimit");
  EXPECT_EQ(balance().balance, 0);
}

TEST_F(BillingTest, ATimeLimitThatStrikesLateCostsNothingMore) {
  begin();
  ledger::PriceBook book = a_book();
  book.granularity_s = 60;
  load({book}, {a_customer("physics")});
  top_up("physics", 2);
  const JobId id = start(of("ann", "physics").cpus(2).minutes(60));
  world->pass(3601);
  EXPECT_EQ(world->job(id).state, JobState::timeout);
  EXPECT_EQ(balance().balance, 0);
  EXPECT_EQ(world->books.lowest(1), 0);
}

TEST_F(BillingTest, ARestartChangesNothing) {
  begin();
  ledger::Customer customer = a_customer("physics");
  customer.hold_hours = 2;
  customer.warn_at = {5 * kMicro};
  load({a_book()}, {customer});
  top_up("physics", 20, {1, 1});
  const JobId first = start(of("ann", "physics").cpus(2).minutes(600));
  start(of("ann", "optics").cpus(1).minutes(600));
  world->pass(3600);
  world->restart();
  world->pass(3600 * 2);
  world->restart();
  EXPECT_EQ(world->cluster->books()->attempts(), 2U);
  const Changes again = top_up("physics", 20, {1, 1});
  EXPECT_NE(again.billed->repeated, 0U);
  EXPECT_TRUE(again.billed->entries.empty());
  world->finish(first);
  world->pass(3600 * 9);
  EXPECT_EQ(world->cluster->books()->attempts(), 0U);
  EXPECT_EQ(balance().held, 0);
  EXPECT_EQ(balance().cash, -20 * kMicro);
  EXPECT_EQ(world->books.count(EntryKind::notice), 1U);  // once, over all that
}

TEST_F(BillingTest, ArraysAndHeterogeneousJobsPayByTaskAndComponent) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 100);
  world->submit(of("ann", "physics").cpus(1).minutes(60).array("1-3"));
  EXPECT_EQ(world->cluster->books()->attempts(), 3U);
  SubmitHetJob whole;
  whole.parts.push_back(of("ann", "physics").cpus(2).minutes(60).event());
  whole.parts.push_back(of("ann", "physics").cpus(1).minutes(60).event());
  ASSERT_TRUE(world->apply(whole).outcome);
  EXPECT_EQ(world->cluster->books()->attempts(), 5U);
  EXPECT_EQ(balance().held, 6 * kMicro);
}

TEST_F(BillingTest, ClosingAMonthFreezesIt) {
  begin();
  ledger::Customer customer = a_customer("physics");
  customer.kind = ledger::CustomerKind::postpaid;
  customer.credit_limit = 1000 * kMicro;
  load({a_book()}, {customer});
  const JobId id = start(of("ann", "physics").cpus(1).minutes(60 * 24 * 40));
  const ledger::Month month = ledger::month_of(world->now.wall);
  EXPECT_FALSE(bill({.what = CloseMonth{month}}).outcome);
  world->pass((ledger::month_start(ledger::next_month(month)) - world->now.wall) / model::kSecond +
              100);
  const Changes closed = bill({.what = CloseMonth{month}});
  ASSERT_TRUE(closed.outcome) << closed.outcome.error().text;
  EXPECT_EQ(world->books.count(EntryKind::invoice), 1U);
  EXPECT_FALSE(bill({.what = CloseMonth{month}}).outcome);
  world->finish(id);
  for (const ledger::Entry& entry : world->books.entries) {
    if (entry.sequence <= closed.billed->entries.back().sequence) continue;
    EXPECT_GT(entry.month, month);
  }
}

TEST_F(BillingTest, BrokenPricesChangeNothing) {
  begin();
  ledger::PriceBook other = a_book();
  other.version = 2;
  EXPECT_NE(load({a_book(), other}, {}), "");
  ledger::PriceBook nameless = a_book();
  nameless.currency = "";
  EXPECT_NE(load({nameless}, {}), "");
  EXPECT_TRUE(world->books.entries.empty());
  EXPECT_TRUE(world->cluster->books()->prices().books().empty());
}

TEST_F(BillingTest, QuotesAreNeverTooLow) {
  begin();
  ledger::PriceBook book = a_book();
  ledger::Price night = a_price("night", "cpu", kMicro / 2);
  night.window = {0x7f, 20 * 60, 6 * 60};
  book.prices.insert(book.prices.begin(), night);
  load({book}, {a_customer("physics")});
  top_up("physics", 100);
  QuoteJob asked;
  asked.parts.push_back(of("ann", "physics").cpus(2).minutes(90).array("1-5").event());
  const Changes changes = bill({.what = std::move(asked)});
  ASSERT_TRUE(changes.outcome) << changes.outcome.error().text;
  ASSERT_EQ(changes.billed->quotes.size(), 1U);
  const JobQuote& quote = changes.billed->quotes[0];
  EXPECT_EQ(quote.customer, Text("physics"));
  EXPECT_EQ(quote.tasks, 5U);
  EXPECT_EQ(quote.quote.most, 3 * kMicro);
  EXPECT_LE(quote.quote.contracted, quote.quote.most);
  EXPECT_EQ(quote.available, 100 * kMicro);
  EXPECT_TRUE(world->cluster->all_jobs().empty());
}

TEST_F(BillingTest, DevicesAndTheMostOfThem) {
  model::Settings settings = test::some_settings();
  for (model::NodeSetting& node : settings.nodes) {
    node.facts.gres.push_back({.name = "gpu", .type = "a100", .count = 4});
  }
  begin(std::move(settings));
  ledger::PriceBook book = a_book();
  book.prices = {a_price("a100", "gres/gpu:a100", 5 * kMicro), a_price("gpu", "gres/gpu", kMicro)};
  load({book}, {a_customer("physics")});
  top_up("physics", 100);
  const auto job = of("ann", "physics").minutes(60).request([](model::Request& request) {
    request.gres.push_back({.name = "gpu", .type = {}, .count = 2});
  });
  QuoteJob asked;
  asked.parts.push_back(job.event());
  EXPECT_EQ(bill({.what = std::move(asked)}).billed->quotes.at(0).quote.most, 10 * kMicro);
  start(job);
  EXPECT_EQ(balance().held, 10 * kMicro);
}

TEST_F(BillingTest, AReconfigurationKeepsTheBooks) {
  begin();
  load({a_book()}, {a_customer("physics")});
  top_up("physics", 10);
  const JobId id = start(of("ann", "physics").cpus(2).minutes(60));
  model::Settings more = *world->settings;
  model::NodeSetting node = more.nodes.back();
  node.name = "n9";
  more.nodes.push_back(node);
  world->settings = std::make_shared<const model::Settings>(more);
  ASSERT_TRUE(world->apply(Configure{world->settings}).outcome);
  EXPECT_EQ(world->cluster->books()->attempts(), 1U);
  world->pass(1800);
  world->finish(id);
  EXPECT_EQ(balance().earnings, kMicro);
}

}  // namespace
}  // namespace sluice::core
