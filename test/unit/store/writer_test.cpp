// What the writer remembers and sweeps, on a connection of its own.
#include "store/writer.hpp"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "base/fd.hpp"
#include "store/schema.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

constexpr model::WallTime kHour = 3600 * model::kSecond;

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() : connection_(connect(folder_.database())) {
    EXPECT_TRUE(prepare_schema(connection_, folder_.database()));
    Result<Writer> writer = Writer::create(connection_, {});
    EXPECT_TRUE(writer);
    writer_.emplace(std::move(*writer));
  }
  static Connection connect(const std::string& path) {
    EXPECT_TRUE(base::open_file(path, O_RDWR | O_CREAT, 0600));
    Result<Connection> connection = Connection::open(path, Connection::Mode::writer);
    EXPECT_TRUE(connection);
    return std::move(*connection);
  }
  void write(const Transaction& transaction, model::WallTime now = kNoon) {
    ASSERT_TRUE(writer_->begin());
    ASSERT_TRUE(writer_->write(transaction, now));
    ASSERT_TRUE(writer_->commit(now));
  }
  void reply(std::uint64_t id, model::WallTime now) {
    Transaction transaction;
    transaction.reply = StoredReply{{id * 0x9e3779b97f4a7c15U, id}, 1000, 1, "answer"};
    write(transaction, now);
  }
  std::int64_t count(Sql sql) { return connection_.query_integer(sql).value_or(-1); }

  TemporaryFolder folder_;
  Connection connection_;
  std::optional<Writer> writer_;
};

TEST_F(WriterTest, SharedPartsAreStoredOnce) {
  std::vector<model::Job> jobs;
  for (std::uint32_t id = 1; id <= 20; ++id) jobs.push_back(a_job(id));
  write(with_jobs(jobs));
  EXPECT_EQ(count("SELECT count(*) FROM specs"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM requests"), 1);
  model::Job other = a_job(21);
  other.spec = spec_of(1000, "another");
  write(with_jobs({other}));
  EXPECT_EQ(count("SELECT count(*) FROM specs"), 2);
}

TEST_F(WriterTest, ARolledBackPartIsStoredAgain) {
  const model::Job job = a_job(1);
  ASSERT_TRUE(writer_->begin());
  ASSERT_TRUE(writer_->write(with_jobs({job}), kNoon));
  writer_->roll_back();
  EXPECT_EQ(count("SELECT count(*) FROM specs"), 0);
  write(with_jobs({job}));
  EXPECT_EQ(count("SELECT count(*) FROM jobs, specs WHERE spec=id"), 1);
}

TEST_F(WriterTest, OldRepliesAreSwept) {
  for (std::uint64_t id = 1; id <= 200; ++id) reply(id, kNoon);
  EXPECT_EQ(count("SELECT count(*) FROM replies"), 200);
  for (std::uint64_t id = 201; id <= 260; ++id) reply(id, kNoon + 25 * kHour);
  EXPECT_EQ(count("SELECT count(*) FROM replies"), 60);
}

TEST_F(WriterTest, YoungRepliesAreNotSwept) {
  for (std::uint64_t id = 1; id <= 100; ++id) reply(id, kNoon);
  for (std::uint64_t id = 101; id <= 150; ++id) reply(id, kNoon + 23 * kHour);
  EXPECT_EQ(count("SELECT count(*) FROM replies"), 150);
}

TEST_F(WriterTest, TheNextJobIdNeverFalls) {
  Transaction transaction;
  transaction.next_job_id = 50;
  write(transaction);
  transaction.next_job_id = 40;
  write(transaction);
  EXPECT_EQ(count("SELECT value FROM meta WHERE name='next_job_id'"), 50);
}

}  // namespace
}  // namespace sluice::store
