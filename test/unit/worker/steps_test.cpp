// Steps: requests of srun, the tree of agents, what is merged on the way up and copied on the way
// down, and what happens when a part of it is lost.
#include <csignal>

#include <gtest/gtest.h>

#include "test/support/fake_worker_env.hpp"

namespace sluice::worker {
namespace {

using test::FakeWorkerEnv;
using test::WorkerJob;

constexpr StreamId kSrun = 1;

class StepsTest : public ::testing::Test {
 protected:
  void boot(const std::string& name, const WorkerJob& job) {
    boot_agent(name);
    give(job);
  }
  void boot_agent(const std::string& name) {
    ServiceOptions options;
    options.name = name;
    service = std::make_unique<Service>(env, options, env.ledger_records());
    service->begin();
    wire::NodeWelcome welcome;
    welcome.epoch = Epoch(1);
    welcome.settings = {{"kill_wait", "5"}, {"tree_width", "2"}};
    tell(welcome);
  }
  void give(const WorkerJob& job) {
    wire::LaunchJob order;
    order.epoch = Epoch(1);
    order.order = 1;
    order.job = job.make();
    tell(order);
  }
  template <class Message>
  void tell(const Message& message) {
    service->on_controller_message(Message::kType, wire::encode(message));
    env.run();
  }
  template <class Message>
  void say(StreamId stream, const Message& message) {
    const std::string payload = wire::encode(message);
    service->on_stream_frame(stream, {Message::kType, 1, payload});
    env.run();
  }
  template <class Message>
  void stepd_says(StepdId stepd, const Message& message) {
    service->on_stepd_frame(stepd, Message::kType, wire::encode(message));
    env.run();
  }
  void open_session(StreamId stream, std::uint32_t uid = 1000) {
    auth::Peer peer;
    peer.uid = uid;
    peer.host = "login";
    peer.roles = auth::Role::login;
    service->stream_opened(stream, peer, false);
  }
  static wire::StepRequest request(std::uint32_t tasks, std::uint32_t nodes, std::uint64_t id) {
    wire::StepRequest message;
    message.request_id = {9, id};
    message.job = JobId(7);
    message.spec.argv = {"/bin/true"};
    message.spec.tasks = tasks;
    message.spec.min_nodes = nodes;
    return message;
  }
  template <class Message>
  std::vector<Message> heard(StreamId stream) {
    return FakeWorkerEnv::of<Message>(env.to_stream[stream]);
  }
  void node_is_done(StreamId child, std::uint32_t node, std::uint32_t exit_code = 0) {
    wire::StepDone done;
    done.node = node;
    done.exit_code = exit_code;
    done.usage.tasks = 1;
    done.usage.user_us = 100;
    say(child, done);
  }

  FakeWorkerEnv env;
  std::unique_ptr<Service> service;
};

WorkerJob allocation(std::uint32_t nodes) {
  WorkerJob job;
  job.nodes = nodes;
  job.kind = model::JobKind::allocation;
  return job;
}

TEST_F(StepsTest, a_step_is_granted_launched_and_accounted) {
  boot("n1", allocation(1));
  open_session(kSrun);
  say(kSrun, request(2, 1, 1));
  ASSERT_EQ(heard<wire::StepGranted>(kSrun).size(), 1U);
  EXPECT_EQ(heard<wire::StepGranted>(kSrun).front().layout.step, 0U);
  ASSERT_EQ(env.launches.size(), 1U);
  stepd_says(1, wire::TaskExit{{0, 1}, 0, false, 0});
  wire::StepDone done;
  done.usage.tasks = 2;
  stepd_says(1, done);
  const auto records = env.reported<wire::StepRecord>();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].step.state, model::JobState::running);
  EXPECT_EQ(records[1].step.state, model::JobState::completed);
  EXPECT_EQ(records[1].step.usage.tasks, 2U);
  // stepd keeps its results until srun has them.
  EXPECT_TRUE(FakeWorkerEnv::of<wire::StepDoneAck>(env.to_stepd[1]).empty());
  service->on_stream_closed(kSrun);
  EXPECT_EQ(FakeWorkerEnv::of<wire::StepDoneAck>(env.to_stepd[1]).size(), 1U);
}

