// CgroupTree on the kernel's real groups, on each hierarchy that this machine lets us use: version
// 1 controllers, and a unified tree if one is mounted beside them. Skipped where nothing is
// writable.
#include "daemon/worker/host/cgroup.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::worker {
namespace {

const CgroupMounts& probed() {
  static const CgroupMounts mounts = probe_cgroups();
  return mounts;
}

// The unified tree beside version 1 has no controllers, but tracks.
CgroupMounts unified() {
  CgroupMounts mounts;
  const std::string at = "/sys/fs/cgroup/unified";
  if (probed().version != CgroupVersion::v1 ||
      ::access((at + "/cgroup.procs").c_str(), W_OK) != 0 ||
      (::mkdir((at + "/sluice").c_str(), 0755) != 0 && errno != EEXIST)) {
    return mounts;
  }
  mounts.version = CgroupVersion::v2;
  mounts.track = mounts.freezer = mounts.cpuacct = at;
  return mounts;
}

const CgroupMounts& mounts_of(bool is_unified) {
  static const CgroupMounts beside = unified();
  return is_unified ? beside : probed();
}

std::vector<bool> usable_hierarchies() {
  std::vector<bool> usable;
  for (const bool is_unified : {false, true}) {
    if (mounts_of(is_unified).version != CgroupVersion::none) usable.push_back(is_unified);
  }
  return usable;
}

// Those with all controllers.
std::vector<bool> confining_hierarchies() {
  std::vector<bool> usable = usable_hierarchies();
  std::erase_if(usable, [](bool is_unified) {
    const CgroupMounts& mounts = mounts_of(is_unified);
    return mounts.memory.empty() || mounts.cpuset.empty() || mounts.pids.empty() ||
           mounts.devices.empty() || mounts.cpuacct.empty();
  });
  return usable;
}

class Cgroup : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    tree_ = CgroupTree(mounts_of(GetParam()), "test-" + std::to_string(::getpid()));
    ASSERT_TRUE(tree_.usable());
    const auto prepared = tree_.prepare_node();
    ASSERT_TRUE(prepared.has_value()) << prepared.error().text;
  }
  void TearDown() override {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    for (const CgroupName& left : tree_.jobs()) settle(left);
    const auto removed = tree_.remove_node();
    EXPECT_TRUE(removed.has_value()) << removed.error().text;
  }

  void settle(const CgroupName& group) {
    for (int i = 0; i < 100'000 && !tree_.remove(group); ++i) ::sched_yield();
    EXPECT_FALSE(tree_.exists(group));
  }
  void make(const CgroupName& group, const CgroupLimits& limits = {}) {
    const auto made = tree_.create(group, limits);
    ASSERT_TRUE(made.has_value()) << made.error().text;
  }
  // A child in the group that does `work` and ends by what it returns.
  template <class Work>
  pid_t start_in(const CgroupName& group, Work work) {
    const pid_t pid = tree_.fork_into(group);
    if (pid == 0) {
      if (!tree_.attach(group, 0)) ::_exit(120);
      ::_exit(work());
    }
    children_.push_back(pid);
    return pid;
  }
  pid_t start_sleeper(const CgroupName& group) {
    return start_in(group, [] { return ::pause() == 0 ? 0 : 1; });
  }
  int wait_for(pid_t pid) {
    int status = -1;
    ::waitpid(pid, &status, 0);
    std::erase(children_, pid);
    return status;
  }

  CgroupTree tree_{CgroupMounts{}, ""};
  std::vector<pid_t> children_;
};

class ConfiningCgroup : public Cgroup {};

TEST_P(Cgroup, TracksAndKillsWhateverForks) {
  const CgroupName job = job_group(7);
  const CgroupName step = step_group(job, "0");
  make(job);
  make(step);
  EXPECT_TRUE(tree_.is_empty(job));
  const pid_t pid = start_in(step, [] {
    ::setsid();
    if (::fork() == 0) ::pause();  // in the group, though nobody's child soon
    return 3;
  });
  EXPECT_EQ(WEXITSTATUS(wait_for(pid)), 3);
  const auto left = tree_.pids(job);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_FALSE(tree_.is_empty(job));
  const auto busy = tree_.remove(job);
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().code, ErrorCode::busy);
  EXPECT_EQ(tree_.kill_all(job, SIGKILL).value_or(0), 1U);
  settle(job);
  EXPECT_TRUE(tree_.is_empty(job));
  EXPECT_TRUE(tree_.remove(job).has_value());
}

