// Images between nodes: who may fetch what, the relay on the node that wants it, the window on the
// node that has it, and what a step's progress makes of its record.
#include <gtest/gtest.h>

#include "test/support/fake_worker_env.hpp"

namespace sluice::test {
namespace {

using worker::Service;
using worker::StreamId;

const std::string kDigest = "sha256:" + std::string(64, 'a');

wire::LaunchJob order(const model::Job& job) {
  wire::LaunchJob message;
  message.epoch = Epoch(1);
  message.order = 1;
  message.job = job;
  message.script = "#!/bin/sh\n";
  return message;
}

class ImagesTest : public testing::Test {
 protected:
  // A node of a job on n1 and n2.
  explicit ImagesTest(const std::string& name = "n1") {
    worker::ServiceOptions options;
    options.name = name;
    service_ = std::make_unique<Service>(env_, options, worker::LedgerRecords{});
    service_->begin();
    wire::NodeWelcome welcome;
    welcome.epoch = Epoch(1);
    service_->on_controller_message(welcome.kType, wire::encode(welcome));
  }
  void launch(model::Job job) {
    const wire::LaunchJob message = order(job);
    service_->on_controller_message(message.kType, wire::encode(message));
    env_.run();
  }
  static model::Job two_nodes(model::JobKind kind = model::JobKind::allocation) {
    WorkerJob wanted;
    wanted.nodes = 2;
    wanted.kind = kind;
    return wanted.make();
  }
  StreamId open(std::uint32_t uid, const std::string& host, bool agent) {
    const StreamId stream = ++next_;
    auth::Peer peer;
    peer.uid = uid;
    peer.gid = uid;
    peer.host = host;
    peer.roles = auth::Role::node;
    service_->stream_opened(stream, peer, agent);
    return stream;
  }
  template <class Message>
  void say(StreamId stream, const Message& message) {
    const std::string payload = wire::encode(message);
    service_->on_stream_frame(stream, {Message::kType, 0, payload});
  }
  static wire::ImageFetch wanted(const std::string& from, const std::string& digest = kDigest) {
    wire::ImageFetch fetch;
    fetch.job = JobId(7);
    fetch.from = from;
    fetch.digest = digest;
    return fetch;
  }
  template <class Message>
  std::vector<Message> got(StreamId stream) {
    return FakeWorkerEnv::of<Message>(env_.to_stream[stream]);
  }
  std::string ended_with(StreamId stream) {
    const auto ends = got<wire::ImageEnd>(stream);
    return ends.size() == 1 ? ends.front().error.str() : "(no end)";
  }