TEST_F(StepsTest, other_users_are_refused) {
  boot("n1", allocation(1));
  open_session(kSrun, 1001);
  say(kSrun, request(1, 1, 1));
  const auto errors = heard<wire::ErrorReply>(kSrun);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors.front().code, ErrorCode::access_denied);
  EXPECT_TRUE(env.launches.empty());
}

TEST_F(StepsTest, a_node_that_is_not_of_the_job_speaks_for_nobody) {
  boot("n1", allocation(2));
  auth::Peer peer;
  peer.uid = 1000;
  peer.host = "n9";
  peer.roles = auth::Role::node;
  service->stream_opened(kSrun, peer, false);
  say(kSrun, request(1, 1, 1));
  ASSERT_EQ(heard<wire::ErrorReply>(kSrun).size(), 1U);
  EXPECT_EQ(heard<wire::ErrorReply>(kSrun).front().code, ErrorCode::access_denied);
}

TEST_F(StepsTest, a_session_can_not_launch_what_only_agents_may) {
  boot("n1", allocation(2));
  open_session(kSrun);
  wire::LaunchStep launch;
  launch.job = allocation(2).make();
  launch.layout.nodes.resize(2);
  launch.layout.nodes[0].name = "n1";
  say(kSrun, launch);
  ASSERT_EQ(heard<wire::ErrorReply>(kSrun).size(), 1U);
  EXPECT_TRUE(env.launches.empty());
}

TEST_F(StepsTest, steps_wait_for_each_others_cpus_in_turn) {
  boot("n1", allocation(1));
  open_session(1);
  open_session(2);
  say(1, request(4, 1, 1));
  say(2, request(1, 1, 2));
  EXPECT_TRUE(heard<wire::StepGranted>(2).empty());
  wire::StepDone done;
  stepd_says(1, done);
  ASSERT_EQ(heard<wire::StepGranted>(2).size(), 1U);
  EXPECT_EQ(heard<wire::StepGranted>(2).front().layout.step, 1U);
}

TEST_F(StepsTest, immediate_fails_where_others_wait) {
  boot("n1", allocation(1));
  open_session(1);
  open_session(2);
  say(1, request(4, 1, 1));
  wire::StepRequest hasty = request(1, 1, 2);
  hasty.spec.immediate = true;
  say(2, hasty);
  ASSERT_EQ(heard<wire::ErrorReply>(2).size(), 1U);
  EXPECT_EQ(heard<wire::ErrorReply>(2).front().text.view(), "Requested nodes are busy");
}

TEST_F(StepsTest, a_repeated_request_makes_no_second_step) {
  boot("n1", allocation(1));
  open_session(1);
  say(1, request(1, 1, 1));
  service->on_stream_closed(1);
  open_session(2);
  say(2, request(1, 1, 1));
  ASSERT_EQ(heard<wire::StepGranted>(2).size(), 1U);
  EXPECT_EQ(heard<wire::StepGranted>(2).front().layout.step, 0U);
  EXPECT_EQ(env.launches.size(), 1U);
}

TEST_F(StepsTest, step_numbers_go_on_after_a_restart) {
  boot("n1", allocation(1));
  open_session(1);
  say(1, request(1, 1, 1));
  wire::StepDone done;
  stepd_says(1, done);
  service->on_stream_closed(1);
  env.wake_ms = -1;
  boot("n1", allocation(1));
  open_session(2);
  say(2, request(1, 1, 2));
  ASSERT_EQ(heard<wire::StepGranted>(2).size(), 1U);
  EXPECT_EQ(heard<wire::StepGranted>(2).front().layout.step, 1U);
}

