// Limits: each by a scene of its own, precedence, `safe`, DenyOnLimit.
#include <functional>

#include <gtest/gtest.h>

#include "test/unit/core/limits_scene.hpp"

namespace sluice::test {
namespace {

struct Row {
  std::function<void(Scene&)> set;
  Try running;
  Try wanted;
  const char* reason;
};
const model::TresCounts kFourCpus{{kTresCpu, 4}};

std::vector<Row> groups_of_associations() {
  return {
      {[](Scene& s) { s.association(kPhysics).limits.grp_jobs = 1; },
       {.association = kBob},
       {},
       "AssocGrpJobsLimit"},
      {[](Scene& s) { s.association(kPhysics).limits.max_jobs = 1; }, {}, {}, "AssocMaxJobsLimit"},
      {[](Scene& s) { s.association(kRoot).limits.grp_tres = kFourCpus; },
       {.association = kBob, .cpus = 3},
       {.cpus = 2},
       "AssocGrpCpuLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{kTresMemory, 25}};
       },
       {.nodes = 2},
       {},
       "AssocGrpMemLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{kTresNode, 2}};
       },
       {.nodes = 2},
       {.first_node = 2},
       "AssocGrpNodeLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{1001, 2}};
       },
       {.gpus = 1},
       {.gpus = 2},
       "AssocGrpGRES"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{model::kTresBilling, 3}};
       },
       {.cpus = 2},
       {.cpus = 2},
       "AssocGrpBilling"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres_run_mins = {{kTresCpu, 50}};
       },
       {.cpus = 4},
       {.cpus = 2},
       "AssocGrpCPURunMinutesLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.max_tres_run_mins = {{kTresCpu, 50}};
       },
       {.cpus = 4},
       {.cpus = 2},
       "AssocMaxCPURunMinutesPerUser"},
  };
}

std::vector<Row> most_of_associations_and_jobs_of_qos() {
  return {
      {[](Scene& s) { s.association(kRoot).limits.max_tres_per_job = kFourCpus; },
       {},
       {.cpus = 5},
       "AssocMaxCpuPerJobLimit"},
      {[](Scene& s) {
         s.association(kRoot).limits.max_tres_per_node = {{kTresMemory, 9}};
       },
       {.association = kBob},
       {.nodes = 2},
       "AssocMaxMemPerNode"},
      {[](Scene& s) {
         s.association(kAnn).limits.max_tres_mins_per_job = {{kTresCpu, 19}};
       },
       {},
       {.cpus = 2},
       "AssocMaxCpuMinutesPerJobLimit"},
      {[](Scene& s) { s.association(kPhysics).limits.max_wall_per_job = 9; },
       {},
       {},
       "AssocMaxWallDurationPerJobLimit"},
      {[](Scene& s) { s.qos(kNormal).limits.grp_jobs = 1; }, {}, {}, "QOSGrpJobsLimit"},
      {[](Scene& s) { s.qos(kNormal).limits.max_jobs_per_user = 1; },
       {},
       {},
       "QOSMaxJobsPerUserLimit"},
      {[](Scene& s) { s.qos(kNormal).limits.max_jobs_per_account = 1; },
       {.association = kBob},
       {},
       "MaxJobsPerAccount"},
      {[](Scene& s) { s.qos(kNormal).limits.grp_tres = kFourCpus; },
       {.association = kBob, .cpus = 4},
       {},
       "QOSGrpCpuLimit"},
  };
}

std::vector<Row> tres_of_qos() {
  return {
      {[](Scene& s) { s.qos(kNormal).limits.max_tres_per_user = kFourCpus; },
       {.cpus = 4},
       {},
       "QOSMaxCpuPerUserLimit"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_per_user = {{kTresMemory, 15}};
       },
       {},
       {},
       "QOSMaxMemoryPerUser"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_per_account = {{1001, 2}};
       },
       {.association = kBob, .gpus = 2},
       {.gpus = 1},
       "MaxGRESPerAccount"},
      {[](Scene& s) { s.qos(kNormal).limits.max_tres_per_job = kFourCpus; },
       {},
       {.cpus = 5},
       "QOSMaxCpuPerJobLimit"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_per_node = {{1001, 1}};
       },
       {},
       {.gpus = 2},
       "QOSMaxGRESPerNode"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_mins_per_job = {{kTresMemory, 99}};
       },
       {.minutes = 1},
       {},
       "QOSMaxMemoryMinutesPerJob"},
      {[](Scene& s) {
         s.qos(kNormal).limits.grp_tres_run_mins = {{kTresNode, 15}};
       },
       {},
       {},
       "QOSGrpNodeRunMinutes"},
      {[](Scene& s) { s.qos(kNormal).limits.max_wall_per_job = 9; },
       {},
       {},
       "QOSMaxWallDurationPerJobLimit"},
      {[](Scene& s) { s.qos(kOfPartition).limits.grp_tres = kFourCpus; },
       {.partition = 1, .cpus = 4},
       {.partition = 1},
       "QOSGrpCpuLimit"},
  };
}

