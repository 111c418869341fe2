// The controller's service against an Env in memory: who may do what, what a repeated request gets,
// what is sent only after the commit, and how nodes are reconciled.
#include "daemon/controller/service/service.hpp"

#include <gtest/gtest.h>

#include "test/unit/controller/fake_env.hpp"

namespace sluice::controller {
namespace {

constexpr std::uint32_t kAlice = 1001;
constexpr std::uint32_t kBob = 1002;

ServiceOptions some_nodes(std::uint32_t count) {
  auto settings = std::make_shared<model::Settings>();
  for (std::uint32_t n = 1; n <= count; ++n) {
    model::NodeSetting node;
    node.name = "n" + std::to_string(n);
    node.facts.sockets = 1;
    node.facts.cores_per_socket = 4;
    node.facts.threads_per_core = 1;
    node.facts.memory = 1024;
    node.facts_fixed = true;
    settings->nodes.push_back(node);
  }
  model::Partition partition;
  partition.name = "batch";
  partition.nodes = "ALL";
  partition.is_default = true;
  settings->partitions.push_back(partition);
  ServiceOptions options;
  options.settings = settings;
  options.service_uid = 500;
  return options;
}

auth::Peer peer_of(std::uint32_t uid, const char* host = "login",
                   auth::Roles roles = auth::Role::login) {
  auth::Peer peer;
  peer.uid = uid;
  peer.gid = uid;
  peer.host = host;
  peer.roles = roles;
  return peer;
}

class ServiceTest : public ::testing::Test {
 protected:
  template <class Request>
  void ask(const Request& request, const auth::Peer& peer, SessionId session = 1) {
    service.on_request({session, 7, peer},
                       {static_cast<std::uint16_t>(Request::kType), 7, wire::encode(request)});
    service.on_turn_end();
  }
  template <class Reply>
  Reply last_reply() {
    EXPECT_FALSE(env.replies.empty());
    if (env.replies.empty()) return {};
    EXPECT_EQ(env.replies.back().type, Reply::kType);
    const auto reply = wire::decode<Reply>(env.replies.back().payload);
    return reply ? *reply : Reply{};
  }
  wire::Submit submission(std::uint64_t request) {
    wire::Submit submit;
    submit.request_id = {9, request};
    submit.script = "#!/bin/sh\n";
    submit.spec.name = "job";
    submit.request.memory_per_node = 100;
    return submit;
  }
  void bring_up(std::uint32_t node) { bring_up(service, node); }
  static void bring_up(Service& service, std::uint32_t node) {
    wire::NodeHello hello;
    hello.name = "n" + std::to_string(node + 1);
    hello.facts.sockets = 1;
    hello.facts.cores_per_socket = 4;
    hello.facts.memory = 1024;
    hello.facts.boot_id = "boot";
    service.on_node_hello(NodeIndex(node), hello);
    service.on_turn_end();
  }
  [[nodiscard]] std::size_t sent(wire::MessageType type) const {
    return static_cast<std::size_t>(
        std::ranges::count(env.to_nodes, type, &FakeEnv::NodeMessage::type));
  }

