// Readings of the event stream: pieces, limits, cursors that are gone, waiting, and who sees what.
#include "daemon/controller/event_queries.hpp"

#include <gtest/gtest.h>

#include "store/event_rows.hpp"
#include "test/unit/store/store_world.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {
namespace {

using store::EventRows;
using wire::EventsReply;

class EventQueriesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static_cast<void>(store::open_store(folder.database()));
    connection.emplace(
        *store::Connection::open(folder.database(), store::Connection::Mode::writer));
    rows.emplace(*EventRows::prepare(*connection));
    all.ledger.all = true;
  }
  // Jobs of uid 1000 in the account "physics".
  void add(std::uint32_t count) {
    ASSERT_TRUE(connection->execute("BEGIN"));
    rows->begin(store::kNoon);
    while (count-- != 0) {
      ASSERT_TRUE(
          rows->note(store::a_job(++made), EventRows::Standing::is_new, EventRows::Cause::course));
    }
    ASSERT_TRUE(connection->execute("COMMIT"));
  }
  void add_node() {
    model::Node node;
    node.name = "n1";
    node.state = model::NodeState::down;
    ASSERT_TRUE(rows->note(node));
  }
  [[nodiscard]] std::unique_ptr<Query> ask(wire::QueryEvents request, EventSight sight,
                                           std::uint64_t until_ms = 0) const {
    return query_events(*store::EventReader::open(folder.database()),
                        {std::move(request), std::move(sight), until_ms});
  }
  [[nodiscard]] static EventsReply reply_of(const Query::Piece& piece) {
    auto reply = wire::decode<EventsReply>(piece.payload);
    EXPECT_TRUE(reply);
    return reply ? std::move(*reply) : EventsReply();
  }
  [[nodiscard]] std::size_t seen_by(const EventSight& sight) const {
    return reply_of(ask({}, sight)->next()).events.size();
  }

  store::TemporaryFolder folder;
  std::optional<store::Connection> connection;
  std::optional<EventRows> rows;
  EventSight all;
  std::uint32_t made = 0;
};

TEST_F(EventQueriesTest, ManyComeInPieces) {
  add(2500);
  const auto query = ask({}, all);
  std::uint64_t expected = 1;
  for (bool last = false; !last;) {
    const Query::Piece piece = query->next();
    const EventsReply reply = reply_of(piece);
    for (const event::Event& event : reply.events) EXPECT_EQ(event.cursor, expected++);
    EXPECT_EQ(reply.next, expected - 1);
    EXPECT_EQ(reply.last, piece.last);
    last = piece.last;
  }
  EXPECT_EQ(expected, 2501U);
}

TEST_F(EventQueriesTest, ALimitEndsIt) {
  add(10);
  const EventsReply reply = reply_of(ask({.after = 3, .limit = 4}, all)->next());
  EXPECT_EQ(reply.events.size(), 4U);
  EXPECT_EQ(reply.next, 7U);
  EXPECT_TRUE(reply.last);
}

TEST_F(EventQueriesTest, ACursorThatIsGoneIsSaid) {
  add(20);
  rows->set_limits({.rows = 5});
  ASSERT_TRUE(rows->purge());
  const EventsReply gone = reply_of(ask({.after = 3}, all)->next());
  EXPECT_TRUE(gone.missed);
  EXPECT_EQ(gone.oldest, 16U);
  EXPECT_TRUE(gone.events.empty());
  EXPECT_EQ(reply_of(ask({.after = 15}, all)->next()).events.size(), 5U);
  EXPECT_EQ(reply_of(ask({.from = wire::EventsFrom::oldest}, all)->next()).events.size(), 5U);
  EXPECT_TRUE(reply_of(ask({.after = 21}, all)->next()).missed);
  EXPECT_FALSE(reply_of(ask({.after = 20}, all)->next()).missed);
}

TEST_F(EventQueriesTest, WaitsForWhatItMayTell) {
  add(1);
  constexpr std::uint64_t kForEver = UINT64_MAX;
  const auto query = ask({.from = wire::EventsFrom::now}, all, kForEver);
  EXPECT_TRUE(query->next().wait);
  EXPECT_TRUE(query->next().wait);
  add(1);
  const EventsReply reply = reply_of(query->next());
  ASSERT_EQ(reply.events.size(), 1U);
  EXPECT_EQ(reply.events.front().cursor, 2U);
  EXPECT_TRUE(reply.last);
  const auto other = ask({.filter = {.user = "nobody"}}, all, kForEver);
  EXPECT_TRUE(other->next().wait);
  const EventsReply over = reply_of(ask({.filter = {.user = "nobody"}}, all, 0)->next());
  EXPECT_TRUE(over.last);
  EXPECT_EQ(over.next, 2U);
}

TEST_F(EventQueriesTest, EverybodySeesTheirOwn) {
  add(3);
  add_node();
  EXPECT_EQ(seen_by(all), 4U);
  EventSight owner;
  owner.uid = 1000;
  EXPECT_EQ(seen_by(owner), 3U);
  owner.nodes = true;
  EXPECT_EQ(seen_by(owner), 4U);
  EventSight other;
  other.uid = 1001;
  EXPECT_EQ(seen_by(other), 0U);
  other.ledger.coordinates.insert("physics");
  EXPECT_EQ(seen_by(other), 3U);
  EXPECT_EQ(seen_by({}), 0U);
}

}  // namespace
}  // namespace sluice::controller