void expect_reason(const Row& row) {
  Scene scene;
  row.set(scene);
  scene.settle();
  start(scene.limits, row.running);
  EXPECT_EQ(refusal(scene.limits, row.wanted), row.reason);
  scene.limits.forget_started();
  EXPECT_TRUE(scene.limits.uses().empty());
  const std::string reason = row.reason;
  const bool of_job_alone =
      reason.find("PerJob") != std::string::npos || reason.find("PerNode") != std::string::npos;
  if (!of_job_alone) {
    EXPECT_EQ(refusal(scene.limits, row.wanted), "") << reason;
  }
}

TEST(Limits, EachHasItsOwnReason) {
  for (const auto& rows :
       {groups_of_associations(), most_of_associations_and_jobs_of_qos(), tres_of_qos()}) {
    for (const Row& row : rows) expect_reason(row);
  }
}

TEST(Limits, EarlierHoldersHideTheSameLimitOfLaterOnes) {
  Scene scene;
  scene.association(kAnn).limits.max_jobs = 0;
  scene.association(kPhysics).limits.grp_tres = {{kTresCpu, 1}, {kTresMemory, 5}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "AssocMaxJobsLimit");
  scene.qos(kNormal).limits.max_jobs_per_user = 20;
  scene.qos(kNormal).limits.grp_tres = {{kTresCpu, 50}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2}), "AssocGrpMemLimit");  // CPUs are hidden, memory not
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2, .memory = 5}), "");
  scene.qos(kOfPartition).limits.grp_tres = {{kTresCpu, 1}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.partition = 1, .cpus = 2, .memory = 5}), "QOSGrpCpuLimit");
  scene.qos(kNormal).flags = model::kQosOverPartQos;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.partition = 1, .cpus = 2, .memory = 5}), "");
}

TEST(Limits, MaxIsInheritedAndGroupsHoldAtEachLevel) {
  Scene scene;
  scene.association(kPhysics).limits.max_tres_per_job = {{kTresCpu, 4}, {kTresMemory, 5}};
  scene.association(kAnn).limits.max_tres_per_job = {{kTresCpu, 8}};
  scene.association(kAnn).limits.grp_tres = {{kTresCpu, 100}};
  scene.association(kRoot).limits.grp_tres = {{kTresCpu, 7}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 6, .memory = 5}), "");
  EXPECT_EQ(refusal(scene.limits, {.association = kBob, .cpus = 6}), "AssocMaxCpuPerJobLimit");
  EXPECT_EQ(refusal(scene.limits, {.cpus = 6}), "AssocMaxMemPerJob");
  EXPECT_EQ(refusal(scene.limits, {.cpus = 8, .memory = 5}), "AssocGrpCpuLimit");
}

TEST(Limits, ThoseOfQosComeFirstAndCountsBeforeTres) {
  Scene scene;
  scene.association(kAnn).limits.max_tres_per_job = {{kTresCpu, 1}};
  scene.association(kPhysics).limits.grp_jobs = 1;
  scene.qos(kNormal).limits.grp_tres = {{kTresNode, 1}};
  scene.qos(kNormal).limits.max_jobs_per_user = 1;
  scene.settle();
  start(scene.limits, {});
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2}), "QOSMaxJobsPerUserLimit");
  scene.qos(kNormal).limits.max_jobs_per_user = model::kNoLimit;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2}), "AssocGrpJobsLimit");
  scene.association(kPhysics).limits.grp_jobs = model::kNoLimit;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2, .first_node = 1}), "QOSGrpNodeLimit");
  scene.qos(kNormal).limits.grp_tres = {};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2}), "AssocMaxCpuPerJobLimit");
}