  FakeWorkerEnv env_;
  std::unique_ptr<Service> service_;
  StreamId next_ = 0;
};

TEST_F(ImagesTest, TheUsersHelperIsRelayedToTheOtherNode) {
  launch(two_nodes());
  const StreamId helper = open(1000, "n1", false);
  say(helper, wanted("n2"));
  ASSERT_EQ(env_.peers.size(), 1U);
  const auto [peer, node] = *env_.peers.begin();
  EXPECT_EQ(node, "n2");
  ASSERT_EQ(got<wire::ImageFetch>(peer).size(), 1U);
  say(peer, wire::ImageData{0, "bytes"});
  ASSERT_EQ(got<wire::ImageData>(helper).size(), 1U);
  EXPECT_EQ(got<wire::ImageData>(helper).front().bytes, "bytes");
  say(helper, wire::ImageAck{5});
  ASSERT_EQ(got<wire::ImageAck>(peer).size(), 1U);
  say(peer, wire::ImageEnd{});
  EXPECT_EQ(ended_with(helper), "");
  EXPECT_TRUE(env_.closed_streams.contains(helper));
  EXPECT_TRUE(env_.closed_streams.contains(peer));
}

TEST_F(ImagesTest, AnAgentThatGoesAwayIsAnError) {
  launch(two_nodes());
  const StreamId helper = open(1000, "n1", false);
  say(helper, wanted("n2"));
  service_->on_stream_closed(env_.peers.begin()->first);
  EXPECT_EQ(ended_with(helper), "the other node's agent went away");
}

TEST_F(ImagesTest, AHelperThatGoesAwayClosesTheOtherSide) {
  launch(two_nodes());
  const StreamId helper = open(1000, "n1", false);
  say(helper, wanted("n2"));
  service_->on_stream_closed(helper);
  EXPECT_TRUE(env_.closed_streams.contains(env_.peers.begin()->first));
}

TEST_F(ImagesTest, OnlyTheJobsUserAndItsNodes) {
  launch(two_nodes());
  const StreamId stranger = open(1001, "n1", false);
  say(stranger, wanted("n2"));
  EXPECT_NE(ended_with(stranger), "");
  const StreamId elsewhere = open(1000, "n1", false);
  say(elsewhere, wanted("n9"));
  EXPECT_EQ(ended_with(elsewhere), "no other node of the job is called n9");
  const StreamId itself = open(1000, "n1", false);
  say(itself, wanted("n1"));
  EXPECT_EQ(ended_with(itself), "no other node of the job is called n1");
  const StreamId unknown = open(1000, "n1", false);
  wire::ImageFetch other = wanted("n2");
  other.job = JobId(8);
  say(unknown, other);
  EXPECT_NE(ended_with(unknown), "");
  EXPECT_TRUE(env_.peers.empty());
}

TEST_F(ImagesTest, AnAgentOutsideTheJobOrForAnotherUserGetsNothing) {
  launch(two_nodes());
  const StreamId outside = open(1000, "n3", true);
  say(outside, wanted("n1"));
  EXPECT_NE(ended_with(outside), "");
  const StreamId other_user = open(1001, "n2", true);
  say(other_user, wanted("n1"));
  EXPECT_NE(ended_with(other_user), "");
  const StreamId remote_session = open(1000, "n2", false);
  say(remote_session, wanted("n1"));
  EXPECT_NE(ended_with(remote_session), "");
  const StreamId bad = open(1000, "n2", true);
  say(bad, wanted("n1", "sha256:../../x"));
  EXPECT_EQ(ended_with(bad), "malformed digest");
  EXPECT_TRUE(env_.images.empty());
}

TEST_F(ImagesTest, AnImageIsReadOnlyAsFarAsTheWindowGoes) {
  launch(two_nodes());
  const StreamId peer = open(1000, "n2", true);
  say(peer, wanted("n1"));
  ASSERT_EQ(env_.images.size(), 1U);
  const auto source = env_.images.begin()->first;
  const FakeImage& image = env_.images.begin()->second;
  EXPECT_EQ(image.digest, kDigest);
  const std::string piece(wire::kImageChunk, 'x');
  std::size_t pieces = 0;
  for (; image.asked > pieces && pieces < 1000; ++pieces) service_->on_image_data(source, piece);
  EXPECT_EQ(pieces * wire::kImageChunk, wire::kImageWindow);
  say(peer, wire::ImageAck{wire::kImageChunk});
  EXPECT_EQ(image.asked, pieces + 1);
  say(peer, wire::ImageAck{1ULL << 60U});  // more than was sent
  EXPECT_EQ(image.asked, pieces + 1);
  service_->on_image_data(source, "rest");
  service_->on_image_data(source, {});
  EXPECT_EQ(ended_with(peer), "");
  EXPECT_TRUE(image.closed);
  EXPECT_EQ(got<wire::ImageData>(peer).back().offset, wire::kImageWindow);
}

TEST_F(ImagesTest, WhatTheReaderSaysIsPassedOn) {
  launch(two_nodes());
  const StreamId peer = open(1000, "n2", true);
  say(peer, wanted("n1"));
  service_->on_image_failed(env_.images.begin()->first, "no such image");
  EXPECT_EQ(ended_with(peer), "no such image");
  EXPECT_TRUE(env_.images.begin()->second.closed);
}

TEST_F(ImagesTest, ADestroyedStreamEndsTheReading) {
  launch(two_nodes());
  const StreamId peer = open(1000, "n2", true);
  say(peer, wanted("n1"));
  service_->on_stream_closed(peer);
  EXPECT_TRUE(env_.images.begin()->second.closed);
}

// --- steps ---------------------------------------------------------------------------------------

class BatchImageTest : public ImagesTest {
 protected:
  BatchImageTest() {
    model::Job job = two_nodes(model::JobKind::batch);
    auto spec = std::make_shared<model::JobSpec>(*job.spec);
    spec->container.emplace_back();
    spec->container.front().image = "debian:12";
    job.spec = spec;
    launch(job);
  }
  void progress(const std::string& phase, std::uint64_t done, std::uint64_t total) {
    wire::StepProgress message;
    message.phase = phase;
    message.done = done;
    message.total = total;
    if (phase == "ready") {
      message.image_digest = kDigest;
      message.spent_us = 1500;
    }
    service_->on_stepd_frame(stepd(), message.kType, wire::encode(message));
  }
  worker::StepdId stepd() { return env_.launches.begin()->first; }
  wire::ImageFetch of_batch() {
    wire::ImageFetch fetch = wanted("n1", "");
    fetch.step = base::kBatchStep;
    return fetch;
  }
  std::vector<wire::StepRecord> records() { return env_.reported<wire::StepRecord>(); }
};

TEST_F(BatchImageTest, TheScriptsStepHasTheJobsContainer) {
  ASSERT_EQ(env_.launches.size(), 1U);
  const wire::LaunchStep& launch = env_.launches.begin()->second;
  ASSERT_EQ(launch.spec.container.size(), 1U);
  EXPECT_EQ(launch.spec.container.front().image, Text("debian:12"));
  ASSERT_EQ(launch.settings.size(), 1U);  // the first node pulls
  EXPECT_EQ(launch.settings.front().key, Text(worker::kFetchFromKey));
  EXPECT_TRUE(launch.settings.front().value.empty());
}

TEST_F(BatchImageTest, AFetchWaitsUntilTheImageIsThere) {
  const StreamId peer = open(1000, "n2", true);
  say(peer, of_batch());
  EXPECT_TRUE(env_.images.empty());
  progress("pulling", 1, 2);
  EXPECT_TRUE(env_.images.empty());
  progress("ready", 0, 0);
  // Told which it is, the other node may have it already.
  ASSERT_EQ(got<wire::ImageData>(peer).size(), 1U);
  EXPECT_EQ(got<wire::ImageData>(peer).front().digest, Text(kDigest));
  EXPECT_TRUE(env_.images.empty());
  say(peer, wire::ImageAck{0});
  ASSERT_EQ(env_.images.size(), 1U);
  EXPECT_EQ(env_.images.begin()->second.digest, kDigest);
  const StreamId late = open(1000, "n2", true);
  say(late, of_batch());
  EXPECT_EQ(got<wire::ImageData>(late).size(), 1U);
  say(late, wire::ImageAck{0});
  EXPECT_EQ(env_.images.size(), 2U);
}

TEST_F(BatchImageTest, AFetchOfAStepThatFailedOrIsntHereFails) {
  const StreamId peer = open(1000, "n2", true);
  say(peer, of_batch());
  wire::StepDone done;
  done.error = "no such tag";
  done.exit_code = 1 << 8;
  service_->on_stepd_frame(stepd(), done.kType, wire::encode(done));
  EXPECT_NE(ended_with(peer), "");
  const StreamId other = open(1000, "n2", true);
  wire::ImageFetch unknown = of_batch();
  unknown.step = 12;
  say(other, unknown);
  EXPECT_NE(ended_with(other), "");
}

TEST_F(BatchImageTest, AnImageThatIsSoonThereCostsNoReport) {
  progress("pulling", 1, 2);
  progress("ready", 0, 0);
  EXPECT_TRUE(records().empty());
  env_.pass(*service_, 300);
  ASSERT_EQ(records().size(), 1U);
  EXPECT_EQ(records().front().step.container, Text("debian:12"));
  EXPECT_EQ(records().front().step.image_digest, Text(kDigest));
  EXPECT_EQ(records().front().step.image_us, 1500U);
  EXPECT_TRUE(records().front().step.reason.empty());
}

TEST_F(BatchImageTest, ALongPullIsToldNowAndThenAndItsEndAtOnce) {
  progress("pulling", 10, 100);
  env_.pass(*service_, 300);
  ASSERT_EQ(records().size(), 1U);
  EXPECT_EQ(records().back().step.reason, Text("ImagePull (10%)"));
  progress("pulling", 20, 100);
  EXPECT_EQ(records().size(), 1U);
  env_.pass(*service_, 2500);
  progress("pulling", 35, 100);
  ASSERT_EQ(records().size(), 2U);
  EXPECT_EQ(records().back().step.reason, Text("ImagePull (35%)"));
  env_.pass(*service_, 2500);
  progress("unpacking", 1, 0);
  ASSERT_EQ(records().size(), 3U);
  EXPECT_EQ(records().back().step.reason, Text("ImageUnpack"));
  progress("ready", 0, 0);
  env_.pass(*service_, 1);
  ASSERT_EQ(records().size(), 4U);
  EXPECT_TRUE(records().back().step.reason.empty());
  EXPECT_EQ(records().back().step.image_digest, Text(kDigest));
}

// Another node would fail in the same way: the job isn't tried again.
TEST_F(BatchImageTest, AContainerThatCannotBeHadIsTheJobsFailure) {
  wire::StepStarted started;
  started.error = "debian:12: no such tag";
  service_->on_stepd_frame(stepd(), started.kType, wire::encode(started));
  wire::StepDone done;
  done.exit_code = 1 << 8;
  done.error = started.error;
  service_->on_stepd_frame(stepd(), done.kType, wire::encode(done));
  env_.pass(*service_, 1000);
  const auto ended = env_.reported<wire::BatchEnded>();
  ASSERT_FALSE(ended.empty());
  EXPECT_FALSE(ended.front().launch_failed);
  EXPECT_EQ(ended.front().error, started.error);
  ASSERT_FALSE(records().empty());
  EXPECT_EQ(records().back().step.reason, started.error);
}

}  // namespace
}  // namespace sluice::test
