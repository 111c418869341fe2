// The books, one operation at a time, each entry audited as it comes.
#include <gtest/gtest.h>

#include "ledger/invoice.hpp"
#include "test/unit/ledger/ledger_scene.hpp"

namespace sluice::ledger {
namespace {

const Allotment kTenCpus = {{"cpu", 10}};

// A prepaid customer "phys" and a postpaid one "chem"; ten CPUs cost 1 an hour.
class BooksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    chem_.credit_limit = money("100");
    ASSERT_TRUE(
        scene_.load({a_book("2026-01-01", {a_price("core", "cpu", "0.1")})}, {phys_, chem_}))
        << scene_.refused;
  }
  void TearDown() override { scene_.check(); }

  bool open(std::uint32_t id, std::string_view account, std::int64_t hours) {
    const AttemptStart job = a_job(id, account, scene_.now, kTenCpus);
    return scene_.take(scene_.books.open(job, scene_.now + hours * kHour, scene_.stamp()));
  }
  void pass(std::int64_t hours) {
    scene_.now += hours * kHour;
    scene_.take(scene_.books.charge_all(scene_.now, scene_.stamp()));
  }
  void end(std::uint32_t id, Fate fate = Fate::completed) {
    scene_.take(scene_.books.end({{7, id}, 0}, {scene_.now, fate}, scene_.stamp()));
  }
  bool close(std::string_view month) {
    Stamp stamp = scene_.stamp();
    stamp.request_id = {9, 1 + scene_.entries.size()};
    return scene_.take(scene_.books.close(*parse_month(month), stamp));
  }
  [[nodiscard]] Invoice invoice(std::string_view customer, std::string_view month) const {
    InvoiceBuilder builder(*scene_.books.customer_named(customer), *parse_month(month));
    for (const Entry& entry : scene_.entries) builder.add(entry);
    const Result<Invoice> invoice = builder.take();
    EXPECT_TRUE(invoice) << invoice.error().text;
    return invoice ? *invoice : Invoice{};
  }

  Customer phys_ = a_customer("phys", CustomerKind::prepaid);
  Customer chem_ = a_customer("chem", CustomerKind::postpaid);
  Scene scene_;
};

TEST_F(BooksTest, HoldChargeRelease) {
  EXPECT_FALSE(open(1, "phys", 2));
  EXPECT_EQ(scene_.refused, "customer phys has 0.00 of 2.00 CHF");
  ASSERT_TRUE(scene_.top_up("phys", "5"));
  ASSERT_TRUE(open(1, "phys", 4));
  EXPECT_EQ(scene_.balance("phys").balance, money("1"));
  EXPECT_EQ(scene_.balance("phys").held, money("4"));
  EXPECT_FALSE(open(2, "phys", 2));
  EXPECT_FALSE(open(1, "phys", 0));  // it is open
  pass(1);
  EXPECT_EQ(scene_.balance("phys").held, money("3"));
  EXPECT_EQ(scene_.balance("phys").earnings, money("1"));
  pass(1);
  end(1);
  EXPECT_EQ(scene_.balance("phys").balance, money("3"));
  EXPECT_EQ(scene_.balance("phys").held, 0);
  EXPECT_EQ(scene_.books.attempts(), 0U);
  EXPECT_EQ(scene_.balance("phys").cash, -money("5"));
}

TEST_F(BooksTest, WhatIsNotHeldIsNotCharged) {
  ASSERT_TRUE(scene_.top_up("phys", "2"));
  ASSERT_TRUE(open(1, "phys", 2));
  pass(3);  // nobody ended it in time
  EXPECT_EQ(scene_.balance("phys").balance, 0);
  EXPECT_EQ(scene_.balance("phys").earnings, money("2"));
  EXPECT_FALSE(open(2, "phys", 1));
  end(1, Fate::timeout);
  EXPECT_EQ(scene_.balance("phys").earnings, money("2"));
  EXPECT_EQ(scene_.auditor.lowest(scene_.books.customer_named("phys")->id), 0);
}