TEST_F(StepsTest, the_root_divides_the_nodes_among_its_children) {
  boot("n1", allocation(6));
  open_session(kSrun);
  say(kSrun, request(6, 6, 1));
  ASSERT_EQ(env.peers.size(), 2U);
  const auto first = heard<wire::LaunchStep>(1001);
  const auto second = heard<wire::LaunchStep>(1002);
  ASSERT_EQ(first.size(), 1U);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(env.peers[1001], "n2");
  EXPECT_EQ(first.front().first, 1U);
  EXPECT_EQ(first.front().count, 3U);
  EXPECT_EQ(env.peers[1002], "n5");
  EXPECT_EQ(second.front().first, 4U);
  EXPECT_EQ(second.front().count, 2U);
}

TEST_F(StepsTest, a_step_may_leave_the_first_node_out) {
  boot("n1", allocation(3));
  open_session(kSrun);
  wire::StepRequest wanted = request(2, 0, 1);
  wanted.spec.node_list = "n[2-3]";
  say(kSrun, wanted);
  EXPECT_TRUE(env.launches.empty());
  ASSERT_EQ(env.peers.size(), 2U);
  EXPECT_EQ(env.peers[1001], "n2");
  EXPECT_EQ(heard<wire::LaunchStep>(1001).front().first, 0U);
  EXPECT_EQ(heard<wire::LaunchStep>(1002).front().first, 1U);
  say(1001, wire::TaskExit{{0}, 0, false, 0});
  node_is_done(1001, 0);
  node_is_done(1002, 1);
  EXPECT_EQ(env.reported<wire::StepRecord>().back().step.state, model::JobState::completed);
  service->on_stream_closed(kSrun);
  EXPECT_EQ(heard<wire::StepDoneAck>(1001).size(), 1U);
}

TEST_F(StepsTest, the_step_ends_when_every_node_has_ended) {
  boot("n1", allocation(3));
  open_session(kSrun);
  say(kSrun, request(3, 3, 1));
  wire::StepDone own;
  own.usage.user_us = 100;
  stepd_says(1, own);
  node_is_done(1001, 1, 2U << 8U);
  EXPECT_EQ(env.reported<wire::StepRecord>().size(), 1U);
  node_is_done(1002, 2);
  node_is_done(1002, 2);
  const auto records = env.reported<wire::StepRecord>();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records.back().step.exit_code, 2U << 8U);
  EXPECT_EQ(records.back().step.usage.user_us, 300U);
  EXPECT_EQ(heard<wire::StepDone>(kSrun).size(), 3U);
}

TEST_F(StepsTest, fences_are_merged_and_answered_by_the_root) {
  boot("n1", allocation(3));
  open_session(kSrun);
  say(kSrun, request(3, 3, 1));
  wire::Fence fence;
  fence.number = 1;
  fence.expected = 3;
  fence.parts = {{1, "b"}};
  say(1001, fence);
  fence.parts = {{2, "c"}};
  say(1002, fence);
  EXPECT_TRUE(FakeWorkerEnv::of<wire::FenceDone>(env.to_stepd[1]).empty());
  fence.parts = {{0, "a"}};
  stepd_says(1, fence);
  const auto own = FakeWorkerEnv::of<wire::FenceDone>(env.to_stepd[1]);
  ASSERT_EQ(own.size(), 1U);
  ASSERT_EQ(own.front().parts.size(), 3U);
  EXPECT_EQ(own.front().parts[0].data + own.front().parts[1].data + own.front().parts[2].data,
            "abc");
  EXPECT_EQ(heard<wire::FenceDone>(1001).size(), 1U);
  EXPECT_EQ(heard<wire::FenceDone>(1002).size(), 1U);
}

