// The ledger in the store: what was committed is there after a reopening, the chain holds over
// several opens, and whatever is done to the rows behind the store's back is found and named.
#include "store/ledger_rows.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "ledger/books.hpp"
#include "store/ledger_reader.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using ledger::Books;
using ledger::kMicro;
using ledger::WallTime;

constexpr WallTime kStart = 1'700'000'000 * model::kSecond;
constexpr WallTime kHour = 3'600 * model::kSecond;

class LedgerRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ledger::PriceBook book;
    book.name = "standard";
    book.version = 1;
    book.currency = "CHF";
    book.from = kStart - kHour;
    ledger::Price price;
    price.sku = "core";
    price.meter = "cpu";
    price.service = "HPC batch";
    price.unit_price = kMicro;
    book.prices = {price};
    ledger::Customer customer;
    customer.name = "physics";
    customer.account = "physics";
    customer.currency = "CHF";
    customer.book = "standard";
    take(*books.load({{book}, false, {customer}}, stamp()));
    take(*books.top_up({"physics", 100 * kMicro, nullptr}, stamp({7, 7})));
  }
  [[nodiscard]] ledger::Stamp stamp(Uid128 request = {}) const {
    return {.now = now, .uid = 0, .request_id = request, .note = {}};
  }
  // All in one transaction, as a busy turn's are.
  void charge_much(std::size_t entries) {
    ledger::AttemptStart start;
    start.job.job = JobId(7);
    start.job.uid = {1, 7};
    start.accounts = {"physics"};
    start.allotment = {{"cpu", 2}};
    start.start = now;
    take(*books.open(start, now + 5 * kHour, stamp()));
    auto rows = std::make_shared<ledger::BooksRows>();
    while (rows->entries.size() < entries) {
      now += model::kSecond;
      ledger::Posted posted = books.charge({start.job.uid, 0}, now, stamp());
      for (ledger::Entry& entry : posted.entries) rows->entries.push_back(std::move(entry));
    }
    rows->changed = books.take_changed();
    Transaction transaction;
    transaction.books = std::move(rows);
    ASSERT_TRUE(commit(*store, std::move(transaction)));
  }
  void take(ledger::Posted posted) {
    auto rows = std::make_shared<ledger::BooksRows>();
    rows->entries = std::move(posted.entries);
    rows->changed = books.take_changed();
    Transaction transaction;
    transaction.books = std::move(rows);
    ASSERT_TRUE(commit(*store, std::move(transaction)));
  }
  void run_a_job(std::uint32_t id) {
    ledger::AttemptStart start;
    start.job.job = JobId(id);
    start.job.uid = {1, id};
    start.job.account = "physics";
    start.job.user = "ann";
    start.accounts = {"physics"};
    start.allotment = {{"cpu", 2}};
    start.start = now;
    take(*books.open(start, now + kHour, stamp()));
    now += kHour / 2;
    take(books.charge({start.job.uid, 0}, now, stamp()));
    now += kHour / 2;
    take(books.end({start.job.uid, 0}, {now, ledger::Fate::completed}, stamp()));
  }
  [[nodiscard]] Verification verify() const {
    Result<LedgerReader> reader = LedgerReader::open(folder.database());
    EXPECT_TRUE(reader);
    const Result<Verification> made = reader->verify();
    EXPECT_TRUE(made);
    return *made;
  }
  // As somebody else.
  void run_sql(const char* sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(folder.database().c_str(), &raw), SQLITE_OK);
    for (const char* rest = sql; *rest != '\0';) {
      sqlite3_stmt* statement = nullptr;
      ASSERT_EQ(sqlite3_prepare_v2(raw, rest, -1, &statement, &rest), SQLITE_OK) << rest;
      while (sqlite3_step(statement) == SQLITE_ROW) {
      }
      sqlite3_finalize(statement);
    }
    sqlite3_close(raw);
  }
  void reopen() {
    store.reset();
    store = open_store(folder.database());
    loaded = load_from(*store);
  }

  TemporaryFolder folder;
  std::unique_ptr<Store> store = open_store(folder.database());
  LoadedState loaded;
  Books books;
  WallTime now = kStart;
};

TEST_F(LedgerRowsTest, ComesBackAndGoesOn) {
  run_a_job(1);
  reopen();
  ASSERT_NE(loaded.books, nullptr);
  books = Books();
  books.restore(*loaded.books);
  EXPECT_EQ(books.balance(1).balance, 98 * kMicro);
  EXPECT_NE(books.top_up({"physics", kMicro, nullptr}, stamp({7, 7}))->repeated, 0U);
  run_a_job(2);
  const Verification made = verify();
  EXPECT_FALSE(made.finding) << made.finding->text;
  EXPECT_EQ(made.entries, books.last_entry());
  EXPECT_EQ(made.head.size(), 64U);
}

TEST_F(LedgerRowsTest, NothingBilledIsNothingStored) {
  TemporaryFolder other;
  const auto empty = open_store(other.database());
  EXPECT_EQ(load_from(*empty).books, nullptr);
}

