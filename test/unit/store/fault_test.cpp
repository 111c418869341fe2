// Disks that are full or fail, and programs that are killed.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "test/unit/store/failing_disk.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using ::testing::HasSubstr;

class FaultTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string reserve() const { return folder.database() + ".reserve"; }
  [[nodiscard]] std::size_t jobs_after_reopening() {
    store.reset();
    store = open_store(folder.database());
    return load_from(*store).jobs.size();
  }

  TemporaryFolder folder;
  FailingDisk disk;
  std::unique_ptr<Store> store = open_store(folder.database());
};

TEST_F(FaultTest, AFullDiskCostsTheReserveNotTheCommit) {
  ASSERT_TRUE(base::file_exists(reserve()));
  disk.full_while_exists(reserve().c_str());
  EXPECT_TRUE(commit(*store, with_jobs({a_job(1)})));
  EXPECT_GT(disk.faults(), 0);
  EXPECT_FALSE(store->accepts_work());
  EXPECT_FALSE(base::file_exists(reserve()));
  disk.full_while_exists("");
  EXPECT_EQ(jobs_after_reopening(), 1U);
}

TEST_F(FaultTest, WorkIsAcceptedAgainWhenThereIsSpace) {
  disk.full_while_exists(reserve().c_str());
  ASSERT_TRUE(commit(*store, with_jobs({a_job(1)})));
  ASSERT_FALSE(store->accepts_work());
  disk.full_while_exists("");
  ASSERT_TRUE(commit(*store, with_jobs({a_job(2)})));
  EXPECT_TRUE(store->accepts_work());
  EXPECT_TRUE(base::file_exists(reserve()));
}

TEST_F(FaultTest, NoSpaceEvenWithoutTheReserveChangesNothing) {
  ASSERT_TRUE(commit(*store, with_jobs({a_job(1)})));
  disk.fail_with(Fault::full);
  const Status status = commit(*store, with_jobs({a_job(2)}));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::storage);
  EXPECT_THAT(status.error().text, HasSubstr("no space left"));
  disk.fail_with(Fault::none);
  EXPECT_TRUE(commit(*store, with_jobs({a_job(3)}))) << "rolled back cleanly, so it goes on";
  EXPECT_EQ(jobs_after_reopening(), 2U);
}

TEST_F(FaultTest, AFailedSyncIsFinal) {
  ASSERT_TRUE(commit(*store, with_jobs({a_job(1)})));
  disk.fail_with(Fault::sync);
  ASSERT_FALSE(commit(*store, with_jobs({a_job(2)})));
  disk.fail_with(Fault::none);
  const int faults = disk.faults();
  const Status later = commit(*store, with_jobs({a_job(3)}));
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, ErrorCode::storage);
  EXPECT_EQ(disk.faults(), faults);
  EXPECT_FALSE(store->accepts_work());
  const std::size_t jobs = jobs_after_reopening();
  EXPECT_GE(jobs, 1U);
  EXPECT_LE(jobs, 2U) << "the third was never tried";
}

// The child: commits jobs one after the other and in bursts, and tells of each that was answered.
[[noreturn]] void commit_until_killed(const std::string& database, std::uint32_t first, int acks) {
  const std::unique_ptr<Store> store = open_store(database);
  const auto tell = [acks](std::uint32_t id) {
    return [acks, id](const Status& status) {
      if (!status || ::write(acks, &id, sizeof id) != static_cast<ssize_t>(sizeof id)) ::_exit(1);
    };
  };
  for (std::uint32_t id = first;; id += 4) {
    for (std::uint32_t i = 0; i < 3; ++i) store->commit(with_jobs({a_job(id + i)}), tell(id + i));
    if (!commit(*store, with_jobs({a_job(id + 3)}))) ::_exit(1);
  }
}

TEST(KillTest, NothingAnsweredIsLost) {
  const TemporaryFolder folder;
  std::set<std::uint32_t> answered;
  std::uint32_t first = 1;
  for (int round = 0; round < 5; ++round) {
    Result<base::FdPair> pipe = base::make_pipe();
    ASSERT_TRUE(pipe);
    const pid_t child = ::fork();
    if (child == 0) commit_until_killed(folder.database(), first, pipe->second.get());
    ASSERT_GT(child, 0);
    pipe->second.reset();
    std::uint32_t id = 0;
    std::size_t left = 40 + static_cast<std::size_t>(round) * 17;
    while (::read(pipe->first.get(), &id, sizeof id) == static_cast<ssize_t>(sizeof id)) {
      answered.insert(id);
      if (--left == 0) {
        ASSERT_EQ(::kill(child, SIGKILL), 0);
      }
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    first = *answered.rbegin() + 1000;
  }
  std::set<std::uint32_t> present;
  const auto store = open_store(folder.database());
  for (const model::JobPtr& job : load_from(*store).jobs) present.insert(job->id.value);
  EXPECT_GT(answered.size(), 300U);
  EXPECT_TRUE(std::ranges::includes(present, answered));
}

}  // namespace
}  // namespace sluice::store
