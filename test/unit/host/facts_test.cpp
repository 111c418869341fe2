// Host facts: of this host, of a described one, and the maps that pretended nodes get.
#include "daemon/worker/host/facts.hpp"

#include <sched.h>

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

CpuMap two_by_two_by_two() {
  // As Linux numbers threads: first all cores' first threads.
  return CpuMap{2, 2, 2, {0, 4, 1, 5, 2, 6, 3, 7}, {0, 0, 0, 0, 1, 1, 1, 1}, false};
}

base::Bitmap set_of(std::size_t size, std::initializer_list<std::size_t> members) {
  return base::Bitmap(size, members);
}

TEST(Facts, ThisHostHasTheCpusThatWeMayUse) {
  const auto host = discover_host("/tmp");
  ASSERT_TRUE(host.has_value()) << host.error().text;
  cpu_set_t usable;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(usable), &usable), 0);
  EXPECT_GT(host->map.cpus(), 0U);
  EXPECT_EQ(host->map.os.size(), host->map.cpus());
  EXPECT_EQ(host->map.numa.size(), host->map.cpus());
  EXPECT_EQ(host->facts.cpus(), host->map.cpus());
  EXPECT_FALSE(host->map.pretended);
  for (const std::uint32_t cpu : host->map.os) EXPECT_LT(cpu, 4096U);
  EXPECT_GT(host->facts.memory, 100U);
  EXPECT_GT(host->facts.tmp_disk, 0U);
  EXPECT_EQ(host->facts.boot_id.size(), 36U);
  EXPECT_GT(host->facts.boot_time, 0);
  EXPECT_FALSE(host->facts.hostname.empty());
  EXPECT_TRUE(host->facts.os.view().starts_with("Linux "));
}

TEST(Facts, ADescribedMachineIsNumberedSocketMajor) {
  // As Linux numbers threads: first all cores' first threads.
  const auto host = discover_described("pack:2 [numa] core:2 pu:2(indexes=0,4,1,5,2,6,3,7)");
  ASSERT_TRUE(host.has_value()) << host.error().text;
  EXPECT_EQ(host->map, two_by_two_by_two());
  EXPECT_EQ(host->facts.sockets, 2U);
  EXPECT_EQ(host->facts.cores_per_socket, 2U);
  EXPECT_EQ(host->facts.threads_per_core, 2U);
}

TEST(Facts, AMachineWithoutPackagesIsOneSocket) {
  const auto host = discover_described("core:3 pu:1");
  ASSERT_TRUE(host.has_value()) << host.error().text;
  EXPECT_EQ(host->map.sockets, 1U);
  EXPECT_EQ(host->map.cores, 3U);
  EXPECT_EQ(host->map.threads, 1U);
}

TEST(Facts, AWrongDescriptionIsAnError) {
  EXPECT_FALSE(discover_described("a teapot").has_value());
}

TEST(CpuMap, MapsToOsNumbersAndNodes) {
  const CpuMap map = two_by_two_by_two();
  EXPECT_EQ(map.to_os(set_of(8, {0, 1})).to_ranges(), "0,4");
  EXPECT_EQ(map.to_os(set_of(8, {4, 5, 6, 7})).to_ranges(), "2-3,6-7");
  EXPECT_EQ(map.numa_of(set_of(8, {0})), "0");
  EXPECT_EQ(map.numa_of(set_of(8, {3, 4})), "0-1");
}

TEST(CpuMap, TheHostsOwnGeometryKeepsItsMap) {
  model::NodeFacts facts;
  facts.sockets = 2;
  facts.cores_per_socket = 2;
  facts.threads_per_core = 2;
  EXPECT_EQ(map_for(two_by_two_by_two(), facts), two_by_two_by_two());
}

TEST(CpuMap, PretendedCpusGoRoundTheHosts) {
  const CpuMap host{1, 2, 1, {0, 1}, {0, 0}, false};
  model::NodeFacts facts;
  facts.sockets = 1;
  facts.cores_per_socket = 4;
  facts.threads_per_core = 1;
  const CpuMap map = map_for(host, facts);
  EXPECT_TRUE(map.pretended);
  EXPECT_EQ(map.os, (std::vector<std::uint32_t>{0, 1, 0, 1}));
  EXPECT_EQ(map.to_os(set_of(4, {1, 3})).to_ranges(), "1");
}

}  // namespace
}  // namespace sluice::worker
