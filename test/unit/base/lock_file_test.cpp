// One owner at a time, and the patience with one that is about to be gone.
#include "base/lock_file.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.hpp"

namespace sluice::base {
namespace {

class LockFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "lock.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/lock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(LockFile, NamesTheOneWhoHasIt) {
  const auto mine = take_lock(path_, "sluiced");
  ASSERT_TRUE(mine);
  const auto second = take_lock(path_, "sluiced");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_EQ(second.error().text,
            "another sluiced (pid " + std::to_string(::getpid()) + ") uses this state");
}

TEST_F(LockFile, IsFreeWhenItsDescriptorIsClosed) {
  { ASSERT_TRUE(take_lock(path_, "sluiced")); }
  EXPECT_TRUE(take_lock(path_, "sluiced"));
}

TEST_F(LockFile, WaitsForAnOwnerThatIsGoing) {
  auto held = take_lock(path_, "sluiced");
  ASSERT_TRUE(held);
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(gone, nullptr, 0), gone);
  const std::string pid = std::to_string(gone) + "\n";
  ASSERT_EQ(::ftruncate(held->get(), 0), 0);
  ASSERT_EQ(::pwrite(held->get(), pid.data(), pid.size(), 0), static_cast<ssize_t>(pid.size()));
  Result<UniqueFd> next = fail(ErrorCode::failure);
  std::thread other([&] { next = take_lock(path_, "sluiced"); });
  held->reset();
  other.join();
  EXPECT_TRUE(next) << next.error().text;
}

TEST(LockOwner, IsEndingByItsStateOrItsFlags) {
  EXPECT_FALSE(is_ending("7 (sluicectld) S 1 7 7 0 -1 4194560 100 0"));
  EXPECT_FALSE(is_ending("7 (a) Z b) S 1 7 7 0 -1 4194560 100 0"));
  EXPECT_TRUE(is_ending("7 (sluicectld) Z 1 7 7 0 -1 4194564 100 0"));
  EXPECT_TRUE(is_ending("7 (sluicectld) D 1 7 7 0 -1 4194564 100 0"));
  EXPECT_TRUE(is_ending(""));
}

}  // namespace
}  // namespace sluice::base
