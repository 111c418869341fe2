// Licences: parsed, counted, never given out beyond what there is.
#include <random>

#include <gtest/gtest.h>

#include "test/support/core_builders.hpp"

namespace sluice::core {
namespace {

using test::a_job;
using test::World;

model::Settings with_licenses() {
  model::Settings settings = test::some_settings({.nodes = 8, .cpus = 4, .memory = 4000});
  settings.licenses = {{"ansys", 2}, {"matlab", 5}};
  return settings;
}

test::JobBuilder takes(const char* licenses) {
  return a_job().request([licenses](auto& r) { r.licenses = licenses; });
}

std::uint32_t used(const World& world, std::string_view name) {
  for (const LicenseUse& use : world.cluster->licenses()) {
    if (use.name.view() == name) return use.used;
  }
  return 0;
}

TEST(Licenses, FormsOfRequests) {
  const auto both = model::parse_licenses("b:2,a");
  ASSERT_TRUE(both);
  ASSERT_EQ(both->needs.size(), 2U);
  EXPECT_EQ(both->needs[0].name.view(), "a");
  EXPECT_EQ(both->needs[1].count, 2U);
  const auto any = model::parse_licenses("b:2|a:1");
  ASSERT_TRUE(any);
  EXPECT_TRUE(any->any);
  EXPECT_EQ(any->needs[0].name.view(), "b");
  for (const char* wrong : {"a:x", ":2", "a,", "a|b,c", "a:-1", "a b"}) {
    EXPECT_FALSE(model::parse_licenses(wrong)) << wrong;
  }
}

TEST(Licenses, UnknownAndTooManyAreRefused) {
  World world(with_licenses());
  world.register_all();
  for (const char* wrong : {"nosuch", "matlab:6", "matlab:1,ansys:3", "ansys:3|matlab:6"}) {
    const Status refused = world.try_submit(takes(wrong));
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_licenses);
  }
  EXPECT_TRUE(world.try_submit(takes("matlab:0")));
}

TEST(Licenses, WaitsUntilSomeAreBack) {
  World world(with_licenses());
  world.register_all();
  const JobId first = world.submit(takes("matlab:4"));
  const JobId second = world.submit(takes("matlab:2"));
  const JobId third = world.submit(takes("matlab"));
  EXPECT_EQ(world.job(first).state, model::JobState::running);
  EXPECT_EQ(world.state(second), "PENDING/Licenses");
  EXPECT_EQ(world.job(third).state, model::JobState::running);  // it holds nobody up
  EXPECT_EQ(used(world, "matlab"), 5U);
  world.finish(first);
  EXPECT_EQ(world.job(second).state, model::JobState::running);
  EXPECT_EQ(used(world, "matlab"), 3U);
}

TEST(Licenses, OneOfSeveral) {
  World world(with_licenses());
  world.register_all();
  const JobId first = world.submit(takes("ansys:2|matlab:5"));
  const JobId second = world.submit(takes("ansys:2|matlab:5"));
  const JobId third = world.submit(takes("ansys:2|matlab:5"));
  EXPECT_EQ(world.job(first).allocation->licenses.view(), "ansys:2");
  EXPECT_EQ(world.job(second).allocation->licenses.view(), "matlab:5");
  EXPECT_EQ(world.state(third), "PENDING/Licenses");
}

TEST(Licenses, HeldAcrossARestart) {
  World world(with_licenses());
  world.register_all();
  const JobId first = world.submit(takes("matlab:4"));
  world.prepared(first);
  world.restart();
  EXPECT_EQ(used(world, "matlab"), 4U);
  const JobId second = world.submit(takes("matlab:2"));
  EXPECT_EQ(world.state(second), "PENDING/Licenses");
  world.finish(first);
  EXPECT_EQ(world.job(second).state, model::JobState::running);
}

// Licences lie on no node: who goes on without one that has failed has them all.
TEST(Licenses, KeptWhenANodeIsLost) {
  World world(with_licenses());
  world.register_all();
  const JobId first =
      world.submit(takes("matlab:4").nodes(2).spec([](auto& spec) { spec.no_kill = true; }));
  world.apply(core::NodeLost{NodeIndex(1)});
  ASSERT_EQ(world.state(first), "RUNNING");
  EXPECT_EQ(world.job(first).allocation->licenses.view(), "matlab:4");
  world.restart();
  EXPECT_EQ(used(world, "matlab"), 4U);
}

// Random submits and ends: at no moment more are held than there are, by a count of our own.
TEST(Licenses, NeverOversubscribed) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    World world(with_licenses());
    world.register_all();
    const char* const kinds[] = {"matlab",         "matlab:2",       "ansys",
                                 "ansys,matlab:3", "ansys:2|matlab", ""};
    std::vector<JobId> jobs;
    for (int step = 0; step < 60; ++step) {
      if (random() % 3 != 0) {
        jobs.push_back(world.submit(takes(kinds[random() % std::size(kinds)])));
      } else if (!jobs.empty()) {
        const std::size_t which = random() % jobs.size();
        if (world.job(jobs[which]).state == model::JobState::running) world.finish(jobs[which]);
      }
      std::uint32_t matlab = 0;
      std::uint32_t ansys = 0;
      for (const JobId id : jobs) {
        const model::JobPtr job = world.cluster->find_job(id);
        if (job == nullptr || job->state != model::JobState::running) continue;
        const auto held = model::parse_licenses(job->allocation->licenses);
        for (const model::LicenseNeed& need : held->needs) {
          (need.name.view() == "matlab" ? matlab : ansys) += need.count;
        }
      }
      ASSERT_LE(matlab, 5U);
      ASSERT_LE(ansys, 2U);
      ASSERT_EQ(matlab, used(world, "matlab"));
      ASSERT_EQ(ansys, used(world, "ansys"));
    }
  }
}

}  // namespace
}  // namespace sluice::core
