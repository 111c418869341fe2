// agent.conf: what it may say, and the errors for what it may not.
#include "daemon/worker/agent_config.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/file.hpp"

namespace sluice::worker {
namespace {

constexpr const char* kLeast =
    "name: n1\ncontroller_address: 127.0.0.1\ncontroller_port: 6817\ncontroller_key: ed25519:x\n";

class AgentConfigTest : public ::testing::Test {
 protected:
  AgentConfigTest() {
    std::string pattern = ::testing::TempDir() + "agentXXXXXX";
    dir = ::mkdtemp(pattern.data());
  }
  ~AgentConfigTest() override { EXPECT_TRUE(base::remove_tree(dir)); }
  Result<AgentConfig> load(const std::string& more) const {
    EXPECT_TRUE(base::write_file_atomic(dir + "/agent.conf", kLeast + more));
    return load_agent_config(dir);
  }
  std::string dir;
};

TEST_F(AgentConfigTest, few_lines_suffice) {
  const auto config = load("");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->socket, dir + "/agent.sock");
  EXPECT_EQ(config->spool_dir, dir + "/spool");
  EXPECT_FALSE(config->facts_given);
  EXPECT_TRUE(config->cgroups);
}

TEST_F(AgentConfigTest, facts_stand_in_place_of_the_hosts) {
  const auto config =
      load("sockets: 2\ncores_per_socket: 4\nmemory: 1000\ngres: gpu:tesla:2;fpga:1\n");
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->facts_given);
  EXPECT_EQ(config->facts.sockets, 2U);
  ASSERT_EQ(config->facts.gres.size(), 2U);
  EXPECT_EQ(config->facts.gres[0].type.view(), "tesla");
  EXPECT_EQ(config->facts.gres[1].count, 1U);
}

TEST_F(AgentConfigTest, mistakes_are_named) {
  const auto unknown = load("colour: red\n");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().text.find("unknown key colour"), std::string::npos);
  const auto wrong = load("port: many\n");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().text.find("port: wrong value many"), std::string::npos);
  EXPECT_FALSE(load("gres: gpu\n"));
  EXPECT_FALSE(load("gres: gpu:2:/dev/a\n"));
}

TEST_F(AgentConfigTest, a_missing_file_is_an_error) {
  EXPECT_FALSE(load_agent_config(dir + "/nowhere"));
}

}  // namespace
}  // namespace sluice::worker