  FakeEnv env;
  Service service{env, some_nodes(2), store::LoadedState{}};
};

TEST_F(ServiceTest, NothingIsAnsweredBeforeTheCommit) {
  env.hold_commits = true;
  ask(submission(1), peer_of(kAlice));
  EXPECT_TRUE(env.replies.empty());
  env.let_commits_through();
  EXPECT_EQ(last_reply<wire::SubmitReply>().job, JobId(1));
}

TEST_F(ServiceTest, ARepeatedRequestGetsTheFirstAnswer) {
  ask(submission(1), peer_of(kAlice));
  const JobId first = last_reply<wire::SubmitReply>().job;
  ask(submission(1), peer_of(kAlice), 2);
  EXPECT_EQ(last_reply<wire::SubmitReply>().job, first);
  EXPECT_EQ(service.cluster().all_jobs().size(), 1U);
}

TEST_F(ServiceTest, ADependencyOnAForgottenJobIsAnsweredByHistory) {
  FakeEnv own;
  store::LoadedState loaded;
  loaded.next_job_id = 10;
  Service later(own, some_nodes(2), loaded);
  model::Job past;
  past.id = JobId(4);
  past.state = model::JobState::completed;
  past.spec = std::make_shared<const model::JobSpec>();
  past.request = std::make_shared<const model::Request>();
  own.history = {std::make_shared<const model::Job>(past)};
  const auto type_of_answer = [&](std::uint64_t number, const char* dependency) {
    wire::Submit submit = submission(number);
    submit.spec.dependency = dependency;
    later.on_request({1, 7, peer_of(kAlice)},
                     {static_cast<std::uint16_t>(wire::Submit::kType), 7, wire::encode(submit)});
    return own.replies.back().type;
  };
  EXPECT_EQ(type_of_answer(1, "afterok:4"), wire::MessageType::submit_reply);
  EXPECT_EQ(later.cluster().find_job(JobId(10))->dependency, Text());
  EXPECT_EQ(type_of_answer(2, "afternotok:4"), wire::MessageType::submit_reply);
  EXPECT_EQ(later.cluster().find_job(JobId(11))->reason, model::Reason::dependency_never_satisfied);
  EXPECT_EQ(type_of_answer(3, "afterok:5"), wire::MessageType::error_reply);
}

TEST_F(ServiceTest, ARepeatThatComesBeforeTheCommitWaitsForIt) {
  env.hold_commits = true;
  ask(submission(1), peer_of(kAlice), 1);
  ask(submission(1), peer_of(kAlice), 2);
  env.let_commits_through();
  ASSERT_EQ(env.replies.size(), 2U);
  EXPECT_EQ(env.replies[0].payload, env.replies[1].payload);
  EXPECT_EQ(service.cluster().all_jobs().size(), 1U);
}

TEST_F(ServiceTest, SomebodyElsesRequestIdIsRefused) {
  ask(submission(1), peer_of(kAlice));
  ask(submission(1), peer_of(kBob));
  EXPECT_EQ(last_reply<wire::ErrorReply>().code, ErrorCode::access_denied);
}

TEST_F(ServiceTest, TheIdentityIsThePeersNotTheMessages) {
  wire::Submit forged = submission(1);
  forged.spec.uid = 0;
  forged.spec.user = "root";
  ask(forged, peer_of(kAlice));
  const model::JobPtr job = service.cluster().find_job(last_reply<wire::SubmitReply>().job);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->spec->uid, kAlice);
  EXPECT_EQ(job->spec->user.view(), "u1001");
}

TEST_F(ServiceTest, OnlyRootSubmitsForOthers) {
  wire::Submit forged = submission(1);
  forged.as_uid = kBob;
  ask(forged, peer_of(kAlice));
  EXPECT_EQ(last_reply<wire::ErrorReply>().code, ErrorCode::access_denied);
  ask(forged, peer_of(0));
  EXPECT_EQ(service.cluster().find_job(last_reply<wire::SubmitReply>().job)->spec->uid, kBob);
}

TEST_F(ServiceTest, OthersCannotTouchAJob) {
  ask(submission(1), peer_of(kAlice));
  const JobId job = last_reply<wire::SubmitReply>().job;
  wire::JobAction cancel;
  cancel.filter.jobs.push_back({job, {}, model::kNoTask});
  ask(cancel, peer_of(kBob));
  ASSERT_EQ(last_reply<wire::JobActionReply>().outcomes.size(), 1U);
  EXPECT_EQ(last_reply<wire::JobActionReply>().outcomes[0].code, ErrorCode::access_denied);
  wire::QueryScript script;
  script.job.job = job;
  ask(script, peer_of(kBob));
  EXPECT_EQ(last_reply<wire::ErrorReply>().code, ErrorCode::access_denied);
  EXPECT_EQ(service.cluster().find_job(job)->state, model::JobState::pending);
}

TEST_F(ServiceTest, UsersCannotDrainNodes) {
  wire::UpdateNode drain;
  drain.names = "n1";
  drain.verb = model::NodeVerb::drain;
  drain.reason = Text("mine");
  ask(drain, peer_of(kAlice));
  EXPECT_EQ(last_reply<wire::ErrorReply>().code, ErrorCode::access_denied);
  ask(drain, peer_of(500));
  EXPECT_EQ(env.replies.back().type, wire::MessageType::done_reply);
}

TEST_F(ServiceTest, AComputeNodeSpeaksOnlyForUsersWithAJobThere) {
  ask(submission(1), peer_of(kAlice, "n1", auth::Role::node));
  EXPECT_EQ(last_reply<wire::ErrorReply>().code, ErrorCode::not_on_this_host);
  ask(submission(2), peer_of(0, "n1", auth::Role::node));
  EXPECT_NE(env.replies.back().type, wire::MessageType::submit_reply);
  bring_up(0);
  ask(submission(3), peer_of(kAlice));
  ASSERT_EQ(sent(wire::MessageType::launch_job), 1U);
  ask(submission(4), peer_of(kAlice, "n1", auth::Role::node));
  EXPECT_EQ(env.replies.back().type, wire::MessageType::submit_reply);
}

TEST_F(ServiceTest, AFullDiskRefusesNewWorkClearly) {
  env.space = false;
  ask(submission(1), peer_of(kAlice));
  EXPECT_EQ(last_reply<wire::ErrorReply>().code, ErrorCode::storage);
  EXPECT_TRUE(service.cluster().all_jobs().empty());
}

TEST_F(ServiceTest, AFailedCommitEndsTheService) {
  env.hold_commits = true;
  ask(submission(1), peer_of(kAlice));
  env.let_commits_through(fail(ErrorCode::storage, "fsync failed"));
  EXPECT_EQ(env.fatal_errors.size(), 1U);
  EXPECT_TRUE(env.replies.empty());
  ask(submission(2), peer_of(kAlice));
  EXPECT_TRUE(env.replies.empty());
}

TEST_F(ServiceTest, ALaunchThatTheNodeDoesNotHoldIsSentAgain) {
  bring_up(0);
  ask(submission(1), peer_of(kAlice));
  ASSERT_EQ(sent(wire::MessageType::launch_job), 1U);
  service.on_node_closed(NodeIndex(0));
  bring_up(0);
  EXPECT_GE(sent(wire::MessageType::launch_job), 2U);
}

TEST_F(ServiceTest, ALaunchWaitsForTheCommitAlsoWhenItsNodeComesBack) {
  bring_up(0);
  env.hold_commits = true;
  ask(submission(1), peer_of(kAlice));
  service.on_node_closed(NodeIndex(0));
  bring_up(0);
  EXPECT_EQ(sent(wire::MessageType::launch_job), 0U);
  env.let_commits_through();
  EXPECT_GE(sent(wire::MessageType::launch_job), 1U);
}

TEST_F(ServiceTest, AReportThatLacksARunningJobBringsItsLaunchAgain) {
  bring_up(0);
  ask(submission(1), peer_of(kAlice));
  ASSERT_EQ(sent(wire::MessageType::launch_job), 1U);
  wire::NodeReport report;  // knows of no order yet: the launch may be under way
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_EQ(sent(wire::MessageType::launch_job), 1U);
  env.time.mono_ms += 20'000;
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_EQ(sent(wire::MessageType::launch_job), 2U);
}

TEST_F(ServiceTest, FaultsOfDevicesCountOnceTheyAreJudged) {
  wire::NodeHello hello;
  hello.name = "n1";
  hello.facts.memory = 1024;
  model::NodeGres gpus{.name = "gpu", .type = "a100", .count = 1, .files = {"/dev/gpu0"}};
  gpus.devices.emplace_back().file = "/dev/gpu0";
  hello.facts.gres = {gpus};
  service.on_node_hello(NodeIndex(0), hello);
  const auto fault = [&] {
    return service.cluster().node_record(NodeIndex(0))->facts.gres.at(0).devices.at(0).fault;
  };
  wire::NodeReport report;
  report.device_faults = {{"gpu", "a100", 0, "fell off the bus"}};
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_TRUE(fault().empty());
  report.devices_judged = true;
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_EQ(fault(), Text("fell off the bus"));
  report.device_faults.clear();
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_TRUE(fault().empty());
}

TEST_F(ServiceTest, AnAttemptThatNobodyKnowsIsEnded) {
  wire::NodeHello hello;
  hello.name = "n1";
  hello.facts.memory = 1024;
  wire::Hold stray;
  stray.attempt = {{5, 5}, 0};
  stray.phase = wire::HoldPhase::running;
  hello.holds.push_back(stray);
  service.on_node_hello(NodeIndex(0), hello);
  EXPECT_GE(sent(wire::MessageType::terminate_job), 1U);
}

// An order to stand still may have got lost; what the node reports of before it tells nothing.
TEST_F(ServiceTest, WhatShouldStandStillIsToldSoAgain) {
  bring_up(0);
  ask(submission(1), peer_of(kAlice));
  const model::JobPtr job = service.cluster().all_jobs().front();
  wire::JobAction act;
  act.request_id = {9, 2};
  act.verb = model::JobVerb::suspend;
  act.filter.jobs.push_back({job->id, {}});
  ask(act, peer_of(0));
  EXPECT_EQ(sent(wire::MessageType::suspend_job), 1U);
  wire::NodeReport report;
  wire::Hold hold;
  hold.attempt = {job->uid, job->attempt};
  hold.job = job->id;
  hold.phase = wire::HoldPhase::running;
  report.holds.push_back(hold);
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_EQ(sent(wire::MessageType::suspend_job), 1U);
  report.last_order = 1'000;
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_EQ(sent(wire::MessageType::suspend_job), 2U);
  report.holds.front().suspended = true;
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_EQ(sent(wire::MessageType::suspend_job), 2U);
  act.request_id = {9, 3};
  act.verb = model::JobVerb::resume;
  ask(act, peer_of(0));
  report.last_order = 2'000;
  service.on_node_message(NodeIndex(0), report.kType, wire::encode(report));
  EXPECT_EQ(sent(wire::MessageType::resume_job), 2U);
}

TEST_F(ServiceTest, ReportsAreAcknowledgedAfterTheCommit) {
  bring_up(0);
  ask(submission(1), peer_of(kAlice));
  const model::JobPtr job = service.cluster().all_jobs().front();
  wire::JobPrepared prepared;
  prepared.serial = 3;
  prepared.attempt = {job->uid, job->attempt};
  env.hold_commits = true;
  service.on_node_message(NodeIndex(0), prepared.kType, wire::encode(prepared));
  EXPECT_EQ(sent(wire::MessageType::report_ack), 0U);
  env.let_commits_through();
  EXPECT_EQ(sent(wire::MessageType::report_ack), 1U);
}

TEST_F(ServiceTest, APendingAllocationEndsWithItsOwner) {
  wire::Submit allocation = submission(1);
  allocation.spec.kind = model::JobKind::allocation;
  allocation.script.clear();
  ask(allocation, peer_of(kAlice), 4);
  wire::WaitJob wait;
  wait.job = last_reply<wire::SubmitReply>().job;
  wait.started = true;
  wait.owned = true;
  ask(wait, peer_of(kAlice), 4);
  service.on_session_closed(4);
  service.on_wake();
  EXPECT_EQ(service.cluster().find_job(wait.job)->state, model::JobState::cancelled);
}

// Otherwise the one who waited could look and not see what he was told.
TEST_F(ServiceTest, AGrantIsToldWhenItIsOnTheDisk) {
  bring_up(0);
  wire::Submit allocation = submission(1);
  allocation.spec.kind = model::JobKind::allocation;
  allocation.script.clear();
  ask(allocation, peer_of(kAlice), 4);
  wire::WaitJob wait;
  wait.job = last_reply<wire::SubmitReply>().job;
  wait.started = true;
  wait.owned = true;
  env.hold_commits = true;
  const model::JobPtr job = service.cluster().find_job(wait.job);
  wire::JobPrepared prepared;
  prepared.serial = 1;
  prepared.attempt = {job->uid, job->attempt};
  service.on_node_message(NodeIndex(0), prepared.kType, wire::encode(prepared));
  const std::size_t before = env.replies.size();
  ask(wait, peer_of(kAlice), 4);
  EXPECT_EQ(env.replies.size(), before);
  env.let_commits_through();
  ASSERT_EQ(env.replies.size(), before + 1);
  EXPECT_EQ(env.replies.back().type, wire::MessageType::wait_job_reply);
}

TEST_F(ServiceTest, AnUnknownUserIsRefused) {
  ask(submission(1), peer_of(999));
  EXPECT_EQ(env.replies.back().type, wire::MessageType::error_reply);
}

TEST(EditPartition, TakesSlurmsNamesAndRefusesOthers) {
  model::Partition partition;
  EXPECT_TRUE(
      edit_partition(partition, {{"State", "DRAIN"}, {"maxtime", "1-0"}, {"AllowGroups", "ALL"}}));
  EXPECT_EQ(partition.state, model::PartitionState::drain);
  EXPECT_EQ(partition.max_time, 24U * 60);
  EXPECT_FALSE(edit_partition(partition, {{"State", "maybe"}}));
  EXPECT_FALSE(edit_partition(partition, {{"Colour", "red"}}));
}

}  // namespace
}  // namespace sluice::controller
