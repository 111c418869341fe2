// Collectives of some nodes over direct messages, with the messages delayed at will.
#include "plugins/mpi/pmix/gather.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace sluice::mpi_pmix {
namespace {

struct Message {
  std::uint32_t from;
  std::uint32_t to;
  std::string text;
};

// Three nodes of two ranks.
class World {
 public:
  World() {
    for (std::uint32_t node = 0; node < 3; ++node) {
      nodes_.push_back(std::make_unique<Gather>(
          node, std::vector<std::uint32_t>{0, 0, 1, 1, 2, 2},
          [this, node](std::uint32_t to, const std::string& text) {
            wire.push_back({node, to, text});
          },
          [this, node](std::uint64_t ticket, const std::string& data) {
            done.push_back(std::to_string(node) + '/' + std::to_string(ticket) + '=' + data);
          }));
    }
  }
  Gather& node(std::uint32_t number) { return *nodes_[number]; }
  void deliver() {
    while (!wire.empty()) {
      const Message message = wire.front();
      wire.pop_front();
      EXPECT_TRUE(node(message.to).received(message.from, message.text));
    }
    std::sort(done.begin(), done.end());
  }

  std::deque<Message> wire;
  std::vector<std::string> done;

 private:
  std::vector<std::unique_ptr<Gather>> nodes_;
};

TEST(Gather, TwoOfThreeNodes) {
  World world;
  world.node(2).contribute({2, 4, 5}, "c", 20);
  world.deliver();
  EXPECT_TRUE(world.done.empty());
  world.node(1).contribute({5, 4, 2}, "b", 10);
  world.deliver();
  EXPECT_EQ(world.done, (std::vector<std::string>{"1/10=bc", "2/20=bc"}));
}

TEST(Gather, OneNodeNeedsNobody) {
  World world;
  world.node(1).contribute({2, 3}, "x", 1);
  EXPECT_TRUE(world.wire.empty());
  EXPECT_EQ(world.done, std::vector<std::string>{"1/1=x"});
}

TEST(Gather, RoundsOfOneSetAreKeptApart) {
  World world;
  world.node(2).contribute({0, 4}, "p", 1);
  world.node(2).contribute({0, 4}, "q", 2);
  world.deliver();
  world.node(0).contribute({0, 4}, "a", 1);
  world.node(0).contribute({0, 4}, "b", 2);
  world.deliver();
  EXPECT_EQ(world.done, (std::vector<std::string>{"0/1=ap", "0/2=bq", "2/1=ap", "2/2=bq"}));
}

TEST(Gather, NonsenseIsRefused) {
  World world;
  EXPECT_FALSE(world.node(0).received(1, ""));
  EXPECT_FALSE(world.node(0).received(1, "p"));
  EXPECT_FALSE(world.node(0).received(1, std::string("p\0\0\0\0\xff\xff\xff\xff", 9)));
  world.node(1).contribute({0, 2}, "x", 1);
  ASSERT_EQ(world.wire.size(), 1U);
  EXPECT_FALSE(world.node(0).received(2, world.wire[0].text));  // node 2 isn't in the set
  world.wire[0].text[0] = 'z';
  EXPECT_FALSE(world.node(0).received(1, world.wire[0].text));
}

}  // namespace
}  // namespace sluice::mpi_pmix