TEST(Limits, LimitFactorStretchesTheAssociations) {
  Scene scene;
  scene.association(kPhysics).limits.grp_tres = {{kTresCpu, 30}};
  scene.qos(kNormal).limit_factor = 2'000'000;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 60}), "");
  EXPECT_EQ(refusal(scene.limits, {.cpus = 61}), "AssocGrpCpuLimit");
  EXPECT_EQ(refusal(scene.limits, {.qos = kHigh, .cpus = 31}), "AssocGrpCpuLimit");
}

// So many CPU minutes used by ann, in QOS normal.
void use(Scene& scene, std::int64_t minutes) {
  core::Meter meter;
  meter.associations = {kAnn, kPhysics, kRoot};
  meter.qos = {kNormal};
  meter.tres = {{kTresCpu, 1}, {model::kTresBilling, 1}};
  scene.usage.open(JobId(9), meter);
  scene.usage.charge(JobId(9), minutes * 60 * model::kSecond);
  scene.usage.close(JobId(9));
}

TEST(Limits, MinutesRunOutAndSafeLooksAhead) {
  Scene scene;
  scene.association(kPhysics).limits.grp_tres_mins = {{kTresCpu, 100}};
  scene.association(kRoot).limits.grp_tres_mins = {{kTresCpu, 1}};  // not enforced there
  scene.association(kRoot).limits.grp_wall = 1;
  scene.settle();
  use(scene, 95);
  EXPECT_EQ(refusal(scene.limits, {}), "");
  scene.safe = true;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.minutes = 5}), "");
  EXPECT_EQ(refusal(scene.limits, {}), "AssocGrpCPUMinutesLimit");
  start(scene.limits, {.minutes = 3});
  EXPECT_EQ(refusal(scene.limits, {.minutes = 3}), "AssocGrpCPUMinutesLimit");
  EXPECT_EQ(refusal(scene.limits, {.minutes = 2}), "");
  scene.safe = false;
  scene.settle();
  use(scene, 5);
  EXPECT_EQ(refusal(scene.limits, {.minutes = 1}), "AssocGrpCPUMinutesLimit");
  LimitClaim running{.association = kBob, .qos = kHigh, .uid = 7};
  EXPECT_FALSE(scene.limits.used_up(running));  // it has no CPU
  running.in_use = {{kTresCpu, 1}};
  ASSERT_TRUE(scene.limits.used_up(running));
  EXPECT_EQ(scene.limits.used_up(running)->holder, Text("account physics"));
  scene.association(kPhysics).limits.grp_tres_mins = {};
  scene.association(kPhysics).limits.grp_wall = 100;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "AssocGrpWallLimit");
  scene.qos(kNormal).limits.grp_wall = 101;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "");
}

TEST(Limits, UsageFactorCountsForRunMinutes) {
  Scene scene;
  scene.qos(kNormal).usage_factor = 2'000'000;
  scene.association(kPhysics).limits.grp_tres_run_mins = {{kTresCpu, 20}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.minutes = 10}), "");
  EXPECT_EQ(refusal(scene.limits, {.minutes = 11}), "AssocGrpCPURunMinutesLimit");
  EXPECT_EQ(refusal(scene.limits, {.qos = kHigh, .minutes = 20}), "");
}

TEST(Limits, RefuseSubmits) {
  Scene scene;
  scene.association(kPhysics).limits.max_submit_jobs = 3;
  scene.association(kPhysics).limits.grp_submit_jobs = 4;
  scene.settle();
  LimitClaim ann{.association = kAnn, .qos = kNormal, .uid = 1, .submitted = 3};
  const LimitClaim bob{.association = kBob, .qos = kNormal, .uid = 2, .submitted = 2};
  EXPECT_FALSE(scene.limits.refuses_submit(ann));
  scene.limits.count(ann);
  EXPECT_EQ(scene.limits.refuses_submit(bob)->detail, Text("AssocGrpSubmitJobsLimit"));
  ann.submitted = 1;
  const auto no = scene.limits.refuses_submit(ann);
  EXPECT_EQ(no->detail, Text("AssocMaxSubmitJobLimit"));
  EXPECT_EQ(Limits::describe(*no),
            "AssocMaxSubmitJobLimit: user ann in account physics has 3 of 3 jobs, 1 more wanted");
  scene.qos(kNormal).limits.max_submit_jobs_per_user = 3;
  scene.qos(kNormal).limits.grp_submit_jobs = 9;
  scene.settle();
  EXPECT_EQ(scene.limits.refuses_submit(ann)->detail, Text("QOSMaxSubmitJobPerUserLimit"));
  EXPECT_FALSE(scene.limits.refuses_submit(bob));
  scene.qos(kNormal).limits.max_submit_jobs_per_account = 4;
  scene.settle();
  EXPECT_EQ(scene.limits.refuses_submit(bob)->detail, Text("MaxSubmitJobsPerAccount"));
}

