// The life of a step: batch scripts, tasks whose output goes to srun, input, terminals, signals,
// reconnections, and the end.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "test/unit/stepd/mini_launcher.hpp"
#include "test/unit/stepd/step_world.hpp"

namespace sluice::stepd_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

wire::LaunchStep shell(std::uint32_t tasks, const std::string& command) {
  wire::LaunchStep launch = a_launch(tasks);
  launch.spec.argv = {"sh", "-c", command};
  return launch;
}

wire::LaunchStep batch_in(const StepWorld& world, const std::string& script) {
  wire::LaunchStep launch = a_batch(script);
  launch.spec.work_dir = world.dir() + "/home";
  return launch;
}

TEST(BatchStep, RunsTheScriptInItsFolderWithItsArguments) {
  StepWorld world;
  wire::LaunchStep launch =
      batch_in(world, "#!/bin/sh\necho \"$# $1 $2 $SLURM_JOB_ID\"\npwd\nexit 3\n");
  launch.spec.argv = {"job.sh", "a b", "c"};
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.file("home/slurm-7.out"), "2 a b c 7\n" + world.dir() + "/home\n");
  ASSERT_TRUE(world.started.has_value());
  EXPECT_TRUE(world.started->error.empty());
  EXPECT_EQ(world.exit_of(0), 3 << 8);
  EXPECT_EQ(world.done->exit_code, 3U << 8U);
}

TEST(BatchStep, KeepsARecordOfAnEndThatNobodyAcknowledged) {
  StepWorld world;
  world.start(batch_in(world, "#!/bin/sh\nexit 5\n"));
  ASSERT_TRUE(world.wait([&] { return world.done.has_value(); }));
  world.drop();
  ASSERT_TRUE(world.exited());
  const auto record = wire::decode<wire::StepDone>(world.file("step/record"));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->exit_code, 5U << 8U);
  EXPECT_EQ(record->usage.tasks, 1U);
}

TEST(BatchStep, EndsWithoutAnAgentByItsRecord) {
  StepWorld world;
  world.start(batch_in(world, "#!/bin/sh\nread line < go\nexit 4\n"));
  ASSERT_TRUE(world.wait([&] { return world.started.has_value(); }));
  world.drop();
  ASSERT_TRUE(base::append_file(world.dir() + "/home/go.tmp", "x\n").has_value());
  // The script fails to read a file that isn't there, and ends by itself.
  ASSERT_TRUE(world.exited());
  const auto record = wire::decode<wire::StepDone>(world.file("step/record"));
  ASSERT_TRUE(record.has_value());
}

TEST(BatchStep, FailsTheLaunchWithoutAnOutputFile) {
  StepWorld world;
  wire::LaunchStep launch = batch_in(world, "#!/bin/sh\nexit 0\n");
  launch.spec.std_out = "/no/such/folder/out";
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_THAT(std::string(world.started->error.view()), HasSubstr("/no/such/folder/out"));
  EXPECT_EQ(world.done->exit_code, 53U);
}

TEST(BatchStep, GoesToTmpWithoutItsFolder) {
  StepWorld world;
  wire::LaunchStep launch = batch_in(world, "#!/bin/sh\npwd\n");
  launch.spec.work_dir = "/no/such";
  launch.spec.std_out = world.dir() + "/home/out";
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.file("home/out"),
            "slurmstepd: error: couldn't chdir to `/no/such': No such file or directory: going to "
            "/tmp instead\n/tmp\n");
}

TEST(BatchStep, EmptiesOrAppends) {
  StepWorld world;
  ASSERT_TRUE(base::append_file(world.dir() + "/home/slurm-7.out", "old\n").has_value());
  wire::LaunchStep launch = batch_in(world, "#!/bin/sh\necho new\n");
  launch.spec.append_output = true;
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.file("home/slurm-7.out"), "old\nnew\n");
}

TEST(BatchStep, TellsItsErrorFileWhyItEnds) {
  StepWorld world;
  world.start(
      batch_in(world, "#!/bin/sh\ntrap 'exit 0' TERM\necho up\nwhile :; do sleep 0.02; done\n"));
  ASSERT_TRUE(world.wait([&] { return world.file("home/slurm-7.out") == "up\n"; }));
  wire::StepAbort notice;
  notice.reason = "CANCELLED AT 2026-01-02T03:04:05 DUE TO TIME LIMIT";
  world.send(notice);
  world.signal(SIGTERM);
  ASSERT_TRUE(world.finish());
  EXPECT_THAT(
      world.file("home/slurm-7.out"),
      HasSubstr("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-02T03:04:05 DUE TO "
                "TIME LIMIT ***\n"));
}

