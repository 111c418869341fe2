// Priorities and preemption as configured, and as `scontrol show config` shows them.
#include <algorithm>

#include <gtest/gtest.h>

#include "config/cluster_config.hpp"
#include "model/site_order.hpp"

namespace sluice::config {
namespace {

std::string shown(const ClusterConfig& config, const std::string& name) {
  for (const auto& [key, value] : config.shown) {
    if (key == name) return value;
  }
  return "(not shown)";
}

ClusterConfig read(const std::string& text) {
  auto config = parse_cluster_config(
      text + "\nnodes: [{node_name: n1}]\npartitions: [{partition_name: p}]\n", "c.yaml");
  EXPECT_TRUE(config) << config.error().text;
  return config ? *config : ClusterConfig{};
}

TEST(Policies, PrioritiesAreRead) {
  const ClusterConfig config = read(R"(priority_type: priority/multifactor
priority_flags: ACCRUE_ALWAYS,no_normal_qos
priority_decay_half_life: 1-0
priority_calc_period: 2
priority_max_age: 14-0
priority_favor_small: yes
priority_usage_reset_period: monthly
priority_weight_age: 1000
priority_weight_assoc: 2
priority_weight_fairshare: 100000
priority_weight_job_size: 3
priority_weight_partition: 4
priority_weight_qos: 5
priority_weight_tres: CPU=1000,Mem=-2000,GRES/gpu=3.5
accounting_storage_tres: gres/gpu
)");
  const model::PrioritySettings& priority = config.settings->priority;
  EXPECT_EQ(priority.type, model::PriorityType::multifactor);
  EXPECT_EQ(priority.flags, model::kPriorityAccrueAlways | model::kPriorityNoNormalQos);
  EXPECT_EQ(priority.decay_half_life_s, 86'400U);
  EXPECT_EQ(priority.calc_period_s, 120U);
  EXPECT_EQ(priority.max_age_s, 14U * 86'400U);
  EXPECT_TRUE(priority.favor_small);
  EXPECT_EQ(priority.usage_reset, model::UsageReset::monthly);
  EXPECT_EQ(priority.weight_fairshare, 100'000U);
  EXPECT_EQ(priority.weight_tres, Text("CPU=1000,Mem=-2000,GRES/gpu=3.5"));
  EXPECT_EQ(shown(config, "PriorityType"), "priority/multifactor");
  EXPECT_EQ(shown(config, "PriorityFlags"), "ACCRUE_ALWAYS,NO_NORMAL_QOS");
  EXPECT_EQ(shown(config, "PriorityDecayHalfLife"), "1-00:00:00");
  EXPECT_EQ(shown(config, "PriorityCalcPeriod"), "00:02:00");
  EXPECT_EQ(shown(config, "PriorityUsageResetPeriod"), "MONTHLY");
  EXPECT_EQ(shown(config, "PriorityWeightFairShare"), "100000");
}

TEST(Policies, TheSiteOrderIsTheDefault) {
  const ClusterConfig config = read("priority_weight_age: 5\n");
  EXPECT_EQ(config.settings->priority.type, model::PriorityType::multifactor);
  EXPECT_EQ(config.settings->priority.weight_slowdown, model::kSiteOrderPoints);
  EXPECT_EQ(config.settings->priority.weight_age, 5U);
  EXPECT_EQ(shown(config, "PriorityType"), "priority/multifactor");
  EXPECT_EQ(shown(config, "PriorityWeightSlowdown"), "1000000");
  EXPECT_EQ(shown(config, "PriorityCalcPeriod"), "00:01:00");
  const ClusterConfig other = read("priority_type: multifactor\n");
  EXPECT_EQ(other.settings->priority.weight_slowdown, 0U);
  EXPECT_EQ(config.settings->backfill_reserve, 1U);
  EXPECT_EQ(config.settings->backfill_window_min, 20160U);
  EXPECT_EQ(other.settings->backfill_reserve.value_or(0), 0U);
  EXPECT_EQ(other.settings->backfill_window_min, 1440U);
  const ClusterConfig more =
      read("scheduler_parameters: bf_job_part_count_reserve=0,bf_window=9\n");
  EXPECT_EQ(more.settings->backfill_reserve, 0U);
  EXPECT_EQ(more.settings->backfill_window_min, 9U);
  const ClusterConfig weighed = read("priority_weight_slowdown: 7\npriority_calc_period: 5\n");
  EXPECT_EQ(weighed.settings->priority.weight_slowdown, 7U);
  EXPECT_EQ(shown(weighed, "PriorityCalcPeriod"), "00:05:00");
}

TEST(Policies, BasicIsTheOrderOfSubmission) {
  const ClusterConfig config = read("priority_type: basic\n");
  EXPECT_EQ(config.settings->priority.type, model::PriorityType::basic);
  EXPECT_EQ(config.settings->priority.weight_slowdown, 0U);
  EXPECT_EQ(config.settings->priority.decay_half_life_s, 7U * 86'400U);
  EXPECT_EQ(shown(config, "PriorityType"), "priority/basic");
  EXPECT_EQ(shown(config, "PriorityWeightAge"), "(not shown)");
  EXPECT_EQ(shown(config, "PreemptMode"), "OFF");
  EXPECT_EQ(shown(config, "PreemptType"), "preempt/none");
}

TEST(Policies, PreemptionIsRead) {
  const ClusterConfig config = read(R"(preempt_type: preempt/partition_prio
preempt_mode: SUSPEND,GANG
preempt_exempt_time: 10
preempt_parameters: [youngest_first, send_user_signal, min_exempt_priority=9, reorder_count=3,
                     strict_order]
)");
  const model::PreemptSettings& preempt = config.settings->preempt;
  EXPECT_EQ(preempt.type, model::PreemptType::partition_prio);
  EXPECT_EQ(preempt.mode, model::PreemptMode::suspend);
  EXPECT_TRUE(preempt.gang);
  EXPECT_EQ(preempt.exempt_time_s, 600U);
  EXPECT_TRUE(preempt.reorder_by_youngest && preempt.send_user_signal);
  EXPECT_EQ(preempt.min_exempt_priority, 9U);
  EXPECT_EQ(preempt.reorder_count, 3U);
  EXPECT_TRUE(preempt.strict_order);
  EXPECT_EQ(shown(config, "PreemptMode"), "GANG,SUSPEND");
  EXPECT_EQ(shown(config, "PreemptParameters"),
            "min_exempt_priority=9,reorder_count=3,send_user_signal,strict_order,youngest_first");
}

}  // namespace
}  // namespace sluice::config
