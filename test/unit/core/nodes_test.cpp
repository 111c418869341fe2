// Nodes: registration, silence, loss, administrators' marks, and what each means for jobs.
#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::JobVerb;
using core::NodeVerb;
using core::UpdateNode;

core::Changes mark(World& world, std::uint32_t node, NodeVerb verb, const char* reason = nullptr) {
  UpdateNode event{.nodes = {NodeIndex(node)}, .verb = verb, .by_uid = 0};
  if (reason != nullptr) event.reason = reason;
  return world.apply(event);
}

TEST(Nodes, AreUnknownUntilTheyRegister) {
  core::Cluster cluster(std::make_shared<const model::Settings>(some_settings()));
  EXPECT_EQ(model::sinfo_state(*cluster.all_nodes().at(0)), "unknown*");
  EXPECT_EQ(cluster.all_partitions().at(0)->total_cpus, 16U);
  EXPECT_EQ(cluster.all_partitions().at(0)->tres, Text("cpu=16,mem=16000M,node=4,billing=16"));
  World world;
  EXPECT_EQ(model::sinfo_state(world.node(0)), "idle");
  EXPECT_EQ(world.node(0).partitions, Text("batch"));
}

TEST(Nodes, DrainLetsJobsEndAndTakesNoNewOnes) {
  World world({.nodes = 2});
  const JobId id = world.submit(a_job().cpus(4));
  EXPECT_FALSE(mark(world, 0, NodeVerb::drain).outcome);
  EXPECT_TRUE(mark(world, 0, NodeVerb::drain, "disk").outcome);
  EXPECT_EQ(model::sinfo_state(world.node(0)), "draining");
  EXPECT_EQ(model::long_state(world.node(0)), "ALLOCATED+DRAIN");
  const JobId other = world.submit(
      a_job().nodes(2).request([](model::Request& request) { request.node_list = "n[1-2]"; }));
  EXPECT_EQ(world.state(other), "PENDING/ReqNodeNotAvail");
  EXPECT_EQ(world.job(other).reason_detail, Text("ReqNodeNotAvail, UnavailableNodes:n1"));
  world.finish(id);
  EXPECT_EQ(model::sinfo_state(world.node(0)), "drained");
  world.restart();
  EXPECT_EQ(model::compact_state(world.node(0)), "drain");
  EXPECT_EQ(world.node(0).reason, Text("disk"));
  EXPECT_TRUE(mark(world, 0, NodeVerb::resume).outcome);
  EXPECT_EQ(world.node(0).reason, Text());
  EXPECT_EQ(world.state(other), "RUNNING");
  EXPECT_EQ(mark(world, 0, NodeVerb::resume).outcome.error().text, "Invalid node state specified");
  EXPECT_FALSE(mark(world, 0, NodeVerb::undrain).outcome);
}

TEST(Nodes, LostNodesRequeueTheirJobs) {
  World world({.nodes = 2});
  const JobId again = world.submit(a_job().cpus(4));
  const JobId never =
      world.submit(a_job().cpus(4).spec([](model::JobSpec& spec) { spec.no_requeue = true; }));
  world.apply(core::NodeSilent{NodeIndex(0)});
  EXPECT_EQ(model::sinfo_state(world.node(0)), "allocated*");
  EXPECT_EQ(world.state(again), "RUNNING");
  world.apply(core::NodeLost{NodeIndex(0)});
  EXPECT_EQ(model::sinfo_state(world.node(0)), "down*");
  EXPECT_EQ(world.node(0).reason, Text("Not responding"));
  EXPECT_EQ(world.state(again), "PENDING/Resources");
  EXPECT_EQ(world.job(again).failed_node, Text("n1"));
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_EQ(world.ended[0]->state, model::JobState::node_fail);
  world.apply(core::NodeLost{NodeIndex(1)});
  EXPECT_EQ(world.state(never), "NODE_FAIL/NodeDown");
  world.register_node(1);  // ReturnToService=1
  EXPECT_EQ(world.state(again), "RUNNING");
}