TEST(Limits, AccrualHasItsOwn) {
  Scene scene;
  scene.settle();
  EXPECT_FALSE(scene.limits.limits_accrual());
  scene.association(kPhysics).limits.max_jobs_accrue = 1;
  scene.qos(kOfPartition).limits.grp_jobs_accrue = 0;  // a partition's QOS has no say
  scene.settle();
  EXPECT_TRUE(scene.limits.limits_accrual());
  const LimitClaim ann{.association = kAnn,
                       .qos = kNormal,
                       .partition_qos = kOfPartition,
                       .uid = 1,
                       .submitted = 1,
                       .accruing = 1};
  EXPECT_FALSE(scene.limits.refuses_accrual(ann));
  scene.limits.count(ann);
  EXPECT_EQ(scene.limits.refuses_accrual(ann)->detail, Text("AssocMaxJobsAccrueLimit"));
}

TEST(Limits, DenyOnLimitLooksAtTheJobAlone) {
  Scene scene;
  scene.qos(kNormal).limits.max_tres_per_job = {{kTresCpu, 4}};
  scene.qos(kNormal).limits.min_tres_per_job = {{kTresCpu, 2}};
  scene.association(kPhysics).limits.grp_tres = {{kTresNode, 2}};
  scene.settle();
  model::Request request;
  request.min_nodes = 1;
  request.tasks = 5;
  core::RankedJob job{.request = &request, .association = kAnn, .qos = kNormal};
  const GateQuestion question{.job = job, .partition = PartitionIndex(0), .time_limit = 10};
  EXPECT_FALSE(scene.limits.refuses_alone(question));
  EXPECT_EQ(scene.limits.refuses(question)->detail, Text("QOSMaxCpuPerJobLimit"));
  scene.qos(kNormal).flags = model::kQosDenyOnLimit;
  scene.settle();
  EXPECT_EQ(scene.limits.refuses_alone(question)->detail, Text("QOSMaxCpuPerJobLimit"));
  request.tasks = 1;
  EXPECT_EQ(scene.limits.refuses_alone(question)->detail, Text("QOSMinCpuNotSatisfied"));
  request.tasks = request.min_nodes = 3;
  EXPECT_EQ(scene.limits.refuses_alone(question)->detail, Text("AssocGrpNodeLimit"));
  request.min_nodes = 2;
  start(scene.limits, {.nodes = 2});
  EXPECT_FALSE(scene.limits.refuses_alone(question));
  // How many others there may be says nothing of the job; how long they may run in all does.
  scene.qos(kNormal).limits.max_jobs_per_user = 0;
  scene.settle();
  EXPECT_FALSE(scene.limits.refuses_alone(question));
  scene.qos(kNormal).limits.grp_wall = 10;
  scene.settle();
  EXPECT_FALSE(scene.limits.refuses_alone(question));
  scene.qos(kNormal).limits.grp_wall = 9;
  scene.settle();
  EXPECT_EQ(scene.limits.refuses_alone(question)->detail, Text("QOSGrpWallLimit"));
}

// Two jobs on one node use one node.
TEST(Limits, NodesAreCountedOnce) {
  Scene scene;
  scene.association(kPhysics).limits.grp_tres = {{kTresNode, 3}};
  scene.qos(kNormal).limits.max_tres_per_user = {{kTresNode, 2}};
  scene.settle();
  start(scene.limits, {.nodes = 2});
  EXPECT_EQ(refusal(scene.limits, {.first_node = 1}), "");
  EXPECT_EQ(refusal(scene.limits, {.first_node = 2}), "QOSMaxNodePerUserLimit");
  EXPECT_EQ(refusal(scene.limits, {.qos = kHigh, .first_node = 2}), "");
  EXPECT_EQ(refusal(scene.limits, {.association = kBob, .nodes = 2, .first_node = 1}), "");
  start(scene.limits, {.association = kBob, .nodes = 2, .first_node = 1});
  EXPECT_EQ(refusal(scene.limits, {.association = kBob, .qos = kHigh, .first_node = 0}), "");
  EXPECT_EQ(refusal(scene.limits, {.association = kBob, .qos = kHigh, .first_node = 3}),
            "AssocGrpNodeLimit");
  scene.limits.forget_started();
  EXPECT_TRUE(scene.limits.uses().empty());
}

