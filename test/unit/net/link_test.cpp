// Links: messages, stamped channels, windows that keep one slow channel from the others, and ends.

#include "net/link.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "net/link_wire.hpp"
#include "test/unit/net/net_world.hpp"

namespace sluice::net::test {
namespace {

class LinkTest : public NetTest {
 protected:
  // Over plain sockets: what TLS adds is tested with TLS, and once below.
  void join(LinkOptions options = {}) {
    auto [a, b] = stream_pair();
    options.side = TlsSide::client;
    a_ = make_link(loop(), std::move(a), options);
    options.side = TlsSide::server;
    b_ = make_link(loop(), std::move(b), options);
    b_->on_channel([this](const ChannelStamp& stamp, std::unique_ptr<FrameChannel> channel) {
      stamps_.push_back(stamp);
      arrived_.push_back(std::move(channel));
    });
    a_->start();
    b_->start();
  }
  std::unique_ptr<FrameChannel> open(const std::string& target) {
    const std::size_t before = arrived_.size();
    auto channel = a_->open({.uid = 1000, .gid = 100, .pid = 4711, .target = target});
    EXPECT_TRUE(channel);
    EXPECT_TRUE(until([&] { return arrived_.size() == before + 1; }));
    return std::move(*channel);
  }

  std::unique_ptr<Link> a_;
  std::unique_ptr<Link> b_;
  std::vector<ChannelStamp> stamps_;
  std::vector<std::unique_ptr<FrameChannel>> arrived_;
};

TEST_F(LinkTest, CarriesMessages) {
  join();
  std::vector<Frame> got;
  b_->on_message([&](Frame frame) { got.push_back(std::move(frame)); });
  a_->send({7, 8, "report"});
  a_->send({9, 10, std::string(2'000'000, 'm')});
  EXPECT_TRUE(until([&] { return got.size() == 2; }));
  EXPECT_EQ(got[0], (Frame{7, 8, "report"}));
  EXPECT_EQ(got[1].payload.size(), 2'000'000U);
}

TEST_F(LinkTest, ChannelsCarryTheStampAndFramesOfAnyType) {
  join();
  const auto left = open("controller");
  EXPECT_EQ(stamps_[0],
            (ChannelStamp{.uid = 1000, .gid = 100, .pid = 4711, .target = "controller"}));
  std::vector<Frame> at_left;
  std::vector<Frame> at_right;
  left->on_frame([&](Frame frame) { at_left.push_back(std::move(frame)); });
  arrived_[0]->on_frame([&](Frame frame) { at_right.push_back(std::move(frame)); });
  left->resume();
  arrived_[0]->resume();
  left->send({0xff03, 1, "request"});
  arrived_[0]->send({2, 1, std::string(5'000'000, 'a')});
  EXPECT_TRUE(until([&] { return at_left.size() == 1 && at_right.size() == 1; }));
  EXPECT_EQ(at_right[0], (Frame{0xff03, 1, "request"}));
  EXPECT_EQ(at_left[0].payload, std::string(5'000'000, 'a'));
}

TEST_F(LinkTest, ABlockedChannelDelaysNobodyAndHoldsOneWindow) {
  join();
  const auto blocked = open("blocked");
  const auto lively = open("lively");
  const std::string block(10'000, 'b');
  for (int i = 0; i < 500; ++i) blocked->send({1, 0, block});  // 5 MB that nobody takes
  settle();
  EXPECT_GT(blocked->queued(), 500U * 10'000U - 2U * kChannelWindow);
  EXPECT_LE(a_->queued(), kStreamHighWater);

  std::uint64_t next = 0;
  arrived_[1]->on_frame([&](const Frame& frame) {
    EXPECT_EQ(frame.id, next);
    ++next;
  });
  arrived_[1]->resume();
  for (std::uint64_t i = 0; i < 300; ++i) lively->send({1, i, block});
  EXPECT_TRUE(until([&] { return next == 300; }));
  bool message = false;
  b_->on_message([&](const Frame&) { message = true; });
  a_->send({1, 1, ""});
  EXPECT_TRUE(until([&] { return message; }));

  int drained = 0;
  int taken = 0;
  blocked->on_drain([&] { ++drained; });
  arrived_[0]->on_frame([&](const Frame&) { ++taken; });
  arrived_[0]->resume();
  EXPECT_TRUE(until([&] { return taken == 500 && drained == 1; }));
}

TEST_F(LinkTest, FinishSendsAllThenBothSidesForgetTheChannel) {
  join();
  const auto left = open("x");
  std::optional<Error> finished;
  left->on_close([&](const Error& why) { finished = why; });
  std::size_t got = 0;
  std::optional<Error> end;
  arrived_[0]->on_frame([&](const Frame& frame) { got += frame.payload.size(); });
  arrived_[0]->on_close([&](const Error& why) { end = why; });
  left->send({1, 1, std::string(1'000'000, 'f')});
  left->finish();
  settle();
  EXPECT_FALSE(finished);
  arrived_[0]->resume();
  EXPECT_TRUE(until([&] { return finished && end; }));
  EXPECT_EQ(finished->code, ErrorCode::ok);
  EXPECT_EQ(end->code, ErrorCode::unavailable);
  EXPECT_EQ(got, 1'000'000U);
  EXPECT_EQ(a_->channel_count(), 0U);
  EXPECT_EQ(b_->channel_count(), 0U);
}

TEST_F(LinkTest, FramesThatArrivedComeBeforeTheEndEvenAfterAPause) {
  join();
  auto left = open("x");
  for (std::uint64_t i = 0; i < 3; ++i) left->send({1, i, "f"});
  left->finish();
  settle();
  a_.reset();
  settle();
  int frames = 0;
  bool ended = false;
  arrived_[0]->on_frame([&](const Frame&) {
    EXPECT_FALSE(ended);
    ++frames;
  });
  arrived_[0]->on_close([&](const Error&) { ended = true; });
  arrived_[0]->resume();
  EXPECT_TRUE(until([&] { return ended; }));
  EXPECT_EQ(frames, 3);
}

TEST_F(LinkTest, ManyChannelsComeAndGo) {
  join();
  int answered = 0;
  b_->on_channel([&](const ChannelStamp& stamp, std::unique_ptr<FrameChannel> channel) {
    auto* const raw = channel.get();
    arrived_.push_back(std::move(channel));
    raw->on_frame([raw, stamp](const Frame& frame) {
      raw->send({frame.type, stamp.uid, frame.payload});
      raw->finish();
    });
    raw->resume();
  });
  std::vector<std::unique_ptr<FrameChannel>> mine;
  for (uid_t uid = 0; uid < 200; ++uid) {
    auto channel = a_->open({.uid = uid, .gid = 0, .target = "t"});
    ASSERT_TRUE(channel);
    (*channel)->on_frame([&answered, uid](const Frame& frame) {
      EXPECT_EQ(frame.id, uid);
      ++answered;
    });
    (*channel)->resume();
    (*channel)->send({1, 0, "hello"});
    mine.push_back(std::move(*channel));
  }
  EXPECT_TRUE(until([&] { return answered == 200 && a_->channel_count() == 0; }));
  EXPECT_EQ(b_->channel_count(), 0U);
}

TEST_F(LinkTest, RefusesMoreChannelsThanAgreed) {
  join({.max_channels = 2});
  const auto one = open("1");
  const auto two = open("2");
  auto three = a_->open({.uid = 1, .gid = 1, .target = "3"});
  ASSERT_TRUE(three);
  std::optional<Error> end;
  (*three)->on_close([&](const Error& why) { end = why; });
  (*three)->resume();
  EXPECT_TRUE(until([&] { return end.has_value(); }));
  EXPECT_EQ(end->code, ErrorCode::busy);
  EXPECT_TRUE(one->is_open() && two->is_open());
}

TEST_F(LinkTest, TheLossOfTheLinkEndsAllChannelsOnBothSides) {
  join();
  const auto left = open("x");
  int ends = 0;
  left->on_close([&](const Error& why) {
    EXPECT_EQ(why.code, ErrorCode::unavailable);
    ++ends;
  });
  arrived_[0]->on_close([&](const Error&) { ++ends; });
  left->resume();
  arrived_[0]->resume();
  a_->on_close([&](const Error&) { ++ends; });
  b_.reset();
  EXPECT_TRUE(until([&] { return ends == 3; }));
  EXPECT_FALSE(left->is_open());
  EXPECT_FALSE(a_->open({.uid = 1, .gid = 1, .target = "late"}));
}

TEST_F(LinkTest, MayBeDestroyedInItsHandlers) {
  join();
  auto left = open("x");
  bool done = false;
  arrived_[0]->on_frame([&](const Frame&) {
    arrived_.clear();
    b_.reset();
    done = true;
  });
  arrived_[0]->resume();
  left->send({1, 1, ""});
  left->send({1, 2, ""});
  EXPECT_TRUE(until([&] { return done; }));
  settle();
  EXPECT_FALSE(a_->is_open());
}

TEST_F(LinkTest, ASilentPeerIsFoundAndAnIdleOneIsNot) {
  join({.ping_after_ms = 10, .dead_after_ms = 30});
  bool closed = false;
  a_->on_close([&](const Error&) { closed = true; });
  int ticks = 0;
  const Timer clock = loop().every(10, [&] { ++ticks; });
  EXPECT_TRUE(until([&] { return ticks == 10; }));
  EXPECT_FALSE(closed) << "pings are answered";

  auto [wire, silent] = stream_pair();
  const auto lonely = make_link(loop(), std::move(wire), {.ping_after_ms = 5, .dead_after_ms = 15});
  std::optional<Error> end;
  lonely->on_close([&](const Error& why) { end = why; });
  lonely->start();
  EXPECT_TRUE(until([&] { return end.has_value(); }));
  EXPECT_EQ(end->text, "the peer is silent");
}

// What a peer may never do; each breaks the link.
TEST_F(LinkTest, ABrokenPeerLosesTheLink) {
  std::string stamp = encode_stamp({.uid = 1, .gid = 1, .target = "t"});
  const auto type = [](LinkFrame kind) { return static_cast<std::uint16_t>(kind); };
  const std::vector<std::vector<Frame>> offences{
      {{type(LinkFrame::data), 1, "no such channel"}},
      {{type(LinkFrame::open), 2, stamp}},  // the other side's numbers
      {{type(LinkFrame::open), 1, stamp}, {type(LinkFrame::open), 1, stamp}},
      {{type(LinkFrame::open), 1, "short"}},
      {{type(LinkFrame::open), 1, encode_stamp({.target = "nobody's uid"})}},
      {{type(LinkFrame::open), 1, stamp + std::string(kMaxTargetText, 'x')}},
      {{type(LinkFrame::open), 1, stamp}, {type(LinkFrame::credit), 1, encode_credit(1)}},
      {{type(LinkFrame::open), 1, stamp}, {type(LinkFrame::credit), 1, "xx"}},
      {{type(LinkFrame::open), 1, stamp}, {type(LinkFrame::data), 1, ""}},
      {{type(LinkFrame::open), 1, stamp},
       {type(LinkFrame::data), 1, std::string(kChannelWindow + 1, 'w')}},
      {{type(LinkFrame::open), 1, stamp}, {type(LinkFrame::close), 1, ""}},
      {{0xffff, 0, ""}},
  };
  for (std::size_t i = 0; i < offences.size(); ++i) {
    auto [raw, wire] = stream_pair();
    const auto link = make_link(loop(), std::move(wire), {.side = TlsSide::server});
    std::vector<std::unique_ptr<FrameChannel>> kept;
    link->on_channel(
        [&](const ChannelStamp&, auto channel) { kept.push_back(std::move(channel)); });
    std::optional<Error> end;
    link->on_close([&](const Error& why) { end = why; });
    link->start();
    std::string bytes;
    for (const Frame& frame : offences[i]) append_frame(bytes, frame);
    raw->write(bytes);
    ASSERT_TRUE(until([&] { return end.has_value(); })) << "offence " << i;
    EXPECT_EQ(end->code, ErrorCode::protocol) << "offence " << i;
  }
}

TEST_F(LinkTest, ConnectsAndListensOverTls) {
  const Host controller("controller");
  const Host node("n1");
  std::vector<LinkConnection> accepted;
  int refused = 0;
  LinkServerOptions options;
  options.address = "127.0.0.1";
  options.context = controller.context;
  options.check = knows(node);
  options.failed = [&](const std::string&, const Error&) { ++refused; };
  const auto server = listen_links(loop(), std::move(options), [&](LinkConnection connection) {
    accepted.push_back(std::move(connection));
  });
  ASSERT_TRUE(server);
  const TcpTarget tcp{"127.0.0.1", (*server)->port()};

  std::optional<Result<LinkConnection>> mine;
  const auto connecting =
      connect_link(loop(), {.tcp = tcp, .context = node.context, .check = knows(controller)},
                   [&](auto ready) { mine = std::move(ready); });
  ASSERT_TRUE(until([&] { return mine && accepted.size() == 1; }));
  ASSERT_TRUE(*mine) << mine->error().text;
  EXPECT_EQ(accepted[0].peer.name, "n1");
  EXPECT_TRUE(accepted[0].peer.roles.has(auth::Role::node));
  std::string got;
  accepted[0].link->on_message([&](const Frame& frame) { got = frame.payload; });
  accepted[0].link->start();
  (*mine)->link->start();
  (*mine)->link->send({1, 1, "registered"});
  EXPECT_TRUE(until([&] { return got == "registered"; }));

  const Host stranger("stranger");
  std::optional<Result<LinkConnection>> theirs;
  const auto attempt =
      connect_link(loop(), {.tcp = tcp, .context = stranger.context, .check = knows(controller)},
                   [&](auto ready) { theirs = std::move(ready); });
  ASSERT_TRUE(until([&] { return theirs.has_value() && refused == 1; }));
  EXPECT_FALSE(*theirs);
  EXPECT_EQ(accepted.size(), 1U);
}

}  // namespace
}  // namespace sluice::net::test