TEST_F(StepsTest, an_inner_agent_passes_a_fence_up_once) {
  boot("n2", allocation(4));
  auth::Peer peer;
  peer.uid = 1000;
  peer.host = "n1";
  peer.roles = auth::Role::node;
  service->stream_opened(5, peer, true);
  wire::LaunchStep launch;
  launch.job = allocation(4).make();
  launch.layout.step = 0;
  launch.layout.tasks = 4;
  for (std::uint32_t i = 0; i < 4; ++i) {
    wire::StepNode node;
    node.share = launch.job.allocation->shares[i];
    node.name = node.share.name;
    node.tasks = {i};
    launch.layout.nodes.push_back(node);
  }
  launch.first = 1;
  launch.count = 3;
  say(5, launch);
  ASSERT_EQ(env.launches.size(), 1U);
  ASSERT_EQ(env.peers.size(), 2U);
  wire::Fence fence;
  fence.expected = 4;
  fence.parts = {{1, "b"}};
  stepd_says(1, fence);
  fence.parts = {{2, "c"}};
  say(1001, fence);
  EXPECT_TRUE(heard<wire::Fence>(5).empty());
  fence.parts = {{3, "d"}};
  say(1002, fence);
  ASSERT_EQ(heard<wire::Fence>(5).size(), 1U);
  EXPECT_EQ(heard<wire::Fence>(5).front().parts.size(), 3U);
  // Direct messages find their way by node number.
  say(1001, wire::Direct{2, 3, "x"});
  EXPECT_EQ(heard<wire::Direct>(1002).size(), 1U);
  say(1001, wire::Direct{2, 0, "y"});
  EXPECT_EQ(heard<wire::Direct>(5).size(), 1U);
  // The parent comes back: the same launch starts nothing anew, and what was said is said again.
  stepd_says(1, wire::TaskExit{{1}, 0, false, 1});
  service->on_stream_closed(5);
  service->stream_opened(6, peer, true);
  say(6, launch);
  EXPECT_EQ(env.launches.size(), 1U);
  EXPECT_EQ(heard<wire::TaskExit>(6).size(), 1U);
}

