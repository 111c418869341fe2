// Descriptors, files and trees, in a directory of its own.
#include "base/file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/fd.hpp"

namespace sluice::base {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string pattern = ::testing::TempDir() + "sluice_file_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  ~Files() override { EXPECT_TRUE(remove_tree(directory_)); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

 private:
  std::string directory_;
};

TEST_F(Files, WriteThenRead) {
  ASSERT_TRUE(write_file_atomic(path("f"), "one", {0600, Durability::synced}));
  EXPECT_EQ(read_file(path("f"), 3), "one");
  EXPECT_FALSE(read_file(path("f"), 2));
  struct stat status {};
  ASSERT_EQ(stat(path("f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  ASSERT_TRUE(write_file_atomic(path("f"), ""));
  EXPECT_EQ(read_file(path("f"), 0), "");
  const std::string large(200000, 'x');
  ASSERT_TRUE(write_file_atomic(path("f"), large));
  EXPECT_EQ(read_file(path("f"), 1 << 20), large);
}

TEST_F(Files, FailedWriteLeavesNothing) {
  ASSERT_TRUE(make_directories(path("d/f")));
  EXPECT_FALSE(write_file_atomic(path("d/f"), "x"));  // a directory is in the way
  ASSERT_EQ(rmdir(path("d/f").c_str()), 0);
  EXPECT_EQ(rmdir(path("d").c_str()), 0);  // so no temporary file is left
}

TEST_F(Files, AppendAddsToTheEnd) {
  ASSERT_TRUE(append_file(path("f"), "a\n"));
  ASSERT_TRUE(append_file(path("f"), "b\n"));
  EXPECT_EQ(read_file(path("f"), 100), "a\nb\n");
}

TEST_F(Files, ReadsRegularFilesOnly) {
  EXPECT_EQ(read_file(path("none"), 10).error().code, ErrorCode::not_found);
  EXPECT_FALSE(read_file(path(""), 10));
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_file(path("fifo"), 10));
  EXPECT_TRUE(read_kernel_file("/proc/self/stat"));
}

TEST_F(Files, MakeDirectories) {
  EXPECT_TRUE(make_directories(path("a/b/c")));
  EXPECT_TRUE(make_directories(path("a/b/c/")));
  EXPECT_TRUE(file_exists(path("a/b/c")));
  ASSERT_TRUE(write_file_atomic(path("f"), ""));
  EXPECT_EQ(make_directories(path("f/x")).error().code, ErrorCode::already_exists);
}

TEST_F(Files, RemoveTreeFollowsNoLink) {
  ASSERT_TRUE(make_directories(path("outside")));
  ASSERT_TRUE(write_file_atomic(path("outside/kept"), "x"));
  ASSERT_TRUE(make_directories(path("tree/a/b")));
  ASSERT_TRUE(write_file_atomic(path("tree/a/b/f"), "x"));
  ASSERT_EQ(symlink("../outside", path("tree/link").c_str()), 0);
  ASSERT_EQ(symlink("outside", path("top").c_str()), 0);
  EXPECT_TRUE(remove_tree(path("tree/")));
  EXPECT_FALSE(file_exists(path("tree")));
  EXPECT_TRUE(remove_tree(path("top/")));
  EXPECT_FALSE(file_exists(path("top")));
  EXPECT_TRUE(file_exists(path("outside/kept")));
}

TEST_F(Files, RemoveTreeEdges) {
  EXPECT_TRUE(remove_tree(path("none")));
  EXPECT_TRUE(remove_tree(path("none/deeper")));
  EXPECT_FALSE(remove_tree("/"));
  EXPECT_FALSE(remove_tree(path(".")));
  EXPECT_FALSE(remove_tree(path("..")));
  EXPECT_FALSE(remove_tree(""));
}

TEST(Fd, OwnsAndCloses) {
  int raw = -1;
  {
    auto pair = make_pipe();
    ASSERT_TRUE(pair);
    raw = pair->first.get();
    EXPECT_EQ(fcntl(raw, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    UniqueFd moved = std::move(pair->first);
    EXPECT_EQ(moved.get(), raw);
    EXPECT_FALSE(pair->first.is_open());
  }
  EXPECT_EQ(fcntl(raw, F_GETFD), -1);
}

TEST(Fd, FlagsAndDuplicates) {
  auto pair = make_socket_pair(SOCK_STREAM);
  ASSERT_TRUE(pair);
  ASSERT_TRUE(set_nonblocking(pair->first.get()));
  EXPECT_NE(fcntl(pair->first.get(), F_GETFL) & O_NONBLOCK, 0);
  ASSERT_TRUE(set_blocking(pair->first.get()));
  EXPECT_EQ(fcntl(pair->first.get(), F_GETFL) & O_NONBLOCK, 0);
  ASSERT_TRUE(keep_on_exec(pair->first.get()));
  EXPECT_EQ(fcntl(pair->first.get(), F_GETFD), 0);
  const auto copy = duplicate(pair->first.get());
  ASSERT_TRUE(copy);
  EXPECT_EQ(fcntl(copy->get(), F_GETFD), FD_CLOEXEC);
  EXPECT_FALSE(duplicate(-1));
}

TEST(Fd, WriteThenReadToTheEnd) {
  auto pair = make_pipe();
  ASSERT_TRUE(pair);
  ASSERT_TRUE(write_all(pair->second.get(), "hello"));
  pair->second.reset();
  EXPECT_EQ(read_to_end(pair->first.get(), 5), "hello");
  EXPECT_EQ(errno_error("x", ENOENT),
            (Error{ErrorCode::not_found, "x: No such file or directory"}));
}

}  // namespace
}  // namespace sluice::base
