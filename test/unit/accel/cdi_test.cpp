// CDI: specifications as text, the host's folders, merging.
#include <gtest/gtest.h>

#include "accel/cdi_registry.hpp"
#include "accel/cdi_spec.hpp"
#include "test/unit/accel/host_tree.hpp"

namespace sluice::accel {
namespace {

constexpr const char* kWhole = R"({
	"cdiVersion": "1.1.0",
	"kind": "acme.com/gpu",
	"annotations": {"made": "by hand"},
	"devices": [
		{"name": "0", "containerEdits": {
			"env": ["A=1"],
			"deviceNodes": [{"path": "/dev/acme0", "hostPath": "/dev/x0", "type": "c", "major": 195,
			                 "minor": 0, "fileMode": 438, "permissions": "rw", "uid": 0, "gid": 44}]
		}},
		{"name": "all", "containerEdits": {"env": ["A=2"]}}
	],
	"containerEdits": {
		"deviceNodes": [{"path": "/dev/acmectl"}],
		"mounts": [{"hostPath": "/opt/acme", "containerPath": "/opt/acme", "type": "bind",
		            "options": ["ro", "nosuid"]}],
		"hooks": [{"hookName": "createContainer", "path": "/usr/bin/ac", "args": ["ac", "x"],
		           "env": ["H=1"], "timeout": 5}],
		"additionalGids": [44],
		"intelRdt": {"closID": "c", "schemata": ["L3:0=f"], "enableMonitoring": true},
		"netDevices": [{"hostInterfaceName": "eth7", "name": "eth0"}]
	}
})";

TEST(CdiSpec, EveryFieldIsRead) {
  const auto spec = parse_cdi_spec(kWhole, "acme.json");
  ASSERT_TRUE(spec) << spec.error().text;
  EXPECT_EQ(spec->kind, "acme.com/gpu");
  ASSERT_EQ(spec->devices.size(), 2U);
  const CdiDeviceNode& node = spec->devices[0].edits.device_nodes[0];
  EXPECT_EQ(node.path, "/dev/acme0");
  EXPECT_EQ(node.on_host(), "/dev/x0");
  EXPECT_EQ(node.major, 195);
  EXPECT_EQ(node.minor, 0);
  EXPECT_EQ(node.file_mode, 0666U);
  EXPECT_EQ(node.gid, 44U);
  EXPECT_EQ(spec->edits.device_nodes[0].on_host(), "/dev/acmectl");
  EXPECT_EQ(spec->edits.mounts[0].options, (std::vector<Text>{"ro", "nosuid"}));
  EXPECT_EQ(spec->edits.hooks[0].args, (std::vector<Text>{"ac", "x"}));
  EXPECT_EQ(spec->edits.hooks[0].timeout_s, 5U);
  EXPECT_EQ(spec->edits.additional_gids, std::vector<std::uint32_t>{44});
  EXPECT_TRUE(spec->edits.intel_rdt->enable_monitoring);
  EXPECT_EQ(spec->edits.net_devices[0].host_interface, "eth7");
}

TEST(CdiSpec, YamlIsTheSame) {
  const auto spec = parse_cdi_spec(
      "cdiVersion: 0.8.0\nkind: ascend.com/npu\ndevices:\n- name: \"0\"\n  containerEdits:\n"
      "    deviceNodes:\n    - path: /dev/davinci0\n      fileMode: 0660\n",
      "ascend.yaml");
  ASSERT_TRUE(spec) << spec.error().text;
  EXPECT_EQ(spec->devices[0].edits.device_nodes[0].file_mode, 0660U);
}

struct Wrong {
  std::string text;
  std::string error;
};

TEST(CdiSpec, ErrorsNameFileLineAndKey) {
  const std::string head = "cdiVersion: 0.3.0\nkind: a.com/b\n";
  const std::string device = "devices:\n- name: d\n  containerEdits: {env: [A=1]}\n";
  const std::vector<Wrong> cases = {
      {"kind: a.com/b\n", "f.yaml:1: cdiVersion: expected a version"},
      {"cdiVersion: 9.0.0\nkind: a.com/b\n" + device, "f.yaml:1: cdiVersion: expected a version"},
      {"cdiVersion: 0.3.0\nkind: ab\n" + device, "kind: expected vendor.com/class, not \"ab\""},
      {head, "devices: expected at least one device"},
      {head + device + "colour: red\n", "f.yaml:6: colour: expected a known key"},
      {head + "devices:\n- name: 0\n", "expected cdiVersion 0.5.0 or later for a name"},
      {head + device + "containerEdits:\n  additionalGids: [1]\n",
       "f.yaml:7: containerEdits.additionalGids: expected cdiVersion 0.7.0 or later for this key, "
       "not \"0.3.0\""},
      {head + device + "containerEdits:\n  netDevices: []\n", "cdiVersion 1.1.0 or later"},
      {head + device + "containerEdits:\n  deviceNodes: [{path: /d, hostPath: /e}]\n",
       "cdiVersion 0.5.0 or later"},
      {head + device + "containerEdits:\n  mounts: [{hostPath: /d}]\n", "expected containerPath"},
      {head + device + "containerEdits:\n  mounts: [{hostPath: /d, containerPath: e}]\n",
       "expected an absolute path, not \"e\""},
      {head + device + "containerEdits:\n  env: [A]\n", "expected NAME=value, not \"A\""},
      {head + device + "containerEdits:\n  hooks: [{hookName: never, path: /x}]\n",
       "expected hookName"},
      {head + device + "containerEdits:\n  deviceNodes: [{path: /d, permissions: rx}]\n",
       "expected permissions of r, w and m, not \"rx\""},
      {head + device + "- name: d\n  containerEdits: {}\n", "expected each name once, not \"d\""},
  };
  for (const Wrong& one : cases) {
    const auto spec = parse_cdi_spec(one.text, "f.yaml");
    ASSERT_FALSE(spec) << one.text;
    EXPECT_NE(spec.error().text.find(one.error), std::string::npos)
        << spec.error().text << "\n  wanted: " << one.error;
  }
  const auto broken = parse_cdi_spec("{\n\"kind\": \"a.com/b\",\n}", "f.json");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().text, "f.json:3: expected JSON, found a syntax error");
}

