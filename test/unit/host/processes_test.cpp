// Finding processes without cgroups: descendants, sessions, and runaways that only their
// environment gives away.
#include "daemon/worker/host/processes.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include <gtest/gtest.h>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace sluice::worker {
namespace {

// A process that forks twice, leaves the session and loses its parent, as daemons do. Its number
// comes through a pipe; it sleeps for ever with the marker in its environment.
pid_t start_runaway(const std::string& marker) {
  auto pipe = base::make_pipe();
  if (!pipe) return -1;
  const pid_t first = ::fork();
  if (first == 0) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    const pid_t self = ::getpid();
    if (::write(pipe->second.get(), &self, sizeof(self)) < 0) ::_exit(1);
    std::string entry = marker;
    std::array<char*, 2> env = {entry.data(), nullptr};
    std::array<char*, 3> argv = {const_cast<char*>("sleep"), const_cast<char*>("1000"), nullptr};
    ::execve("/bin/sleep", argv.data(), env.data());
    ::_exit(1);
  }
  ::waitpid(first, nullptr, 0);
  pid_t runaway = -1;
  if (::read(pipe->first.get(), &runaway, sizeof(runaway)) < 0) return -1;
  // The marker counts from the exec on, which closes the pipe's other end.
  pipe->second.reset();
  char end = 0;
  static_cast<void>(::read(pipe->first.get(), &end, 1));
  // The kernel closes the pipe a moment before it shows the new environment.
  for (int i = 0; i < 100'000 && !has_environment(runaway, marker); ++i) ::sched_yield();
  return runaway;
}

TEST(Processes, ARunawayIsFoundByItsMarkerAndKilled) {
  const std::string marker = "SLUICE_TEST_MARK=" + std::to_string(::getpid());
  const pid_t runaway = start_runaway(marker);
  ASSERT_GT(runaway, 0);
  EXPECT_TRUE(has_environment(runaway, marker));
  EXPECT_FALSE(has_environment(runaway, marker + "0"));
  ProcessQuery query;
  query.uid = ::getuid();
  query.markers = {marker};
  EXPECT_EQ(find_processes(query), std::vector<pid_t>{runaway});
  query.except = {runaway};
  EXPECT_TRUE(find_processes(query).empty());
  query.except.clear();
  EXPECT_EQ(signal_processes(query, SIGKILL), 1U);
  for (int i = 0; i < 10'000 && !find_processes(query).empty(); ++i) ::sched_yield();
  EXPECT_TRUE(find_processes(query).empty());
}

TEST(Processes, AllMarkersAreNeeded) {
  const std::string marker = "SLUICE_TEST_MARK2=" + std::to_string(::getpid());
  const pid_t runaway = start_runaway(marker);
  ASSERT_GT(runaway, 0);
  ProcessQuery query;
  query.markers = {marker, "OTHER=1"};
  EXPECT_TRUE(find_processes(query).empty());
  ::kill(runaway, SIGKILL);
}

TEST(Processes, DescendantsAndSessions) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    ::pause();
    ::_exit(0);
  }
  ProcessQuery by_parent;
  by_parent.ancestors = {::getpid()};
  const auto family = find_processes(by_parent);
  EXPECT_NE(std::find(family.begin(), family.end(), child), family.end());
  EXPECT_EQ(std::find(family.begin(), family.end(), ::getpid()), family.end());
  ProcessQuery by_session;
  by_session.sessions = {child};
  for (int i = 0; i < 10'000 && find_processes(by_session).empty(); ++i) ::sched_yield();
  EXPECT_EQ(find_processes(by_session), std::vector<pid_t>{child});
  by_session.uid = ::getuid() + 1;
  EXPECT_TRUE(find_processes(by_session).empty());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(Processes, AShellIsSignalledBeforeItsCommand) {
  for (int round = 0; round < 20; ++round) {
    const pid_t shell = ::fork();
    if (shell == 0) {
      ::setsid();
      ::execl("/bin/sh", "sh", "-c", "sleep 1000; exit 3", nullptr);
      ::_exit(1);
    }
    ProcessQuery both;
    both.sessions = {shell};
    // Two with a command of their own: both have done their exec.
    const auto sleeps = [&] {
      const std::vector<pid_t> found = find_processes(both);
      return found.size() == 2 && base::read_kernel_file("/proc/" + std::to_string(found[1]) +
                                                         "/comm") == std::string("sleep\n");
    };
    for (int i = 0; i < 100'000 && !sleeps(); ++i) ::sched_yield();
    EXPECT_EQ(signal_processes(both, SIGTERM), 2U);
    int status = 0;
    ASSERT_EQ(::waitpid(shell, &status, 0), shell);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the shell exited with " << WEXITSTATUS(status);
    EXPECT_EQ(WTERMSIG(status), SIGTERM);
  }
}

TEST(Processes, AnEmptyQueryFindsNothing) {
  EXPECT_TRUE(find_processes(ProcessQuery{}).empty());
  EXPECT_EQ(signal_processes(ProcessQuery{}, 0), 0U);
}

}  // namespace
}  // namespace sluice::worker
