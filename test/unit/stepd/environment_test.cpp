// The variables of batch scripts and tasks, against what Slurm sets for the same request.
#include "daemon/stepd/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/stepd/step_world.hpp"

namespace sluice::stepd {
namespace {

using stepd_test::a_batch;
using stepd_test::a_launch;
using stepd_test::change_spec;

model::NodeShare share(const std::string& name, std::uint32_t cpus, std::uint32_t tasks) {
  model::NodeShare result;
  result.name = name;
  result.cpus = base::Bitmap::full(cpus);
  result.cpu_count = cpus;
  result.tasks = tasks;
  return result;
}

// -N2 -n4 -c2 --mem=300 on n[1-2] with four CPUs each.
void four_tasks_on_two_nodes(wire::LaunchStep& launch) {
  auto allocation = std::make_shared<model::Allocation>();
  allocation->nodes = "n[1-2]";
  allocation->shares = {share("n1", 4, 2), share("n2", 4, 2)};
  launch.job.allocation = allocation;
  auto request = std::make_shared<model::Request>();
  request->tasks = 4;
  request->min_nodes = 2;
  request->cpus_per_task = 2;
  request->memory_per_node = 300;
  request->account = "root";
  request->qos = "normal";
  launch.job.request = request;
  change_spec(launch, [](model::JobSpec& spec) {
    spec.name = "envjob";
    spec.user = "root";
    spec.submit_host = "vm";
    spec.work_dir = "/w";
  });
  launch.layout.nodes[0].share = share("n1", 4, 2);
}

void lay_out_step(wire::LaunchStep& launch) {
  launch.layout.step = 2;
  launch.layout.tasks = 4;
  launch.layout.node_list = "n[1-2]";
  launch.layout.nodes[0].tasks = {0, 1};
  wire::StepNode second = launch.layout.nodes[0];
  second.name = "n2";
  second.tasks = {2, 3};
  launch.layout.nodes.push_back(second);
}

worker::StepSettings settings_of(const std::string& node) {
  worker::StepSettings settings;
  settings.node_name = node;
  settings.cluster = "oracle";
  settings.agent_socket = "/spool/agent.sock";
  return settings;
}

void expect_all(const base::Environment& environment,
                const std::vector<std::pair<std::string, std::string>>& wanted) {
  for (const auto& [name, value] : wanted) {
    const auto got = environment.get(name);
    ASSERT_TRUE(got.has_value()) << name;
    EXPECT_EQ(*got, value) << name;
  }
}

TEST(Environment, OfABatchScript) {
  wire::LaunchStep launch = a_batch("#!/bin/sh\n");
  four_tasks_on_two_nodes(launch);
  const worker::StepSettings settings = settings_of("n1");
  base::Environment environment = step_environment({launch, settings});
  set_task_variables(environment, 0, 0);
  expect_all(environment, {{"ENVIRONMENT", "BATCH"},
                           {"HOSTNAME", "n1"},
                           {"SLURMD_NODENAME", "n1"},
                           {"SLURM_CLUSTER_NAME", "oracle"},
                           {"SLURM_CPUS_ON_NODE", "4"},
                           {"SLURM_CPUS_PER_TASK", "2"},
                           {"SLURM_GTIDS", "0"},
                           {"SLURM_JOBID", "7"},
                           {"SLURM_JOB_ACCOUNT", "root"},
                           {"SLURM_JOB_CPUS_PER_NODE", "4(x2)"},
                           {"SLURM_JOB_ID", "7"},
                           {"SLURM_JOB_NAME", "envjob"},
                           {"SLURM_JOB_NODELIST", "n[1-2]"},
                           {"SLURM_JOB_NUM_NODES", "2"},
                           {"SLURM_JOB_PARTITION", "batch"},
                           {"SLURM_JOB_QOS", "normal"},
                           {"SLURM_JOB_USER", "root"},
                           {"SLURM_LOCALID", "0"},
                           {"SLURM_MEM_PER_NODE", "300"},
                           {"SLURM_NNODES", "2"},
                           {"SLURM_NODEID", "0"},
                           {"SLURM_NODELIST", "n[1-2]"},
                           {"SLURM_NPROCS", "4"},
                           {"SLURM_NTASKS", "4"},
                           {"SLURM_PRIO_PROCESS", "0"},
                           {"SLURM_PROCID", "0"},
                           {"SLURM_SUBMIT_DIR", "/w"},
                           {"SLURM_SUBMIT_HOST", "vm"},
                           {"SLURM_TASKS_PER_NODE", "2(x2)"},
                           {"SLURM_TOPOLOGY_ADDR", "n1"},
                           {"SLURM_TOPOLOGY_ADDR_PATTERN", "node"},
                           {"SLUICE_AGENT_SOCKET", "/spool/agent.sock"},
                           {"TMPDIR", "/tmp"}});
  for (const std::string& entry : environment.entries()) {
    EXPECT_THAT(entry, testing::Not(testing::StartsWith("SLURM_STEP")));
  }
  EXPECT_FALSE(environment.has("SLURM_ARRAY_TASK_ID"));
  EXPECT_FALSE(environment.has("SLURM_RESTART_COUNT"));
}

TEST(Environment, OfAPlainBatchScriptHasNoTaskCount) {
  const wire::LaunchStep launch = a_batch("#!/bin/sh\n");
  const worker::StepSettings settings = settings_of("n1");
  const base::Environment environment = step_environment({launch, settings});
  for (const char* name : {"SLURM_NTASKS", "SLURM_NPROCS", "SLURM_CPUS_PER_TASK",
                           "SLURM_MEM_PER_NODE", "SLURM_DISTRIBUTION"}) {
    EXPECT_FALSE(environment.has(name)) << name;
  }
  expect_all(environment, {{"SLURM_TASKS_PER_NODE", "1"}, {"SLURM_JOB_CPUS_PER_NODE", "2"}});
}

TEST(Environment, OfTheSecondNodesTasks) {
  wire::LaunchStep launch = a_launch(4);
  four_tasks_on_two_nodes(launch);
  lay_out_step(launch);
  launch.first = 1;
  const worker::StepSettings settings = settings_of("n2");
  base::Environment environment = step_environment({launch, settings});
  set_task_variables(environment, 3, 1);
  expect_all(environment, {{"SLURMD_NODENAME", "n2"},
                           {"SLURM_DISTRIBUTION", "block"},
                           {"SLURM_GTIDS", "2,3"},
                           {"SLURM_LOCALID", "1"},
                           {"SLURM_NODEID", "1"},
                           {"SLURM_PROCID", "3"},
                           {"SLURM_STEPID", "2"},
                           {"SLURM_STEP_ID", "2"},
                           {"SLURM_STEP_NODELIST", "n[1-2]"},
                           {"SLURM_STEP_NUM_NODES", "2"},
                           {"SLURM_STEP_NUM_TASKS", "4"},
                           {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"},
                           {"SLURM_TOPOLOGY_ADDR", "n2"},
                           {"SLURM_UMASK", "0022"},
                           {"SRUN_DEBUG", "3"}});
}

TEST(Environment, OfASmallerStepKeepsTheJobsOwn) {
  wire::LaunchStep launch = a_launch(1);
  four_tasks_on_two_nodes(launch);
  launch.layout.nodes[0].share = share("n1", 1, 1);
  launch.spec.environment = {"SLURM_CPUS_PER_TASK=2", "SLURM_NTASKS=4", "PATH=/bin"};
  const worker::StepSettings settings = settings_of("n1");
  const base::Environment environment = step_environment({launch, settings});
  expect_all(environment, {{"SLURM_CPUS_ON_NODE", "1"},
                           {"SLURM_CPUS_PER_TASK", "2"},
                           {"SLURM_DISTRIBUTION", "cyclic"},
                           {"SLURM_JOB_NUM_NODES", "2"},
                           {"SLURM_NNODES", "1"},
                           {"SLURM_NODELIST", "n[1-2]"},
                           {"SLURM_NTASKS", "1"},
                           {"SLURM_STEP_NODELIST", "n1"},
                           {"SLURM_TASKS_PER_NODE", "1"}});
  EXPECT_FALSE(environment.has("ENVIRONMENT"));
}

TEST(Environment, OfAnArrayTask) {
  wire::LaunchStep launch = a_batch("#!/bin/sh\n");
  launch.job.array_job = JobId{44};
  launch.job.array_task = 3;
  launch.job.array_count = 4;
  launch.job.array_min = 3;
  launch.job.array_max = 9;
  launch.job.array_step = 2;
  launch.job.restarts = 1;
  const worker::StepSettings settings = settings_of("n1");
  expect_all(step_environment({launch, settings}), {{"SLURM_ARRAY_JOB_ID", "44"},
                                                    {"SLURM_ARRAY_TASK_COUNT", "4"},
                                                    {"SLURM_ARRAY_TASK_ID", "3"},
                                                    {"SLURM_ARRAY_TASK_MAX", "9"},
                                                    {"SLURM_ARRAY_TASK_MIN", "3"},
                                                    {"SLURM_ARRAY_TASK_STEP", "2"},
                                                    {"SLURM_JOB_ID", "7"},
                                                    {"SLURM_RESTART_COUNT", "1"}});
}

TEST(Environment, TellsWhatWasAsked) {
  wire::LaunchStep launch = a_batch("#!/bin/sh\n");
  four_tasks_on_two_nodes(launch);
  auto request = std::make_shared<model::Request>();
  request->tasks_per_node = 2;
  request->cpus_per_task = 1;
  request->memory_per_cpu = 50;
  request->no_multithread = true;
  request->gres = {{"gpu", "a100", 2, model::GresScope::job}};
  launch.job.request = request;
  change_spec(launch, [](model::JobSpec& spec) { spec.distribution = "cyclic:block"; });
  const worker::StepSettings settings = settings_of("n1");
  expect_all(step_environment({launch, settings}), {{"SLURM_DISTRIBUTION", "cyclic:block"},
                                                    {"SLURM_GPUS", "a100:2"},
                                                    {"SLURM_HINT", "nomultithread"},
                                                    {"SLURM_MEM_PER_CPU", "50"},
                                                    {"SLURM_NPROCS", "4"},
                                                    {"SLURM_NTASKS", "4"},
                                                    {"SLURM_NTASKS_PER_NODE", "2"},
                                                    {"SLURM_THREADS_PER_CORE", "1"}});
}

TEST(Environment, ForgetsTheJobThatSubmittedIt) {
  wire::LaunchStep launch = a_batch("#!/bin/sh\n");
  launch.spec.environment = {"SLURM_JOB_ID=3",        "SLURM_STEP_ID=1",         "SLURM_NTASKS=9",
                             "SLURM_ARRAY_TASK_ID=5", "SLURM_SUBMIT_DIR=/there", "MINE=1"};
  const worker::StepSettings settings = settings_of("n1");
  const base::Environment environment = step_environment({launch, settings});
  EXPECT_FALSE(environment.has("SLURM_STEP_ID"));
  EXPECT_FALSE(environment.has("SLURM_NTASKS"));
  EXPECT_FALSE(environment.has("SLURM_ARRAY_TASK_ID"));
  expect_all(environment, {{"SLURM_JOB_ID", "7"}, {"SLURM_SUBMIT_DIR", "/there"}, {"MINE", "1"}});
}

TEST(Environment, NamesGpus) {
  wire::LaunchStep launch = a_batch("#!/bin/sh\n");
  model::GresShare gpus;
  gpus.name = "gpu";
  gpus.count = 2;
  gpus.indices = base::Bitmap(4, {1, 3});
  launch.layout.nodes[0].share.gres = {gpus};
  worker::StepSettings settings = settings_of("n1");
  expect_all(
      step_environment({launch, settings}),
      {{"SLURM_GPUS_ON_NODE", "2"}, {"SLURM_JOB_GPUS", "1,3"}, {"CUDA_VISIBLE_DEVICES", "1,3"}});
  settings.confine_devices = true;
  settings.cgroups.version = worker::CgroupVersion::v1;
  settings.cgroups.devices = "/cgroup/devices";
  expect_all(step_environment({launch, settings}),
             {{"SLURM_JOB_GPUS", "1,3"}, {"CUDA_VISIBLE_DEVICES", "0,1"}});
}

}  // namespace
}  // namespace sluice::stepd
