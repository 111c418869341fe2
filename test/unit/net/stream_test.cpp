// Streams over sockets: data, backpressure, both kinds of end, listeners and their credentials.

#include "net/stream.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "test/unit/net/net_world.hpp"

namespace sluice::net::test {
namespace {

class StreamTest : public NetTest {};

TEST_F(StreamTest, CarriesBytesInOrder) {
  auto [a, b] = stream_pair();
  std::string got;
  b->on_data([&](std::string_view bytes) { got += bytes; });
  b->resume();
  a->write("one ");
  a->write("two");
  EXPECT_EQ(a->queued_bytes(), 7U);
  EXPECT_TRUE(until([&] { return got == "one two"; }));
  EXPECT_EQ(a->queued_bytes(), 0U);
}

TEST_F(StreamTest, BeginsPausedAndPausesAgain) {
  auto [a, b] = stream_pair();
  std::string got;
  b->on_data([&](std::string_view bytes) {
    got += bytes;
    b->pause();
  });
  a->write("x");
  settle();
  EXPECT_EQ(got, "");
  b->resume();
  EXPECT_TRUE(until([&] { return got == "x"; }));
  a->write("y");
  settle();
  EXPECT_EQ(got, "x");
}

TEST_F(StreamTest, TellsWhenTheQueueHasDrained) {
  auto [a, b] = stream_pair();
  int drained = 0;
  std::size_t got = 0;
  a->on_drain([&] { ++drained; });
  b->on_data([&](std::string_view bytes) { got += bytes.size(); });
  const std::string block(100'000, 'z');
  std::size_t sent = 0;
  for (; !a->congested() && sent < 100'000'000; sent += block.size()) a->write(block);
  ASSERT_TRUE(a->congested());
  settle();
  EXPECT_EQ(drained, 0);
  b->resume();
  EXPECT_TRUE(until([&] { return got == sent; }));
  EXPECT_TRUE(until([&] { return drained > 0; }));
  EXPECT_EQ(drained, 1);
}

TEST_F(StreamTest, TellsThePeersEndOnceAfterItsData) {
  auto [a, b] = stream_pair();
  std::string events;
  b->on_data([&](std::string_view bytes) { events += bytes; });
  b->on_close([&](const Error& why) {
    EXPECT_EQ(why.code, ErrorCode::unavailable);
    events += "|end";
  });
  b->resume();
  a->write("last words");
  a->finish();
  EXPECT_TRUE(until([&] { return !b->is_open(); }));
  settle();
  EXPECT_EQ(events, "last words|end");
}

TEST_F(StreamTest, FinishSendsEverythingToASlowPeer) {
  auto [a, b] = tcp_pair();
  const std::string block(8'000'000, 'q');
  std::size_t got = 0;
  Error end{ErrorCode::failure, ""};
  a->on_close([&](const Error& why) { end = why; });
  a->write(block);
  a->finish();
  settle();
  EXPECT_TRUE(a->is_open());
  b->on_data([&](std::string_view bytes) { got += bytes.size(); });
  b->on_close([&](const Error&) { b.reset(); });
  b->resume();
  EXPECT_TRUE(until([&] { return end.code == ErrorCode::ok; }));
  EXPECT_EQ(got, block.size());
}

TEST_F(StreamTest, OwnCloseIsNotTold) {
  auto [a, b] = stream_pair();
  int told = 0;
  a->on_close([&](const Error&) { ++told; });
  a->resume();
  b.reset();
  a->close();
  settle();
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(a->is_open());
}

TEST_F(StreamTest, MayBeDestroyedInItsOwnHandlers) {
  auto [a, b] = stream_pair();
  bool called = false;
  auto* const raw = &b;
  b->on_data([&called, raw](std::string_view) {
    raw->reset();
    called = true;
  });
  b->resume();
  a->write("x");
  EXPECT_TRUE(until([&] { return called; }));
  bool closed = false;
  a->on_close([&](const Error&) {
    a.reset();
    closed = true;
  });
  a->resume();
  EXPECT_TRUE(until([&] { return closed; }));
}

TEST_F(StreamTest, AnswerOfAPeerThatTookNothingMoreIsStillRead) {
  auto [a, b] = stream_pair();
  std::string events;
  a->on_data([&](std::string_view bytes) { events += bytes; });
  a->on_close([&](const Error&) { events += "|end"; });
  b->write("refused");
  b->finish();
  EXPECT_TRUE(until([&] { return !b->is_open(); }));
  a->write("a request that nobody reads");
  settle();
  a->resume();
  EXPECT_TRUE(until([&] { return !a->is_open(); }));
  settle();
  EXPECT_EQ(events, "refused|end");
}

TEST_F(StreamTest, UnixListenerNamesThePeerAndSetsTheMode) {
  const std::string path = scratch_path("listen");
  std::unique_ptr<Stream> server;
  PeerCredentials peer;
  auto listener = listen_unix(loop(), path, 0600, [&](auto stream, const PeerCredentials& who) {
    server = std::move(stream);
    peer = who;
  });
  ASSERT_TRUE(listener) << listener.error().text;
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);

  std::unique_ptr<Stream> client;
  const auto connecting =
      connect_unix(loop(), path, 1000, [&](auto stream) { client = std::move(*stream); });
  EXPECT_TRUE(until([&] { return client && server; }));
  EXPECT_EQ(peer.uid, ::getuid());
  EXPECT_EQ(peer.gid, ::getgid());
  EXPECT_EQ(peer.pid, ::getpid());
  listener->reset();
  EXPECT_FALSE(base::file_exists(path));
}

TEST_F(StreamTest, UnixListenerReplacesOnlyADeadSocket) {
  const std::string path = scratch_path("stale");
  const auto ignore = [](std::unique_ptr<Stream>, const PeerCredentials&) {};
  auto first = listen_unix(loop(), path, 0600, ignore);
  ASSERT_TRUE(first);
  const auto second = listen_unix(loop(), path, 0600, ignore);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::already_exists);

