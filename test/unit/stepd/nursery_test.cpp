// The nursery makes stepds that are named after their steps, and is replaced when it dies.
#include "daemon/worker/host/nursery.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "test/unit/stepd/step_world.hpp"

namespace sluice::stepd_test {
namespace {

using testing::HasSubstr;

wire::LaunchStep shell(const std::string& command) {
  wire::LaunchStep launch = a_launch(1);
  launch.spec.argv = {"sh", "-c", command};
  return launch;
}

TEST(Nursery, MakesOneStepdForEachStep) {
  stepd::Nursery nursery(stepd_program(), "/tmp");
  StepWorld first;
  StepWorld second;
  first.nursery = &nursery;
  second.nursery = &nursery;
  first.start(shell("tr '\\0' ' ' < /proc/$PPID/cmdline; exit 3"));
  second.start(shell("exit 4"));
  ASSERT_TRUE(first.finish());
  ASSERT_TRUE(second.finish());
  EXPECT_EQ(first.exit_of(0), 3 << 8);
  EXPECT_EQ(second.exit_of(0), 4 << 8);
  EXPECT_THAT(first.output(0), HasSubstr("sluice-stepd --dir " + first.settings.step_dir));
}

TEST(Nursery, IsReplacedWhenItDies) {
  stepd::Nursery nursery(stepd_program(), "/tmp");
  StepWorld first;
  first.nursery = &nursery;
  first.start(shell("ps -o ppid= -p $PPID; read x; exit 3"));
  ASSERT_TRUE(first.wait([&] { return first.output(0).find('\n') != std::string::npos; }));
  const auto pid = static_cast<pid_t>(std::atoi(first.output(0).c_str()));
  ASSERT_GT(pid, 1);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  // It is our child: what was asked of it before it is gone would be lost with it.
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  StepWorld second;
  second.nursery = &nursery;
  second.start(shell("exit 5"));
  ASSERT_TRUE(second.finish());
  EXPECT_EQ(second.exit_of(0), 5 << 8);
  first.input("", true);
  ASSERT_TRUE(first.finish());
  EXPECT_EQ(first.exit_of(0), 3 << 8);
}

TEST(Nursery, RefusesAFolderWithoutAName) {
  stepd::Nursery nursery(stepd_program(), "/tmp");
  auto pair = base::make_socket_pair(SOCK_STREAM);
  ASSERT_TRUE(pair.has_value());
  EXPECT_FALSE(nursery.hatch("", pair->second).has_value());
}

}  // namespace
}  // namespace sluice::stepd_test
