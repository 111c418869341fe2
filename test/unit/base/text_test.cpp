// Text: sharing, assignment, ordering, and copies in several threads.
#include "base/text.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::base {
namespace {

TEST(Text, IsOnePointer) { EXPECT_EQ(sizeof(Text), sizeof(void*)); }

TEST(Text, EmptyNeedsNothing) {
  const Text text;
  EXPECT_TRUE(text.empty());
  EXPECT_TRUE(Text("").empty());
  EXPECT_EQ(text, Text(""));
  EXPECT_EQ(text.view(), "");
}

TEST(Text, CopiesShareTheBytes) {
  const Text first = "a name";
  const Text copy = first;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(copy.view().data(), first.view().data());
  Text assigned = "other";
  assigned = first;
  EXPECT_EQ(assigned.view().data(), first.view().data());
  EXPECT_NE(Text("a name").view().data(), first.view().data());
}

TEST(Text, MovesLeaveEmptyBehind) {
  Text first = "a name";
  const char* bytes = first.view().data();
  Text second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.view().data(), bytes);
  Text third = "x";
  third = std::move(second);
  EXPECT_EQ(third.view().data(), bytes);
}

TEST(Text, AssigningToItselfIsHarmless) {
  Text text = "a name";
  const Text& alias = text;
  text = alias;
  EXPECT_EQ(text.view(), "a name");
  Text& moved = text;
  text = std::move(moved);
  EXPECT_EQ(text.view(), "a name");
}

TEST(Text, OutlivesItsSource) {
  Text copy;
  {
    const Text original = std::string(1000, 'x');
    copy = original;
  }
  EXPECT_EQ(copy.str(), std::string(1000, 'x'));
}

TEST(Text, ThreadsMayCopyTheSame) {
  const Text shared = "shared";
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&shared] {
      std::vector<Text> copies;
      for (int i = 0; i < 1000; ++i) copies.push_back(shared);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.view(), "shared");
}

RC_GTEST_PROP(TextProperty, ReadsAndComparesAsItsString,
              (const std::string& a, const std::string& b)) {
  RC_ASSERT(Text(a).str() == a);
  RC_ASSERT(Text(a).size() == a.size());
  RC_ASSERT((Text(a) == Text(b)) == (a == b));
  RC_ASSERT((Text(a) < Text(b)) == (a < b));
}

}  // namespace
}  // namespace sluice::base