TEST_F(StepsTest, what_comes_behind_an_early_launch_is_not_lost) {
  boot_agent("n2");
  auth::Peer peer;
  peer.uid = 1000;
  peer.host = "n1";
  peer.roles = auth::Role::node;
  service->stream_opened(5, peer, true);
  wire::LaunchStep launch;
  launch.job = allocation(2).make();
  launch.layout.tasks = 2;
  for (std::uint32_t i = 0; i < 2; ++i) {
    wire::StepNode node;
    node.share = launch.job.allocation->shares[i];
    node.name = node.share.name;
    node.tasks = {i};
    launch.layout.nodes.push_back(node);
  }
  launch.first = 1;
  launch.count = 1;
  say(5, launch);
  say(5, wire::SignalStep{SIGTERM, model::kNoTask});
  EXPECT_TRUE(env.launches.empty());
  give(allocation(2));
  ASSERT_EQ(env.launches.size(), 1U);
  const auto signals = FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]);
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_EQ(signals.front().signal, static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(StepsTest, a_step_that_must_end_is_killed_until_it_has) {
  boot("n1", allocation(2));
  open_session(kSrun);
  wire::StepRequest wanted = request(2, 2, 1);
  wanted.spec.kill_on_bad_exit = true;
  say(kSrun, wanted);
  stepd_says(1, wire::TaskExit{{0}, 256, false, 0});
  EXPECT_EQ(heard<wire::SignalStep>(1001).size(), 2U);  // SIGCONT, SIGTERM
  service->on_stream_closed(1001);
  env.pass(*service, 6'000);  // kill_wait; what was said meanwhile may be lost
  env.pass(*service, 2'500);
  const auto kills = heard<wire::SignalStep>(env.peers.rbegin()->first);
  ASSERT_FALSE(kills.empty());
  EXPECT_EQ(kills.back().signal, static_cast<std::uint32_t>(SIGKILL));
}

TEST_F(StepsTest, a_broken_hop_is_opened_again_and_at_last_given_up) {
  boot("n1", allocation(2));
  open_session(kSrun);
  say(kSrun, request(2, 2, 1));
  service->on_stream_closed(1001);
  env.pass(*service, 600);
  ASSERT_EQ(env.peers.size(), 2U);
  EXPECT_EQ(heard<wire::LaunchStep>(1002).size(), 1U);
  StreamId newest = 1002;
  for (int i = 0; i < 200 && heard<wire::StepDone>(kSrun).empty(); ++i) {
    service->on_stream_closed(newest);
    env.pass(*service, 600);
    newest = env.peers.rbegin()->first;
  }
  const auto exits = heard<wire::TaskExit>(kSrun);
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits.front().tasks, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(exits.front().status, static_cast<std::uint32_t>(SIGKILL));
}

TEST_F(StepsTest, a_lost_part_ends_the_rest_unless_it_was_told_to_go_on) {
  for (const bool no_kill : {false, true}) {
    env = FakeWorkerEnv();
    boot("n1", allocation(2));
    open_session(kSrun);
    wire::StepRequest wanted = request(2, 2, 1);
    wanted.spec.no_kill = no_kill;
    say(kSrun, wanted);
    wire::StepDone lost;
    lost.node = 1;
    lost.error = "sluice-stepd was killed";
    say(1001, lost);
    EXPECT_EQ(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).empty(), no_kill);
  }
}

wire::LoseNode lost_node(const char* name) {
  wire::LoseNode order;
  order.epoch = Epoch(1);
  order.order = 2;
  order.attempt = {Uid128{1, 7}, 0};
  order.job = JobId(7);
  order.lost = name;
  return order;
}

TEST_F(StepsTest, a_node_that_the_controller_calls_lost_is_not_waited_for) {
  boot("n1", allocation(6));
  open_session(kSrun);
  say(kSrun, request(6, 6, 1));
  tell(lost_node("n3"));  // below n2, which has to give it up
  EXPECT_EQ(heard<wire::LosePart>(1001).size(), 1U);
  ASSERT_EQ(heard<wire::StepDone>(kSrun).size(), 1U);
  EXPECT_EQ(heard<wire::StepDone>(kSrun).front().node, 2U);
  EXPECT_EQ(heard<wire::TaskExit>(kSrun).front().tasks, (std::vector<std::uint32_t>{2}));
  EXPECT_FALSE(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).empty());
  tell(lost_node("n5"));  // a child of this one: its own child comes here
  EXPECT_EQ(heard<wire::StepDone>(kSrun).size(), 2U);
  ASSERT_EQ(env.peers.size(), 3U);
  EXPECT_EQ(env.peers[1003], "n6");
  tell(lost_node("n5"));
  tell(lost_node("n1"));  // not for this node to say
  EXPECT_EQ(heard<wire::StepDone>(kSrun).size(), 2U);
}

TEST_F(StepsTest, the_step_of_a_lost_node_ends_as_node_fail) {
  boot("n1", allocation(2));
  open_session(kSrun);
  say(kSrun, request(2, 2, 1));
  tell(lost_node("n2"));
  stepd_says(1, wire::TaskExit{{0}, SIGTERM, false, 0});
  wire::StepDone done;
  done.exit_code = SIGTERM;
  stepd_says(1, done);
  EXPECT_EQ(env.reported<wire::StepRecord>().back().step.state, model::JobState::node_fail);
}

TEST_F(StepsTest, nothing_new_is_placed_on_a_lost_node) {
  boot("n1", allocation(2));
  tell(lost_node("n2"));
  open_session(kSrun);
  say(kSrun, request(1, 1, 1));
  EXPECT_EQ(heard<wire::StepGranted>(kSrun).front().layout.node_list, Text("n1"));
  open_session(2);
  say(2, request(2, 2, 2));
  EXPECT_TRUE(heard<wire::StepGranted>(2).empty());
  boot("n1", allocation(2));  // the daemon again, from its ledger
  open_session(3);
  say(3, request(2, 2, 3));
  EXPECT_TRUE(heard<wire::StepGranted>(3).empty());
}

TEST_F(StepsTest, a_step_knows_the_addresses_of_its_nodes_and_of_srun) {
  boot("n1", allocation(2));
  wire::HostListUpdate update;
  update.hosts = {{"n1", "10.0.0.1", 6818, "", "node"},
                  {"n2", "10.0.0.2", 6819, "", "node"},
                  {"login", "10.0.0.9", 6820, "", "login"}};
  tell(update);
  open_session(kSrun);
  say(kSrun, request(2, 2, 1));
  const wire::StepLayout layout = heard<wire::StepGranted>(kSrun).front().layout;
  EXPECT_EQ(layout.nodes[1].address, Text("10.0.0.2"));
  EXPECT_EQ(layout.nodes[1].port, 6819U);
  EXPECT_EQ(layout.launch_address, Text("10.0.0.9"));
  EXPECT_EQ(layout.launch_port, 6820U);
}

TEST_F(StepsTest, running_out_of_memory_is_recorded) {
  boot("n1", allocation(1));
  open_session(kSrun);
  say(kSrun, request(1, 1, 1));
  stepd_says(1, wire::TaskExit{{0}, SIGKILL, true, 0});
  stepd_says(1, wire::StepDone{});
  const auto records = env.reported<wire::StepRecord>();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records.back().step.state, model::JobState::out_of_memory);
  EXPECT_EQ(records.back().step.exit_code, 125U);
}

