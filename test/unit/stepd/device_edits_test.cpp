// CDI specifications and steps: what a plain step takes of them, and what stops it.
#include "daemon/stepd/device_edits.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.hpp"
#include "base/file.hpp"
#include "test/unit/stepd/step_world.hpp"

namespace sluice::stepd {
namespace {

using testing::HasSubstr;

constexpr const char* kSpec = R"({
  "cdiVersion": "0.6.0",
  "kind": "maker.com/gpu",
  "containerEdits": {"env": ["MAKER_HOME=/opt/maker", "MAKER_DEVICES=none"]},
  "devices": [
    {"name": "1", "containerEdits": {"env": ["MAKER_CARD=one"],
                                     "deviceNodes": [{"path": "/dev/maker1"}]}}
  ]
})";

class DeviceEdits : public testing::Test {
 protected:
  DeviceEdits() {
    char folder[] = "/tmp/sluice-cdi.XXXXXX";
    SLUICE_ASSERT(::mkdtemp(folder) != nullptr);
    dir_ = folder;
    settings_.node_name = "n1";
    settings_.container.cdi_folders = {dir_};
    accel::Vendor vendor;
    vendor.name = "maker";
    vendor.cdi_kind = "maker.com/gpu";
    vendor.variables = {{"MAKER_DEVICES", accel::Naming::number}};
    settings_.vendors = {vendor};
    model::NodeGres kind;
    kind.name = "gpu";
    kind.vendor = "maker";
    kind.count = 2;
    for (std::uint32_t i = 0; i < 2; ++i) {
      model::Device device;
      device.number = i;
      device.file = "/dev/maker" + std::to_string(i);
      kind.files.push_back(device.file);
      kind.devices.push_back(device);
    }
    settings_.gres = {kind};
  }
  ~DeviceEdits() override { static_cast<void>(base::remove_tree(dir_)); }

  void specification(const std::string& text) {
    ASSERT_TRUE(base::write_file_atomic(dir_ + "/maker.json", text));
  }
  void grant(std::size_t index) {
    model::GresShare share;
    share.name = "gpu";
    share.count = 1;
    share.indices = base::Bitmap(2, {index});
    launch_.layout.nodes[0].share.gres = {share};
  }
  Result<StepPlan> plan() {
    const StepView view{launch_, settings_};
    StepPlan plan;
    plan.tasks.resize(1);
    plan.tasks[0].environment = step_environment(view);
    if (auto applied = apply_device_edits(view, plan); !applied) {
      return tl::unexpected(applied.error());
    }
    return plan;
  }
  std::string dir_;
  worker::StepSettings settings_;
  wire::LaunchStep launch_ = stepd_test::a_launch(1);
};

TEST_F(DeviceEdits, APlainStepHasTheVariables) {
  specification(kSpec);
  grant(1);
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().text;
  const base::Environment& environment = planned->tasks[0].environment;
  EXPECT_EQ(environment.get("MAKER_HOME"), "/opt/maker");
  EXPECT_EQ(environment.get("MAKER_CARD"), "one");
  EXPECT_EQ(environment.get("MAKER_DEVICES"), "1");
}

TEST_F(DeviceEdits, WithoutDevicesNothingIsRead) {
  specification("{ broken");
  const auto planned = plan();
  ASSERT_TRUE(planned);
  EXPECT_FALSE(planned->tasks[0].environment.has("MAKER_HOME"));
}

TEST_F(DeviceEdits, ADeviceThatTheSpecificationLacksStopsTheStep) {
  specification(kSpec);
  grant(0);
  const auto planned = plan();
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error().text, HasSubstr("maker.com/gpu=0"));
}

TEST_F(DeviceEdits, WithoutASpecificationContainersGetWhatTheTableKnows) {
  grant(1);
  const auto edits = edits_of_devices({launch_, settings_});
  ASSERT_TRUE(edits);
  ASSERT_EQ(edits->device_nodes.size(), 1U);
  EXPECT_EQ(edits->device_nodes[0].path.view(), "/dev/maker1");
}

TEST_F(DeviceEdits, GresOfNoVendorIsItsFile) {
  settings_.vendors.clear();
  settings_.gres[0].vendor = Text();
  settings_.gres[0].devices.clear();
  grant(1);
  const auto edits = edits_of_devices({launch_, settings_});
  ASSERT_TRUE(edits);
  ASSERT_EQ(edits->device_nodes.size(), 1U);
  EXPECT_EQ(edits->device_nodes[0].path.view(), "/dev/maker1");
}

}  // namespace
}  // namespace sluice::stepd