TEST(BatchStep, LeavesNothingBehind) {
  StepWorld world;
  world.start(batch_in(world, "#!/bin/sh\nsetsid sleep 300 &\necho $!\n"));
  ASSERT_TRUE(world.finish());
  const auto left = static_cast<pid_t>(std::atoi(world.file("home/slurm-7.out").c_str()));
  ASSERT_GT(left, 0);
  EXPECT_NE(::kill(left, 0), 0);
}

// Root's stepd becomes somebody else; an ordinary user's can only be itself.
TEST(BatchStep, RunsAsTheUser) {
  StepWorld world;
  wire::LaunchStep launch = batch_in(world, "#!/bin/sh\nid -u; id -g; umask\n");
  const bool root = ::geteuid() == 0;
  const std::uint32_t uid = root ? 65534 : ::getuid();
  const std::uint32_t gid = root ? 65534 : ::getgid();
  change_spec(launch, [&](model::JobSpec& spec) {
    spec.uid = uid;
    spec.gid = gid;
  });
  launch.gids = {gid};
  launch.spec.umask = 027;
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.file("home/slurm-7.out"),
            std::to_string(uid) + '\n' + std::to_string(gid) + "\n0027\n");
}

TEST(Step, SendsOutputOfEveryTask) {
  StepWorld world;
  world.start(shell(3, "echo out $SLURM_PROCID; echo err $SLURM_LOCALID >&2; exit $SLURM_PROCID"));
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(2), "out 2\n");
  EXPECT_EQ(world.output(1, wire::kStderr), "err 1\n");
  EXPECT_EQ(world.exit_of(0), 0);
  EXPECT_EQ(world.exit_of(2), 2 << 8);
  EXPECT_EQ(world.done->exit_code, 2U << 8U);
  EXPECT_TRUE(world.ended(0, wire::kStdout) && world.ended(2, wire::kStderr));
}

TEST(Step, SaysWhatCannotBeExecuted) {
  StepWorld world;
  wire::LaunchStep launch = a_launch(1);
  launch.spec.argv = {"nosuchcommand"};
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0, wire::kStderr),
            "slurmstepd: error: execve(): nosuchcommand: No such file or directory\n");
  EXPECT_EQ(world.exit_of(0), 2 << 8);
}

TEST(Step, SaysWhatMayNotBeExecuted) {
  StepWorld world;
  wire::LaunchStep launch = a_launch(1);
  launch.spec.argv = {"/etc/passwd"};
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.exit_of(0), 13 << 8);
}

TEST(Step, StopsReadingWhenTheWindowIsFull) {
  StepWorld world;
  world.acknowledges = false;
  world.start(shell(1, "head -c 1000000 /dev/zero | tr '\\0' x"));
  ASSERT_TRUE(world.wait([&] { return world.output(0).size() >= wire::kOutputWindow; }));
  EXPECT_EQ(world.output(0).size(), wire::kOutputWindow);
  world.acknowledges = true;
  world.acknowledge(0, wire::kStdout, world.output(0).size());
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0).size(), 1'000'000U);
  EXPECT_EQ(world.output(0).find_first_not_of('x'), std::string::npos);
}

TEST(Step, LosesNothingOverAReconnection) {
  StepWorld world;
  world.acknowledges = false;
  world.start(shell(1, "seq 1 2000; sleep 0.05; seq 2001 4000; exit 6"));
  ASSERT_TRUE(world.wait([&] { return world.output(0).size() > 5000; }));
  world.acknowledge(0, wire::kStdout, 5000);
  world.drop();
  ASSERT_TRUE(world.reconnect());
  wire::AttachStep attach;
  attach.positions = {{0, wire::kStdout, 5000}};
  world.acknowledges = true;
  world.send(attach);
  ASSERT_TRUE(world.finish());
  std::string wanted;
  for (int i = 1; i <= 4000; ++i) wanted += std::to_string(i) + '\n';
  EXPECT_EQ(world.output(0), wanted);
  EXPECT_EQ(world.exit_of(0), 6 << 8);
  EXPECT_EQ(world.hellos, 2);
}