TEST_F(BooksTest, WhatRanBeforeSomebodyLookedIsPaidAsFarAsThereIsMoney) {
  ASSERT_TRUE(scene_.top_up("phys", "2.5"));
  ASSERT_TRUE(open(1, "phys", 1));
  scene_.now += 2 * kHour;
  end(1);
  EXPECT_EQ(scene_.balance("phys").earnings, money("2"));
  ASSERT_TRUE(open(2, "phys", 0));
  scene_.now += kHour;
  end(2);
  EXPECT_EQ(scene_.balance("phys").balance, 0);
  EXPECT_EQ(scene_.auditor.lowest(1), 0);
}

TEST_F(BooksTest, TheTimeLimitIsTheMostThatIsCharged) {
  ASSERT_TRUE(scene_.top_up("phys", "10"));
  AttemptStart job = a_job(1, "phys", scene_.now, kTenCpus);
  job.limit_end = scene_.now + kHour;
  ASSERT_TRUE(scene_.take(scene_.books.open(job, job.limit_end, scene_.stamp())));
  pass(2);
  end(1, Fate::timeout);
  EXPECT_EQ(scene_.balance("phys").earnings, money("1"));
  job = a_job(2, "phys", scene_.now, kTenCpus);
  job.limit_end = scene_.now + kHour;
  ASSERT_TRUE(scene_.take(scene_.books.open(job, job.limit_end, scene_.stamp())));
  scene_.now += kHour / 2;
  AttemptChange longer{scene_.now, {}, {}, {}, scene_.now + 2 * kHour};
  scene_.take(scene_.books.change({{7, 2}, 0}, longer, scene_.stamp()));
  scene_.now += 3 * kHour;
  end(2, Fate::timeout);
  EXPECT_EQ(scene_.balance("phys").earnings, money("3.5"));
}

TEST_F(BooksTest, TheGraceTimeIsTheMostThatOverdraws) {
  phys_.grace_s = 600;
  phys_.overdraft = money("1");
  ASSERT_TRUE(scene_.load({}, {phys_}));
  ASSERT_TRUE(scene_.top_up("phys", "1"));
  ASSERT_TRUE(open(1, "phys", 1));
  const Attempt job{{7, 1}, 0};
  scene_.now += kHour;
  ASSERT_TRUE(scene_.take(scene_.books.hold_most(job, scene_.now + kHour, scene_.stamp())));
  scene_.now += kHour;
  ASSERT_TRUE(scene_.take(scene_.books.hold_most(job, scene_.now + kHour, scene_.stamp())));
  EXPECT_EQ(scene_.books.attempt(job)->held_until, scene_.now);
  scene_.take(scene_.books.begin_grace(job, scene_.stamp()));
  ASSERT_EQ(scene_.notices.size(), 1U);
  EXPECT_EQ(scene_.notices[0].to, scene_.now + 600 * kSecond);
  Books other;
  other.restore(scene_.books.state());
  EXPECT_EQ(other.attempt(job)->grace_until, scene_.now + 600 * kSecond);
  pass(5);
  end(1, Fate::timeout);
  const Money overdraw = money("1") + money("1") / 6;  // the overdraft, and ten minutes
  EXPECT_EQ(scene_.balance("phys").balance, -overdraw);
  EXPECT_EQ(scene_.auditor.lowest(1), -overdraw);
}

TEST_F(BooksTest, FalseNoticesAreFound) {
  phys_.warn_at = {money("8"), money("2")};
  ASSERT_TRUE(scene_.load({}, {phys_}));
  ASSERT_TRUE(scene_.top_up("phys", "10"));
  Entry notice;
  notice.sequence = scene_.entries.back().sequence + 1;
  notice.time = scene_.now;
  notice.month = month_of(scene_.now);
  notice.kind = EntryKind::notice;
  notice.customer = 1;
  notice.currency = "CHF";
  notice.amount = money("8");
  Auditor copy = scene_.auditor;
  EXPECT_EQ(copy.add(notice)->text, "the funds are not below that");
  copy = scene_.auditor;
  notice.amount = money("2");
  EXPECT_EQ(copy.add(notice)->text, "it tells of another threshold than the one that comes next");
}

