// Devices that go out of service while the cluster runs: what is shown, what becomes of their jobs,
// and what a restart makes of it.
#include <gtest/gtest.h>

#include "core/node_facts.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::DevicesFaulty;
using model::DeviceFaultPolicy;
using model::JobState;

model::Settings with_gpus(DeviceFaultPolicy policy = DeviceFaultPolicy::keep) {
  model::Settings settings = some_settings({.nodes = 2});
  settings.device_fault_policy = policy;
  for (core::NodeSetting& node : settings.nodes) {
    model::NodeGres gres{.name = "gpu", .type = "a100", .count = 2};
    for (const char* file : {"/dev/x0", "/dev/x1"}) {
      gres.files.emplace_back(file);
      model::Device device;
      device.file = file;
      gres.devices.push_back(device);
    }
    node.facts.gres = {gres};
  }
  return settings;
}

JobBuilder a_gpu_job(std::uint64_t count) {
  return a_job().request([&](auto& request) { request.gres = {{"gpu", "", count}}; });
}

DevicesFaulty fault(std::uint32_t node, std::uint32_t index, const char* text = "it burns") {
  return {NodeIndex(node), {{"gpu", "a100", index, text}}};
}

TEST(DeviceFaults, TheNodeStaysUpAndTheDeviceIsSpared) {
  World world(with_gpus());
  world.register_all();
  world.apply(fault(0, 0));
  EXPECT_EQ(world.node(0).state, model::NodeState::idle);
  EXPECT_EQ(world.node(0).facts.gres[0].devices[0].fault, Text("it burns"));
  const JobId job = world.submit(a_gpu_job(1));
  EXPECT_EQ(world.job(job).allocation->shares[0].gres[0].indices.to_ranges(), "1");
  const JobId both = world.submit(a_gpu_job(2));
  EXPECT_EQ(world.job(both).allocation->nodes, Text("n2"));
}

TEST(DeviceFaults, HealingBringsItBack) {
  World world(with_gpus());
  world.register_all();
  world.apply(fault(0, 0));
  world.apply(fault(1, 1));
  const JobId both = world.submit(a_gpu_job(2));
  EXPECT_EQ(world.job(both).state, JobState::pending);
  world.apply(DevicesFaulty{NodeIndex(1), {}});
  EXPECT_EQ(world.job(both).state, JobState::running);
}

TEST(DeviceFaults, AKeptJobSaysWhatItHas) {
  World world(with_gpus());
  world.register_all();
  const JobId job = world.submit(a_gpu_job(2));
  world.apply(fault(0, 1));
  EXPECT_EQ(world.job(job).state, JobState::running);
  EXPECT_EQ(world.job(job).reason_detail, Text("device gpu:a100:1 on n1: it burns"));
}

TEST(DeviceFaults, ARequeuedJobRunsElsewhere) {
  World world(with_gpus(DeviceFaultPolicy::requeue));
  world.register_all();
  const JobId job = world.submit(a_gpu_job(2));
  const JobId other = world.submit(a_job());
  world.apply(fault(0, 0));
  EXPECT_EQ(world.job(job).state, JobState::node_fail);
  EXPECT_EQ(world.job(other).state, JobState::running);  // it holds no device
  world.release(job);
  EXPECT_EQ(world.job(job).state, JobState::running);
  EXPECT_EQ(world.job(job).attempt, 1U);
  EXPECT_EQ(world.job(job).allocation->nodes, Text("n2"));
}

TEST(DeviceFaults, ACancelledJobHasFailedAndSaysWhy) {
  World world(with_gpus(DeviceFaultPolicy::cancel));
  world.register_all();
  const JobId job = world.submit(a_gpu_job(1));
  world.apply(fault(0, 1));  // not its device
  EXPECT_EQ(world.job(job).state, JobState::running);
  world.apply(fault(0, 0));
  world.release(job);
  EXPECT_EQ(world.job(job).state, JobState::failed);
  EXPECT_EQ(world.job(job).reason_detail, Text("device gpu:a100:0 on n1: it burns"));
}