  // A second name keeps the socket's file when its listener is gone.
  const std::string left = scratch_path("left");
  ASSERT_EQ(::link(path.c_str(), left.c_str()), 0);
  first->reset();
  EXPECT_TRUE(listen_unix(loop(), left, 0600, ignore));

  const std::string file = scratch_path("file");
  ASSERT_TRUE(base::write_file_atomic(file, "precious"));
  EXPECT_FALSE(listen_unix(loop(), file, 0600, ignore));
  EXPECT_TRUE(base::file_exists(file));
  ::unlink(file.c_str());
}

TEST_F(StreamTest, LongUnixPathsWork) {
  const std::string folder = scratch_path(std::string(120, 'd'));
  ASSERT_TRUE(base::make_directories(folder));
  bool accepted = false;
  const auto listener = listen_unix(loop(), folder + "/socket", 0600,
                                    [&](auto, const PeerCredentials&) { accepted = true; });
  ASSERT_TRUE(listener) << listener.error().text;
  const auto connecting =
      connect_unix(loop(), folder + "/socket", 1000, [](auto stream) { EXPECT_TRUE(stream); });
  EXPECT_TRUE(until([&] { return accepted; }));
  EXPECT_TRUE(base::remove_tree(folder));
}

TEST_F(StreamTest, ConnectFailsFromTheLoopAndCanBeCancelled) {
  Result<std::unique_ptr<Stream>> result = fail(ErrorCode::internal, "not called");
  const auto absent = connect_unix(loop(), scratch_path("absent"), 1000,
                                   [&](auto stream) { result = std::move(stream); });
  int cancelled = 0;
  {
    const auto gone = connect_unix(loop(), "/nowhere", 1000, [&](auto) { ++cancelled; });
  }
  EXPECT_EQ(result.error().code, ErrorCode::internal);
  EXPECT_TRUE(until([&] { return result.error().code == ErrorCode::unavailable; }));

  // A port that was just closed refuses.
  auto listener = listen_tcp(loop(), "127.0.0.1", 0, [](auto, const std::string&) {});
  ASSERT_TRUE(listener);
  const std::uint16_t port = (*listener)->port();
  EXPECT_NE(port, 0);
  listener->reset();
  result = fail(ErrorCode::internal, "not called");
  const auto refused = connect_tcp(loop(), {"127.0.0.1", port}, 1000,
                                   [&](auto stream) { result = std::move(stream); });
  EXPECT_TRUE(until([&] { return result.error().code == ErrorCode::unavailable; }));
  EXPECT_EQ(cancelled, 0);
}

}  // namespace
}  // namespace sluice::net::test
