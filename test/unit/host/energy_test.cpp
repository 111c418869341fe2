// The energy of a host that is a tree of files: which counters count, and that they come round.
#include "daemon/worker/host/energy.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

class Energy : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-energy.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    zone("intel-rapl:0", "package-0", 1'000'000);
    zone("intel-rapl:0:0", "core", 500'000);
    zone("intel-rapl:0:1", "dram", 200'000);
    zone("intel-rapl:1", "package-1", 0);
    zone("intel-rapl:2", "psys", 9'000'000);
    zone("dtpm", "package-9", 9'000'000);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void zone(const std::string& zone, const std::string& name, std::uint64_t energy) {
    std::filesystem::create_directories(folder_ + "/" + zone);
    write(zone + "/name", name);
    write(zone + "/max_energy_range_uj", "10000000");
    write(zone + "/energy_uj", std::to_string(energy));
  }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file) << text << "\n";
  }
  std::string folder_;
};

TEST_F(Energy, PackagesAndMemoryTogether) {
  EnergyMeter meter(folder_);
  ASSERT_TRUE(meter.has_counters());
  meter.read();
  EXPECT_EQ(meter.millijoules(), 0U);
  write("intel-rapl:0/energy_uj", "3000000");
  write("intel-rapl:0:0/energy_uj", "2000000");
  write("intel-rapl:0:1/energy_uj", "700000");
  write("intel-rapl:1/energy_uj", "1500000");
  write("intel-rapl:2/energy_uj", "9900000");
  meter.read();
  EXPECT_EQ(meter.millijoules(), 2'000U + 500U + 1'500U);
}

TEST_F(Energy, ACounterThatBeginsAnew) {
  EnergyMeter meter(folder_);
  write("intel-rapl:0/energy_uj", "9500000");
  meter.read();
  write("intel-rapl:0/energy_uj", "300000");
  meter.read();
  EXPECT_EQ(meter.millijoules(), 8'500U + 500U + 300U);
}

TEST_F(Energy, WhatCannotBeReadIsLeftOut) {
  std::filesystem::remove(folder_ + "/intel-rapl:1/energy_uj");
  EnergyMeter meter(folder_);
  write("intel-rapl:0/energy_uj", "broken");
  write("intel-rapl:0:1/energy_uj", "300000");
  meter.read();
  EXPECT_EQ(meter.millijoules(), 100U);
  EXPECT_FALSE(EnergyMeter(folder_ + "/nowhere").has_counters());
}

}  // namespace
}  // namespace sluice::worker