TEST_F(StepsTest, kill_on_bad_exit_ends_the_other_tasks) {
  boot("n1", allocation(1));
  open_session(kSrun);
  wire::StepRequest wanted = request(2, 1, 1);
  wanted.spec.kill_on_bad_exit = true;
  say(kSrun, wanted);
  stepd_says(1, wire::TaskExit{{0}, 1U << 8U, false, 0});
  const auto signals = FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]);
  ASSERT_EQ(signals.size(), 2U);
  EXPECT_EQ(signals.back().signal, static_cast<std::uint32_t>(SIGTERM));
  env.pass(*service, 6'000);
  EXPECT_EQ(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).back().signal,
            static_cast<std::uint32_t>(SIGKILL));
}

TEST_F(StepsTest, a_lost_srun_may_come_back_and_is_waited_for_no_longer_than_told) {
  boot("n1", allocation(1));
  open_session(1);
  say(1, request(1, 1, 1));
  service->on_stream_closed(1);
  env.pass(*service, 30'000);
  EXPECT_TRUE(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).empty());
  open_session(2);
  wire::AttachStep attach;
  attach.job = JobId(7);
  attach.owner = true;
  attach.positions = {{0, 1, 123}};
  say(2, attach);
  EXPECT_EQ(heard<wire::AttachReply>(2).size(), 1U);
  EXPECT_EQ(FakeWorkerEnv::of<wire::AttachStep>(env.to_stepd[1]).size(), 1U);
  env.pass(*service, 100'000);
  EXPECT_TRUE(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).empty());
  service->on_stream_closed(2);
  env.pass(*service, 61'000);
  EXPECT_FALSE(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).empty());
}

TEST_F(StepsTest, readers_get_copies_and_change_nothing) {
  boot("n1", allocation(1));
  open_session(1);
  open_session(2);
  say(1, request(1, 1, 1));
  wire::AttachStep attach;
  attach.job = JobId(7);
  say(2, attach);
  wire::Output output;
  output.data = "hello";
  stepd_says(1, output);
  EXPECT_EQ(heard<wire::Output>(1).size(), 1U);
  EXPECT_EQ(heard<wire::Output>(2).size(), 1U);
  say(2, wire::SignalStep{SIGKILL, model::kNoTask});
  EXPECT_TRUE(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).empty());
}

}  // namespace
}  // namespace sluice::worker