TEST(Step, TellsALateAgentEverything) {
  StepWorld world;
  world.start(shell(2, "echo done; exit 7"));
  ASSERT_TRUE(world.wait([&] { return world.done.has_value(); }));
  world.drop();
  world.done.reset();
  world.exits.clear();
  world.started.reset();
  ASSERT_TRUE(world.reconnect());
  ASSERT_TRUE(world.finish());
  EXPECT_TRUE(world.started.has_value());
  EXPECT_EQ(world.exit_of(1), 7 << 8);
}

TEST(Step, FeedsInputToEveryTask) {
  StepWorld world;
  world.start(shell(2, "cat"));
  const std::string text(300'000, 'y');
  world.input(text, false);
  world.input("end\n", true);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0), text + "end\n");
  EXPECT_EQ(world.output(1), text + "end\n");
  EXPECT_EQ(world.input_taken, text.size() + 4);
}

TEST(Step, TakesInputThatNobodyReads) {
  StepWorld world;
  world.start(shell(1, "exec 0</dev/null; echo up; sleep 0.1"));
  ASSERT_TRUE(world.wait([&] { return world.output(0) == "up\n"; }));
  world.input(std::string(200'000, 'z'), true);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.input_taken, 200'000U);
}

TEST(Step, GivesInputToOneTask) {
  StepWorld world;
  wire::LaunchStep launch = shell(2, "cat");
  launch.spec.input = model::InputMode::one_task;
  launch.spec.input_task = 1;
  world.start(launch);
  world.input("hello\n", true);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0), "");
  EXPECT_EQ(world.output(1), "hello\n");
}

TEST(Step, OpensAFileForEachTask) {
  StepWorld world;
  wire::LaunchStep launch = shell(2, "echo $SLURM_PROCID; echo e >&2");
  launch.spec.work_dir = world.dir() + "/home";
  launch.spec.std_out = "o-%j.%s-%2t-%N";
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.file("home/o-7.0-01-n1"), "1\ne\n");
}

TEST(Step, SharesOneFileOfAllTasks) {
  StepWorld world;
  ASSERT_TRUE(base::append_file(world.dir() + "/home/all", "old\n").has_value());
  wire::LaunchStep launch = shell(4, "echo line $SLURM_PROCID");
  launch.spec.work_dir = world.dir() + "/home";
  launch.spec.std_out = "all";
  world.start(launch);
  ASSERT_TRUE(world.finish());
  const std::string all = world.file("home/all");
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 4);
  for (const char* line : {"line 0\n", "line 1\n", "line 2\n", "line 3\n"}) {
    EXPECT_THAT(all, HasSubstr(line));
  }
}

TEST(Step, HasATerminalOfTheRightSize) {
  StepWorld world;
  wire::LaunchStep launch =
      shell(1, "stty size; read x; stty size; tty < /dev/tty >/dev/null && echo tty");
  launch.spec.pty = true;
  launch.spec.rows = 30;
  launch.spec.columns = 90;
  world.start(launch);
  ASSERT_TRUE(world.wait([&] { return world.output(0).find("30 90") != std::string::npos; }));
  world.send(wire::WindowSize{40, 120});
  world.input("go\n", false);
  ASSERT_TRUE(world.finish());
  EXPECT_THAT(world.output(0), HasSubstr("go\r\n40 120\r\ntty\r\n"));
  EXPECT_EQ(world.exit_of(0), 0);
}

TEST(Step, EndsATerminalsInputByItsEndCharacter) {
  StepWorld world;
  wire::LaunchStep launch = shell(1, "cat > /dev/null; echo over");
  launch.spec.pty = true;
  world.start(launch);
  world.input("x\n", true);
  ASSERT_TRUE(world.finish());
  EXPECT_THAT(world.output(0), HasSubstr("over\r\n"));
}

TEST(Step, IsSignalledAsAWhole) {
  StepWorld world;
  world.start(shell(2, "trap 'echo usr; exit 9' USR1; echo up; while :; do sleep 0.02; done"));
  ASSERT_TRUE(world.wait([&] { return world.output(0) == "up\n" && world.output(1) == "up\n"; }));
  world.signal(SIGUSR1, 1);
  ASSERT_TRUE(world.wait([&] { return world.exit_of(1) == 9 << 8; }));
  EXPECT_EQ(world.exit_of(0), -1);
  world.signal(SIGKILL);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.exit_of(0), SIGKILL);
}

