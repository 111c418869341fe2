// Becoming a user and opening files as one. With root's rights the user is nobody (65534); without
// them a process can only stay who it is, and that is tested instead.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include <gtest/gtest.h>

#include "auth/user/become_user.hpp"
#include "auth/user/open_as_user.hpp"
#include "base/file.hpp"

namespace sluice::auth {
namespace {

constexpr uid_t kNobody = 65534;

bool is_root() { return ::geteuid() == 0; }

UserIdentity somebody() {
  if (is_root()) return {.uid = kNobody, .gid = kNobody, .groups = {kNobody, 12345}};
  return {.uid = ::geteuid(), .gid = ::getegid()};
}

// The exit code of a child that runs the function.
int in_child(const std::function<int()>& function) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(function());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class UserTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "sluice_user_" + std::to_string(::getpid());
    ASSERT_TRUE(base::make_directories(folder_, 0755));
    ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  }
  void TearDown() override { EXPECT_TRUE(base::remove_tree(folder_)); }

  std::string folder_;
};

TEST_F(UserTest, BecomesTheUserWithAllIdsAndGroupsForGood) {
  const UserIdentity user = somebody();
  EXPECT_EQ(in_child([&] {
              if (become_user(user) != 0) return 1;
              if (::getuid() != user.uid || ::geteuid() != user.uid) return 2;
              if (::getgid() != user.gid || ::getegid() != user.gid) return 3;
              if (user.uid != 0 && ::setuid(0) == 0) return 4;
              if (user.uid != 0 && is_root()) return 5;
              return 0;
            }),
            0);
  if (!is_root()) return;
  EXPECT_EQ(in_child([&] {
              if (become_user(user) != 0) return 1;
              gid_t groups[8];
              return ::getgroups(8, groups) == 2 && groups[0] == 12345 ? 0 : 2;
            }),
            0);
}

TEST_F(UserTest, RefusesIdsThatMeanNoChange) {
  EXPECT_EQ(become_user({.uid = static_cast<uid_t>(-1), .gid = 0}), EINVAL);
  EXPECT_EQ(become_user({.uid = 0, .gid = static_cast<gid_t>(-1)}), EINVAL);
}

TEST_F(UserTest, AnUnprivilegedProcessBecomesNobodyElse) {
  const UserIdentity user = somebody();
  EXPECT_EQ(in_child([&] {
              become_user_or_exit(user, 99);
              UserIdentity other = user;
              other.uid += 1;
              return become_user(other) == EPERM && become_user(user) == 0 ? 0 : 1;
            }),
            0);
  EXPECT_EQ(in_child([&] {
              become_user_or_exit(user, 99);
              UserIdentity other = user;
              other.gid += 1;
              become_user_or_exit(other, 42);
              return 0;
            }),
            42);
}

TEST_F(UserTest, NewFilesBelongToTheUser) {
  const UserIdentity user = somebody();
  const auto file = open_as_user(user, {.path = "out.txt",
                                        .directory = folder_,
                                        .flags = O_WRONLY | O_CREAT | O_TRUNC,
                                        .mode = 0666,
                                        .umask = 027});
  ASSERT_TRUE(file) << file.error().text;
  struct stat found {};
  ASSERT_EQ(::fstat(file->get(), &found), 0);
  EXPECT_EQ(found.st_uid, user.uid);
  EXPECT_EQ(found.st_gid, user.gid);
  EXPECT_EQ(found.st_mode & 0777U, 0640U);
  ASSERT_TRUE(base::write_all(file->get(), "hello"));
  EXPECT_EQ(*base::read_file(folder_ + "/out.txt", 100), "hello");
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(UserTest, OpensNothingThatTheUserMayNot) {
  const UserIdentity user = somebody();
  const auto absent = open_as_user(user, {.path = folder_ + "/absent"});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  EXPECT_FALSE(open_as_user(user, {.path = "x", .directory = folder_ + "/no/folder"}));
  const auto secret = open_as_user(user, {.path = "/proc/1/environ"});
  if (is_root()) {
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().code, ErrorCode::access_denied);
    ASSERT_TRUE(base::write_file_atomic(folder_ + "/root_only", "x", {.mode = 0600}));
    ASSERT_EQ(::symlink((folder_ + "/root_only").c_str(), (folder_ + "/trap").c_str()), 0);
    EXPECT_FALSE(open_as_user(user, {.path = folder_ + "/trap", .flags = O_WRONLY | O_TRUNC}));
    EXPECT_EQ(*base::read_file(folder_ + "/root_only", 10), "x");
  }
}

TEST_F(UserTest, AFifoWithoutAReaderTimesOutAndLeavesNoChild) {
  const std::string path = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const auto file = open_as_user(somebody(), {.path = path, .flags = O_WRONLY, .timeout_ms = 30});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::unavailable);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(UserTest, BeneathMeansBeneath) {
  ASSERT_TRUE(base::make_directories(folder_ + "/tree/inner"));
  ASSERT_TRUE(base::write_file_atomic(folder_ + "/tree/inner/file", "inside"));
  ASSERT_TRUE(base::write_file_atomic(folder_ + "/outside", "outside"));
  ASSERT_EQ(::symlink("inner/file", (folder_ + "/tree/link").c_str()), 0);
  const auto tree = base::open_file(folder_ + "/tree", O_PATH | O_DIRECTORY);
  ASSERT_TRUE(tree);
  EXPECT_TRUE(open_beneath(tree->get(), "inner/file", O_RDONLY));
  EXPECT_TRUE(open_beneath(tree->get(), "inner", O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(open_beneath(tree->get(), "inner/new", O_WRONLY | O_CREAT, 0600));
  EXPECT_FALSE(open_beneath(tree->get(), "../outside", O_RDONLY));
  EXPECT_FALSE(open_beneath(tree->get(), "inner/../../outside", O_RDONLY));
  EXPECT_FALSE(open_beneath(tree->get(), folder_ + "/outside", O_RDONLY));
  EXPECT_FALSE(open_beneath(tree->get(), "link", O_RDONLY));
}

TEST_F(UserTest, UsersAreResolvedWithTheirGroups) {
  const auto root = resolve_user(uid_t{0});
  ASSERT_TRUE(root) << root.error().text;
  EXPECT_EQ(root->name, "root");
  EXPECT_FALSE(root->groups.empty());
  EXPECT_EQ(resolve_user("root")->uid, 0U);
  EXPECT_FALSE(resolve_user(uid_t{3'999'999'999U}));
  const UserIdentity bare = resolve_user_or_bare(3'999'999'999U, 77);
  EXPECT_EQ(bare.groups, std::vector<gid_t>{77});
}

}  // namespace
}  // namespace sluice::auth
