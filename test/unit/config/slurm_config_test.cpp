// A site's slurm.conf, gres.conf and topology.conf: what is taken over, what is named as left out,
// and the line that each mistake is answered with.
#include "config/slurm_config.hpp"

#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/types.hpp"

namespace sluice::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kConf = R"(# A small site
ClusterName=hill          # comments end lines
SlurmctldHost = hill0
AuthType=auth/munge
StateSaveLocation=/a
StateSaveLocation=/b
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory,CR_CORE_DEFAULT_DIST_BLOCK
SchedulerParameters=bf_window=4320,bf_continue
TopologyPlugin=topology/tree
EnforcePartLimits=ALL
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits
PriorityWeightAge=70
PriorityWeightTRES=CPU=0,GRES/gpu=300
DefMemPerGPU=4096
SuspendTime=600

NodeName=DEFAULT Sockets=2 CoresPerSocket=4 RealMemory=1000 \
    Weight=60
NodeName=a[1-3] Feature=old,slow
NodeName=g[1-2] Gres=gpu:big:2 CPUs=16 ThreadsPerCore=2 Weight=190
NodeName=DEFAULT CoresPerSocket=2
NodeName=b1 State=DOWN Reason="two words"
PartitionName=DEFAULT State=UP MaxTime=3-0 DefaultTime=60
PartitionName=main Nodes=a[1-3],b1 Default=YES Priority=100 AllowQOS=one,two MaxMemPerNode=UNLIMITED
PartitionName=gpu Nodes=g[1-2] MaxTime=30 Shared=EXCLUSIVE
)";
constexpr const char* kGres =
    "AutoDetect=off\n"
    "NodeName=g[1-2] Name=gpu Type=big File=/dev/nvidia0 Cores=0-3\n"
    "NodeName=g[1-2] Name=gpu Type=big File=/dev/nvidia1 Cores=4-7\n";
constexpr const char* kTopology =
    "SwitchName=left Nodes=a[1-9]\n"
    "SwitchName=right Nodes=b1,g[1-2]\n"
    "SwitchName=gone Nodes=z[1-4]\n"
    "SwitchName=top Switches=left,right,gone\n";

SlurmFiles files(const std::string& conf, const std::string& gres = kGres,
                 const std::string& topology = kTopology) {
  return {{"slurm.conf", conf}, SlurmFile{"gres.conf", gres}, SlurmFile{"topology.conf", topology}};
}

TEST(SlurmConfig, BecomesWhatSluiceYamlWouldHaveSaid) {
  const Result<SlurmConfig> read = parse_slurm_config(files(kConf));
  ASSERT_TRUE(read) << read.error().text;
  const model::Settings& s = *read->config.settings;
  EXPECT_EQ(s.cluster_name, "hill");
  EXPECT_TRUE(s.track_memory && s.enforce_partition_limits && s.enforce.limits);
  EXPECT_EQ(s.backfill_window_min, 4320U);
  EXPECT_EQ(s.priority.type, model::PriorityType::multifactor) << "as Slurm without the key";
  EXPECT_EQ(s.priority.weight_age, 70U);
  EXPECT_EQ(s.priority.weight_slowdown, 0U);
  EXPECT_EQ(s.job_defaults, Text("DefMemPerGPU=4096"));
  ASSERT_EQ(s.nodes.size(), 6U);
  EXPECT_EQ(s.nodes[0].facts.cpus(), 8U);
  EXPECT_EQ(s.nodes[0].weight, 60U);
  EXPECT_EQ(s.nodes[0].features, Text("old,slow"));
  EXPECT_EQ(s.nodes[3].facts.cpus(), 16U);
  EXPECT_EQ(s.nodes[5].facts.cpus(), 4U) << "later defaults take the place of earlier ones";
  EXPECT_EQ(s.nodes[5].facts.memory, 1000U) << "the others stay";
  ASSERT_EQ(s.partitions.size(), 2U);
  EXPECT_TRUE(s.partitions[0].is_default);
  EXPECT_EQ(s.partitions[0].max_time, 3U * 24 * 60);
  EXPECT_EQ(s.partitions[0].priority_tier, 100U);
  EXPECT_EQ(s.partitions[0].priority_job_factor, 100U);
  EXPECT_EQ(s.partitions[1].max_time, 30U);
  EXPECT_EQ(s.partitions[1].oversubscribe, model::OverSubscribe::exclusive);
}

TEST(SlurmConfig, DevicesStandBesideTheirCores) {
  const Result<SlurmConfig> read = parse_slurm_config(files(kConf));
  ASSERT_TRUE(read) << read.error().text;
  const model::NodeGres& gpus = read->config.settings->nodes[3].facts.gres.at(0);
  EXPECT_EQ(gpus.count, 2U);
  ASSERT_EQ(gpus.devices.size(), 2U);
  EXPECT_EQ(gpus.files[1], Text("/dev/nvidia1"));
  EXPECT_EQ(gpus.devices[0].cpus.to_ranges(), "0-7") << "both threads of each core";
  EXPECT_EQ(gpus.devices[1].cpus.to_ranges(), "8-15");
}

