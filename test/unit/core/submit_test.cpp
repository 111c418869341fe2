// Submit and update: defaults, limits, access, and who may change what.
#include <gtest/gtest.h>

#include "core/request_rules.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::JobPatch;
using core::JobVerb;
using model::Partition;
using model::Request;

Result<Request> complete(Request request, const Partition& partition = {},
                         const model::Settings& settings = {}) {
  return core::complete_request(std::move(request), partition, settings);
}

TEST(Requests, CountsFollowFromEachOther) {
  EXPECT_EQ(complete({})->min_nodes, 1U);
  EXPECT_EQ(complete({})->tasks, 0U);
  EXPECT_EQ(complete({.min_nodes = 3, .tasks_per_node = 4})->tasks, 12U);
  EXPECT_EQ(complete({.tasks = 9, .tasks_per_node = 4})->min_nodes, 3U);
  EXPECT_EQ(complete({.min_nodes = 4, .max_nodes = 6, .tasks = 2})->min_nodes, 2U);
  EXPECT_EQ(complete({.min_nodes = 4, .max_nodes = 6, .tasks = 2})->max_nodes, 2U);
  const auto listed = complete({.min_nodes = 1, .tasks = 1, .node_list = "n3,n[1-2],n3"});
  EXPECT_EQ(listed->min_nodes, 3U);
  EXPECT_EQ(listed->node_list, Text("n[1-3]"));
  EXPECT_FALSE(complete({.min_nodes = 1, .max_nodes = 1, .node_list = "n[1-2]"}));
  EXPECT_FALSE(complete({.min_nodes = 3, .max_nodes = 2}));
  EXPECT_FALSE(complete({.tasks = 1U << 30U}));
  Partition at_least_two;
  at_least_two.min_nodes = 2;
  EXPECT_EQ(complete({.tasks = 8}, at_least_two)->min_nodes, 2U);
}

TEST(Requests, MemoryComesFromThePartitionThenTheCluster) {
  Partition partition;
  model::Settings settings;
  EXPECT_TRUE(complete({}, partition, settings)->all_memory);
  settings.track_memory = false;
  EXPECT_FALSE(complete({}, partition, settings)->all_memory);
  settings.default_memory_per_cpu = 100;
  EXPECT_EQ(complete({}, partition, settings)->memory_per_cpu, 100U);
  partition.default_memory_per_node = 700;
  EXPECT_EQ(complete({}, partition, settings)->memory_per_node, 700U);
  EXPECT_EQ(complete({.memory_per_node = 5}, partition, settings)->memory_per_node, 5U);
  settings.max_memory_per_node = 4;
  EXPECT_EQ(complete({.memory_per_node = 5}, partition, settings).error().code,
            ErrorCode::memory_too_large);
  settings.max_memory_per_cpu = 1000;
  const auto wide = complete({.cpus_per_task = 2, .memory_per_cpu = 2500}, partition, settings);
  EXPECT_EQ(wide->cpus_per_task, 6U);  // three times the CPUs, a third of the memory each
  EXPECT_EQ(wide->memory_per_cpu, 834U);
}

model::Settings two_partitions() {
  model::Settings settings = some_settings();
  Partition small;
  small.name = "small";
  small.nodes = "n[1-2]";
  small.max_time = 30;
  small.max_nodes = 1;
  small.allow_groups = "users,staff";
  small.deny_accounts = "physics";
  settings.partitions.push_back(small);
  return settings;
}

TEST(Submit, NamesThatDontExistAreRefused) {
  World world(two_partitions());
  EXPECT_EQ(world.try_submit(a_job().on("nope")).error().text,
            "Invalid partition name specified: invalid partition specified: nope");
  EXPECT_EQ(world.try_submit(a_job().request([](Request& r) { r.node_list = "n9"; })).error().code,
            ErrorCode::invalid_node_name);
  EXPECT_EQ(world.try_submit(a_job().request([](Request& r) { r.exclude = "n["; })).error().code,
            ErrorCode::invalid_node_name);
  EXPECT_FALSE(world.try_submit(a_job().cpus(5)));
  EXPECT_FALSE(world.try_submit(a_job().memory(5000)));
  EXPECT_FALSE(world.try_submit(a_job().nodes(5)));
  EXPECT_TRUE(world.cluster->all_jobs().empty());
  EXPECT_EQ(world.cluster->next_job_id(), 1U);
  const JobId id = world.submit(a_job());
  EXPECT_EQ(world.job(id).partition, Text("batch"));
}

