// Keys of accounting: levels and what they imply, counted TRES, billing weights.
#include <gtest/gtest.h>

#include "config/cluster_config.hpp"

namespace sluice::config {
namespace {

const std::string kRest =
    "nodes:\n"
    "  - node_name: n1\n"
    "    cpus: 8\n"
    "partitions:\n"
    "  - partition_name: batch\n";

Result<ClusterConfig> parsed(const std::string& top, const std::string& partition = "") {
  return parse_cluster_config(top + kRest + partition, "sluice.yaml");
}

TEST(AccountingKeys, LevelsImplyOthers) {
  const auto enforce = [](const std::string& value) {
    return parsed("accounting_storage_enforce: " + value + "\n")->settings->enforce;
  };
  EXPECT_FALSE(enforce("none").associations);
  EXPECT_TRUE(enforce("associations").associations);
  EXPECT_FALSE(enforce("associations").limits);
  EXPECT_TRUE(enforce("qos").associations);
  EXPECT_FALSE(enforce("qos").limits);
  EXPECT_TRUE(enforce("safe").limits);
  EXPECT_TRUE(enforce("limits,wckeys").wckeys);
  EXPECT_TRUE(enforce("all").safe);
  EXPECT_FALSE(parsed("accounting_storage_enforce: nojobs\n"));
}

TEST(AccountingKeys, TresAndWeights) {
  const auto config = parsed("accounting_storage_tres: cpu,gres/gpu,license/matlab\n",
                             "    tres_billing_weights: CPU=1.0,Mem=0.25G,GRES/gpu=2\n"
                             "    qos: big\n    allow_qos: a,b\n    deny_qos: c\n");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->settings->accounting_tres,
            (std::vector<Text>{Text("gres/gpu"), Text("license/matlab")}));
  EXPECT_EQ(config->settings->partitions.front().qos, Text("big"));
  EXPECT_FALSE(parsed("accounting_storage_tres: ic/ofed\n"));
  EXPECT_FALSE(parsed("", "    tres_billing_weights: GRES/gpu=2\n")) << "isn't counted";
  EXPECT_FALSE(parsed("", "    tres_billing_weights: CPU=x\n"));
  EXPECT_FALSE(parsed("", "    tres_billing_weights: CPU=-1\n"));
}

TEST(AccountingKeys, WhenJobsAreArchived) {
  const auto after = [](const std::string& value) {
    const auto config = parsed("purge_job_after: " + value + "\n");
    return config ? config->purge_job_after_s : -1;
  };
  EXPECT_EQ(after("12hours"), 12 * 3600);
  EXPECT_EQ(after("30days"), 30 * 86'400);
  EXPECT_EQ(after("12months"), 360 * 86'400);
  EXPECT_EQ(after("2"), 60 * 86'400);
  EXPECT_EQ(after("none"), 0);
  for (const char* wrong : {"0", "soon", "12weeks", "-1days"}) EXPECT_EQ(after(wrong), -1) << wrong;
}

}  // namespace
}  // namespace sluice::config
