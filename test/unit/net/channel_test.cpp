// Channels over sockets, the blocking session against them, and the relay.

#include "net/channel.hpp"

#include <sys/socket.h>

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/client/blocking_session.hpp"
#include "test/unit/net/net_world.hpp"

namespace sluice::net::test {
namespace {

class ChannelTest : public NetTest {
 protected:
  std::pair<std::unique_ptr<FrameChannel>, std::unique_ptr<FrameChannel>> channels(
      std::size_t max_payload = kMaxPayload) {
    auto [a, b] = stream_pair();
    return {make_channel(loop(), std::move(a), max_payload),
            make_channel(loop(), std::move(b), max_payload)};
  }
};

TEST_F(ChannelTest, CarriesFramesAndEndsAfterThem) {
  auto [a, b] = channels();
  std::vector<Frame> got;
  bool ended = false;
  b->on_frame([&](Frame frame) { got.push_back(std::move(frame)); });
  b->on_close([&](const Error&) { ended = true; });
  b->resume();
  a->send({1, 2, "x"});
  a->send({3, 4, std::string(500'000, 'y')});
  a->finish();
  EXPECT_TRUE(until([&] { return ended; }));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0], (Frame{1, 2, "x"}));
  EXPECT_EQ(got[1].payload.size(), 500'000U);
}

TEST_F(ChannelTest, PauseTakesEffectBetweenTwoFrames) {
  auto [a, b] = channels();
  std::vector<std::uint64_t> got;
  bool ended = false;
  b->on_frame([&](const Frame& frame) {
    got.push_back(frame.id);
    b->pause();
  });
  b->on_close([&](const Error&) { ended = true; });
  b->resume();
  for (std::uint64_t id = 1; id <= 3; ++id) a->send({1, id, ""});
  a->finish();
  EXPECT_TRUE(until([&] { return got.size() == 1; }));
  settle();
  EXPECT_EQ(got.size(), 1U);
  b->resume();
  EXPECT_TRUE(until([&] { return got.size() == 2; }));
  EXPECT_FALSE(ended);
  b->resume();
  EXPECT_TRUE(until([&] { return got.size() == 3; }));
  b->resume();
  EXPECT_TRUE(until([&] { return ended; }));
}

TEST_F(ChannelTest, ABadFrameClosesTheConnection) {
  auto [raw, wire] = stream_pair();
  const auto channel = make_channel(loop(), std::move(wire), 1000);
  std::optional<Error> end;
  int frames = 0;
  channel->on_frame([&](const Frame&) { ++frames; });
  channel->on_close([&](const Error& why) { end = why; });
  channel->resume();
  std::string bytes;
  append_frame(bytes, 1, 1, "fine");
  append_frame(bytes, 1, 2, std::string(1001, 'x'));
  raw->write(bytes);
  EXPECT_TRUE(until([&] { return end.has_value(); }));
  EXPECT_EQ(end->code, ErrorCode::protocol);
  EXPECT_EQ(frames, 1);
  EXPECT_FALSE(channel->is_open());
}

TEST_F(ChannelTest, MayBeDestroyedInItsFrameHandler) {
  auto [a, b] = channels();
  bool called = false;
  auto* const raw = &b;
  b->on_frame([&called, raw](const Frame&) {
    raw->reset();
    called = true;
  });
  b->resume();
  a->send({1, 1, ""});
  a->send({1, 2, ""});
  EXPECT_TRUE(until([&] { return called; }));
  settle();
  EXPECT_EQ(b, nullptr);
}

TEST_F(ChannelTest, BlockingSessionTalksToAChannel) {
  auto pair = base::make_socket_pair(SOCK_STREAM);
  const auto channel =
      make_channel(loop(), std::move(*make_stream(loop(), std::move(pair->first))), kMaxPayload);
  channel->on_frame([&](const Frame& frame) {
    channel->send({static_cast<std::uint16_t>(frame.type + 1), frame.id, frame.payload});
  });
  bool ended = false;
  channel->on_close([&](const Error&) { ended = true; });
  channel->resume();
  std::optional<Frame> answer;
  bool quiet = false;
  std::thread client([&] {
    auto session = BlockingSession::adopt(std::move(pair->second));
    EXPECT_TRUE(session->send({1, 7, std::string(3'000'000, 'p')}, 5000));
    answer = *session->receive(5000);
    quiet = !*session->receive(1);
  });
  EXPECT_TRUE(until([&] { return ended; }));
  client.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->type, 2);
  EXPECT_EQ(answer->id, 7U);
  EXPECT_EQ(answer->payload.size(), 3'000'000U);
  EXPECT_TRUE(quiet);
}

TEST(BlockingSessionTest, SaysWhenNobodyIsThereOrThePeerIsGone) {
  const auto absent = BlockingSession::connect("/nonexistent/socket", 100);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::unavailable);

  auto pair = base::make_socket_pair(SOCK_STREAM);
  auto session = BlockingSession::adopt(std::move(pair->first));
  std::string last;
  append_frame(last, 5, 6, "last");
  ASSERT_TRUE(base::write_all(pair->second.get(), last));
  pair->second.reset();
  session->queue({1, 1, "nobody reads this"});
  const auto frame = session->receive(1000);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ(**frame, (Frame{5, 6, "last"}));
  const auto end = session->receive(1000);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::unavailable);
}

class RelayTest : public ChannelTest {
 protected:
  // left_ <-> relay <-> right_
  void SetUp() override {
    auto [left, a] = channels();
    auto [b, right] = channels();
    left_ = std::move(left);
    right_ = std::move(right);
    relay_ = relay(std::move(a), std::move(b), [this](const Error& why) {
      done_ = why;
      relay_.reset();
    });
  }