TEST(SlurmConfig, SwitchesKeepTheNodesThatThereAre) {
  const Result<SlurmConfig> read = parse_slurm_config(files(kConf));
  ASSERT_TRUE(read) << read.error().text;
  const std::vector<model::Switch>& switches = read->config.settings->topology.switches;
  ASSERT_EQ(switches.size(), 3U);
  EXPECT_EQ(switches[0].nodes, Text("a[1-3]"));
  EXPECT_EQ(switches[2].nodes, Text("a[1-3],b1,g[1-2]"));
  EXPECT_EQ(switches[2].level, 1U);
}

TEST(SlurmConfig, WhatIsLeftOutIsNamed) {
  const Result<SlurmConfig> read = parse_slurm_config(files(kConf));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_THAT(read->left_out,
              ElementsAre("slurm.conf:8: SelectTypeParameters=CR_CORE_DEFAULT_DIST_BLOCK: nothing "
                          "here corresponds to it",
                          "slurm.conf:9: SchedulerParameters=bf_continue: nothing here corresponds "
                          "to it",
                          "slurm.conf:17: SuspendTime=600: nothing here corresponds to it",
                          "slurm.conf:24: State=DOWN: the nodes are taken to be up",
                          "topology.conf:1: Nodes=a[1-9]: 6 of them don't exist",
                          "topology.conf:3: Nodes=z[1-4]: 4 of them don't exist"));
}

TEST(SlurmConfig, WholeNodesWhereTheSiteGivesThem) {
  const Result<SlurmConfig> read = parse_slurm_config(
      {{"slurm.conf",
        "SelectType=select/linear\nNodeName=n1 CPUs=4\nPartitionName=p Nodes=ALL Default=YES\n"},
       {},
       {}});
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->config.settings->partitions[0].cpu_unit, model::CpuUnit::node);
  EXPECT_EQ(read->config.settings->nodes[0].facts.cpus(), 4U);
}

struct Wrong {
  const char* name;
  SlurmFiles given;
  const char* message;

  friend void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }
};

SlurmFiles with(const std::string& line) { return files(line + "\n" + kConf); }

const Wrong kWrong[] = {
    {"unknown_key", with("FrobnicateJobs=yes"), "slurm.conf:1: unknown key FrobnicateJobs"},
    {"no_pair", with("ClusterName hill"),
     "slurm.conf:1: expected Key=Value, not \"ClusterName hill\""},
    {"open_quote", with("Licenses=\"a:1"),
     "slurm.conf:1: expected Key=Value, not \"Licenses=\"a:1\""},
    {"include", with("Include /etc/more.conf"),
     "slurm.conf:1: expected one file (what is included must be written into it), not \"Include "
     "/etc/more.conf\""},
    {"wrong_value", with("PriorityWeightQOS=many"),
     "slurm.conf:1: priority_weight_qos: expected a whole number, not \"many\""},
    {"select_type", with("SelectType=select/cray"),
     "slurm.conf:1: SelectType: expected select/cons_tres, select/cons_res or select/linear, not "
     "\"select/cray\""},
    {"node_key", with("NodeName=x1 CPUs=2 Colour=red"), "slurm.conf:1: unknown key Colour"},
    {"partition_nodes", files(std::string(kConf) + "PartitionName=p Nodes=q[1-2]\n"),
     "slurm.conf:28: partitions: expected nodes that exist, not \"q1\""},
    {"gres_count", files(kConf, "NodeName=g1 Name=gpu Count=1\n"),
     "gres.conf:1: Count: expected 2 of gpu on g1, as slurm.conf says, not \"1\""},
    {"gres_key", files(kConf, "NodeName=g1 Name=gpu Size=1\n"), "gres.conf:1: unknown key Size"},
    {"gres_cores", files(kConf, "Name=gpu File=/dev/n[0-1] Cores=0-99\n"),
     "gres.conf:1: Cores: expected cores of g1, which has 8, not \"0-99\""},
    {"switch_below_two",
     files(kConf, kGres, std::string(kTopology) + "SwitchName=x Switches=left\n"),
     "topology.conf:5: switches: expected each switch below one other, not \"left\""},
    {"no_topology",
     {{"slurm.conf", kConf}, {}, {}},
     "slurm.conf: TopologyPlugin wants a topology.conf beside it"},
    {"no_nodes",
     {{"slurm.conf", "ClusterName=x\n"}, {}, {}},
     "slurm.conf: nodes: expected at least one node"},
};

class SlurmConfigWrong : public testing::TestWithParam<Wrong> {};

TEST_P(SlurmConfigWrong, IsAnsweredWithItsPlace) {
  const Result<SlurmConfig> read = parse_slurm_config(GetParam().given);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Files, SlurmConfigWrong, testing::ValuesIn(kWrong),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace sluice::config
