// The courier between a played stream and a played target: at least once, in order, and the cursor
// only after the acknowledgement.
#include "daemon/relay/courier.hpp"

#include <gtest/gtest.h>

#include "daemon/relay/signature.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::relay {
namespace {

// Has events 1 to `newest`, of which those before `oldest` are gone.
class PlayedStream : public Stream {
 public:
  Result<wire::EventsReply> next(const wire::QueryEvents& query) override {
    asked.push_back(query);
    wire::EventsReply reply;
    reply.oldest = oldest;
    reply.newest = newest;
    reply.last = true;
    std::uint64_t after = query.after;
    if (query.from == wire::EventsFrom::now) after = newest;
    if (query.from == wire::EventsFrom::oldest) after = oldest - 1;
    reply.next = after;
    reply.missed = after + 1 < oldest || after > newest;
    if (reply.missed) return reply;
    for (; reply.next < newest && reply.events.size() < query.limit; ++reply.next) {
      event::Event event;
      event.cursor = reply.next + 1;
      event.kind = event::Kind::job;
      event.what = event.cursor % 2 == 0 ? event::What::ended : event::What::started;
      event.job = std::make_shared<const event::JobChange>();
      reply.events.push_back(std::move(event));
    }
    // Nothing more ever comes: who would wait has seen all.
    if (reply.events.empty() && query.wait_ms != 0) stop.set();
    return reply;
  }
  Stop stop;
  std::uint64_t oldest = 1;
  std::uint64_t newest = 0;
  std::vector<wire::QueryEvents> asked;
};

class PlayedTarget : public Target {
 public:
  Status deliver(std::span<const event::Event> events) override {
    for (const event::Event& event : events) arrived.push_back(event.cursor);
    if (failures == 0) return {};
    --failures;
    return fail(ErrorCode::unavailable, "away");
  }
  std::vector<std::uint64_t> arrived;
  int failures = 0;
};

class CourierTest : public ::testing::Test {
 protected:
  void run() {
    auto courier = Courier::create(route, stream, target, stream.stop);
    ASSERT_TRUE(courier) << courier.error().text;
    (*courier)->run();
  }
  [[nodiscard]] std::optional<std::uint64_t> kept() const {
    return *CursorFile(route.cursor_path).load();
  }
  store::TemporaryFolder folder;
  Route route{{.name = "here", .batch = 3, .retry_max_s = 0}, folder.path() + "/here.cursor"};
  PlayedStream stream;
  PlayedTarget target;
};

using Cursors = std::vector<std::uint64_t>;

TEST_F(CourierTest, BeginsNowUnlessToldOtherwise) {
  stream.newest = 5;
  run();
  EXPECT_EQ(target.arrived, Cursors{});
  EXPECT_EQ(kept(), 5U);
}

TEST_F(CourierTest, AllInOrderFromTheOldest) {
  route.settings.from_oldest = true;
  stream.newest = 7;
  run();
  EXPECT_EQ(target.arrived, (Cursors{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(kept(), 7U);
}

TEST_F(CourierTest, GoesOnFromItsCursor) {
  ASSERT_TRUE(CursorFile(route.cursor_path).save(4));
  stream.newest = 6;
  run();
  EXPECT_EQ(target.arrived, (Cursors{5, 6}));
}

TEST_F(CourierTest, SendsAgainUntilItIsAcknowledged) {
  ASSERT_TRUE(CursorFile(route.cursor_path).save(0));
  stream.newest = 4;
  target.failures = 2;
  run();
  EXPECT_EQ(target.arrived, (Cursors{1, 2, 3, 1, 2, 3, 1, 2, 3, 4}));
  EXPECT_EQ(kept(), 4U);
}

TEST_F(CourierTest, OnlyWhatIsWanted) {
  ASSERT_TRUE(CursorFile(route.cursor_path).save(0));
  route.settings.events = {"job.ended"};
  stream.newest = 6;
  run();
  EXPECT_EQ(target.arrived, (Cursors{2, 4, 6}));
  EXPECT_EQ(stream.asked.front().filter.kinds, 0b10U);
  EXPECT_EQ(kept(), 6U);
}

TEST_F(CourierTest, AGapIsPassedOver) {
  ASSERT_TRUE(CursorFile(route.cursor_path).save(2));
  stream.oldest = 6;
  stream.newest = 7;
  run();
  EXPECT_EQ(target.arrived, (Cursors{6, 7}));
}

TEST_F(CourierTest, AStateThatWasSetBackIsSentAnew) {
  ASSERT_TRUE(CursorFile(route.cursor_path).save(90));
  stream.newest = 2;
  run();
  EXPECT_EQ(target.arrived, (Cursors{1, 2}));
}

TEST_F(CourierTest, ABrokenCursorIsRefused) {
  ASSERT_TRUE(CursorFile(route.cursor_path).save(1));
  FILE* file = std::fopen(route.cursor_path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs("twelve\n", file);
  std::fclose(file);
  EXPECT_FALSE(Courier::create(route, stream, target, stream.stop));
}

// By Python's hmac.
TEST(Signature, IsThatOfTheManual) {
  EXPECT_EQ(signature("key", 1700000000, "{}"),
            "2ddf6a8b7821333f065d09f27e0e526f32490e84ffeb2813a5cf9ecff3067916");
}

}  // namespace
}  // namespace sluice::relay
