// The loop: order of posts, timers, watches, signals, and handles that go away in their callbacks.

#include "net/loop.hpp"

#include <signal.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "test/unit/net/net_world.hpp"

namespace sluice::net::test {
namespace {

class LoopTest : public NetTest {};

TEST_F(LoopTest, RunsPostsInOrderAndNeverFromInside) {
  std::vector<int> order;
  loop().post([&] {
    loop().post([&] { order.push_back(3); });
    order.push_back(1);
  });
  loop().post([&] { order.push_back(2); });
  EXPECT_TRUE(order.empty());
  EXPECT_TRUE(until([&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(LoopTest, TakesPostsOfOtherThreadsAndStops) {
  int seen = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop().post([&] { ++seen; });
    loop().stop();
  });
  loop().run();
  other.join();
  EXPECT_EQ(seen, 1000);
}

TEST_F(LoopTest, TimersFireByTimeAndCanBeDestroyedInTheirCallback) {
  std::vector<int> order;
  Timer second = loop().after(6, [&] {
    order.push_back(2);
    second = Timer();
  });
  const Timer first = loop().after(2, [&] { order.push_back(1); });
  Timer never = loop().after(1, [&] { order.push_back(9); });
  never.cancel();
  EXPECT_FALSE(never.active());
  EXPECT_TRUE(until([&] { return order.size() == 2; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_FALSE(second.active());
}

TEST_F(LoopTest, PeriodicTimersRepeat) {
  int ticks = 0;
  const Timer timer = loop().every(1, [&] { ++ticks; });
  EXPECT_TRUE(until([&] { return ticks >= 3; }));
}

TEST_F(LoopTest, WatchesADescriptor) {
  auto pipe = base::make_pipe();
  int ready = 0;
  auto watch = loop().watch(pipe->first.get(), {.read = true}, [&](Readiness now) {
    char byte = 0;
    EXPECT_TRUE(now.read);
    EXPECT_EQ(::read(pipe->first.get(), &byte, 1), 1);
    ++ready;
  });
  ASSERT_TRUE(watch);
  settle();
  EXPECT_EQ(ready, 0);
  ASSERT_TRUE(base::write_all(pipe->second.get(), "x"));
  EXPECT_TRUE(until([&] { return ready == 1; }));
  watch->set({});
  ASSERT_TRUE(base::write_all(pipe->second.get(), "x"));
  settle();
  EXPECT_EQ(ready, 1);
}

TEST_F(LoopTest, RefusesToWatchARegularFile) {
  auto file = base::open_file("/proc/self/exe", 0);
  ASSERT_TRUE(file);
  EXPECT_FALSE(loop().watch(file->get(), {.read = true}, [](Readiness) {}));
}

TEST_F(LoopTest, HearsSignals) {
  int seen = 0;
  auto watch = loop().on_signal(SIGUSR1, [&](int number) { seen = number; });
  ASSERT_TRUE(watch);
  ::kill(::getpid(), SIGUSR1);
  EXPECT_TRUE(until([&] { return seen == SIGUSR1; }));
}

TEST_F(LoopTest, TurnEndComesAfterTheCallbacksOfTheTurn) {
  std::vector<std::string> order;
  loop().on_turn_end([&] {
    if (!order.empty() && order.back() != "end") order.emplace_back("end");
  });
  loop().post([&] { order.emplace_back("a"); });
  loop().post([&] { order.emplace_back("b"); });
  EXPECT_TRUE(until([&] { return order.size() >= 3; }));
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "end"}));
}

TEST_F(LoopTest, ResolvesNamesAndForgetsCancelledOnes) {
  bool answered = false;
  const Resolving kept = loop().resolve("localhost", 80, [&](auto found) {
    answered = true;
    EXPECT_TRUE(!found || !found->empty());
  });
  bool forgotten_answered = false;
  {
    const Resolving gone =
        loop().resolve("localhost", 80, [&](auto) { forgotten_answered = true; });
  }
  EXPECT_TRUE(until([&] { return answered; }));
  settle();
  EXPECT_FALSE(forgotten_answered);
}

}  // namespace
}  // namespace sluice::net::test
