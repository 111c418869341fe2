// GPUs that are lent in shards: a job's shards are of one GPU, and no GPU is lent and given out
// whole at once; now, in plans, and in random histories.
#include <random>

#include <gtest/gtest.h>

#include "core/node_facts.hpp"
#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

using Request = model::Request;
using Ids = std::vector<std::uint32_t>;

model::NodeGres shards(std::uint64_t count) {
  model::NodeGres gres;
  gres.name = "shard";
  gres.count = count;
  return gres;
}

Request asks(const char* gres, std::uint64_t count) {
  Request made;
  made.tasks = 1;
  made.gres = {{.name = gres, .type = {}, .count = count}};
  return made;
}

class Shards : public ::testing::Test {
 protected:
  void build(std::uint32_t nodes = 1) {
    w.nodes(nodes, {.cores = 16, .gres = {gpus(2), shards(8)}}).up();
  }
  std::uint32_t submit(const char* gres, std::uint64_t count, std::uint32_t minutes = 10) {
    return w.submit(asks(gres, count), minutes).value;
  }
  // "shard:3(1)"
  std::string held(std::uint32_t id) {
    if (w.run(id) == nullptr) return "nothing";
    std::string text;
    for (const model::GresShare& share : w.allocation(id).shares[0].gres) {
      text += (text.empty() ? "" : ",") + share.name.str() + ':' + std::to_string(share.count) +
              '(' + share.indices.to_ranges() + ')';
    }
    return text;
  }
  ErrorCode refusal(const Request& request) {
    const Status possible = w.planner().can_ever_run(w.pool(), w.candidate(request));
    return possible ? ErrorCode::ok : possible.error().code;
  }

  World w;
};

TEST_F(Shards, AJobsShardsAreOfOneGpuTheFullestThatHasEnough) {
  build();
  const std::uint32_t three = submit("shard", 3);
  const std::uint32_t two = submit("shard", 2);
  const std::uint32_t one = submit("shard", 1);
  const std::uint32_t again = submit("shard", 3);
  w.pass();
  EXPECT_EQ(held(three), "shard:3(0)");
  EXPECT_EQ(held(two), "shard:2(1)");
  EXPECT_EQ(held(one), "shard:1(0)");
  EXPECT_EQ(held(again), "nothing") << "two are left, of one GPU";
  w.end(two);
  w.at(1).pass();
  EXPECT_EQ(held(again), "shard:3(1)");
  EXPECT_EQ(w.problem(), "");
}

TEST_F(Shards, AGpuIsLentOrGivenOutWhole) {
  build();
  const std::uint32_t lent = submit("shard", 1);
  const std::uint32_t whole = submit("gpu", 1);
  const std::uint32_t second = submit("gpu", 1, 5);
  const std::uint32_t four = submit("shard", 4, 5);
  w.pass();
  EXPECT_EQ(held(lent), "shard:1(0)");
  EXPECT_EQ(held(whole), "gpu:1(1)");
  EXPECT_EQ(held(second), "nothing");
  EXPECT_EQ(held(four), "nothing");
  EXPECT_EQ(w.planner().explain(JobId(second))->reason, model::Reason::resources);
  w.end(lent);
  w.at(1).pass();
  EXPECT_EQ(held(second), "gpu:1(0)");
  w.end(whole);
  w.at(2).pass();
  EXPECT_EQ(held(four), "shard:4(1)");
  EXPECT_EQ(w.problem(), "");
}

TEST_F(Shards, PlansKnowWhatTheEndOfAJobGivesBack) {
  build();
  submit("shard", 3, 10);
  submit("shard", 3, 20);
  const std::uint32_t both = submit("gpu", 2, 10);
  const std::uint32_t small = submit("shard", 1, 5);
  w.pass();
  const PlanEntry* plan = w.planner().explain(JobId(both));
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->planned_start, 1'000'000'000 + 1200LL * model::kSecond);
  EXPECT_EQ(held(small), "shard:1(0)") << "it ends before";
}

TEST_F(Shards, WhatCanNeverBeIsRefused) {
  build();
  EXPECT_EQ(refusal(asks("shard", 4)), ErrorCode::ok);
  EXPECT_EQ(refusal(asks("shard", 5)), ErrorCode::node_config_unavailable);
  Request mixed = asks("shard", 1);
  mixed.gres.push_back({.name = "gpu", .type = {}, .count = 1});
  EXPECT_EQ(refusal(mixed), ErrorCode::invalid_gres);
}

TEST_F(Shards, WhoHasTheNodeAloneHasItsGpusOrTheShardsThatItAsks) {
  build();
  Request whole = asks("shard", 2);
  whole.sharing = model::Sharing::exclusive;
  const std::uint32_t some = w.submit(whole).value;
  w.pass();
  EXPECT_EQ(held(some), "shard:2(0)");
  w.end(some);
  whole.gres.clear();
  const std::uint32_t all = w.submit(whole).value;
  w.at(1).pass();
  EXPECT_EQ(held(all), "gpu:2(0-1)");
}

TEST_F(Shards, AFaultyGpuLendsNone) {
  build();
  model::NodeFacts facts = w.settings().nodes[0].facts;
  facts.gres[0] = devices(2);
  facts.gres[0].devices[0].fault = "broken";
  w.pool().set_facts(NodeIndex(0), facts);
  const std::uint32_t four = submit("shard", 4);
  const std::uint32_t one = submit("shard", 1);
  w.pass();
  EXPECT_EQ(held(four), "shard:4(1)");
  EXPECT_EQ(held(one), "nothing");
}

TEST_F(Shards, ANodeNeedsNotReportThem) {
  NodeSetting setting;
  setting.facts.gres = {gpus(2), shards(8)};
  model::NodeFacts found;
  found.gres = {gpus(2)};
  EXPECT_EQ(shortfall(setting, found), "");
  const model::NodeFacts facts = effective_facts(setting, found);
  ASSERT_EQ(facts.gres.size(), 2U);
  EXPECT_EQ(facts.gres[1].count, 8U);
}

// The pool checks that no GPU is lent beyond what it has; and the head starts when it can.
TEST_F(Shards, RandomHistoriesStaySound) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    w = World();
    build(2);
    std::mt19937 random(seed);
    for (int round = 0; round < 60; ++round) {
      w.at(round * 20);
      if (random() % 3 != 0) {
        const bool gpu = random() % 3 == 0;
        const auto minutes = static_cast<std::uint32_t>(1 + random() % 20);
        submit(gpu ? "gpu" : "shard", 1 + random() % (gpu ? 2 : 4), minutes);
      } else if (const Ids running = w.running(); !running.empty()) {
        w.end(running[random() % running.size()]);
      }
      w.pass();
      ASSERT_EQ(w.problem(), "");
      for (const std::uint32_t id : w.running()) {
        for (const model::GresShare& share : w.allocation(id).shares[0].gres) {
          ASSERT_EQ(share.indices.count(), share.name.view() == "gpu" ? share.count : 1U);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sluice::core::test
