// Detection on a tree of each vendor: what devices, of which type, where, and what their users
// need.
#include "accel/detect.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "accel/cdi_registry.hpp"
#include "accel/cdi_spec.hpp"
#include "accel/tool_run.hpp"
#include "test/unit/accel/host_tree.hpp"

namespace sluice::accel {
namespace {

using Names = std::vector<std::string>;

struct Expected {
  std::string vendor;
  std::string gres;
  std::string type;
  std::size_t count;
  std::string first_file;
  std::string last_file;
  std::uint32_t first_number;
  Names companions;  // of the first device
  Names control;
  std::string variable;
  Naming naming;
  std::string cdi_kind;
  std::vector<std::uint32_t> links;  // of the first device
  bool has_tool;
};

std::ostream& operator<<(std::ostream& out, const Expected& expected) {
  return out << expected.vendor;
}

const std::vector<Expected> kVendors = {
    {"nvidia",
     "gpu",
     "a100",
     4,
     "/dev/nvidia3",
     "/dev/nvidia0",
     0,
     {},
     {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"},
     "CUDA_VISIBLE_DEVICES",
     Naming::position,
     "nvidia.com/gpu",
     {0, 100, 100, 100},
     true},
    {"amd",
     "gpu",
     "mi300x",
     8,
     "/dev/dri/renderD129",
     "/dev/dri/renderD136",
     7,
     {"/dev/dri/card1"},
     {"/dev/kfd"},
     "ROCR_VISIBLE_DEVICES",
     Naming::position,
     "amd.com/gpu",
     {0, 100, 100, 100, 0, 0, 0, 0},
     true},
    {"ascend",
     "npu",
     "910b",
     8,
     "/dev/davinci0",
     "/dev/davinci7",
     0,
     {},
     {"/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"},
     "ASCEND_RT_VISIBLE_DEVICES",
     Naming::number,
     "ascend.com/npu",
     {0, 100, 100, 100, 100, 100, 100, 100},
     true},
    {"cambricon",
     "mlu",
     "mlu370",
     4,
     "/dev/cambricon_dev1",
     "/dev/cambricon_dev0",
     1,
     {"/dev/cambricon_ipcm1"},
     {"/dev/cambricon_ctl"},
     "MLU_VISIBLE_DEVICES",
     Naming::position,
     "cambricon.com/mlu",
     {0, 20, 0, 0},
     false},
    {"mthreads",
     "gpu",
     "s4000",
     2,
     "/dev/mtgpu.0",
     "/dev/mtgpu.1",
     0,
     {"/dev/dri/renderD129", "/dev/dri/card1"},
     {},
     "MUSA_VISIBLE_DEVICES",
     Naming::position,
     "mthreads.com/gpu",
     {},
     false},
    {"enflame",
     "gcu",
     "t20",
     8,
     "/dev/gcu0",
     "/dev/gcu7",
     0,
     {},
     {"/dev/gcuctl"},
     "TOPS_VISIBLE_DEVICES",
     Naming::position,
     "enflame.com/gcu",
     {0, 20, 20, 20, 0, 0, 0, 0},
     false},
    {"hygon",
     "dcu",
     "k100ai",
     4,
     "/dev/dri/renderD129",
     "/dev/dri/renderD132",
     3,
     {"/dev/dri/card1"},
     {"/dev/kfd", "/dev/mkfd"},
     "HIP_VISIBLE_DEVICES",
     Naming::position,
     "hygon.com/dcu",
     {0, 100, 0, 0},
     true},
    {"iluvatar",
     "gpu",
     "bi100",
     2,
     "/dev/iluvatar0",
     "/dev/iluvatar1",
     0,
     {},
     {"/dev/itrctl"},
     "CUDA_VISIBLE_DEVICES",
     Naming::position,
     "iluvatar.com/gpu",
     {},
     true},
    {"metax",
     "gpu",
     "metax",
     4,
     "/dev/dri/renderD129",
     "/dev/dri/renderD132",
     0,
     {"/dev/dri/card1"},
     {"/dev/mxcd", "/dev/mxnd", "/dev/mxgd"},
     "CUDA_VISIBLE_DEVICES",
     Naming::position,
     "metax-tech.com/gpu",
     {0, 20, 0, 0},
     false},
    {"intel",
     "gpu",
     "max1100",
     2,
     "/dev/dri/renderD129",
     "/dev/dri/renderD130",
     0,
     {"/dev/dri/card1"},
     {},
     "ZE_AFFINITY_MASK",
     Naming::position,
     "intel.com/gpu",
     {},
     true},
    {"kunlunxin",
     "xpu",
     "p800",
     8,
     "/dev/xpu0",
     "/dev/xpu7",
     0,
     {},
     {"/dev/xpuctrl"},
     "XPU_VISIBLE_DEVICES",
     Naming::position,
     "kunlunxin.com/xpu",
     {0, 20, 20, 20, 0, 0, 0, 0},
     false},
    {"thead",
     "ppu",
     "thead",
     4,
     "/dev/alixpu_ppu0",
     "/dev/alixpu_ppu3",
     0,
     {},
     {"/dev/alixpu", "/dev/alixpu_ctl"},
     "CUDA_VISIBLE_DEVICES",
     Naming::position,
     "alibabacloud.com/ppu",
     {0, 20, 0, 0},
     false},
    {"generic",
     "accel",
     "generic",
     2,
     "/dev/accel/accel1",
     "/dev/accel/accel0",
     1,
     {},
     {},
     "ACCEL_VISIBLE_DEVICES",
     Naming::number,
     "sluice.generic/accel",
     {},
     false},
};

Names plain(const std::vector<Text>& paths, const std::string& root) {
  Names names;
  for (const Text& path : paths) {
    EXPECT_TRUE(path.view().starts_with(root)) << path.view();
    names.push_back(path.str().substr(root.size()));
  }
  return names;
}

// Tests only look at it, so one for each vendor is enough.
const HostTree& tree_of(const std::string& vendor) {
  static std::map<std::string, HostTree> trees;
  return trees.try_emplace(vendor, vendor).first->second;
}

class EachVendor : public testing::TestWithParam<Expected> {};

TEST_P(EachVendor, IsFound) {
  const Expected& want = GetParam();
  const HostTree& tree = tree_of(want.vendor);
  const Detected found = tree.detect();
  ASSERT_EQ(found.gres.size(), 1U);
  const model::NodeGres& gres = found.gres[0];
  EXPECT_EQ(gres.name, want.gres);
  EXPECT_EQ(gres.type, want.type);
  EXPECT_EQ(gres.vendor, want.vendor);
  EXPECT_EQ(gres.count, want.count);
  ASSERT_EQ(gres.devices.size(), want.count);
  ASSERT_EQ(gres.files.size(), want.count);
  const model::Device& first = gres.devices.front();
  const model::Device& last = gres.devices.back();
  EXPECT_EQ(first.file, tree.root() + want.first_file);
  EXPECT_EQ(last.file, tree.root() + want.last_file);
  EXPECT_EQ(first.number, want.first_number);
  EXPECT_EQ(plain(first.companions, tree.root()), want.companions);
  EXPECT_EQ(first.links, want.links);
  EXPECT_EQ(first.bus_id, "0000:3b:00.0");
  EXPECT_EQ(first.numa, 0U);
  EXPECT_EQ(last.numa, 1U);
  EXPECT_EQ(first.cpus.to_ranges(), "0-7");
  EXPECT_EQ(last.cpus.to_ranges(), "8-15");
  for (std::size_t i = 0; i < gres.devices.size(); ++i) {
    EXPECT_EQ(gres.files[i], gres.devices[i].file);
    EXPECT_EQ(gres.devices[i].fault, "");
    const model::Device& before = gres.devices[i == 0 ? 0 : i - 1];
    EXPECT_LE(before.bus_id, gres.devices[i].bus_id);
  }
}

TEST_P(EachVendor, ComesWithWhatItsUsersNeed) {
  const Expected& want = GetParam();
  const HostTree& tree = tree_of(want.vendor);
  const Detected found = tree.detect();
  ASSERT_EQ(found.vendors.size(), 1U);
  const Vendor& vendor = found.vendors[0];
  EXPECT_EQ(vendor.name, want.vendor);
  EXPECT_EQ(plain(vendor.control_files, tree.root()), want.control);
  ASSERT_FALSE(vendor.variables.empty());
  EXPECT_EQ(vendor.variables[0].name, want.variable);
  EXPECT_EQ(vendor.variables[0].naming, want.naming);
  EXPECT_EQ(vendor.cdi_kind, want.cdi_kind);
  EXPECT_EQ(!vendor.tool.command.empty(), want.has_tool);
}

TEST_P(EachVendor, GetsACdiSpecification) {
  const Expected& want = GetParam();
  const HostTree& tree = tree_of(want.vendor);
  const Detected found = tree.detect();
  ASSERT_EQ(found.vendors.size(), 1U);
  const auto& devices = found.gres[0].devices;
  const CdiSpec spec = generate_cdi_spec(found.vendors[0], devices);
  const Result<CdiSpec> read = parse_cdi_spec(write_cdi_spec(spec), "made.json");
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(*read, spec);
  EXPECT_EQ(spec.devices.size(), want.count + 1);  // and "all"
  const auto edits =
      device_edits(CdiRegistry(), found.vendors[0], std::span(devices).subspan(0, 1));
  ASSERT_TRUE(edits);
  Names inside;
  for (const CdiDeviceNode& node : edits->device_nodes) {
    inside.push_back(node.path.str());
    EXPECT_EQ(node.host_path, tree.root() + node.path.str());
  }
  Names wanted = want.control;
  wanted.push_back(want.first_file);
  wanted.insert(wanted.end(), want.companions.begin(), want.companions.end());
  EXPECT_EQ(inside, wanted);
}

TEST_P(EachVendor, IsWatchedByItsTool) {
  const Expected& want = GetParam();
  if (!want.has_tool) return;
  const HostTree& tree = tree_of(want.vendor);
  const Detected found = tree.detect();
  const Result<std::vector<ToolRow>> rows = run_tool(found.vendors[0]);
  ASSERT_TRUE(rows) << rows.error().text;
  EXPECT_EQ(rows->size(), want.count);
  for (const model::Device& device : found.gres[0].devices) {
    const ToolRow* row = row_of(*rows, device);
    ASSERT_NE(row, nullptr) << device.bus_id.view();
    EXPECT_EQ(row->fault, "");
    EXPECT_TRUE(row->utilization.has_value());
    EXPECT_TRUE(row->memory_used.has_value());
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EachVendor, testing::ValuesIn(kVendors),
                         [](const auto& param) { return param.param.vendor; });

TEST(Detect, EveryVendorOfTheTableHasAFixture) {
  Names table;
  Names tested;
  for (const TableVendor& row : shipped_table().vendors) table.push_back(row.vendor.name.str());
  for (const Expected& one : kVendors) tested.push_back(one.vendor);
  EXPECT_EQ(table, tested);
}

TEST(Detect, ADeviceWithoutItsFileHasAFault) {
  const HostTree tree("nvidia");
  tree.remove("/dev/nvidia2");
  const Detected found = tree.detect();
  ASSERT_EQ(found.gres.size(), 1U);
  EXPECT_EQ(found.gres[0].count, 4U);
  EXPECT_EQ(found.gres[0].devices[0].fault, "");
  EXPECT_EQ(found.gres[0].devices[1].fault,
            tree.root() + "/dev/nvidia2: No such file or directory");
}

TEST(Detect, ControlFilesMayComeLater) {
  const HostTree tree("nvidia --count 2");
  tree.remove("/dev/nvidia-uvm");
  Vendor vendor = tree.detect().vendors[0];
  EXPECT_EQ(plain(vendor.control_files, tree.root()),
            (Names{"/dev/nvidiactl", "/dev/nvidia-uvm-tools"}));
  tree.write("/dev/nvidia-uvm", "");
  tree.write("/dev/nvidia-caps-imex-channels/channel0", "");
  refresh_control_files(vendor);
  EXPECT_EQ(plain(vendor.control_files, tree.root()),
            (Names{"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
                   "/dev/nvidia-caps-imex-channels/channel0"}));
}

TEST(Detect, NumbersGoByOrderWhereNothingTellsThem) {
  const HostTree tree("enflame --count 4");
  tree.remove("/dev/gcu1");
  const Detected gap = tree.detect();
  EXPECT_EQ(gap.gres[0].devices[1].file, tree.root() + "/dev/gcu1");
  EXPECT_NE(gap.gres[0].devices[1].fault, "");
  EXPECT_EQ(gap.gres[0].devices[3].fault, "");
  tree.write("/dev/gcu9", "");
  EXPECT_EQ(tree.detect().gres[0].devices[3].file, tree.root() + "/dev/gcu9");
}

TEST(Detect, WithoutADriverThereIsOnlyANote) {
  const HostTree tree("kunlunxin --count 2");
  for (const char* file : {"/dev/xpu0", "/dev/xpu1", "/dev/xpuctrl"}) tree.remove(file);
  const Detected found = tree.detect();
  EXPECT_TRUE(found.gres.empty());
  EXPECT_TRUE(found.vendors.empty());
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_EQ(found.notes[0], "kunlunxin: 2 on the PCI bus, but no device file: no driver loaded?");
}

TEST(Detect, OnTheHostItselfAFileIsNoDevice) {
  EXPECT_EQ(file_fault("/dev/null", ""), "");
  EXPECT_EQ(file_fault("/etc/passwd", ""), "/etc/passwd: not a device");
  EXPECT_EQ(file_fault("/etc/passwd", "/etc"), "");
}

TEST(Detect, InstancesOfACardReplaceIt) {
  const HostTree tree("nvidia-mig");
  const Detected found = tree.detect();
  ASSERT_EQ(found.gres.size(), 2U);
  const model::NodeGres& parts = found.gres[0];
  EXPECT_EQ(parts.type, "a100.mig");
  ASSERT_EQ(parts.devices.size(), 2U);
  const model::Device& second = parts.devices[1];
  EXPECT_EQ(second.file, tree.root() + "/dev/nvidia-caps/nvidia-cap13");
  EXPECT_EQ(plain(second.companions, tree.root()),
            (Names{"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap12"}));
  EXPECT_EQ(second.parent, "GPU-00000000-1111-2222-3333-444444444444");
  EXPECT_EQ(second.uuid, "MIG-GPU-00000000-1111-2222-3333-444444444444/2/0");
  EXPECT_EQ(second.fault, "");
  EXPECT_EQ(found.gres[1].type, "a100");
  ASSERT_EQ(found.gres[1].devices.size(), 1U);
  EXPECT_EQ(found.gres[1].devices[0].file, tree.root() + "/dev/nvidia0");
}

TEST(Detect, VirtualNpusBelongToTheirNpuByNumber) {
  const HostTree tree("ascend-vnpu");
  const Detected found = tree.detect();
  ASSERT_EQ(found.gres.size(), 2U);
  EXPECT_EQ(found.gres[0].type, "910b");
  EXPECT_EQ(found.gres[0].devices[0].file, tree.root() + "/dev/davinci0");
  EXPECT_EQ(found.gres[1].type, "910b.vnpu");
  ASSERT_EQ(found.gres[1].devices.size(), 2U);
  EXPECT_EQ(found.gres[1].devices[0].number, 116U);
  EXPECT_EQ(found.gres[1].devices[0].parent, "0000:b1:00.0");
  EXPECT_EQ(found.gres[1].devices[0].numa, 1U);
}

TEST(Detect, SeveralVendorsLiveOnOneHost) {
  const HostTree tree("enflame intel nvidia --count 2");
  const Detected found = tree.detect();
  ASSERT_EQ(found.gres.size(), 3U);
  EXPECT_EQ(found.gres[0].vendor, "nvidia");
  EXPECT_EQ(found.gres[1].vendor, "enflame");
  EXPECT_EQ(found.gres[2].vendor, "intel");
  for (const model::NodeGres& gres : found.gres) EXPECT_EQ(gres.count, 2U);
}

TEST(Detect, AHostWithoutPciHasNothing) {
  const Detected found = detect(shipped_table(), "/nonexistent");
  EXPECT_TRUE(found.gres.empty());
}

}  // namespace
}  // namespace sluice::accel
