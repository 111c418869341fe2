// Which device files a job is kept from.
#include "daemon/worker/host/device_grant.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

model::Device a_device(const std::string& file, std::vector<Text> companions = {}) {
  model::Device device;
  device.file = file;
  device.companions = std::move(companions);
  return device;
}

// Two cards of one vendor, each with a node of its own and one that both share; one of another.
std::vector<model::NodeGres> a_node() {
  model::NodeGres cards;
  cards.name = "gpu";
  cards.vendor = "red";
  cards.count = 2;
  cards.files = {"/dev/red0", "/dev/red1"};
  cards.devices = {a_device("/dev/red0", {"/dev/dri/card0", "/dev/dri/both"}),
                   a_device("/dev/red1", {"/dev/dri/card1", "/dev/dri/both"})};
  model::NodeGres other;
  other.name = "npu";
  other.vendor = "blue";
  other.count = 1;
  other.files = {"/dev/blue0"};
  return {cards, other};
}

std::vector<accel::Vendor> vendors() {
  accel::Vendor red;
  red.name = "red";
  red.control_files = {"/dev/redctl"};
  accel::Vendor blue;
  blue.name = "blue";
  blue.control_files = {"/dev/bluectl"};
  return {red, blue};
}

model::GresShare a_share(const std::string& name, std::initializer_list<std::size_t> indices) {
  model::GresShare share;
  share.name = name;
  share.indices = base::Bitmap(2, indices);
  return share;
}

TEST(DeviceGrant, OpensTheGrantedAndTheirVendorsControlFiles) {
  const auto node = a_node();
  const auto known = vendors();
  const std::vector<model::GresShare> own = {a_share("gpu", {1})};
  const DeviceFiles files = device_files({node, known, own});
  EXPECT_THAT(files.open,
              ElementsAre("/dev/red1", "/dev/dri/card1", "/dev/dri/both", "/dev/redctl"));
  EXPECT_THAT(files.closed,
              ElementsAre("/dev/red0", "/dev/dri/card0", "/dev/blue0", "/dev/bluectl"));
}

TEST(DeviceGrant, WithoutDevicesEverythingIsClosed) {
  const auto node = a_node();
  const auto known = vendors();
  const DeviceFiles files = device_files({node, known, {}});
  EXPECT_THAT(files.open, IsEmpty());
  EXPECT_EQ(files.closed.size(), 8U);
}

TEST(DeviceGrant, AnotherTypeIsAnotherKind) {
  auto node = a_node();
  node[0].type = "a100";
  const auto known = vendors();
  const std::vector<model::GresShare> own = {a_share("gpu", {0, 1})};
  EXPECT_THAT(device_files({node, known, own}).open, IsEmpty());
}

// Another name of the granted device must not close it.
TEST(DeviceGrant, RulesGoByTheDeviceNotByItsName) {
  if (::geteuid() != 0) return;  // device nodes are root's to make
  char folder[] = "/tmp/sluice-grant.XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string dir = folder;
  const auto make = [&](const std::string& name, unsigned number) {
    return ::mknod((dir + name).c_str(), S_IFCHR | 0666, ::makedev(240, number)) == 0;
  };
  ASSERT_TRUE(make("/own", 7) && make("/alias", 7) && make("/neighbour", 8));
  model::NodeGres kind;
  kind.name = "gpu";
  kind.files = {Text(dir + "/own"), Text(dir + "/neighbour"), Text(dir + "/missing"),
                Text(dir + "/alias")};
  const std::vector<model::NodeGres> node = {kind};
  model::GresShare share = a_share("gpu", {0});
  share.indices.resize(4);
  const std::vector<model::GresShare> own = {share};
  const std::vector<DeviceRule> denied = denied_devices({node, {}, own});
  ASSERT_EQ(denied.size(), 1U);
  EXPECT_EQ(denied[0].major, 240);
  EXPECT_EQ(denied[0].minor, 8);
  for (const char* name : {"/own", "/alias", "/neighbour"}) ::unlink((dir + name).c_str());
  ::rmdir(folder);
}

}  // namespace
}  // namespace sluice::worker