TEST_P(Cgroup, AFrozenGroupStandsAndCanBeKilled) {
  const CgroupName job = job_group(8);
  make(job);
  const CgroupName step = step_group(job, "batch");
  make(step);
  const pid_t pid = start_sleeper(step);
  while (tree_.is_empty(step)) ::sched_yield();
  ASSERT_TRUE(tree_.freeze(step).has_value());
  for (int i = 0; i < 100'000 && !tree_.is_frozen(step); ++i) ::sched_yield();
  EXPECT_TRUE(tree_.is_frozen(step));
  EXPECT_EQ(tree_.kill_all(job, SIGKILL).value_or(0), 1U);
  const int status = wait_for(pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_P(Cgroup, ThawedProcessesGoOn) {
  const CgroupName job = job_group(9);
  make(job);
  const CgroupName step = step_group(job, "0");
  make(step);
  const pid_t pid = start_sleeper(step);
  while (tree_.is_empty(step)) ::sched_yield();
  ASSERT_TRUE(tree_.freeze(step).has_value());
  ASSERT_TRUE(tree_.thaw(step).has_value());
  EXPECT_FALSE(tree_.is_frozen(step));
  EXPECT_EQ(tree_.kill_all(step, SIGTERM).value_or(0), 1U);
  EXPECT_EQ(WTERMSIG(wait_for(pid)), SIGTERM);
}

TEST_P(Cgroup, ListsJobsAndStepsAfterARestart) {
  make(job_group(1));
  make(step_group(job_group(1), "0"));
  make(step_group(job_group(1), "batch"));
  make(job_group(2));
  const CgroupTree again(tree_.mounts(), "test-" + std::to_string(::getpid()));
  auto jobs = again.jobs();
  std::sort(jobs.begin(), jobs.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  EXPECT_EQ(jobs, (std::vector<CgroupName>{job_group(1), job_group(2)}));
  EXPECT_EQ(again.children(job_group(1)).size(), 2U);
  EXPECT_EQ(again.remove_node().error().code, ErrorCode::busy);
}

TEST_P(Cgroup, AGroupThatIsMissingIsEmptyAndGone) {
  const CgroupName none = job_group(99);
  EXPECT_FALSE(tree_.exists(none));
  EXPECT_TRUE(tree_.is_empty(none));
  EXPECT_TRUE(tree_.remove(none).has_value());
  EXPECT_EQ(tree_.kill_all(none, SIGKILL).value_or(1), 0U);
  EXPECT_FALSE(tree_.remove({}).has_value());
}

TEST_P(Cgroup, AttachMovesAnotherProcess) {
  const CgroupName job = job_group(5);
  make(job);
  const CgroupName step = step_group(job, "0");
  make(step);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  children_.push_back(pid);
  ASSERT_TRUE(tree_.attach(task_group(step, 3), pid).has_value());  // no task group: into the step
  EXPECT_EQ(tree_.pids(step), std::vector<pid_t>{pid});
}

TEST_P(Cgroup, LimitsWithoutAControllerAreNoError) {
  CgroupLimits limits;
  limits.memory_mib = 64;
  limits.cpus = "0";
  limits.pids = 10;
  limits.confine_devices = true;
  make(job_group(20), limits);
  EXPECT_TRUE(tree_.exists(job_group(20)));
  EXPECT_EQ(tree_.memory(job_group(20)).oom_kills, 0U);
}

TEST_P(ConfiningCgroup, MemoryOverTheLimitIsAnOomKill) {
  const CgroupName job = job_group(10);
  CgroupLimits limits;
  limits.memory_mib = 16;
  make(job, limits);
  const CgroupName step = step_group(job, "0");
  make(step);
  const pid_t pid = start_in(step, [] {
    constexpr std::size_t kSize = 64U << 20U;
    void* memory =
        ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, kSize);
    return 0;
  });
  const int status = wait_for(pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  const CgroupMemory memory = tree_.memory(job);
  EXPECT_EQ(memory.oom_kills, 1U);
  EXPECT_GT(memory.peak_kib, 15U * 1024);
  EXPECT_LE(memory.peak_kib, 16U * 1024);
}

TEST_P(ConfiningCgroup, LimitsCanChangeUpAndDown) {
  const CgroupName job = job_group(11);
  CgroupLimits limits;
  for (const std::uint64_t mib : {64U, 32U, 128U}) {
    limits.memory_mib = mib;
    const auto set = mib == 64 ? tree_.create(job, limits) : tree_.change(job, limits);
    ASSERT_TRUE(set.has_value()) << set.error().text;
  }
  EXPECT_EQ(tree_.change(job_group(12), limits).error().code, ErrorCode::not_found);
}

TEST_P(ConfiningCgroup, CpusAreConfined) {
  const CgroupName job = job_group(13);
  make(job);
  CgroupLimits limits;
  limits.cpus = "0";
  const CgroupName step = step_group(job, "0");  // its job has no cpuset
  make(step, limits);
  const pid_t pid = start_in(step, [] {
    cpu_set_t cpus;
    return ::sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 99;
  });
  EXPECT_EQ(WEXITSTATUS(wait_for(pid)), 1);
  limits.cpus = "4000";
  EXPECT_FALSE(tree_.create(job_group(14), limits).has_value());
}

TEST_P(ConfiningCgroup, ProcessesAreCounted) {
  const CgroupName job = job_group(15);
  CgroupLimits limits;
  limits.pids = 2;
  make(job, limits);
  const pid_t pid = start_in(job, [] {
    int made = 0;
    for (int i = 0; i < 5; ++i) {
      const pid_t child = ::fork();
      if (child == 0) ::pause();
      if (child > 0) ++made;
    }
    return made;
  });
  EXPECT_EQ(WEXITSTATUS(wait_for(pid)), 1);
  EXPECT_TRUE(tree_.kill_all(job, SIGKILL).has_value());
}

TEST_P(ConfiningCgroup, DevicesAreAllowedByList) {
  const CgroupName job = job_group(16);
  CgroupLimits limits;
  limits.confine_devices = true;
  make(job, limits);
  const auto opens = [](const char* path) {
    const int fd = ::open(path, O_RDONLY);
    return fd >= 0;
  };
  const pid_t pid =
      start_in(job, [&] { return (opens("/dev/null") ? 1 : 0) + (opens("/dev/kmsg") ? 2 : 0); });
  EXPECT_EQ(WEXITSTATUS(wait_for(pid)), 1);
  const auto rule = device_rule("/dev/kmsg");
  ASSERT_TRUE(rule.has_value());
  limits.devices = {*rule};
  make(job_group(17), limits);
  const pid_t allowed = start_in(job_group(17), [&] { return opens("/dev/kmsg") ? 1 : 0; });
  EXPECT_EQ(WEXITSTATUS(wait_for(allowed)), 1);
  CgroupLimits denying;
  denying.denied = {*rule};
  make(job_group(18), denying);
  const pid_t denied = start_in(
      job_group(18), [&] { return (opens("/dev/zero") ? 1 : 0) + (opens("/dev/kmsg") ? 2 : 0); });
  EXPECT_EQ(WEXITSTATUS(wait_for(denied)), 1);
  EXPECT_FALSE(device_rule("/etc/passwd").has_value());
  EXPECT_FALSE(device_rule("/nonexistent").has_value());
}

TEST_P(ConfiningCgroup, CpuTimeIsCounted) {
  CgroupLimits limits;
  limits.count_cpu = true;
  const CgroupName job = job_group(19);
  make(job, limits);
  wait_for(start_in(job, [] {
    volatile int sum = 0;
    for (int i = 0; i < 20'000'000; ++i) sum = sum + 1;
    return 0;
  }));
  EXPECT_GT(tree_.cpu_us(job), 1000U);
}

// What a whole job costs: a group with CPU and memory limits, a step, a task, and the way back.
TEST_P(Cgroup, AJobCostsLittle) {
  constexpr int kJobs = 50;
  CgroupLimits limits;
  limits.cpus = tree_.mounts().cpuset.empty() ? "" : "0";
  limits.memory_mib = 64;
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  for (std::uint32_t i = 0; i < kJobs; ++i) {
    const CgroupName job = job_group(1000 + i);
    make(job, limits);
    make(step_group(job, "batch"));
    ASSERT_TRUE(tree_.remove(job).has_value());
  }
  ::getrusage(RUSAGE_SELF, &after);
  const auto us = [](const rusage& usage) {
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  const auto each = (us(after) - us(before)) / kJobs;
  RecordProperty("microseconds_for_each_job", std::to_string(each));
  std::printf("          %ld us CPU for each job\n", static_cast<long>(each));
  EXPECT_LT(each, 5000);  // far above the usual 300, for a loaded machine
}

std::string version_name(const testing::TestParamInfo<bool>& value) {
  return value.param ? "unified" : "usual";
}

INSTANTIATE_TEST_SUITE_P(Versions, Cgroup, testing::ValuesIn(usable_hierarchies()), version_name);
INSTANTIATE_TEST_SUITE_P(Versions, ConfiningCgroup, testing::ValuesIn(confining_hierarchies()),
                         version_name);
// Without root there may be neither.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Cgroup);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConfiningCgroup);

TEST(NoCgroups, EverythingSucceedsWithoutEffect) {
  const CgroupTree tree(CgroupMounts{}, "n1");
  const CgroupName job = job_group(1);
  EXPECT_FALSE(tree.usable());
  EXPECT_TRUE(tree.prepare_node().has_value());
  EXPECT_TRUE(tree.create(job, {}).has_value());
  EXPECT_TRUE(tree.change(job, {}).has_value());
  EXPECT_TRUE(tree.attach(job, 0).has_value());
  EXPECT_TRUE(tree.freeze(job).has_value());
  EXPECT_TRUE(tree.thaw(job).has_value());
  EXPECT_TRUE(tree.is_empty(job));
  EXPECT_TRUE(tree.pids(job).empty());
  EXPECT_TRUE(tree.jobs().empty());
  EXPECT_TRUE(tree.remove(job).has_value());
  EXPECT_TRUE(tree.remove_node().has_value());
  EXPECT_EQ(tree.memory(job).peak_kib, 0U);
  EXPECT_EQ(tree.cpu_us(job), 0U);
}

TEST(CgroupNames, AreAsDocumented) {
  const CgroupName step = step_group(job_group(42), "extern");
  EXPECT_EQ(task_group(step, 3).path, "job_42/step_extern/task_3");
}

}  // namespace
}  // namespace sluice::worker