TEST(Step, IsKilledWithAllThatItStarted) {
  StepWorld world;
  world.start(
      shell(1, "trap '' TERM; (setsid sleep 300 & echo $!); echo up; while :; do sleep 1; done"));
  ASSERT_TRUE(world.wait([&] { return world.output(0).find("up\n") != std::string::npos; }));
  world.signal(SIGTERM);
  world.signal(SIGKILL);
  ASSERT_TRUE(world.finish());
  const auto left = static_cast<pid_t>(std::atoi(world.output(0).c_str()));
  ASSERT_GT(left, 0);
  EXPECT_NE(::kill(left, 0), 0);
  EXPECT_EQ(world.done->exit_code, static_cast<unsigned>(SIGKILL));
}

TEST(Step, IsNotHeldByABackgroundProcessWithItsOutput) {
  StepWorld world;
  world.start(shell(1, "sleep 300 & echo main"));
  ASSERT_TRUE(world.finish(5000));
  EXPECT_EQ(world.output(0), "main\n");
  EXPECT_EQ(world.exit_of(0), 0);
}

TEST(Step, RunsPrologAndEpilogOfTasks) {
  StepWorld world;
  const std::string prolog = world.dir() + "/prolog";
  const std::string epilog = world.dir() + "/epilog";
  const base::WriteOptions program{0755, base::Durability::fast};
  ASSERT_TRUE(base::write_file_atomic(
      prolog, "#!/bin/sh\necho export FOO=a b\necho print hello\necho unset HOME\n", program));
  ASSERT_TRUE(base::write_file_atomic(
      epilog, "#!/bin/sh\necho $SLURM_PROCID > " + world.dir() + "/home/epilog\n", program));
  wire::LaunchStep launch = shell(1, "echo \"$FOO-$HOME\"");
  launch.spec.task_prolog = prolog;
  launch.spec.task_epilog = epilog;
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0), "hello\na b-\n");
  EXPECT_EQ(world.file("home/epilog"), "0\n");
}

TEST(Step, RunsOneProgramForEachTask) {
  StepWorld world;
  wire::LaunchStep launch = a_launch(3);
  launch.spec.multi_prog = true;
  launch.spec.argv = {"conf", "more"};
  launch.spec.multi_prog_text = "# comment\n0 echo zero %t\n1-2 echo '%t' %o\n";
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0), "zero 0 more\n");
  EXPECT_EQ(world.output(2), "%t 1 more\n");
}

TEST(Step, TellsItsUsage) {
  StepWorld world;
  world.start(shell(1, "echo up; read x"));
  ASSERT_TRUE(world.wait([&] { return world.output(0) == "up\n"; }));
  world.send(wire::QueryStep{});
  ASSERT_TRUE(world.wait([&] { return world.status.has_value(); }));
  ASSERT_EQ(world.status->tasks.size(), 1U);
  EXPECT_EQ(world.status->tasks[0].pid, world.started->tasks[0].pid);
  EXPECT_GT(world.status->usage.max_rss_kib, 0U);
  world.input("", true);
  ASSERT_TRUE(world.finish());
  EXPECT_GT(world.done->usage.max_rss_kib, 0U);
}

TEST(Step, FailsWithoutAPlugin) {
  StepWorld world;
  wire::LaunchStep launch = shell(1, "true");
  launch.spec.mpi = "nosuch";
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.started->error, Text("Invalid MPI type 'nosuch'"));
  EXPECT_EQ(world.exit_of(0), 1 << 8);
}

TEST(Step, GivesTasksTheirMpiVariables) {
  StepWorld world;
  world.settings.plugin_dir = plugin_directory();
  wire::LaunchStep launch = shell(2, "echo $PMI_RANK/$PMI_SIZE; test -S /proc/self/fd/$PMI_FD");
  launch.spec.mpi = "pmi2";
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0), "0/2\n");
  EXPECT_EQ(world.output(1), "1/2\n");
  EXPECT_EQ(world.exit_of(1), 0);
  // Its folder is gone with it.
  for (const auto& entry : std::filesystem::directory_iterator(world.dir())) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("mpi.")) << entry.path();
  }
}

TEST(Step, AppliesLimits) {
  StepWorld world;
  wire::LaunchStep launch = shell(1, "ulimit -n");
  launch.spec.limits.assign(8, 0xfffffffffffffffe);
  launch.spec.limits[7] = 123;  // RLIMIT_NOFILE
  world.start(launch);
  ASSERT_TRUE(world.finish());
  EXPECT_EQ(world.output(0), "123\n");
}

}  // namespace
}  // namespace sluice::stepd_test
