// The agent's accelerators: configured GRES and found devices together, and what stands in the way
// of a start.
#include "daemon/worker/accel_setup.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/file.hpp"

namespace sluice::worker {
namespace {

model::NodeGres cards(const std::string& type, std::size_t count, const std::string& vendor) {
  model::NodeGres gres;
  gres.name = "gpu";
  gres.type = type;
  gres.count = count;
  gres.vendor = vendor;
  for (std::size_t i = 0; i < count; ++i) {
    model::Device device;
    device.file = "/dev/" + vendor + std::to_string(i);
    device.links = std::vector<std::uint32_t>(count, 20);
    gres.files.push_back(device.file);
    gres.devices.push_back(device);
  }
  return gres;
}

std::vector<model::NodeGres> given(const std::string& text) { return *parse_node_gres(text); }

TEST(merge_gres, what_is_not_configured_is_as_found) {
  const std::vector<model::NodeGres> found = {cards("a100", 2, "nvidia")};
  const auto merged = merge_gres(given("nic:1"), found);
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].name, "nic");
  EXPECT_EQ(merged[1], found[0]);
}

TEST(merge_gres, a_type_takes_as_many_as_it_asks_for) {
  const auto merged = merge_gres(given("gpu:a100:2"), {cards("a100", 4, "nvidia")});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].count, 2U);
  EXPECT_EQ(merged[0].vendor, "nvidia");
  EXPECT_EQ(merged[0].files, (std::vector<Text>{"/dev/nvidia0", "/dev/nvidia1"}));
  ASSERT_EQ(merged[0].devices.size(), 2U);
  EXPECT_EQ(merged[0].devices[1].links.size(), 2U);
}

TEST(merge_gres, without_a_type_any_of_one_vendor_will_do) {
  const auto merged = merge_gres(
      given("gpu:3"),
      {cards("a100", 1, "nvidia"), cards("h100", 2, "nvidia"), cards("mi300x", 2, "amd")});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].type, "");
  EXPECT_EQ(merged[0].count, 3U);
  EXPECT_EQ(merged[0].devices[2].file, "/dev/nvidia1");
  for (const model::Device& device : merged[0].devices) EXPECT_EQ(device.links.size(), 3U);
}

TEST(merge_gres, fewer_than_asked_for_are_told_as_they_are) {
  EXPECT_EQ(merge_gres(given("gpu:a100:4"), {cards("a100", 1, "nvidia")})[0].count, 1U);
  EXPECT_EQ(merge_gres(given("gpu:a100:4"), {})[0].count, 4U) << "counted only";
}

TEST(merge_gres, configured_files_rule) {
  const auto known = merge_gres(given("gpu:old:1:/dev/nvidia1"), {cards("a100", 2, "nvidia")});
  ASSERT_EQ(known.size(), 1U);
  EXPECT_EQ(known[0].type, "old");
  EXPECT_EQ(known[0].vendor, "nvidia");
  ASSERT_EQ(known[0].devices.size(), 1U);
  EXPECT_EQ(known[0].devices[0].file, "/dev/nvidia1");
  const auto unknown =
      merge_gres(given("gpu:2:/dev/null,/dev/nvidia1"), {cards("a100", 2, "nvidia")});
  ASSERT_EQ(unknown.size(), 1U);
  EXPECT_TRUE(unknown[0].devices.empty());
  EXPECT_EQ(unknown[0].vendor, "");
  EXPECT_EQ(unknown[0].files.size(), 2U);
}

class FindAccelerators : public ::testing::Test {
 protected:
  FindAccelerators() {
    std::string pattern = ::testing::TempDir() + "accelXXXXXX";
    dir = ::mkdtemp(pattern.data());
    config.accelerator_root = dir;
    config.accelerator_table = dir + "/table.yaml";
    map.os = {0, 1, 2, 3};
    map.sockets = 1;
    map.cores = 4;
  }
  ~FindAccelerators() override { EXPECT_TRUE(base::remove_tree(dir)); }
  void put(const std::string& path, const std::string& text) const {
    const std::string whole = dir + path;
    ASSERT_TRUE(base::make_directories(whole.substr(0, whole.rfind('/'))));
    ASSERT_TRUE(base::write_file_atomic(whole, text));
  }
  std::string dir;
  AgentConfig config;
  CpuMap map;
};

TEST_F(FindAccelerators, a_vendor_is_added_by_the_table_alone) {
  put("/table.yaml",
      "vendors:\n- name: acme\n  gres: warp\n  pci_vendors: [\"abcd\"]\n"
      "  pci_classes: [\"12\"]\n  files: /dev/acme{N}\n  control: /dev/acmectl\n");
  const std::string function = "/sys/bus/pci/devices/0000:01:00.0";
  put(function + "/vendor", "0xabcd\n");
  put(function + "/device", "0x0001\n");
  put(function + "/class", "0x120000\n");
  put(function + "/local_cpulist", "2-3,8\n");
  put("/dev/acme0", "");
  put("/dev/acmectl", "");
  const auto found = find_accelerators(config, map);
  ASSERT_TRUE(found) << found.error().text;
  ASSERT_EQ(found->gres.size(), 1U);
  EXPECT_EQ(found->gres[0].name, "warp");
  EXPECT_EQ(found->gres[0].type, "acme");
  EXPECT_EQ(found->gres[0].devices[0].cpus.to_ranges(), "2-3");
  EXPECT_EQ(found->gres[0].devices[0].cpus.size(), 4U);
  ASSERT_EQ(found->vendors.size(), 1U);
  EXPECT_EQ(found->vendors[0].control_files, std::vector<Text>{dir + "/dev/acmectl"});
  config.autodetect = false;
  EXPECT_TRUE(find_accelerators(config, map)->gres.empty());
}

TEST_F(FindAccelerators, a_broken_table_is_an_error_with_its_line) {
  put("/table.yaml", "vendors:\n- name: acme\n  gres: [x]\n");
  const auto found = find_accelerators(config, map);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().text, dir + "/table.yaml:3: gres: expected a text, not \"a list\"");
  config.accelerator_table = dir + "/none.yaml";
  EXPECT_FALSE(find_accelerators(config, map));
}

}  // namespace
}  // namespace sluice::worker