TEST(Nodes, JobsOfSeveralNodesEndWhenOneIsLost) {
  World world;
  const JobId id = world.submit(a_job().nodes(3));
  const Attempt attempt = world.attempt(id);
  world.planning = false;
  const core::Changes lost = world.apply(core::NodeLost{NodeIndex(1)});
  EXPECT_EQ(World::orders<core::TerminateJob>(lost).size(), 2U);
  EXPECT_EQ(world.cluster->released().size(), 1U);
  world.apply(core::NodeReleased{attempt, NodeIndex(0), false});
  world.apply(core::NodeReleased{attempt, NodeIndex(2), false});
  EXPECT_EQ(world.job(id).attempt, 1U);

  world.plan();
  const JobId keep = JobId(2);
  world.planning = true;
  world.finish(id);
  EXPECT_EQ(world.submit(a_job().nodes(3).spec([](auto& spec) { spec.no_kill = true; })), keep);
  const core::Changes without = world.apply(core::NodeLost{NodeIndex(3)});
  ASSERT_EQ(World::orders<core::LoseNode>(without).size(), 1U);
  EXPECT_EQ(World::orders<core::LoseNode>(without).front().node, NodeIndex(0));
  EXPECT_EQ(World::orders<core::LoseNode>(without).front().lost, Text("n4"));
  EXPECT_EQ(world.state(keep), "RUNNING");
  EXPECT_EQ(world.job(keep).allocation->nodes, Text("n[1,3]"));
  world.restart();
  world.finish(keep);
  EXPECT_EQ(world.state(keep), "COMPLETED");
}

TEST(Nodes, AnAdministratorsDownKillsWhatRunsThere) {
  World world({.nodes = 1});
  const JobId id = world.submit(a_job().interactive());
  EXPECT_TRUE(mark(world, 0, NodeVerb::down, "power").outcome);
  EXPECT_EQ(world.state(id), "NODE_FAIL/NodeDown");
  world.register_node(0);
  EXPECT_EQ(model::sinfo_state(world.node(0)), "down");  // not for silence: it stays down
  mark(world, 0, NodeVerb::resume);
  EXPECT_EQ(model::sinfo_state(world.node(0)), "idle");
}

TEST(Nodes, TakeNothingNewUntilWhatWasTakenFromThemIsGone) {
  World world({.nodes = 1});
  const JobId id = world.submit(a_job().cpus(4));
  const Attempt first = world.attempt(id);
  const core::Changes down = mark(world, 0, NodeVerb::down, "power");
  ASSERT_EQ(World::orders<core::TerminateJob>(down).size(), 1U);
  EXPECT_EQ(World::orders<core::TerminateJob>(down)[0].attempt, first);
  mark(world, 0, NodeVerb::resume);
  EXPECT_EQ(world.job(id).state, model::JobState::pending);  // requeued, and waits
  EXPECT_EQ(world.cluster->strangers_on(NodeIndex(0)), std::vector<Attempt>{first});
  world.apply(core::NodeReleased{first, NodeIndex(0), false});
  EXPECT_TRUE(world.cluster->strangers_on(NodeIndex(0)).empty());
  EXPECT_EQ(world.state(id), "RUNNING");
}

TEST(Nodes, ThatComeBackWithLostJobsMustEndThemFirst) {
  World world({.nodes = 1});
  const JobId id = world.submit(a_job().cpus(4));
  const Attempt first = world.attempt(id);
  world.apply(core::NodeLost{NodeIndex(0)});
  core::NodeRegistered event{
      .node = NodeIndex(0), .facts = world.settings->nodes[0].facts, .holds = {first}};
  const core::Changes back = world.apply(event);
  EXPECT_EQ(World::orders<core::TerminateJob>(back).size(), 1U);
  EXPECT_EQ(world.job(id).state, model::JobState::pending);
  world.apply(core::NodeReleased{first, NodeIndex(0), false});
  EXPECT_EQ(world.state(id), "RUNNING");
}

TEST(Nodes, WithLessThanConfiguredAreDrained) {
  World world({.nodes = 1});
  core::NodeRegistered event{
      .node = NodeIndex(0), .facts = world.settings->nodes[0].facts, .holds = {}};
  event.facts.memory = 3000;
  world.apply(event);
  EXPECT_EQ(model::sinfo_state(world.node(0)), "inval");
  EXPECT_EQ(world.node(0).reason,
            Text("Low RealMemory (reported:3000 < 100.00% of configured:4000)"));
  event.facts.memory = 4000;
  event.facts.cores_per_socket = 2;
  mark(world, 0, NodeVerb::resume);
  world.apply(event);
  EXPECT_EQ(world.node(0).reason, Text("Low socket*core*thread count, Low CPUs"));
  world.register_node(0);
  EXPECT_EQ(model::sinfo_state(world.node(0)), "drained");

  model::Settings settings = some_settings({.nodes = 1});
  settings.config_overrides = true;
  World trusting(settings);
  trusting.apply(event);
  EXPECT_EQ(model::sinfo_state(trusting.node(0)), "idle");
  EXPECT_EQ(trusting.node(0).facts.cpus(), 4U);
}