TEST(DeviceFaults, APolicyIsAppliedOnce) {
  World world(with_gpus(DeviceFaultPolicy::requeue));
  world.register_all();
  world.apply(fault(0, 0));
  const JobId job = world.submit(a_gpu_job(1));  // the other device of n1
  world.apply(fault(0, 0));
  world.apply(fault(0, 0, "it still burns"));
  EXPECT_EQ(world.job(job).state, JobState::running);
  EXPECT_EQ(world.job(job).attempt, 0U);
}

TEST(DeviceFaults, ARestartRemembersThem) {
  World world(with_gpus());
  world.register_all();
  const JobId holder = world.submit(a_gpu_job(1));
  world.apply(fault(0, 0));
  world.apply(core::DevicesFaulty{
      NodeIndex(0), {{"gpu", "a100", 0, "it burns"}, {"gpu", "a100", 1, "so does this"}}});
  const std::string before = world.cluster->fingerprint();
  world.planning = false;
  world.restart();
  EXPECT_EQ(world.cluster->fingerprint(), before);
  world.planning = true;
  const JobId job = world.submit(a_gpu_job(1));
  EXPECT_EQ(world.job(job).allocation->nodes, Text("n2"));
  EXPECT_EQ(world.job(holder).reason_detail, Text("device gpu:a100:0 on n1: it burns"));
}

TEST(DeviceFaults, ANewDaemonHasYetToJudgeAndANewBootIsNew) {
  World world(with_gpus());
  world.register_all();
  world.apply(fault(0, 0));
  world.register_node(0);
  EXPECT_FALSE(world.node(0).facts.gres[0].devices[0].fault.empty());
  world.register_node(0, "boot-2");
  EXPECT_TRUE(world.node(0).facts.gres[0].devices[0].fault.empty());
}

TEST(DeviceFaults, UnknownOnesChangeNothing) {
  World world(with_gpus());
  world.register_all();
  world.apply(fault(0, 7));
  world.apply(DevicesFaulty{NodeIndex(1), {{"npu", "", 0, "x"}}});
  EXPECT_FALSE(world.apply(DevicesFaulty{NodeIndex(9), {}}).outcome);
  const JobId job = world.submit(a_gpu_job(2));
  EXPECT_EQ(world.job(job).state, JobState::running);
}

// --- what the configuration and the node know together ------------------------------------------

TEST(GresFacts, TheConfigurationTakesTheNodesDevices) {
  core::NodeSetting setting;
  setting.facts.gres = {{.name = "gpu", .type = "a100", .count = 1}};
  model::NodeFacts found = with_gpus().nodes[0].facts;
  found.gres[0].vendor = "nvidia";
  const model::NodeFacts facts = core::effective_facts(setting, found);
  ASSERT_EQ(facts.gres.size(), 1U);
  EXPECT_EQ(facts.gres[0].vendor, Text("nvidia"));
  EXPECT_EQ(facts.gres[0].devices.size(), 1U);
  EXPECT_EQ(facts.gres[0].files.size(), 1U);
  EXPECT_EQ(core::effective_facts(setting, facts), facts);
}

TEST(GresFacts, AConfigurationWithoutTypesTakesThoseThatWereFound) {
  core::NodeSetting setting;
  setting.facts.gres = {{.name = "gpu", .count = 3}, {.name = "npu", .count = 1}};
  model::NodeFacts found = with_gpus().nodes[0].facts;
  found.gres.push_back(found.gres[0]);
  found.gres[1].type = "h100";
  const model::NodeFacts facts = core::effective_facts(setting, found);
  ASSERT_EQ(facts.gres.size(), 3U);
  EXPECT_EQ(facts.gres[0].type, Text("a100"));
  EXPECT_EQ(facts.gres[0].count, 2U);
  EXPECT_EQ(facts.gres[1].type, Text("h100"));
  EXPECT_EQ(facts.gres[1].count, 1U);
  EXPECT_EQ(facts.gres[1].devices.size(), 1U);
  EXPECT_EQ(facts.gres[2].name, Text("npu"));
  EXPECT_EQ(core::effective_facts(setting, facts), facts);
}

}  // namespace
}  // namespace sluice::test
