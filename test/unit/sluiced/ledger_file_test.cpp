// The ledger's file: what was put is there after a restart, also after a torn write.
#include "daemon/worker/ledger_file.hpp"

#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/file.hpp"

namespace sluice::worker {
namespace {

class LedgerFileTest : public ::testing::Test {
 protected:
  LedgerFileTest() {
    std::string pattern = ::testing::TempDir() + "ledgerXXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    path = dir_ + "/ledger";
  }
  ~LedgerFileTest() override { EXPECT_TRUE(base::remove_tree(dir_)); }

  LedgerRecords load() const {
    LedgerRecords records;
    EXPECT_TRUE(LedgerFile::open(path, records));
    return records;
  }

  std::string path;

 private:
  std::string dir_;
};

TEST_F(LedgerFileTest, the_last_value_of_each_key_stays_in_the_order_of_putting) {
  LedgerRecords records;
  auto ledger = LedgerFile::open(path, records);
  ASSERT_TRUE(ledger);
  ledger->put("a", "1");
  ledger->put("b", "2");
  ledger->put("a", "3");
  ledger->put("c", "4");
  ledger->forget("b");
  ASSERT_TRUE(ledger->flush());
  EXPECT_EQ(load(), (LedgerRecords{{"a", "3"}, {"c", "4"}}));
}

TEST_F(LedgerFileTest, what_was_not_flushed_is_not_promised) {
  LedgerRecords records;
  auto ledger = LedgerFile::open(path, records);
  ASSERT_TRUE(ledger);
  ledger->put("a", "1");
  EXPECT_TRUE(ledger->dirty());
  EXPECT_TRUE(load().empty());
}

TEST_F(LedgerFileTest, a_torn_tail_is_cut_off) {
  LedgerRecords records;
  auto ledger = LedgerFile::open(path, records);
  ASSERT_TRUE(ledger);
  ledger->put("a", "1");
  ledger->put("b", std::string(100, 'x'));
  ASSERT_TRUE(ledger->flush());
  const auto whole = base::read_file(path, 1 << 20);
  ASSERT_TRUE(whole);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{50}, std::size_t{110}}) {
    ASSERT_TRUE(base::write_file_atomic(path, whole->substr(0, whole->size() - cut)));
    EXPECT_EQ(load(), (LedgerRecords{{"a", "1"}}));
  }
  std::string bent = *whole;
  bent[bent.size() - 3] = 'y';
  ASSERT_TRUE(base::write_file_atomic(path, bent));
  EXPECT_EQ(load(), (LedgerRecords{{"a", "1"}}));
}

TEST_F(LedgerFileTest, it_is_written_anew_when_it_holds_mostly_the_past) {
  LedgerRecords records;
  auto ledger = LedgerFile::open(path, records);
  ASSERT_TRUE(ledger);
  const std::string big(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) {
    ledger->put("big", big);
    ASSERT_TRUE(ledger->flush());
  }
  const auto size = base::read_file(path, 1ULL << 30);
  ASSERT_TRUE(size);
  EXPECT_LT(size->size(), 20U << 20U);
  EXPECT_EQ(load().size(), 1U);
}

}  // namespace
}  // namespace sluice::worker
