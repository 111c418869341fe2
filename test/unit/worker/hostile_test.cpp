// Bent messages from sessions, other agents and stepds: refused or ignored, never the end of the
// daemon, and never the start of a process that nobody may start.
#include <random>

#include <gtest/gtest.h>

#include "test/support/fake_worker_env.hpp"

namespace sluice::worker {
namespace {

using test::FakeWorkerEnv;
using test::WorkerJob;

struct Kind {
  wire::MessageType type;
  std::string payload;
};

template <class Message>
Kind kind(const Message& message) {
  return {Message::kType, wire::encode(message)};
}

std::vector<Kind> kinds() {
  WorkerJob job;
  job.nodes = 2;
  wire::StepRequest request;
  request.job = JobId(7);
  request.spec.argv = {"/bin/true"};
  request.spec.tasks = 2;
  request.spec.gres = {{"gpu", "", 1, model::GresScope::node}};
  wire::LaunchStep launch;
  launch.job = job.make();
  launch.layout.tasks = 2;
  launch.first = 1;
  for (std::uint32_t i = 0; i < 2; ++i) {
    wire::StepNode node;
    node.share = launch.job.allocation->shares[i];
    node.name = node.share.name;
    node.tasks = {i};
    launch.layout.nodes.push_back(node);
  }
  wire::AttachStep attach;
  attach.job = JobId(7);
  wire::Fence fence;
  fence.expected = 2;
  fence.parts = {{0, "x"}};
  wire::Output output;
  output.data = "hello";
  return {kind(request),
          kind(launch),
          kind(attach),
          kind(fence),
          kind(output),
          kind(wire::TaskExit{{0, 1}, 1, false, 0}),
          kind(wire::StepDone{}),
          kind(wire::StepStarted{0, {{0, 1}}, {}}),
          kind(wire::Direct{0, 1, "x"}),
          kind(wire::OutputAck{0, 1, 5}),
          kind(wire::SignalStep{9, 0}),
          kind(wire::Input{}),
          kind(wire::StepDoneAck{1}),
          kind(wire::QueryStep{JobId(7), 0}),
          kind(wire::StepStatus{}),
          kind(wire::StepAbort{0, 1, "no"}),
          kind(wire::Hello{})};
}

class Bender {
 public:
  explicit Bender(std::uint32_t seed) : random_(seed) {}
  std::uint32_t below(std::size_t bound) {
    return static_cast<std::uint32_t>(random_() % std::max<std::size_t>(bound, 1));
  }
  void bend(std::string& bytes) {
    for (std::uint32_t i = below(4); i > 0 && !bytes.empty(); --i) {
      const std::uint32_t where = below(bytes.size());
      switch (below(4)) {
        case 0: bytes[where] = static_cast<char>(below(256)); break;
        case 1: bytes.insert(where, 1, static_cast<char>(below(256))); break;
        case 2: bytes.erase(where, 1 + below(4)); break;
        default: bytes.resize(where); break;
      }
    }
  }

 private:
  std::mt19937 random_;
};

TEST(Hostile, no_message_ends_the_daemon) {
  const std::vector<Kind> all = kinds();
  Bender bender(4711);
  for (int round = 0; round < 40; ++round) {
    FakeWorkerEnv env;
    ServiceOptions options;
    options.name = round % 2 == 0 ? "n1" : "n2";
    Service service(env, options, {});
    service.begin();
    wire::NodeWelcome welcome;
    welcome.epoch = Epoch(1);
    service.on_controller_message(wire::NodeWelcome::kType, wire::encode(welcome));
    wire::LaunchJob order;
    order.epoch = Epoch(1);
    WorkerJob job;
    job.nodes = 2;
    order.job = job.make();
    service.on_controller_message(wire::LaunchJob::kType, wire::encode(order));
    env.run();
    for (int i = 0; i < 300; ++i) {
      Kind message = all[bender.below(all.size())];
      if (bender.below(3) > 0) bender.bend(message.payload);
      const StreamId stream = 1 + bender.below(6);
      if (service.context().streams.count(stream) == 0) {
        auth::Peer peer;
        peer.uid = 1000 + bender.below(2);
        const bool from_node = bender.below(2) == 0;
        peer.host = !from_node ? "login" : round % 2 == 0 ? "n2" : "n1";
        peer.roles = from_node ? auth::Role::node : auth::Role::login;
        service.stream_opened(stream, peer, from_node && bender.below(2) == 0);
      }
      switch (bender.below(8)) {
        case 0: service.on_stream_closed(stream); break;
        case 1: service.on_stepd_frame(1 + bender.below(3), message.type, message.payload); break;
        case 2:
          service.on_stream_frame(1001 + bender.below(3), {message.type, 0, message.payload});
          break;
        case 3: env.pass(service, 700); break;
        default: service.on_stream_frame(stream, {message.type, 1, message.payload});
      }
      env.run();
    }
    for (const auto& [stepd, launch] : env.launches) {
      EXPECT_EQ(launch.job.spec->uid, 1000U);
      EXPECT_EQ(launch.job.id, JobId(7));
    }
  }
}

}  // namespace
}  // namespace sluice::worker
