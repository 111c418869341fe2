// What asks the system: users, randomness, clocks; and the environment block, and asserts.
#include <unistd.h>

#include <set>

#include <gtest/gtest.h>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/env.hpp"
#include "base/user.hpp"

namespace sluice::base {
namespace {

using Strings = std::vector<std::string>;

TEST(Users, RootIsEverywhere) {
  const auto root = find_user(0U);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "root");
  EXPECT_EQ(find_user("root"), root);
  EXPECT_EQ(parse_user("root"), 0U);
  EXPECT_EQ(find_group_name(0), "root");
  EXPECT_EQ(find_group("root"), 0U);
  const auto groups = find_groups(*root);
  ASSERT_TRUE(groups);
  EXPECT_EQ(groups->front(), 0U);
  EXPECT_EQ(std::set<std::uint32_t>(groups->begin(), groups->end()).size(), groups->size());
}

TEST(Users, UnknownOnes) {
  EXPECT_EQ(find_user("no such user").error().code, ErrorCode::not_found);
  EXPECT_EQ(find_group("no such group").error().code, ErrorCode::not_found);
  EXPECT_FALSE(parse_user("no such user"));
  EXPECT_EQ(parse_user("3999999999"), 3999999999U);
  EXPECT_EQ(user_label(3999999999U), "3999999999");
  UserCache cache;
  EXPECT_EQ(cache.user(0), "root");
  EXPECT_EQ(cache.user(0), "root");
  EXPECT_EQ(cache.group(3999999999U), "3999999999");
}

TEST(Entropy, IdentitiesDiffer) {
  std::set<Uid128> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_uid());
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_FALSE(seen.contains(Uid128{}));
  EXPECT_EQ(random_hex(8).size(), 16U);
}

TEST(Clock, MovesForward) {
  const std::uint64_t before = monotonic_us();
  EXPECT_GE(monotonic_us(), before);
  EXPECT_GT(wall_seconds(), 1600000000);
  EXPECT_GE(wall_micros() / 1000000, 1600000000);
}

TEST(Environment, SetGetUnset) {
  Environment env(Strings{"A=1", "broken", "=x", "B=2", "A=3", "AB=4"});
  EXPECT_EQ(env.entries(), (Strings{"A=3", "B=2", "AB=4"}));
  EXPECT_EQ(env.get("A"), "3");
  EXPECT_EQ(env.get("AB"), "4");
  EXPECT_EQ(env.get("C"), std::nullopt);
  env.set("B", "x=y");
  EXPECT_EQ(env.get("B"), "x=y");
  env.set("C", "");
  EXPECT_EQ(env.get("C"), "");
  env.set_default("C", "7");
  env.set_default("D", "7");
  EXPECT_EQ(env.entries(), (Strings{"A=3", "B=x=y", "AB=4", "C=", "D=7"}));
  env.unset("A");
  EXPECT_FALSE(env.has("A"));
  EXPECT_TRUE(env.has("AB"));
  env.unset_prefix("A");
  EXPECT_EQ(env.entries(), (Strings{"B=x=y", "C=", "D=7"}));
  EXPECT_EQ(env.bytes(), 6U + 3U + 4U);
  const auto pointers = env.pointers();
  ASSERT_EQ(pointers.size(), 4U);
  EXPECT_STREQ(pointers[0], "B=x=y");
  EXPECT_EQ(pointers[3], nullptr);
}

TEST(Environment, OfTheProcess) {
  setenv("SLUICE_ENV_TEST", "yes", 1);
  EXPECT_EQ(Environment::of_process().get("SLUICE_ENV_TEST"), "yes");
  unsetenv("SLUICE_ENV_TEST");
}

TEST(Environment, Names) {
  EXPECT_TRUE(is_env_name("SLURM_JOB_ID"));
  EXPECT_TRUE(is_env_name("_a1"));
  for (const char* name : {"", "1a", "a-b", "a b", "a.b", "BASH_FUNC_x%%"}) {
    EXPECT_FALSE(is_env_name(name)) << name;
  }
}

TEST(AssertDeathTest, SaysWhatItKnows) {
  const int have = 3;
  SLUICE_ASSERT(have == 3);
  EXPECT_DEATH(SLUICE_ASSERT(have == 4, "have {}", have), "BUG: .*have == 4.*is false: have 3");
  EXPECT_DEATH(SLUICE_ASSERT(have == 5), "have == 5.*is false");
}

}  // namespace
}  // namespace sluice::base