TEST(Limits, NodesInUseMayBeUsedAgain) {
  Scene scene;
  scene.association(kPhysics).limits.grp_tres = {{kTresNode, 3}};
  scene.settle();
  start(scene.limits, {.nodes = 2, .first_node = 4});
  const Try wanted{.nodes = 2, .first_node = 0};
  const core::RankedJob job = wanted.job();
  const model::Allocation allocation = wanted.allocation();
  const GateQuestion question{
      .job = job, .partition = PartitionIndex(0), .time_limit = 10, .allocation = &allocation};
  const auto block = scene.limits.refuses(question);
  ASSERT_TRUE(block && block->of_nodes);
  EXPECT_EQ(block->used, 2);
  EXPECT_EQ(block->wanted, 2);
  EXPECT_EQ(scene.limits.nodes_within(question, *block), (std::vector<std::uint32_t>{0, 4, 5}));
  // Not yet chosen: it may be that it gets those.
  model::Request request;
  request.tasks = request.min_nodes = 3;
  core::RankedJob open = job;
  open.request = &request;
  GateQuestion before{.job = open, .partition = PartitionIndex(0), .time_limit = 10};
  EXPECT_FALSE(scene.limits.refuses(before));
  request.tasks = request.min_nodes = 4;
  EXPECT_EQ(scene.limits.refuses(before)->detail, Text("AssocGrpNodeLimit"));
  // What has its nodes alone gets none of those.
  request.tasks = request.min_nodes = 1;
  request.sharing = model::Sharing::exclusive;
  EXPECT_FALSE(scene.limits.refuses(before));
  request.tasks = request.min_nodes = 2;
  EXPECT_EQ(scene.limits.refuses(before)->detail, Text("AssocGrpNodeLimit"));
}

TEST(Limits, WhoMayHaveNodesKept) {
  Scene scene;
  const auto may = [&](std::uint32_t qos, std::uint32_t partition, std::uint32_t priority) {
    const core::RankedJob job{.association = kAnn, .qos = qos};
    return scene.limits.may_reserve(
        {.job = job, .partition = PartitionIndex(partition), .time_limit = 10}, priority);
  };
  scene.settle();
  EXPECT_TRUE(may(kNormal, 0, 0));
  scene.association(kPhysics).limits.min_prio_threshold = 5;
  scene.settle();
  EXPECT_FALSE(may(kNormal, 0, 4));
  EXPECT_TRUE(may(kNormal, 0, 5));
  scene.association(kAnn).limits.min_prio_threshold = 3;
  scene.settle();
  EXPECT_TRUE(may(kNormal, 0, 4));
  scene.qos(kOfPartition).limits.min_prio_threshold = 5;
  scene.qos(kHigh).limits.min_prio_threshold = 1;
  scene.settle();
  EXPECT_TRUE(may(kHigh, 0, 1));
  EXPECT_FALSE(may(kHigh, 1, 4)) << "the partition's QOS comes first";
  scene.qos(kHigh).flags = model::kQosOverPartQos;
  scene.settle();
  EXPECT_TRUE(may(kHigh, 1, 4));
  scene.qos(kHigh).flags = model::kQosNoReserve;
  scene.settle();
  EXPECT_FALSE(may(kHigh, 0, 1000));
}

TEST(Limits, ThresholdOfFairShare) {
  Scene scene;
  scene.qos(kNormal).usage_threshold = 500'000;
  scene.settle();
  auto inputs = std::make_shared<core::PriorityInputs>();
  inputs->shares.resize(4);
  inputs->shares[2].factor = 400'000'000;
  scene.limits.set_shares(inputs);
  EXPECT_EQ(refusal(scene.limits, {}), "");
  scene.qos(kNormal).flags = model::kQosEnforceUsageThreshold;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "QOSUsageThreshold");
}

TEST(Limits, NothingIsRefusedUnlessEnforced) {
  Scene scene;
  scene.association(kRoot).limits.grp_jobs = 0;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "AssocGrpJobsLimit");
  LimitRules rules = scene.limits.rules();
  rules.enforce.limits = false;
  scene.limits.configure(rules);
  EXPECT_EQ(refusal(scene.limits, {}), "");
}

}  // namespace
}  // namespace sluice::test
