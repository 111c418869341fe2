// Accounts and usage in the store: what was committed is there after a reopening, record by record;
// a database from before there were accounts gets the tables.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "model/accounts_difference.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using model::Accounts;

class AccountRowsTest : public ::testing::Test {
 protected:
  void change(const Accounts& to) {
    Transaction transaction;
    transaction.accounts =
        std::make_shared<const model::AccountsDifference>(model::difference(now, to));
    ASSERT_TRUE(commit(*store, std::move(transaction)));
    now = to;
  }
  LoadedState reopened() {
    store.reset();
    store = open_store(folder.database());
    return load_from(*store);
  }
  // As somebody else.
  void run_sql(const char* sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(folder.database().c_str(), &raw), SQLITE_OK);
    for (const char* rest = sql; *rest != '\0';) {
      sqlite3_stmt* statement = nullptr;
      ASSERT_EQ(sqlite3_prepare_v2(raw, rest, -1, &statement, &rest), SQLITE_OK);
      while (sqlite3_step(statement) == SQLITE_ROW) {
      }
      sqlite3_finalize(statement);
    }
    sqlite3_close(raw);
  }
  static Accounts some() {
    Accounts accounts = model::first_accounts();
    accounts.generation = 1;
    accounts.tres = *model::with_tres(accounts.tres, "gres/gpu");
    accounts.accounts.push_back({"science", "d", "o", {"root"}, {}});
    model::Association own;
    own.id = accounts.next_association++;
    own.parent = 1;
    own.account = "science";
    own.shares = model::kShareOfParent;
    own.limits.grp_tres = {{model::kTresCpu, 8}, {1001, 0}};
    own.limits.max_jobs = 0;
    own.qos_own = true;
    accounts.associations.push_back(own);
    model::Qos qos;
    qos.id = accounts.next_qos++;
    qos.name = "high";
    qos.limits.max_wall_per_job = 10;
    accounts.qos.push_back(qos);
    return accounts;
  }

  TemporaryFolder folder;
  std::unique_ptr<Store> store = open_store(folder.database());
  Accounts now;
};

TEST_F(AccountRowsTest, ThereAreNoneAtFirst) {
  const LoadedState state = load_from(*store);
  EXPECT_EQ(state.accounts, nullptr);
  EXPECT_TRUE(state.usage.empty());
}

TEST_F(AccountRowsTest, ComeBackAsTheyWere) {
  const Accounts accounts = some();
  change(accounts);
  const LoadedState state = reopened();
  ASSERT_NE(state.accounts, nullptr);
  EXPECT_EQ(*state.accounts, accounts);
}

TEST_F(AccountRowsTest, OnlyWhatChangedIsWritten) {
  change(some());
  Accounts next = now;
  ++next.generation;
  next.associations.back().shares = 7;
  const model::AccountsDifference changed = model::difference(now, next);
  EXPECT_EQ(changed.associations.size(), 1U);
  EXPECT_TRUE(changed.accounts.empty());
  change(next);
  EXPECT_EQ(*reopened().accounts, next);
}

TEST_F(AccountRowsTest, RemovedOnesAreGoneWithTheirUsage) {
  change(some());
  Transaction used;
  model::UsageRecord of_science;
  of_science.association = now.associations.back().id;
  of_science.raw = 5;
  model::UsageRecord of_high;
  of_high.qos = 2;
  of_high.raw = 6;
  of_high.jobs = 3;  // of the moment: not kept
  model::UsageRecord clock;
  clock.wall = 99;
  used.usage = {of_science, of_high, clock};
  ASSERT_TRUE(commit(*store, std::move(used)));
  of_high.jobs = 0;
  EXPECT_EQ(reopened().usage, (std::vector{clock, of_high, of_science}));

  Accounts next = now;
  ++next.generation;
  next.associations.pop_back();
  next.accounts.pop_back();
  change(next);
  const LoadedState state = reopened();
  EXPECT_EQ(*state.accounts, next);
  EXPECT_EQ(state.usage, (std::vector{clock, of_high}));
}

TEST_F(AccountRowsTest, AnOlderDatabaseGetsTheTables) {
  Transaction jobs = with_jobs({a_job(5)});
  ASSERT_TRUE(commit(*store, std::move(jobs)));
  store.reset();
  run_sql(
      "DROP TABLE tres; DROP TABLE accounts; DROP TABLE users; DROP TABLE associations; "
      "DROP TABLE qos; DROP TABLE usage; "
      "DELETE FROM meta WHERE name IN ('accounts_generation', 'next_association', 'next_qos'); "
      "DELETE FROM meta WHERE name IN ('use_zone', 'use_zone_until'); "
      "DROP TABLE use_keys; DROP TABLE uses; DROP TABLE cluster_hours; DROP TABLE node_spans; "
      "DROP TABLE past_reservations; DROP TABLE ledger; DROP TABLE books; "
      "DROP TABLE IF EXISTS events; DROP TABLE ledger_marks; DROP TABLE releases; "
      "DROP TABLE IF EXISTS reservations; PRAGMA user_version = 1");
  const LoadedState state = reopened();
  EXPECT_EQ(state.jobs.size(), 1U);
  EXPECT_EQ(state.accounts, nullptr);
  now = {};
  change(some());
  EXPECT_EQ(*reopened().accounts, some());
}

}  // namespace
}  // namespace sluice::store