TEST(Nodes, WithoutConfiguredFactsTellThem) {
  model::Settings settings = some_settings({.nodes = 1});
  settings.nodes[0].facts = {};
  settings.nodes[0].facts_fixed = false;
  auto shared = std::make_shared<const model::Settings>(settings);
  core::Cluster cluster(shared);
  const core::Now now{1, 1};
  EXPECT_TRUE(cluster.apply(a_job().cpus(8).event(), now).outcome);  // it may have them
  core::NodeRegistered event{.node = NodeIndex(0), .facts = {}, .holds = {}};
  event.facts.cores_per_socket = 4;
  event.facts.memory = 500;
  const core::Changes known = cluster.apply(event, now);
  ASSERT_EQ(known.partitions.size(), 1U);
  EXPECT_EQ(known.partitions[0]->total_cpus, 4U);
  EXPECT_EQ(cluster.apply(a_job().cpus(8).event(), now).outcome.error().code,
            ErrorCode::node_config_unavailable);
}

TEST(Nodes, ALaunchThatNeverArrivedIsSentAgain) {
  World world;
  const JobId id = world.submit(a_job());
  core::NodeRegistered event{
      .node = NodeIndex(0), .facts = world.settings->nodes[0].facts, .holds = {}};
  EXPECT_EQ(World::orders<core::LaunchJob>(world.apply(event)).size(), 1U);
  EXPECT_EQ(world.state(id), "RUNNING");
  world.prepared(id);
  world.planning = false;
  world.apply(event);  // it had it, and lost it
  EXPECT_EQ(world.job(id).attempt, 1U);
}

TEST(Nodes, OrdersToStandStillAndToGoOnAreRepeated) {
  World world;
  const JobId id = world.submit(a_job());
  world.prepared(id);
  core::NodeRegistered event{
      .node = NodeIndex(0), .facts = world.settings->nodes[0].facts, .holds = {world.attempt(id)}};
  EXPECT_TRUE(World::orders<core::ResumeJob>(world.apply(event)).empty());  // it never stood still
  world.act_as_admin(JobVerb::suspend, id);
  core::Changes told = world.apply(event);
  EXPECT_EQ(World::orders<core::SuspendJob>(told).size(), 1U);
  EXPECT_TRUE(World::orders<core::ResumeJob>(told).empty());
  world.act_as_admin(JobVerb::resume, id);
  told = world.apply(event);
  EXPECT_TRUE(World::orders<core::SuspendJob>(told).empty());
  EXPECT_EQ(World::orders<core::ResumeJob>(told).size(), 1U);
}

TEST(Nodes, ALaunchOfASuspendedJobThatNeverArrivedIsFollowedByItsSuspension) {
  World world;
  const JobId id = world.submit(a_job());
  world.act_as_admin(JobVerb::suspend, id);
  core::NodeRegistered event{
      .node = NodeIndex(0), .facts = world.settings->nodes[0].facts, .holds = {}};
  const core::Changes told = world.apply(event);
  ASSERT_EQ(told.orders.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<core::LaunchJob>(told.orders[0]));
  EXPECT_TRUE(std::holds_alternative<core::SuspendJob>(told.orders[1]));
}

TEST(Nodes, AnotherBootMeansThatJobsAreLost) {
  World world;
  const JobId id = world.submit(a_job());
  world.pass(10);
  world.planning = false;
  core::NodeRegistered event{
      .node = NodeIndex(0), .facts = world.settings->nodes[0].facts, .holds = {}};
  event.facts.boot_id = "boot-2";
  event.facts.boot_time = world.now.wall - 5 * model::kSecond;
  world.apply(event);
  EXPECT_EQ(world.job(id).attempt, 1U);
  EXPECT_EQ(world.node(0).reason, Text("Node unexpectedly rebooted"));
}

TEST(Nodes, AttemptsThatAreOverAreEnded) {
  World world;
  const JobId id = world.submit(a_job());
  const Attempt old = world.attempt(id);
  world.act(JobVerb::cancel, id);
  core::NodeRegistered event{
      .node = NodeIndex(0), .facts = world.settings->nodes[0].facts, .holds = {old}};
  EXPECT_EQ(World::orders<core::TerminateJob>(world.apply(event)).size(), 1U);
  event.holds.clear();
  world.apply(event);  // nothing there any more: as good as a release
  EXPECT_EQ(world.state(id), "CANCELLED");
  event.holds = {old, {{5, 5}, 0}};
  const auto orders = World::orders<core::TerminateJob>(world.apply(event));
  ASSERT_EQ(orders.size(), 2U);
  EXPECT_FALSE(orders[0].job.is_set());
}