// "now+2hours" and two hours: the part of a second that has gone by since doesn't count.
TEST(Submit, ADeadlineIsMetToTheSecond) {
  World world;
  world.now.wall = 1'700'000'000 * model::kSecond + 700'000;
  const auto by = [](std::int64_t seconds) {
    return a_job().minutes(120).spec(
        [=](model::JobSpec& spec) { spec.deadline = (1'700'000'000 + seconds) * model::kSecond; });
  };
  EXPECT_EQ(world.state(world.submit(by(7200))), "RUNNING");
  EXPECT_EQ(world.state(world.submit(by(7199))), "DEADLINE/DeadLine");
  EXPECT_EQ(world.state(world.submit(by(7199).held())), "PENDING/JobHeldUser");
  const auto least = [](std::uint32_t minutes) {
    return [=](model::Request& request) { request.time_min = minutes; };
  };
  EXPECT_TRUE(world.try_submit(by(7199).request(least(119))));
  EXPECT_FALSE(world.try_submit(by(7199).request(least(120))));
}

TEST(Submit, LimitsOfPartitionsKeepJobsWaiting) {
  World world(two_partitions());
  const JobId long_one = world.submit(a_job().on("small").minutes(31));
  EXPECT_EQ(world.state(long_one), "PENDING/PartitionTimeLimit");
  EXPECT_EQ(world.job(long_one).eligible, world.job(long_one).submit) << "but for the limit";
  const JobId wide = world.submit(a_job().on("small").nodes(2).minutes(5));
  EXPECT_EQ(world.state(wide), "PENDING/PartitionNodeLimit");
  const JobId either = world.submit(a_job().on("small,batch").nodes(2).minutes(5));
  EXPECT_EQ(world.state(either), "RUNNING");
  EXPECT_EQ(world.job(either).partition, Text("batch"));
  Partition raised = *world.cluster->all_partitions().at(1);
  raised.max_time = 60;
  world.apply(core::UpdatePartition{raised});
  EXPECT_EQ(world.state(long_one), "RUNNING");

  model::Settings strict = two_partitions();
  strict.enforce_partition_limits = true;
  World other(strict);
  EXPECT_EQ(other.try_submit(a_job().on("small").minutes(31)).error().code,
            ErrorCode::invalid_time_limit);
}

TEST(Submit, MoreSwitchesThanAskedForAreWaitedForNotRefused) {
  model::Settings settings = some_settings();  // of four nodes
  settings.topology.kind = model::TopologyKind::tree;
  for (const char* nodes : {"n[1-2]", "n[3-4]"}) {
    model::Switch leaf;
    leaf.name = std::string("s") + nodes[2];
    leaf.nodes = nodes;
    settings.topology.switches.push_back(leaf);
  }
  model::Switch top;
  top.name = "top";
  top.switches = "s1,s3";
  top.level = 1;
  settings.topology.switches.push_back(top);
  const auto three_nodes = [](std::uint32_t wait_s) {
    return a_job().nodes(3).request([wait_s](Request& r) {
      r.switches = 1;
      r.switch_wait_s = wait_s;
    });
  };
  World world(settings);
  const JobId id = world.submit(three_nodes(60));
  EXPECT_EQ(world.state(id), "PENDING/Resources");
  world.pass(61);
  EXPECT_EQ(world.state(id), "RUNNING");
  settings.max_switch_wait_s = model::kUnlimited;
  World patient(settings);
  EXPECT_EQ(patient.try_submit(three_nodes(model::kUnlimited)).error().code,
            ErrorCode::node_config_unavailable);
}

TEST(Submit, AccessIsByGroupAndAccount) {
  World world(two_partitions());
  core::SubmitJob event = a_job().on("small").minutes(5).event();
  event.groups = {"guests"};
  EXPECT_EQ(world.apply(event).outcome.error().text,
            "User's group not permitted to use this partition");
  event.groups = {"guests", "staff"};
  EXPECT_TRUE(world.apply(event).outcome);
  EXPECT_EQ(world
                .try_submit(a_job().on("small").minutes(5).request(
                    [](Request& r) { r.account = "physics"; }))
                .error()
                .code,
            ErrorCode::invalid_account);
  Partition closed = *world.cluster->all_partitions().at(1);
  closed.root_only = true;
  world.apply(core::UpdatePartition{closed});
  EXPECT_EQ(world.try_submit(a_job().on("small").minutes(5)).error().code,
            ErrorCode::access_denied);
  EXPECT_TRUE(world.try_submit(a_job().by(0).on("small").minutes(5)));
}

TEST(Submit, EarlierJobsComeFirstUnlessNiceOrPriorityDiffer) {
  World world({.nodes = 1, .cpus = 1});
  world.submit(a_job());
  const JobId nice = world.submit(a_job().spec([](auto& spec) { spec.nice = 100; }));
  const JobId plain = world.submit(a_job());
  const JobId urgent = world.submit(a_job().spec([](auto& spec) { spec.priority = 4294967000U; }));
  EXPECT_EQ(world.job(nice).priority, 4294901760U - 2 - 100);
  world.finish(JobId(1));
  EXPECT_EQ(world.state(urgent), "RUNNING");
  world.finish(urgent);
  EXPECT_EQ(world.state(plain), "RUNNING");
  EXPECT_EQ(world.state(nice), "PENDING/Resources");
}

TEST(Submit, OnlyLeadersOfGroupsGetReasonsWritten) {
  World world({.nodes = 1, .cpus = 1});
  world.submit(a_job());
  const JobId leader = world.submit(a_job());
  for (int i = 0; i < 50; ++i) world.submit(a_job());
  EXPECT_EQ(world.state(leader), "PENDING/Resources");
  EXPECT_EQ(world.state(JobId(40)), "PENDING/Priority");
  EXPECT_EQ(world.cluster->explain(JobId(40))->reason, model::Reason::priority);
  world.finish(JobId(1));
  EXPECT_LE(world.last_plan.jobs.size(), 3U);  // the one that starts, and the new leader
  EXPECT_EQ(world.state(JobId(3)), "PENDING/Resources");
}

TEST(Submit, ReasonsAreWrittenDownOnceInAWhile) {
  model::Settings settings = some_settings({.nodes = 1, .cpus = 1});
  settings.reason_interval_ms = 1000;
  World world(settings);
  for (int i = 0; i < 4; ++i) world.submit(a_job());
  EXPECT_EQ(world.state(JobId(2)), "PENDING/Resources");  // the first at once
  world.finish(JobId(1));
  EXPECT_EQ(world.state(JobId(2)), "RUNNING");
  EXPECT_EQ(world.state(JobId(3)), "PENDING/Priority");
  EXPECT_EQ(world.cluster->explain(JobId(3))->reason, model::Reason::resources);
  EXPECT_EQ(world.cluster->next_tick_ms(), world.now.mono_ms + 1000);
  world.pass(1);
  EXPECT_EQ(world.state(JobId(3)), "PENDING/Resources");
}

TEST(Submit, TheTableOfJobsIsBounded) {
  model::Settings settings = some_settings();
  settings.max_job_count = 2;
  World world(settings);
  world.submit(a_job());
  world.submit(a_job());
  EXPECT_EQ(world.try_submit(a_job()).error().code, ErrorCode::max_jobs);
}

TEST(Update, TimeLimitsFallForOwnersAndRiseForAdministrators) {
  World world;
  const JobId id = world.submit(a_job().minutes(60));
  JobPatch patch;
  patch.time_limit = 90;
  EXPECT_EQ(world.update(id, patch).outcome.error().code, ErrorCode::access_denied);
  EXPECT_TRUE(world.update(id, patch, true).outcome);
  world.pass(89 * 60);
  EXPECT_EQ(world.state(id), "RUNNING");
  patch.time_limit = 5;
  EXPECT_TRUE(world.update(id, patch).outcome);
  world.pass(0);
  EXPECT_EQ(world.state(id), "COMPLETING/TimeLimit");
}

TEST(Update, WhatAJobAsksForChangesOnlyWhileItWaits) {
  World world({.nodes = 2});
  const JobId running = world.submit(a_job().cpus(4));
  JobPatch patch;
  patch.cpus_per_task = 2;
  EXPECT_EQ(world.update(running, patch).outcome.error().code, ErrorCode::job_not_pending);
  patch = {};
  patch.name = "new";
  patch.comment = "hello";
  EXPECT_TRUE(world.update(running, patch).outcome);
  EXPECT_EQ(world.job(running).spec->name, Text("new"));

  const JobId waiting =
      world.submit(a_job().nodes(2).request([](Request& r) { r.cpus_per_task = 4; }));
  EXPECT_EQ(world.state(waiting), "PENDING/Resources");
  patch = {};
  patch.cpus_per_task = 5;
  const std::uint32_t before = world.job(waiting).request->cpus_per_task;
  EXPECT_FALSE(world.update(waiting, patch).outcome);
  EXPECT_EQ(world.job(waiting).request->cpus_per_task, before);
  patch.cpus_per_task = 1;
  patch.min_nodes = patch.max_nodes = patch.tasks = 1;
  EXPECT_TRUE(world.update(waiting, patch).outcome);
  EXPECT_EQ(world.state(waiting), "RUNNING");
  world.finish(running);
  EXPECT_EQ(world.update(running, patch).outcome.error().code, ErrorCode::already_done);
}

TEST(Update, PriorityNiceAndHolds) {
  World world({.nodes = 1, .cpus = 1});
  world.submit(a_job());
  const JobId id = world.submit(a_job());
  const std::uint32_t start = world.job(id).priority;
  JobPatch patch;
  patch.priority = start + 1;
  EXPECT_EQ(world.update(id, patch).outcome.error().code, ErrorCode::access_denied);
  patch.priority = 17;
  EXPECT_TRUE(world.update(id, patch).outcome);
  EXPECT_EQ(world.job(id).priority, 17U);
  patch.priority = 0;
  world.update(id, patch, true);
  EXPECT_EQ(world.state(id), "PENDING/JobHeldAdmin");
  world.act_as_admin(JobVerb::release, id);
  EXPECT_EQ(world.job(id).priority, 17U);
  patch = {};
  patch.nice = -5;
  EXPECT_EQ(world.update(id, patch).outcome.error().code, ErrorCode::access_denied);
  patch.nice = 10;
  EXPECT_TRUE(world.update(id, patch).outcome);
  EXPECT_EQ(world.job(id).priority, start - 10);
}

TEST(Update, ReachesNamedTasksOfAnArray) {
  World world({.nodes = 1, .cpus = 1});
  world.submit(a_job());
  const JobId array = world.submit(a_job().array("1-5"));
  JobPatch patch;
  patch.comment = "special";
  world.apply(core::UpdateJob{{array, {{2, 2, 1}}}, patch, 1000, false});
  EXPECT_EQ(world.cluster->find_task(array, 2)->spec->comment, Text("special"));
  EXPECT_EQ(world.job(array).spec->comment, Text());
  patch.begin = world.now.wall + 60 * model::kSecond;
  world.apply(core::UpdateJob{{array, {}}, patch, 1000, false});
  EXPECT_EQ(world.state(array), "PENDING/BeginTime");
  EXPECT_EQ(world.job(array).eligible, *patch.begin);
}

TEST(Update, EndTimeIsATimeLimit) {
  World world;
  const JobId id = world.submit(a_job().minutes(60));
  JobPatch patch;
  patch.end = world.now.wall + 600 * model::kSecond;
  EXPECT_TRUE(world.update(id, patch).outcome);
  EXPECT_EQ(world.job(id).time_limit, 10U);
  world.pass(600);
  EXPECT_EQ(world.state(id), "COMPLETING/TimeLimit");
}

}  // namespace
}  // namespace sluice::test
