// What is refused at the start: one clear line each, and the files are as they were.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "base/file.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using ::testing::HasSubstr;

class OpenTest : public ::testing::Test {
 protected:
  Error refusal() {
    Result<std::unique_ptr<Store>> store = Store::open(options_for(folder.database()));
    if (store) return Error{ErrorCode::ok, "opened"};
    EXPECT_EQ(store.error().text.find('\n'), std::string::npos);
    return store.error();
  }
  // Runs SQL on the database as somebody else.
  void tamper(const char* sql) {
    sqlite3* raw = nullptr;
    EXPECT_EQ(sqlite3_open(folder.database().c_str(), &raw), SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(raw, sql, -1, &statement, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    sqlite3_close(raw);
  }
  std::string content() { return *base::read_file(folder.database(), 64U << 20U); }
  void expect_untouched(const std::string& before, std::string_view why) {
    EXPECT_THAT(refusal().text, HasSubstr(std::string(why)));
    EXPECT_EQ(content(), before);
  }

  TemporaryFolder folder;
};

TEST_F(OpenTest, ASecondControllerIsKeptAway) {
  const auto first = open_store(folder.database());
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::busy);
  EXPECT_EQ(error.text,
            "another sluicectld (pid " + std::to_string(::getpid()) + ") uses this state");
}

TEST_F(OpenTest, TheLockGoesWithTheStore) {
  open_store(folder.database()).reset();
  EXPECT_EQ(refusal().text, "opened");
}

TEST_F(OpenTest, NobodyElseMayReadTheState) {
  const auto store = open_store(folder.database());
  for (const char* suffix : {"", "-wal", "-shm", ".lock", ".reserve"}) {
    struct stat status {};
    ASSERT_EQ(::stat((folder.database() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
  }
}

TEST_F(OpenTest, AMissingDirectory) {
  Result<std::unique_ptr<Store>> store = Store::open(options_for(folder.path() + "/no/sluice.db"));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::not_found);
  EXPECT_THAT(store.error().text, HasSubstr(folder.path() + "/no/sluice.db"));
}

TEST_F(OpenTest, ADirectoryInItsPlace) {
  ASSERT_TRUE(base::make_directories(folder.database()));
  EXPECT_THAT(refusal().text, HasSubstr("not a regular file"));
}

TEST_F(OpenTest, AnythingThatIsNoDatabase) {
  ASSERT_TRUE(base::write_file_atomic(folder.database(), "cluster_name: x\n"));
  expect_untouched("cluster_name: x\n", "the database is damaged");
}

TEST_F(OpenTest, ATruncatedDatabase) {
  open_store(folder.database()).reset();
  ASSERT_EQ(::truncate(folder.database().c_str(), 3 * 4096), 0);
  expect_untouched(content(), "the database is damaged");
}

TEST_F(OpenTest, ADamagedPage) {
  auto store = open_store(folder.database());
  ASSERT_TRUE(commit(*store, with_jobs({a_job(1), a_job(2), a_job(3)})));
  store.reset();
  std::string bytes = content();
  bytes.replace(4 * 4096, 4096, std::string(4096, '\x5a'));
  ASSERT_TRUE(base::write_file_atomic(folder.database(), bytes));
  expect_untouched(bytes, "the database is damaged");
}

TEST_F(OpenTest, ADatabaseOfAnotherProgram) {
  tamper("CREATE TABLE songs (name TEXT)");
  expect_untouched(content(), "another program");
}

TEST_F(OpenTest, ANewerSchema) {
  open_store(folder.database()).reset();
  tamper("PRAGMA user_version=99");
  expect_untouched(content(), "newer release (schema 99, this release knows 8)");
}

TEST_F(OpenTest, AnEmptyFileIsANewDatabase) {
  ASSERT_TRUE(base::write_file_atomic(folder.database(), ""));
  EXPECT_EQ(refusal().text, "opened");
}

}  // namespace
}  // namespace sluice::store
