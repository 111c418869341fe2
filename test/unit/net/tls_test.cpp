// TLS between two hosts: who knows whom decides, on both sides, before anything is sent.

#include "net/tls.hpp"

#include <gtest/gtest.h>

#include "test/unit/net/net_world.hpp"

namespace sluice::net::test {
namespace {

using Outcome = std::optional<Result<TlsConnection>>;

class TlsTest : public NetTest {
 protected:
  void shake(const Host& client, CheckPeer client_check, const Host& server,
             CheckPeer server_check) {
    auto [a, b] = tcp_pair();
    const auto left = start_tls(loop(), client.context, std::move(a),
                                {.side = TlsSide::client, .check = std::move(client_check)},
                                [this](auto ready) { client_ = std::move(ready); });
    const auto right = start_tls(loop(), server.context, std::move(b),
                                 {.side = TlsSide::server, .check = std::move(server_check)},
                                 [this](auto ready) { server_ = std::move(ready); });
    EXPECT_TRUE(until([&] { return client_ && server_; }));
  }

  Host alice_{"alice"};
  Host bob_{"bob"};
  Host mallory_{"mallory"};
  Outcome client_;
  Outcome server_;
};

TEST_F(TlsTest, HostsThatKnowEachOtherTalk) {
  shake(alice_, knows(bob_), bob_, knows(alice_));
  ASSERT_TRUE(*client_) << client_->error().text;
  ASSERT_TRUE(*server_) << server_->error().text;
  EXPECT_EQ((*client_)->peer.name, "bob");
  EXPECT_EQ((*client_)->peer.key, bob_.key.public_key());
  EXPECT_EQ((*server_)->peer.name, "alice");

  std::string got;
  (*server_)->stream->on_data([&](std::string_view bytes) { got += bytes; });
  (*server_)->stream->resume();
  const std::string large(1'000'000, 'L');
  (*client_)->stream->write("hello ");
  (*client_)->stream->write(large);
  EXPECT_TRUE(until([&] { return got.size() == large.size() + 6; }));
  EXPECT_EQ(got, "hello " + large);
}

TEST_F(TlsTest, BothDirectionsAtOnceAndPauses) {
  shake(alice_, knows(bob_), bob_, knows(alice_));
  ASSERT_TRUE(*client_ && *server_);
  Stream& a = *(*client_)->stream;
  Stream& b = *(*server_)->stream;
  std::size_t at_a = 0;
  std::size_t at_b = 0;
  a.on_data([&](std::string_view bytes) {
    at_a += bytes.size();
    a.pause();
    loop().post([&a] { a.resume(); });
  });
  b.on_data([&](std::string_view bytes) { at_b += bytes.size(); });
  a.resume();
  b.resume();
  a.write(std::string(700'000, 'a'));
  b.write(std::string(900'000, 'b'));
  EXPECT_TRUE(until([&] { return at_a == 900'000 && at_b == 700'000; }));
}

TEST_F(TlsTest, AServerThatIsNotThePinnedOneIsRefused) {
  shake(alice_, knows(bob_), mallory_, knows(alice_));
  ASSERT_FALSE(*client_);
  EXPECT_EQ(client_->error().code, ErrorCode::access_denied);
  EXPECT_EQ(client_->error().text, "unknown host key");
  EXPECT_FALSE(*server_);
}

TEST_F(TlsTest, AClientThatIsUnknownIsRefusedAndHearsIt) {
  shake(mallory_, knows(bob_), bob_, knows(alice_));
  EXPECT_FALSE(*client_);
  ASSERT_FALSE(*server_);
  EXPECT_EQ(server_->error().text, "unknown host key");
}

TEST_F(TlsTest, APlainTalkerIsRefusedAndASilentOneTimesOut) {
  auto [plain, wire] = tcp_pair();
  const auto handshake = start_tls(loop(), bob_.context, std::move(wire),
                                   {.side = TlsSide::server, .check = knows(alice_)},
                                   [this](auto ready) { server_ = std::move(ready); });
  plain->write("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(until([&] { return server_.has_value(); }));
  EXPECT_FALSE(*server_);

  auto [silent, wire2] = tcp_pair();
  server_.reset();
  const auto patient =
      start_tls(loop(), bob_.context, std::move(wire2),
                {.side = TlsSide::server, .handshake_timeout_ms = 20, .check = knows(alice_)},
                [this](auto ready) { server_ = std::move(ready); });
  EXPECT_TRUE(until([&] { return server_.has_value(); }));
  ASSERT_FALSE(*server_);
  EXPECT_EQ(server_->error().code, ErrorCode::unavailable);
}

TEST_F(TlsTest, TheEndIsToldAfterTheData) {
  shake(alice_, knows(bob_), bob_, knows(alice_));
  ASSERT_TRUE(*client_ && *server_);
  std::string got;
  std::optional<Error> end;
  std::optional<Error> finished;
  (*server_)->stream->on_data([&](std::string_view bytes) { got += bytes; });
  (*server_)->stream->on_close([&](const Error& why) { end = why; });
  (*server_)->stream->resume();
  (*client_)->stream->on_close([&](const Error& why) { finished = why; });
  (*client_)->stream->write("bye");
  (*client_)->stream->finish();
  EXPECT_TRUE(until([&] { return end && finished; }));
  EXPECT_EQ(got, "bye");
  EXPECT_EQ(end->code, ErrorCode::unavailable);
  EXPECT_EQ(finished->code, ErrorCode::ok);
}

}  // namespace
}  // namespace sluice::net::test