TEST_F(BooksTest, ChargesInParts) {
  for (std::uint32_t id = 1; id <= 5; ++id) ASSERT_TRUE(open(id, "chem", 2));
  scene_.now += kHour;
  ChargeSlice slice;
  slice.most = 2;
  std::vector<std::size_t> charges;
  do {
    const std::size_t before = scene_.entries.size();
    scene_.take(scene_.books.charge_some(scene_.now, slice, scene_.stamp()));
    charges.push_back(scene_.entries.size() - before);
  } while (slice.next);
  EXPECT_EQ(charges, (std::vector<std::size_t>{2, 2, 1}));
  EXPECT_EQ(scene_.balance("chem").earnings, money("5"));
}

TEST_F(BooksTest, HoldsAreExtended) {
  ASSERT_TRUE(scene_.top_up("phys", "3"));
  ASSERT_TRUE(open(1, "phys", 1));
  EXPECT_TRUE(scene_.books.holds_until(scene_.now).empty());
  ASSERT_EQ(scene_.books.holds_until(scene_.now + kHour).size(), 1U);
  const Attempt job = scene_.books.holds_until(scene_.now + kHour).front();
  pass(1);
  ASSERT_TRUE(scene_.take(scene_.books.hold(job, scene_.now + 2 * kHour, scene_.stamp())));
  EXPECT_EQ(scene_.balance("phys").balance, 0);
  EXPECT_EQ(scene_.balance("phys").held, money("2"));
  EXPECT_FALSE(scene_.take(scene_.books.hold(job, scene_.now + 3 * kHour, scene_.stamp())));
  // Less, as of a shorter time limit.
  ASSERT_TRUE(scene_.take(scene_.books.hold(job, scene_.now + kHour, scene_.stamp())));
  EXPECT_EQ(scene_.balance("phys").balance, money("1"));
  end(1);
}

TEST_F(BooksTest, FatesThatAreFreeGiveBack) {
  ASSERT_TRUE(scene_.top_up("phys", "10"));
  ASSERT_TRUE(open(1, "phys", 3));
  ASSERT_TRUE(open(2, "phys", 3));
  pass(2);
  end(1, Fate::node_fail);
  end(2, Fate::failed);
  EXPECT_EQ(scene_.balance("phys").balance, money("8"));
  EXPECT_EQ(scene_.sum(EntryKind::reversal, &Entry::contracted), -money("2"));
}

TEST_F(BooksTest, CreditHasALimit) {
  ASSERT_TRUE(open(1, "chem", 60));
  EXPECT_FALSE(open(2, "chem", 41));
  ASSERT_TRUE(open(2, "chem", 40));
  pass(1);
  end(1);
  end(2);
  EXPECT_EQ(scene_.balance("chem").balance, -money("2"));
  EXPECT_FALSE(scene_.top_up("chem", "1"));
  EXPECT_NE(scene_.refused.find("is postpaid"), std::string::npos);
}

TEST_F(BooksTest, TopUpsAreIdempotent) {
  Stamp stamp = scene_.stamp();
  stamp.request_id = {1, 2};
  ASSERT_TRUE(scene_.take(scene_.books.top_up({"phys", money("5"), nullptr}, stamp)));
  const std::uint64_t first = scene_.entries.back().sequence;
  const Result<Posted> again = scene_.books.top_up({"phys", money("5"), nullptr}, stamp);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->entries.empty());
  EXPECT_EQ(again->repeated, first);
  Books other;
  other.restore(scene_.books.state());
  EXPECT_EQ(other.top_up({"phys", money("5"), nullptr}, stamp)->repeated, first);
  EXPECT_EQ(scene_.balance("phys").balance, money("5"));
  EXPECT_FALSE(scene_.top_up("phys", "0"));
  EXPECT_FALSE(scene_.top_up("phys", "0.001"));
  EXPECT_FALSE(scene_.top_up("phys", "-1"));
  EXPECT_FALSE(scene_.take(scene_.books.top_up({"nobody", money("5"), nullptr}, scene_.stamp())));
  EXPECT_EQ(scene_.refused, "there is no customer nobody");
}