TEST(CdiName, HasThreeParts) {
  const auto name = parse_cdi_name("nvidia.com/gpu=0:1");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->kind, "nvidia.com/gpu");
  EXPECT_EQ(name->device, "0:1");
  for (const char* text : {"", "nvidia.com/gpu", "gpu=0", "/gpu=0", "a/b=", "a/b=-", "1a/b=c"}) {
    EXPECT_FALSE(parse_cdi_name(text)) << text;
  }
}

std::string spec_text(const std::string& kind, const std::string& device, const std::string& env) {
  return "cdiVersion: 0.5.0\nkind: " + kind + "\ndevices:\n- name: " + device +
         "\n  containerEdits: {env: [" + env + "]}\ncontainerEdits: {env: [COMMON=1]}\n";
}

class Registry : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) const { tree_.write(path, text); }
  [[nodiscard]] CdiRegistry load() const { return CdiRegistry::load(tree_.root()); }
  [[nodiscard]] std::string error(const std::string& name) const {
    const auto edits = load().resolve(name);
    return edits ? "none" : edits.error().text;
  }
  HostTree tree_{"--count 0 nvidia"};
};

TEST_F(Registry, TheLaterFolderWins) {
  put("/etc/cdi/a.yaml", spec_text("a.com/b", "d", "FROM=static"));
  put("/var/run/cdi/z.yaml", spec_text("a.com/b", "d", "FROM=dynamic"));
  const auto edits = load().resolve("a.com/b=d");
  ASSERT_TRUE(edits) << edits.error().text;
  EXPECT_EQ(edits->env, (std::vector<Text>{"COMMON=1", "FROM=dynamic"}));
  EXPECT_TRUE(load().errors().empty());
  EXPECT_EQ(error("a.com/b=e"), "no CDI device a.com/b=e on this host");
}

TEST_F(Registry, TwoOfOneFolderConflict) {
  put("/etc/cdi/a.yaml", spec_text("a.com/b", "d", "X=1"));
  put("/etc/cdi/b.yaml", spec_text("a.com/b", "d", "X=2"));
  EXPECT_NE(error("a.com/b=d").find("is defined twice, by "), std::string::npos);
  EXPECT_EQ(load().errors().size(), 1U);
}

TEST_F(Registry, ABrokenFileHidesNoOther) {
  put("/etc/cdi/good.yaml", spec_text("a.com/b", "d", "X=1"));
  put("/etc/cdi/bad.yaml", "cdiVersion: 0.5.0\nkind: c.com/d\ndevice: {}\n");
  put("/etc/cdi/ugly.json", "{");
  put("/etc/cdi/README", "no specification");
  EXPECT_EQ(error("a.com/b=d"), "none");
  EXPECT_NE(error("c.com/d=0").find("bad.yaml:3: device: expected a known key"), std::string::npos);
  EXPECT_NE(error("e.com/f=0").find("ugly.json:1: expected JSON"), std::string::npos);
  EXPECT_EQ(load().errors().size(), 2U);
  EXPECT_TRUE(load().has_kind("c.com/d"));
}

TEST_F(Registry, DevicesOfAVendorGoByTheHostsSpecification) {
  Vendor vendor;
  vendor.cdi_kind = "acme.com/gpu";
  vendor.constants = {"GENERATED=1"};
  model::Device device;
  device.number = 0;
  device.file = "/dev/acme0";
  const auto made = device_edits(load(), vendor, std::span(&device, 1));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->env, std::vector<Text>{"GENERATED=1"});
  put("/etc/cdi/acme.json", kWhole);
  const auto given = device_edits(load(), vendor, std::span(&device, 1));
  ASSERT_TRUE(given) << given.error().text;
  EXPECT_EQ(given->env, std::vector<Text>{"A=1"});
  ASSERT_EQ(given->device_nodes.size(), 2U);
  device.number = 7;
  device.uuid = "GPU-7";
  EXPECT_FALSE(device_edits(load(), vendor, std::span(&device, 1)));
}

TEST(Merge, LaterValuesReplaceEarlierOnes) {
  ContainerEdits into;
  into.env = {"A=1", "B=1"};
  into.additional_gids = {5};
  ContainerEdits from;
  from.env = {"B=2", "C=3"};
  from.additional_gids = {5, 6};
  CdiMount mount;
  mount.host_path = "/x";
  mount.container_path = "/y";
  into.mounts = from.mounts = {mount};
  from.mounts[0].host_path = "/z";
  merge(into, from);
  EXPECT_EQ(into.env, (std::vector<Text>{"A=1", "B=2", "C=3"}));
  EXPECT_EQ(into.additional_gids, (std::vector<std::uint32_t>{5, 6}));
  ASSERT_EQ(into.mounts.size(), 1U);
  EXPECT_EQ(into.mounts[0].host_path, "/z");
}

}  // namespace
}  // namespace sluice::accel
