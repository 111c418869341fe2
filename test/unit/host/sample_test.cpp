// Samples of processes: of ourselves, of a child that ends, of none.
#include "daemon/worker/host/sample.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

TEST(Sample, OfThisProcess) {
  volatile std::uint64_t sum = 0;
  for (int i = 0; i < 20'000'000; ++i) sum = sum + 1;
  const auto sample = sample_process(::getpid());
  ASSERT_TRUE(sample.has_value()) << sample.error().text;
  EXPECT_GT(sample->rss_kib, 500U);
  EXPECT_GT(sample->vm_kib, sample->rss_kib);
  EXPECT_GT(sample->user_us + sample->system_us, 0U);
  EXPECT_GT(sample->read_bytes, 0U);
}

TEST(Sample, TheDeadAndZombiesAreNotFound) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(sample_process(child).has_value());
  ::waitpid(child, nullptr, 0);
  const auto gone = sample_process(child);
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
}

TEST(Sample, SumsThoseThatLive) {
  const auto one = sample_process(::getpid());
  ASSERT_TRUE(one.has_value());
  const std::vector<pid_t> twice = {::getpid(), 0x3fffffff, ::getpid()};
  const ProcessSample sum = sample_processes(twice);
  EXPECT_GE(sum.vm_kib, 2 * one->vm_kib);
  EXPECT_EQ(sample_processes({}), ProcessSample{});
}

TEST(Sample, OfTheHost) {
  const auto host = sample_host();
  ASSERT_TRUE(host.has_value());
  EXPECT_GT(host->free_memory_mib, 0U);
  EXPECT_LT(host->load_hundredths, 10'000'000U);
}

}  // namespace
}  // namespace sluice::worker