  std::unique_ptr<FrameChannel> left_;
  std::unique_ptr<FrameChannel> right_;
  std::unique_ptr<Relay> relay_;
  std::optional<Error> done_;
};

TEST_F(RelayTest, PassesFramesBothWaysAndTheEnd) {
  std::vector<Frame> at_left;
  std::vector<Frame> at_right;
  left_->on_frame([&](Frame frame) { at_left.push_back(std::move(frame)); });
  right_->on_frame([&](Frame frame) { at_right.push_back(std::move(frame)); });
  bool right_ended = false;
  right_->on_close([&](const Error&) { right_ended = true; });
  left_->resume();
  right_->resume();
  left_->send({1, 1, "to the right"});
  right_->send({2, 2, "to the left"});
  EXPECT_TRUE(until([&] { return at_left.size() == 1 && at_right.size() == 1; }));
  left_->send({1, 3, "last"});
  left_->finish();
  EXPECT_TRUE(until([&] { return right_ended && done_; }));
  ASSERT_EQ(at_right.size(), 2U);
  EXPECT_EQ(at_right[1].payload, "last");
  EXPECT_EQ(relay_, nullptr);
}

TEST_F(RelayTest, StopsReadingWhenTheOtherSideDoesAndLosesNothing) {
  const std::string block(50'000, 'r');
  constexpr std::uint64_t kBlocks = 400;  // 20 MB, far more than all buffers on the way
  std::uint64_t sent = 0;
  const auto feed = [&] {
    while (sent < kBlocks && !left_->congested()) left_->send({1, sent++, block});
  };
  left_->on_drain(feed);
  left_->resume();
  feed();
  settle();
  EXPECT_LT(sent, kBlocks / 2) << "nobody reads on the right, yet the left goes on";
  std::uint64_t next = 0;
  right_->on_frame([&](const Frame& frame) {
    EXPECT_EQ(frame.id, next);
    ++next;
  });
  right_->resume();
  EXPECT_TRUE(until([&] { return next == kBlocks; }));
}

}  // namespace
}  // namespace sluice::net::test