TEST_F(BooksTest, PackagesComeFirstAndSoonestFirst) {
  ASSERT_TRUE(scene_.top_up("phys", "100"));
  const auto buy = [&](const char* name, std::int64_t units, const char* price, WallTime expires) {
    return scene_.take(scene_.books.purchase(
        {"phys", name, "cpu", "", "", units, money(price), expires}, scene_.stamp()));
  };
  ASSERT_TRUE(buy("large", 100, "8", 0));
  ASSERT_TRUE(buy("small", 15, "1.2", scene_.now + 10 * kHour));
  EXPECT_FALSE(buy("dear", 1, "1000", 0));
  EXPECT_FALSE(buy("past", 1, "1", scene_.now));
  EXPECT_EQ(scene_.balance("phys").balance, money("90.8"));
  ASSERT_TRUE(open(1, "phys", 12));  // 120 core-hours: 15 of small, 100 of large, 5 of money
  EXPECT_EQ(scene_.balance("phys").held, money("0.5"));
  EXPECT_FALSE(scene_.books.shortage(scene_.books.plan(*scene_.books.customer_named("phys"),
                                                       a_job(2, "phys", scene_.now, kTenCpus),
                                                       scene_.now + kHour)));
  pass(2);
  const auto packages = scene_.books.packages(1);
  ASSERT_EQ(packages.size(), 2U);
  EXPECT_EQ(packages[0]->name.view(), "small");
  EXPECT_EQ(packages[0]->used, packages[0]->total);
  EXPECT_EQ(packages[1]->used, (Quantity{5 * 3'600, 0}));
  EXPECT_EQ(scene_.sum(EntryKind::charge, &Entry::effective), money("1.6"));
  EXPECT_EQ(scene_.sum(EntryKind::charge, &Entry::list), money("2"));
  EXPECT_EQ(scene_.sum(EntryKind::charge, &Entry::billed), 0);
  pass(10);
  EXPECT_EQ(scene_.balance("phys").held, 0);
  EXPECT_EQ(scene_.sum(EntryKind::charge, &Entry::effective), money("9.7"));
  end(1);
  EXPECT_EQ(scene_.balance("phys").packages, 0);
}

TEST_F(BooksTest, PackagesExpireAtTheMoment) {
  ASSERT_TRUE(scene_.top_up("phys", "100"));
  const WallTime expires = scene_.now + 2 * kHour;
  ASSERT_TRUE(scene_.take(scene_.books.purchase(
      {"phys", "pack", "cpu", "core-hour", "Pack", 100, money("8"), expires}, scene_.stamp())));
  ASSERT_TRUE(open(1, "phys", 3));
  EXPECT_EQ(scene_.balance("phys").held, money("1"));  // of its third hour
  EXPECT_EQ(scene_.books.next_expiry(), expires);
  scene_.now += 3 * kHour;
  scene_.take(scene_.books.expire(scene_.stamp()));
  EXPECT_EQ(scene_.sum(EntryKind::expiry, &Entry::effective), money("6.4"));
  EXPECT_EQ(scene_.books.next_expiry(), 0);
  end(1);
  EXPECT_EQ(scene_.sum(EntryKind::charge, &Entry::effective), money("2.6"));
  EXPECT_EQ(scene_.balance("phys").balance, money("91"));
  EXPECT_EQ(scene_.balance("phys").earnings, money("9"));
}

TEST_F(BooksTest, ClosingFreezesAMonth) {
  ASSERT_TRUE(scene_.top_up("phys", "1000"));
  scene_.now = at("2026-03-31T20:00:00Z");
  ASSERT_TRUE(open(1, "chem", 10));
  ASSERT_TRUE(open(2, "phys", 10));
  pass(2);
  EXPECT_FALSE(close("2026-03"));
  EXPECT_EQ(scene_.refused, "2026-03 is not over");
  scene_.now = at("2026-04-02");
  EXPECT_FALSE(close("2026-04"));
  ASSERT_TRUE(close("2026-03")) << scene_.refused;
  // Several entries, one request: the last one answers it.
  EXPECT_TRUE(scene_.entries.back().request_id.is_set());
  EXPECT_FALSE(close("2026-03"));
  EXPECT_EQ(scene_.refused, "2026-03 is closed already");
  EXPECT_FALSE(close("2026-02"));
  EXPECT_EQ(scene_.balance("chem").receivable, -money("4"));
  EXPECT_EQ(scene_.balance("chem").balance, -money("6"));  // held for April
  EXPECT_EQ(invoice("chem", "2026-03").amount, money("4"));
  EXPECT_EQ(invoice("chem", "2026-03").due, money("4"));
  EXPECT_EQ(invoice("phys", "2026-03").amount, money("1000"));
  EXPECT_EQ(invoice("phys", "2026-03").due, 0);
  EXPECT_FALSE(invoice("phys", "2026-04").issued);
  ASSERT_TRUE(scene_.take(scene_.books.pay({"chem", money("4"), nullptr}, scene_.stamp())));
  EXPECT_EQ(scene_.balance("chem").receivable, 0);
  EXPECT_FALSE(scene_.take(scene_.books.pay({"phys", money("4"), nullptr}, scene_.stamp())));
  // The whole attempt is free: what March had is given back in April, as a correction.
  scene_.now = at("2026-04-02T06:00:00Z");
  end(1, Fate::node_fail);
  EXPECT_EQ(scene_.balance("chem").balance, money("4"));
  std::size_t corrections = 0;
  for (const Entry& entry : scene_.entries) corrections += entry.correction ? 1U : 0U;
  EXPECT_EQ(corrections, 1U);
  end(2);
}

TEST_F(BooksTest, InvoicesArePayableAmounts) {
  scene_.now = at("2026-03-10");
  const AttemptStart job = a_job(1, "chem", scene_.now, {{"cpu", 1}});
  ASSERT_TRUE(scene_.take(scene_.books.open(job, scene_.now + kHour, scene_.stamp())));
  scene_.now += 1'234 * kSecond;
  end(1);
  EXPECT_EQ(scene_.balance("chem").balance, -34'277);  // 0.034277
  scene_.now = at("2026-04-01");
  ASSERT_TRUE(close("2026-03"));
  const Invoice bill = invoice("chem", "2026-03");
  EXPECT_EQ(bill.amount, money("0.03"));
  EXPECT_EQ(bill.totals.effective, money("0.03"));
  EXPECT_EQ(scene_.balance("chem").receivable, -money("0.03"));
  EXPECT_EQ(scene_.balance("chem").balance, 0);
  EXPECT_EQ(bill.id, "202603-0002");
}

TEST_F(BooksTest, RefundsCorrectionsCreditsTransfers) {
  ASSERT_TRUE(scene_.top_up("phys", "10"));
  ASSERT_TRUE(open(1, "phys", 2));
  pass(2);
  const Entry charge = scene_.entries.back();
  ASSERT_EQ(charge.kind, EntryKind::charge);
  EXPECT_FALSE(scene_.take(scene_.books.refund({&charge, 0, false, money("1")}, scene_.stamp())));
  end(1);
  EXPECT_FALSE(
      scene_.take(scene_.books.refund({&charge, 0, false, money("2.01")}, scene_.stamp())));
  EXPECT_FALSE(
      scene_.take(scene_.books.refund({&charge, money("1.5"), false, money("1")}, scene_.stamp())));
  ASSERT_TRUE(scene_.take(
      scene_.books.refund({&charge, money("1"), false, money("1")}, scene_.stamp("late"))));
  EXPECT_EQ(scene_.balance("phys").balance, money("9"));
  EXPECT_EQ(scene_.entries.back().refers_to, charge.sequence);
  ASSERT_TRUE(scene_.take(scene_.books.correct({"phys", -money("0.5"), &charge}, scene_.stamp())));
  EXPECT_EQ(scene_.balance("phys").balance, money("8.5"));
  EXPECT_FALSE(scene_.take(scene_.books.correct({"chem", money("1"), &charge}, scene_.stamp())));
  ASSERT_TRUE(scene_.take(scene_.books.credit({"phys", money("0.25"), nullptr}, scene_.stamp())));
  ASSERT_TRUE(scene_.take(scene_.books.credit({"chem", money("1"), nullptr}, scene_.stamp())));
  EXPECT_EQ(scene_.entries.back().billed, -money("1"));
  EXPECT_FALSE(scene_.take(scene_.books.transfer({"phys", "phys", money("1")}, scene_.stamp())));
  EXPECT_FALSE(scene_.take(scene_.books.transfer({"phys", "chem", money("9")}, scene_.stamp())));
  ASSERT_TRUE(scene_.take(scene_.books.transfer({"phys", "chem", money("8")}, scene_.stamp())));
  EXPECT_EQ(scene_.balance("phys").balance, money("0.75"));
  EXPECT_EQ(scene_.balance("chem").balance, money("9"));
  EXPECT_FALSE(scene_.take(scene_.books.withdraw({"phys", money("1"), nullptr}, scene_.stamp())));
  ASSERT_TRUE(scene_.take(scene_.books.withdraw({"phys", money("0.75"), nullptr}, scene_.stamp())));
}

TEST_F(BooksTest, NoticesComeOncePerCrossing) {
  phys_.warn_at = {money("8"), money("2")};
  ASSERT_TRUE(scene_.load({}, {phys_}));
  ASSERT_TRUE(scene_.top_up("phys", "10"));
  ASSERT_TRUE(open(1, "phys", 9));  // a hold is no use
  EXPECT_TRUE(scene_.notices.empty());
  pass(2);
  EXPECT_TRUE(scene_.notices.empty());
  pass(1);
  ASSERT_EQ(scene_.notices.size(), 1U);
  EXPECT_EQ(scene_.notices[0].amount, money("8"));
  pass(1);
  EXPECT_EQ(scene_.notices.size(), 1U);
  pass(5);
  ASSERT_EQ(scene_.notices.size(), 2U);
  EXPECT_EQ(scene_.notices[1].amount, money("2"));
  ASSERT_TRUE(scene_.top_up("phys", "100"));
  end(1);
  EXPECT_EQ(scene_.notices.size(), 2U);
}

TEST_F(BooksTest, LoadsAreAllOrNothing) {
  const std::size_t before = scene_.entries.size();
  Customer bio = a_customer("bio", CustomerKind::prepaid);
  Customer wrong = a_customer("geo", CustomerKind::prepaid);
  wrong.account = "phys";
  EXPECT_FALSE(scene_.load({}, {bio, wrong}));
  EXPECT_EQ(scene_.refused, "account: belongs to customer phys");
  wrong.account = "geo";
  wrong.book = "missing";
  EXPECT_FALSE(scene_.load({}, {bio, wrong}));
  wrong.book = "standard";
  wrong.currency = "EUR";
  EXPECT_FALSE(scene_.load({}, {bio, wrong}));
  EXPECT_EQ(scene_.refused, "currency: price book standard is in CHF");
  EXPECT_EQ(scene_.books.customer_named("bio"), nullptr);
  EXPECT_EQ(scene_.entries.size(), before);
  ASSERT_TRUE(scene_.top_up("phys", "1"));
  phys_.kind = CustomerKind::postpaid;
  EXPECT_FALSE(scene_.load({}, {phys_}));
  phys_.kind = CustomerKind::prepaid;
  // Two customers change accounts with each other.
  phys_.account = "chem";
  chem_.account = "phys";
  ASSERT_TRUE(scene_.load({}, {phys_, chem_})) << scene_.refused;
  const std::vector<Text> chain = {Text("lab"), Text("chem"), Text("root")};
  EXPECT_EQ(scene_.books.customer_of(chain)->name.view(), "phys");
  EXPECT_EQ(scene_.books.customer_of(std::vector<Text>{Text("root")}), nullptr);
  ASSERT_TRUE(scene_.load({}, {phys_, chem_}));  // the same again says nothing
  chem_.closed = true;
  ASSERT_TRUE(scene_.load({}, {chem_}));
  EXPECT_FALSE(open(5, "phys", 1));
  EXPECT_EQ(scene_.refused, "customer chem is closed");
}

TEST_F(BooksTest, APriceChangeAtMidnightSplitsTheCharge) {
  PriceBook first = a_book("2026-01-01", {a_price("core", "cpu", "0.1")});
  first.until = at("2026-03-02");
  PriceBook second = a_book("2026-03-02", {a_price("core", "cpu", "0.2")});
  second.version = 2;
  ASSERT_TRUE(scene_.load({first, second}, {})) << scene_.refused;
  scene_.now = at("2026-03-01T22:00:00Z");
  ASSERT_TRUE(open(1, "chem", 4));
  EXPECT_EQ(scene_.balance("chem").held, money("6"));
  pass(4);
  end(1);
  ASSERT_EQ(scene_.balance("chem").balance, -money("6"));
  std::vector<std::uint32_t> versions;
  for (const Entry& entry : scene_.entries) {
    if (entry.kind == EntryKind::charge) versions.push_back(entry.price.version);
  }
  EXPECT_EQ(versions, (std::vector<std::uint32_t>{1, 2}));
}

TEST_F(BooksTest, AnotherQosCutsTheCharge) {
  PriceBook book =
      a_book("2026-04-01", {a_price("high", "cpu", "1"), a_price("core", "cpu", "0.1")});
  book.name = "other";
  book.from = scene_.now;
  book.prices.front().qos = {Text("high")};
  PriceBook standard = a_book("2026-01-01", {a_price("core", "cpu", "0.1")});
  chem_.book = "other";
  ASSERT_TRUE(scene_.load({standard, book}, {chem_})) << scene_.refused;
  ASSERT_TRUE(open(1, "chem", 2));
  scene_.now += kHour;
  AttemptChange change{scene_.now, {}, {}, scene_.books.attempt({{7, 1}, 0})->job};
  change.job->qos = "high";
  scene_.take(scene_.books.change({{7, 1}, 0}, change, scene_.stamp()));
  pass(1);
  end(1);
  EXPECT_EQ(scene_.balance("chem").balance, -money("11"));
}

TEST_F(BooksTest, StatementsHaveWhatWasBeforeAndAfter) {
  ASSERT_TRUE(scene_.top_up("phys", "10"));
  ASSERT_TRUE(open(1, "phys", 2));
  pass(2);
  end(1);
  const WallTime later = scene_.now + 1;
  scene_.now += 24 * kHour;
  ASSERT_TRUE(scene_.top_up("phys", "5"));
  StatementBuilder builder(1, later, 0);
  StatementBuilder whole(1, 0, 0);
  whole.by_job();
  for (const Entry& entry : scene_.entries) {
    builder.add(entry);
    whole.add(entry);
  }
  EXPECT_EQ(builder.take().before.balance, money("8"));
  EXPECT_EQ(builder.take().after.balance, money("13"));
  EXPECT_TRUE(builder.take().usage.empty());
  ASSERT_EQ(builder.take().money.size(), 1U);
  ASSERT_EQ(whole.take().usage.size(), 1U);
  EXPECT_EQ(whole.take().usage.front().list, money("2"));
  EXPECT_EQ(whole.take().usage.front().job, JobId{1});
  EXPECT_EQ(whole.take().usage.front().consumed, (Quantity{72'000, 0}));
  Balance after = scene_.balance("phys");
  after.months.clear();  // of the books, not of the entries
  EXPECT_EQ(whole.take().after, after);
}

}  // namespace
}  // namespace sluice::ledger