TEST_F(LedgerRowsTest, EntriesByMonthTimeAndJob) {
  run_a_job(1);
  run_a_job(2);
  Result<LedgerReader> reader = LedgerReader::open(folder.database());
  ASSERT_TRUE(reader);
  const auto count = [&](const EntryFilter& filter) {
    std::size_t found = 0;
    const Status read =
        reader->entries(filter, [&](const ledger::Entry&) { return ++found, true; });
    EXPECT_TRUE(read);
    return found;
  };
  EXPECT_EQ(count({}), books.last_entry());
  EXPECT_EQ(count({.month = ledger::month_of(kStart)}), books.last_entry());
  EXPECT_EQ(count({.month = ledger::Month{3}}), 0U);
  EXPECT_EQ(count({.job = JobId(1)}) + count({.job = JobId(2)}) + 3, books.last_entry());
  EXPECT_EQ(count({.to = kStart + 1}), 4U);  // and the first job's hold
  EXPECT_EQ(count({.from = kStart + 1}), books.last_entry() - 4);
  EXPECT_EQ(count({.after = 4}), books.last_entry() - 4);
}

TEST_F(LedgerRowsTest, WhatWasThereBeforeATime) {
  charge_much(kEntriesPerMark);
  run_a_job(8);
  Result<LedgerReader> reader = LedgerReader::open(folder.database());
  ASSERT_TRUE(reader);
  for (const WallTime when : {kStart, kStart + kHour, now - kHour, now, now + 1}) {
    ledger::Balance sum;
    sum.customer = 1;
    const Status read = reader->entries({.to = when}, [&](const ledger::Entry& entry) {
      if (entry.customer == 1) ledger::post(entry, sum);
      return true;
    });
    ASSERT_TRUE(read);
    const Result<ledger::Balance> before = reader->balance_before(1, when);
    ASSERT_TRUE(before);
    sum.months = before->months;
    EXPECT_EQ(*before, sum);
  }
  EXPECT_FALSE(verify().finding);
  store.reset();
  run_sql("UPDATE ledger_marks SET record=(SELECT record FROM books WHERE kind=4)");
  const Verification made = verify();
  ASSERT_TRUE(made.finding);
  EXPECT_NE(made.finding->text.find("a mark at entry"), std::string::npos);
}

TEST_F(LedgerRowsTest, ARefundKnowsItsCharge) {
  run_a_job(1);
  Result<LedgerReader> reader = LedgerReader::open(folder.database());
  ASSERT_TRUE(reader);
  std::uint64_t charge = 0;
  const Status read = reader->entries({}, [&](const ledger::Entry& entry) {
    if (entry.kind == ledger::EntryKind::charge) charge = entry.sequence;
    return charge == 0;
  });
  ASSERT_TRUE(read);
  const Result<ChargeFacts> facts = reader->charge(charge);
  ASSERT_TRUE(facts);
  take(*books.refund({facts->entry.get(), 0, false, kMicro / 4}, stamp()));
  EXPECT_EQ(reader->charge(charge)->refunded, kMicro / 4);
  EXPECT_FALSE(reader->charge(charge)->given_back);
  EXPECT_FALSE(reader->charge(99'999));
}

TEST_F(LedgerRowsTest, WhatWasTamperedWithIsNamed) {
  run_a_job(1);
  store.reset();
  run_sql("CREATE TABLE kept AS SELECT * FROM ledger; CREATE TABLE rows AS SELECT * FROM books;");
  const auto anew = [&] {
    run_sql(
        "DELETE FROM ledger; INSERT INTO ledger SELECT * FROM kept;"
        "DELETE FROM books; INSERT INTO books SELECT * FROM rows;");
  };
  const auto found = [&]() -> std::uint64_t {
    const Verification made = verify();
    anew();
    return made.finding ? made.finding->entry : 9'999;
  };
  EXPECT_EQ(found(), 9'999U);
  run_sql("UPDATE ledger SET record=zeroblob(9) WHERE sequence=3");
  EXPECT_EQ(found(), 3U);
  run_sql("UPDATE ledger SET record=(SELECT record FROM kept WHERE sequence=2) WHERE sequence=5");
  EXPECT_EQ(found(), 5U);
  run_sql("UPDATE ledger SET hash=zeroblob(32) WHERE sequence=4");
  EXPECT_EQ(found(), 4U);
  run_sql("DELETE FROM ledger WHERE sequence=4");
  EXPECT_EQ(found(), 4U);
  run_sql("UPDATE ledger SET customer=2 WHERE sequence=4");
  EXPECT_EQ(found(), 4U);
  run_sql("UPDATE ledger SET month=month-1 WHERE sequence=4");
  EXPECT_EQ(found(), 4U);
  // What is missing at the end, or changed in the books, is no single entry's fault.
  run_sql("DELETE FROM ledger WHERE sequence=(SELECT max(sequence) FROM ledger)");
  EXPECT_EQ(found(), 0U);
  run_sql("UPDATE books SET record=(SELECT record FROM rows WHERE kind=1) WHERE kind=4");
  EXPECT_NE(found(), 9'999U);
}

}  // namespace
}  // namespace sluice::store
