// Use of devices: the arithmetic, and a step whose vendor's tool is a script.
#include "daemon/stepd/device_sampler.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "daemon/stepd/device_meter.hpp"
#include "test/unit/stepd/step_world.hpp"

namespace sluice::stepd {
namespace {

HeldDevice a_card(std::uint32_t index) {
  HeldDevice held;
  held.name = "gpu";
  held.type = "a100";
  held.index = index;
  return held;
}

TEST(DeviceMeter, AddsUpWhatWasSeen) {
  DeviceMeter meter("n1", {a_card(0), a_card(3)});
  EXPECT_TRUE(meter.uses().empty());
  meter.add({1, 0, 100, 50}, 0);
  meter.add({1, 40, 700, 150}, 2000);
  meter.add({1, 90, 500, 250}, 3000);
  const auto uses = meter.uses();
  ASSERT_EQ(uses.size(), 1U);
  const model::DeviceUse& use = uses[0];
  EXPECT_EQ(use.node.view(), "n1");
  EXPECT_EQ(use.index, 3U);
  EXPECT_EQ(use.samples, 2U);
  EXPECT_EQ(use.utilization_sum, 130U);
  EXPECT_EQ(use.utilization_max, 90U);
  EXPECT_EQ(use.memory_sum, 1200U);
  EXPECT_EQ(use.memory_max, 700U);
  EXPECT_EQ(use.power_max_w, 250U);
  EXPECT_EQ(use.energy_mj, 100U * 2000U + 200U * 1000U);
}

TEST(DeviceMeter, TheFirstSampleStandsOnlyAlone) {
  DeviceMeter meter("n1", {a_card(0)});
  meter.add({0, 20, 10, -1}, 0);
  ASSERT_EQ(meter.uses().size(), 1U);
  EXPECT_EQ(meter.uses()[0].samples, 1U);
  EXPECT_EQ(meter.uses()[0].utilization_sum, 20U);
  meter.add({0, 60, 10, -1}, 1000);
  EXPECT_EQ(meter.uses()[0].samples, 1U);
  EXPECT_EQ(meter.uses()[0].utilization_sum, 60U);
  EXPECT_EQ(meter.uses()[0].energy_mj, 0U);
}

TEST(DeviceMeter, OddSamplesDoNoHarm) {
  DeviceMeter meter("n1", {a_card(0)});
  meter.add({7, 20, 10, 5}, 0);
  EXPECT_TRUE(meter.uses().empty());
  meter.add({0, 9999, -1, -1}, 0);
  EXPECT_EQ(meter.uses()[0].utilization_max, 100U);
  EXPECT_EQ(meter.uses()[0].memory_max, 0U);
}

class Tool : public testing::Test {
 protected:
  Tool() {
    char folder[] = "/tmp/sluice-tool.XXXXXX";
    SLUICE_ASSERT(::mkdtemp(folder) != nullptr);
    dir_ = folder;
    ::chmod(folder, 0777);
  }
  ~Tool() override { static_cast<void>(base::remove_tree(dir_)); }

  // A step that holds the second of two cards.
  void card_with_tool(stepd_test::StepWorld& world, const std::string& script) {
    const std::string tool = dir_ + "/tool";
    ASSERT_TRUE(base::write_file_atomic(tool, script, {0755, base::Durability::fast}));
    accel::Vendor vendor;
    vendor.name = "maker";
    vendor.gres = "gpu";
    vendor.tool.command = {Text(tool)};
    vendor.tool.separator = ",";
    vendor.tool.columns = {"number", "utilization", "memory_used", "power"};
    vendor.tool.timeout_s = 5;
    model::NodeGres kind;
    kind.name = "gpu";
    kind.vendor = "maker";
    kind.count = 2;
    for (std::uint32_t i = 0; i < 2; ++i) {
      model::Device device;
      device.number = i;
      kind.devices.push_back(device);
    }
    world.settings.gres = {kind};
    world.settings.vendors = {vendor};
    world.settings.sample_interval_s = 1;
  }
  static wire::LaunchStep launch_on_second_card(const char* command) {
    wire::LaunchStep launch = stepd_test::a_launch(1);
    launch.spec.argv = {"/bin/sh", "-c", Text(command)};
    model::GresShare share;
    share.name = "gpu";
    share.count = 1;
    share.indices = base::Bitmap(2, {1});
    launch.layout.nodes[0].share.gres = {share};
    return launch;
  }
  std::string dir_;
};

TEST_F(Tool, TellsOfTheGrantedDeviceOnly) {
  stepd_test::StepWorld world;
  // The step waits for the tool to have been asked.
  card_with_tool(world, "#!/bin/sh\nid -u > " + dir_ +
                            "/who\necho 0, 11, 111, 1\necho 1, 77, 1234, 55\n: > " + dir_ +
                            "/asked\n");
  const std::string wait = "while [ ! -e " + dir_ + "/asked ]; do sleep 0.02; done; sleep 0.2";
  world.start(launch_on_second_card(wait.c_str()));
  ASSERT_TRUE(world.finish());
  ASSERT_EQ(world.done->usage.devices.size(), 1U);
  const model::DeviceUse& use = world.done->usage.devices[0];
  EXPECT_EQ(use.index, 1U);
  EXPECT_EQ(use.utilization_max, 77U);
  EXPECT_EQ(use.memory_max, 1234U);
  EXPECT_EQ(use.power_max_w, 55U);
  if (::geteuid() == 0 && !world.settings.single_user) {
    EXPECT_EQ(base::read_file(dir_ + "/who", 100).value_or(""), "65534\n");
  }
}

TEST_F(Tool, ThatHangsHoldsNothingUp) {
  stepd_test::StepWorld world;
  card_with_tool(world, "#!/bin/sh\n: > " + dir_ + "/asked\nexec sleep 600\n");
  const std::string wait = "while [ ! -e " + dir_ + "/asked ]; do sleep 0.02; done";
  world.start(launch_on_second_card(wait.c_str()));
  ASSERT_TRUE(world.finish(4000));
  EXPECT_TRUE(world.done->usage.devices.empty());
  EXPECT_EQ(world.done->exit_code, 0U);
}

}  // namespace
}  // namespace sluice::stepd
