// What tasks are told of the step's devices: by each vendor's way of counting, and by --gpu-bind as
// srun's manual has it.
#include "daemon/stepd/devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/stepd/device_binding.hpp"
#include "test/unit/stepd/step_world.hpp"

namespace sluice::stepd {
namespace {

using base::Bitmap;
using stepd_test::a_batch;
using stepd_test::a_launch;
using testing::ElementsAre;

accel::Vendor a_vendor(const std::string& name, const std::string& gres,
                       const std::string& variable, accel::Naming naming) {
  accel::Vendor vendor;
  vendor.name = name;
  vendor.gres = gres;
  vendor.variables = {{variable, naming}};
  return vendor;
}

model::Device a_device(const std::string& file, std::uint32_t number) {
  model::Device device;
  device.file = file;
  device.number = number;
  return device;
}

// A node with four devices of one kind; the first two beside CPUs 0-1, the others beside 2-3.
struct Node {
  worker::StepSettings settings;
  wire::LaunchStep launch = a_launch(4);

  Node() { settings.node_name = "n1"; }

  Node& has(const std::string& name, const std::string& vendor) {
    model::NodeGres kind;
    kind.name = name;
    kind.vendor = vendor;
    kind.count = 4;
    for (std::uint32_t i = 0; i < 4; ++i) {
      model::Device device = a_device("/dev/" + name + std::to_string(i), i);
      device.uuid = "U-" + std::to_string(i);
      device.bus_id = "0000:0" + std::to_string(i) + ":00.0";
      device.cpus = i < 2 ? Bitmap(4, {0, 1}) : Bitmap(4, {2, 3});
      kind.files.push_back(device.file);
      kind.devices.push_back(device);
    }
    settings.gres.push_back(kind);
    return *this;
  }
  Node& grants(const std::string& name, std::initializer_list<std::size_t> indices) {
    model::GresShare share;
    share.name = name;
    share.count = indices.size();
    share.indices = Bitmap(4, indices);
    launch.layout.nodes[0].share.gres.push_back(share);
    return *this;
  }
  Node& confines() {
    settings.confine_devices = true;
    settings.cgroups.version = worker::CgroupVersion::v1;
    settings.cgroups.devices = "/cgroup/devices";
    return *this;
  }
  [[nodiscard]] StepDevices devices() const { return {settings, launch.layout.nodes[0].share}; }
  [[nodiscard]] std::string value(const std::string& name) const {
    const base::Environment environment = step_environment({launch, settings});
    return std::string(environment.get(name).value_or("-"));
  }
};

TEST(StepDevices, ARealGpuOfNoKnownVendorIsToldAsSlurmTells) {
  Node node;
  node.has("gpu", "").grants("gpu", {2, 3});
  for (const char* name :
       {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"}) {
    EXPECT_EQ(node.value(name), "2,3") << name;
  }
  node.confines();
  EXPECT_EQ(node.value("CUDA_VISIBLE_DEVICES"), "0,1");
  EXPECT_EQ(node.value("SLURM_STEP_GPUS"), "2,3");
  EXPECT_EQ(node.value("SLURM_GPUS_ON_NODE"), "2");
  EXPECT_EQ(node.value("SLURM_JOB_GPUS"), "-");
}

TEST(StepDevices, WhoHasShardsSeesTheirGpu) {
  Node node;
  node.has("gpu", "").grants("shard", {2});
  node.launch.layout.nodes[0].share.gres[0].count = 3;
  EXPECT_EQ(node.value("CUDA_VISIBLE_DEVICES"), "2");
  EXPECT_EQ(node.value("SLURM_SHARDS_ON_NODE"), "3");
  EXPECT_EQ(node.value("SLURM_GPUS_ON_NODE"), "-");
  node.confines();
  EXPECT_EQ(node.value("CUDA_VISIBLE_DEVICES"), "0");
  Node vendors;
  vendors.has("gpu", "maker").grants("shard", {1});
  vendors.settings.vendors = {a_vendor("maker", "gpu", "MAKER_DEVICES", accel::Naming::uuid)};
  EXPECT_EQ(vendors.value("MAKER_DEVICES"), "U-1");
}

TEST(StepDevices, EachVendorCountsInItsOwnWay) {
  const struct {
    accel::Naming naming;
    const char* free;
    const char* confined;
  } cases[] = {{accel::Naming::number, "1,3", "1,3"},
               {accel::Naming::position, "1,3", "0,1"},
               {accel::Naming::uuid, "U-1,U-3", "U-1,U-3"},
               {accel::Naming::bus_id, "0000:01:00.0,0000:03:00.0", "0000:01:00.0,0000:03:00.0"}};
  for (const auto& each : cases) {
    Node node;
    node.has("npu", "maker").grants("npu", {1, 3});
    node.settings.vendors = {a_vendor("maker", "npu", "MAKER_DEVICES", each.naming)};
    EXPECT_EQ(node.value("MAKER_DEVICES"), each.free);
    node.confines();
    EXPECT_EQ(node.value("MAKER_DEVICES"), each.confined);
    EXPECT_EQ(node.value("CUDA_VISIBLE_DEVICES"), "-");
  }
}

TEST(StepDevices, ConstantsComeWithDevicesOnly) {
  Node node;
  node.has("gpu", "maker");
  node.settings.vendors = {a_vendor("maker", "gpu", "DEVICES", accel::Naming::number)};
  node.settings.vendors[0].constants = {"ORDER=PCI"};
  EXPECT_EQ(node.value("ORDER"), "-");
  node.grants("gpu", {0});
  EXPECT_EQ(node.value("ORDER"), "PCI");
}

TEST(StepDevices, AStepWithoutDevicesIsToldOfNone) {
  Node node;
  node.has("gpu", "maker").confines();
  node.settings.vendors = {a_vendor("maker", "gpu", "MAKER_DEVICES", accel::Naming::position)};
  node.launch.spec.environment = {"CUDA_VISIBLE_DEVICES=7", "MAKER_DEVICES=7",
                                  "SLURM_JOB_GPUS=1",       "SLURM_STEP_GPUS=7",
                                  "SLURM_GPUS_ON_NODE=3",   "SLUICE_ACCEL_NAME=npu"};
  EXPECT_EQ(node.value("CUDA_VISIBLE_DEVICES"), "-");
  EXPECT_EQ(node.value("MAKER_DEVICES"), "-");
  EXPECT_EQ(node.value("SLURM_STEP_GPUS"), "-");
  EXPECT_EQ(node.value("SLURM_GPUS_ON_NODE"), "-");
  EXPECT_EQ(node.value("SLUICE_ACCEL_NAME"), "-");
}

TEST(StepDevices, ANodeWithoutGpusLeavesTheUsersVariable) {
  Node node;
  node.launch.spec.environment = {"CUDA_VISIBLE_DEVICES=7"};
  EXPECT_EQ(node.value("CUDA_VISIBLE_DEVICES"), "7");
}

TEST(StepDevices, TellsWhichAcceleratorWasChosen) {
  Node node;
  node.has("gpu", "first").has("npu", "second").grants("npu", {0, 1}).grants("gpu", {3});
  node.settings.gres[1].type = "910b";
  node.launch.layout.nodes[0].share.gres[0].type = "910b";
  EXPECT_EQ(node.value("SLUICE_ACCEL_VENDOR"), "first,second");
  EXPECT_EQ(node.value("SLUICE_ACCEL_NAME"), "gpu,npu");
  EXPECT_EQ(node.value("SLUICE_ACCEL_TYPE"), "910b");
  EXPECT_EQ(node.value("SLUICE_ACCEL_COUNT"), "1,2");
}

TEST(StepDevices, PositionsFollowTheNumbersOfPrograms) {
  Node node;
  node.has("gpu", "maker").grants("gpu", {0, 1, 2}).confines();
  node.settings.gres[0].devices[0].number = 3;
  node.settings.vendors = {a_vendor("maker", "gpu", "DEVICES", accel::Naming::uuid)};
  EXPECT_EQ(node.value("DEVICES"), "U-1,U-2,U-0");
  EXPECT_EQ(node.value("SLURM_STEP_GPUS"), "1,2,3");
}

TEST(StepDevices, APartitionIsKnownByItsName) {
  Node node;
  node.has("gpu", "maker").grants("gpu", {1}).confines();
  node.settings.gres[0].devices[1].parent = "U-9";
  node.settings.vendors = {a_vendor("maker", "gpu", "DEVICES", accel::Naming::position)};
  EXPECT_EQ(node.value("DEVICES"), "U-1");
}

TEST(StepDevices, TypesOfOneNameAreCountedOn) {
  Node node;
  node.has("gpu", "").has("gpu", "");
  for (model::NodeGres& kind : node.settings.gres) {
    kind.files = {"/dev/w", "/dev/x", "/dev/y", "/dev/z"};
    kind.devices.clear();
  }
  node.settings.gres[0].type = "a";
  node.settings.gres[1].type = "b";
  node.grants("gpu", {1}).grants("gpu", {});
  node.launch.layout.nodes[0].share.gres[1].indices = Bitmap(8, {4});  // b's first
  node.launch.layout.nodes[0].share.gres[0].type = "a";
  node.launch.layout.nodes[0].share.gres[1].type = "b";
  EXPECT_EQ(node.value("SLURM_STEP_GPUS"), "1,4");
}

// --gpu-bind: what task `local` sees, as the generic variable shows it.
std::vector<std::string> seen(Node node, const std::string& bind, std::uint32_t tasks = 4) {
  node.launch.spec.gpu_bind = bind;
  node.launch.layout.tasks = tasks;
  node.launch.layout.nodes[0].tasks.clear();
  for (std::uint32_t i = 0; i < tasks; ++i) node.launch.layout.nodes[0].tasks.push_back(i);
  const StepView view{node.launch, node.settings};
  StepPlan plan;
  for (std::uint32_t i = 0; i < tasks; ++i) {
    TaskPlan task;
    task.task = i;
    task.local = i;
    task.environment = step_environment(view);
    // Two tasks at each socket.
    task.cpus = i < 2 ? Bitmap(4, {0, 1}) : Bitmap(4, {2, 3});
    plan.tasks.push_back(std::move(task));
  }
  bind_devices(view, plan);
  std::vector<std::string> result;
  for (const TaskPlan& task : plan.tasks) {
    result.emplace_back(task.environment.get("CUDA_VISIBLE_DEVICES").value_or("-"));
  }
  return result;
}

Node four_gpus() {
  Node node;
  node.has("gpu", "").grants("gpu", {0, 1, 2, 3}).confines();
  node.launch.os_cpus = {0, 1, 2, 3};
  return node;
}

TEST(DeviceBinding, ByTheManual) {
  const Node node = four_gpus();
  EXPECT_THAT(seen(node, "closest"), ElementsAre("0,1", "0,1", "2,3", "2,3"));
  EXPECT_THAT(seen(node, "single:1"), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(seen(node, "single:2"), ElementsAre("0", "0", "3", "3"));
  EXPECT_THAT(seen(node, "map_gpu:0,2"), ElementsAre("0", "2", "0", "2"));
  EXPECT_THAT(seen(node, "map_gpu:0*2,1*2"), ElementsAre("0", "0", "1", "1"));
  EXPECT_THAT(seen(node, "mask_gpu:0x3,0xc"), ElementsAre("0,1", "2,3", "0,1", "2,3"));
  EXPECT_THAT(seen(node, "per_task:2"), ElementsAre("0,1", "2,3", "0", "0"));
  EXPECT_THAT(seen(node, "none"), ElementsAre("-", "-", "-", "-"));
}

TEST(DeviceBinding, IsIgnoredForOneTask) {
  EXPECT_THAT(seen(four_gpus(), "map_gpu:3", 1), ElementsAre("0,1,2,3"));
}

TEST(DeviceBinding, NumbersAreTheHostsWithoutADeviceCgroup) {
  Node node;
  node.has("gpu", "").grants("gpu", {2, 3});
  EXPECT_THAT(seen(node, "map_gpu:3,2", 2), ElementsAre("3", "2"));
  EXPECT_THAT(seen(node, "none", 2), ElementsAre("2,3", "2,3"));
  node.confines();
  EXPECT_THAT(seen(node, "map_gpu:1,0", 2), ElementsAre("1", "0"));
}

TEST(DeviceBinding, WithoutKnownPlacesAllAreClose) {
  Node node = four_gpus();
  node.settings.gres[0].devices.clear();
  EXPECT_THAT(seen(node, "closest", 2), ElementsAre("0,1,2,3", "0,1,2,3"));
  EXPECT_THAT(seen(node, "single:2"), ElementsAre("0", "0", "1", "1"));
}

TEST(DeviceBinding, ComplainsInSlurmsWords) {
  Node node;
  node.has("gpu", "").grants("gpu", {2, 3}).confines();
  node.launch.spec.gpu_bind = "verbose,map_gpu:2";
  node.launch.layout.tasks = 2;
  const StepView view{node.launch, node.settings};
  StepPlan plan;
  plan.tasks.resize(1);
  plan.tasks[0].environment = step_environment(view);
  bind_devices(view, plan);
  EXPECT_EQ(plan.tasks[0].notes,
            "slurmstepd-n1: error: Bind request gpu:verbose,map_gpu:2 does not specify any devices "
            "within the allocation for task 0. Binding to the first device in the allocation "
            "instead.\n"
            "gpu-bind: usable_gres=0x1; bit_alloc=0xC; local_inx=2; global_list=2; local_list=0\n");
  EXPECT_EQ(plan.tasks[0].environment.get("SLURM_STEP_GPUS"), "2");
  EXPECT_EQ(plan.tasks[0].environment.get("SLURMD_TRES_BIND"), "gpu:verbose,map_gpu:2");
}

TEST(DeviceBinding, OfOtherKindsAndImplied) {
  Node node;
  node.has("gpu", "").has("npu", "maker").grants("gpu", {0, 1}).grants("npu", {0, 1});
  node.settings.vendors = {a_vendor("maker", "npu", "NPUS", accel::Naming::number)};
  node.launch.spec.tres_bind = "gres/npu:map:1,0";
  node.launch.spec.gpus_per_task = 1;
  const StepView view{node.launch, node.settings};
  StepPlan plan;
  plan.tasks.resize(2);
  for (std::uint32_t i = 0; i < 2; ++i) {
    plan.tasks[i].local = i;
    plan.tasks[i].environment = step_environment(view);
  }
  bind_devices(view, plan);
  EXPECT_EQ(plan.tasks[0].environment.get("NPUS"), "1");
  EXPECT_EQ(plan.tasks[1].environment.get("NPUS"), "0");
  EXPECT_EQ(plan.tasks[1].environment.get("CUDA_VISIBLE_DEVICES"), "1");
  EXPECT_EQ(plan.tasks[0].environment.get("SLURMD_TRES_BIND"), "npu:map:1,0+gpu:per_task:1");
}

}  // namespace
}  // namespace sluice::stepd