TEST(Nodes, FaultsAndUnkillableProcessesDrain) {
  World world;
  world.apply(core::NodeFault{NodeIndex(2), "disk full"});
  EXPECT_EQ(model::sinfo_state(world.node(2)), "drained");
  const JobId id = world.submit(a_job());
  const Attempt attempt = world.attempt(id);
  world.act(JobVerb::cancel, id);
  world.apply(core::NodeReleased{attempt, NodeIndex(0), true});
  EXPECT_EQ(world.state(id), "CANCELLED");
  EXPECT_EQ(world.node(0).reason, Text("Kill task failed"));
  EXPECT_FALSE(world.apply(core::NodeFault{NodeIndex(9), "x"}).outcome);
}

TEST(Nodes, PartitionsThatAreDownStartNothing) {
  World world;
  model::Partition batch = *world.cluster->all_partitions().at(0);
  batch.state = model::PartitionState::down;
  EXPECT_TRUE(world.apply(core::UpdatePartition{batch}).outcome);
  const JobId id = world.submit(a_job());
  EXPECT_EQ(world.state(id), "PENDING/PartitionDown");
  batch.state = model::PartitionState::inactive;
  world.apply(core::UpdatePartition{batch});
  EXPECT_EQ(world.state(id), "PENDING/PartitionInactive");
  EXPECT_EQ(world.try_submit(a_job()).error().code, ErrorCode::partition_down);
  world.restart();
  batch.state = model::PartitionState::drain;
  world.apply(core::UpdatePartition{batch});
  EXPECT_EQ(world.state(id), "RUNNING");
  EXPECT_EQ(world.try_submit(a_job()).error().code, ErrorCode::partition_down);
  batch.nodes = "n[1-2],nowhere";
  EXPECT_EQ(world.apply(core::UpdatePartition{batch}).outcome.error().code,
            ErrorCode::invalid_node_name);
  batch.nodes = "n[1-2]";
  EXPECT_TRUE(world.apply(core::UpdatePartition{batch}).outcome);
  EXPECT_EQ(world.node(3).partitions, Text());
  EXPECT_EQ(world.cluster->all_partitions().at(0)->total_nodes, 2U);
}

TEST(Nodes, ReconfigureIsAllOrNothing) {
  World world;
  const JobId low = world.submit(a_job().cpus(4));
  const JobId high = world.submit(a_job().cpus(4).request([](auto& r) { r.node_list = "n4"; }));
  mark(world, 2, NodeVerb::drain, "fan");
  model::Settings fewer = some_settings({.nodes = 3});
  const core::Changes refused =
      world.apply(core::Configure{std::make_shared<const model::Settings>(fewer)});
  EXPECT_EQ(refused.outcome.error().text, "node n4 can not be removed: it has jobs");
  EXPECT_EQ(world.cluster->all_nodes().size(), 4U);

  model::Settings other = some_settings({.nodes = 6});
  other.nodes.erase(other.nodes.begin() + 1);  // n2 goes, n5 and n6 come
  other.kill_wait_s = 7;
  const auto shared = std::make_shared<const model::Settings>(other);
  const core::Changes changed = world.apply(core::Configure{shared});
  ASSERT_TRUE(changed.outcome);
  EXPECT_EQ(changed.nodes.size(), 5U);
  EXPECT_EQ(world.cluster->all_nodes().at(2)->name, Text("n4"));
  EXPECT_EQ(model::sinfo_state(world.node(2)), "allocated");
  EXPECT_EQ(model::sinfo_state(world.node(1)), "drained");
  EXPECT_EQ(model::sinfo_state(world.node(4)), "unknown*");
  EXPECT_EQ(world.job(high).allocation->shares[0].node, NodeIndex(2));
  EXPECT_EQ(world.cluster->jobs_on(NodeIndex(2)).size(), 1U);
  world.settings = shared;
  world.register_all();
  const auto orders = World::orders<core::TerminateJob>(world.act(JobVerb::cancel, low));
  EXPECT_EQ(orders.at(0).grace_s, 7U);
  world.finish(high);
  EXPECT_EQ(world.state(world.submit(a_job().nodes(4))), "PENDING/Resources");
}

}  // namespace
}  // namespace sluice::test
