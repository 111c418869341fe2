// A rule that ranks, and gates that refuse: order of the pass, what is ranked anew and when, and
// that a refused job waits for its gate alone.
#include <map>

#include <gtest/gtest.h>

#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

using Request = model::Request;
using Ids = std::vector<std::uint32_t>;

Request cpus(std::uint32_t count) {
  Request made;
  made.tasks = count;
  made.min_nodes = 1;
  made.max_nodes = 1;
  return made;
}

// Priority by user; counts how often it is asked.
class ByUser : public PriorityRule {
 public:
  [[nodiscard]] std::uint32_t priority_of(const RankedJob& job, PartitionIndex,
                                          const Now& now) const override {
    ++asked;
    if (job.fixed) return job.priority;
    const auto age = job.accrue == 0 ? 0 : (now.wall - job.accrue) / model::kSecond;
    return users.at(job.uid) + static_cast<std::uint32_t>(std::max<std::int64_t>(0, age));
  }
  [[nodiscard]] std::int64_t next_ranking_ms() const override { return next; }
  [[nodiscard]] std::uint64_t generation() const override { return published; }

  std::map<std::uint32_t, std::uint32_t> users;
  std::int64_t next = INT64_MAX;
  std::uint64_t published = 1;
  mutable std::uint32_t asked = 0;
};

// So many jobs of a user at a time.
class JobLimit : public StartGate {
 public:
  [[nodiscard]] std::optional<GateBlock> refuses(const GateQuestion& question) const override {
    ++asked;
    if (question.allocation != nullptr && question.allocation->shares.front().cpus.size() == 0) {
      return GateBlock{};
    }
    const auto limit = limits.find(question.job.uid);
    if (limit == limits.end()) return std::nullopt;
    const auto used = running.find(question.job.uid);
    const std::int64_t jobs = used == running.end() ? 0 : used->second;
    if (jobs < limit->second) return std::nullopt;
    GateBlock made;
    made.reason = model::Reason::qos_limit;
    made.detail = "QOSMaxJobsPerUserLimit";
    made.used = jobs;
    made.wanted = 1;
    made.limit = limit->second;
    return made;
  }
  void taken_back(const GateQuestion& question) override { --running[question.job.uid]; }
  void started(JobId, const GateQuestion& question) override { ++running[question.job.uid]; }
  [[nodiscard]] std::uint64_t loosened() const override { return loose; }
  void ended(std::uint32_t uid) {
    --running[uid];
    ++loose;
  }

  std::map<std::uint32_t, std::int64_t> limits;
  std::map<std::uint32_t, std::int64_t> running;
  std::uint64_t loose = 0;
  mutable std::uint32_t asked = 0;
};

Candidate of_user(World& w, std::uint32_t uid, const Request& request) {
  Candidate made = w.candidate(request);
  made.uid = uid;
  return made;
}

// Of equals who was submitted first stands first; who has aged longest leads the group.
TEST(PlannerRules, WhoLeadsNextMayStandBeforeTheFormerLeader) {
  ByUser rule;
  rule.users = {{1000, 5}, {1001, 5}};
  World w;
  w.nodes(2, {.cores = 4}).up();
  w.planner().set_rules(&rule, nullptr);
  Candidate younger = w.candidate(cpus(4));
  younger.accrue = w.now().wall + 20;
  Candidate other = w.candidate(cpus(4));
  other.uid = 1001;
  Candidate older = w.candidate(*younger.request);
  older.request = younger.request;
  older.accrue = w.now().wall + 10;
  Candidate last = other;
  last.id = JobId(4);
  last.order = 4;
  for (const Candidate& one : {younger, other, older, last}) w.submit(one);
  EXPECT_EQ(w.pass(), (Ids{2, 3}));
  EXPECT_NE(w.planner().explain(JobId(1)), nullptr);
  EXPECT_EQ(w.planner().explain(JobId(1))->reason, model::Reason::resources);
  EXPECT_EQ(w.planner().explain(JobId(4))->behind, JobId(1));
}

TEST(PlannerRules, TheRuleOrders) {
  World w;
  w.nodes(1).up();
  ByUser rule;
  rule.users = {{1, 10}, {2, 20}};
  w.planner().set_rules(&rule, nullptr);
  w.submit(of_user(w, 1, cpus(4)));
  w.submit(of_user(w, 2, cpus(4)));
  EXPECT_EQ(w.pass(), Ids{2});
  EXPECT_EQ(w.planner().priority_of(JobId(1)), 10);
}

TEST(PlannerRules, WhoAgedLongestLeadsItsGroup) {
  World w;
  w.nodes(1).up();
  ByUser rule;
  rule.users = {{1, 10}};
  w.planner().set_rules(&rule, nullptr);
  for (const model::WallTime accrue : {0, 500'000'000, 400'000'000}) {
    Candidate job = of_user(w, 1, cpus(4));
    job.accrue = accrue;
    w.submit(job);
  }
  EXPECT_EQ(w.pass(), Ids{3});
  w.end(3);
  EXPECT_EQ(w.pass(), Ids{2});
  w.end(2);
  EXPECT_EQ(w.pass(), Ids{1});
}

TEST(PlannerRules, FixedPrioritiesStandInTheSameOrder) {
  World w;
  w.nodes(1).up();
  ByUser rule;
  rule.users = {{1, 10}};
  w.planner().set_rules(&rule, nullptr);
  w.submit(of_user(w, 1, cpus(4)));
  for (const std::uint32_t priority : {15, 5, 25}) {
    Candidate job = of_user(w, 1, cpus(4));
    job.fixed = true;
    job.priority = priority;
    w.submit(job);
  }
  for (const std::uint32_t next : {4U, 2U, 1U, 3U}) {
    EXPECT_EQ(w.pass(), Ids{next});
    w.end(next);
  }
}

TEST(PlannerRules, RanksAnewWhenTheRuleSaysSo) {
  World w;
  w.nodes(1).up();
  ByUser rule;
  rule.users = {{1, 10}, {2, 20}, {3, 30}};
  w.planner().set_rules(&rule, nullptr);
  for (const std::uint32_t uid : {1U, 2U, 3U}) w.submit(of_user(w, uid, cpus(3)));
  EXPECT_EQ(w.pass(), Ids{3});
  rule.users = {{1, 20}, {2, 10}, {3, 30}};
  w.end(3);
  const std::uint32_t before = rule.asked;
  EXPECT_EQ(w.pass(), Ids{2}) << "not yet";
  EXPECT_EQ(rule.asked, before);
  w.submit(of_user(w, 2, cpus(3)));
  EXPECT_EQ(w.pass(), Ids{});
  rule.published = 2;
  w.end(2);
  EXPECT_EQ(w.pass(), Ids{1});
  EXPECT_EQ(w.problem(), "");
}

TEST(PlannerRules, ARankingKeepsReservationsOfWhoIsStillFirst) {
  World w;
  w.nodes(1).up();
  ByUser rule;
  rule.users = {{1, 10}, {2, 20}, {3, 5}, {1000, 90}};
  w.planner().set_rules(&rule, nullptr);
  w.submit(w.candidate(cpus(3), 10));
  EXPECT_EQ(w.pass(), Ids{1});
  w.submit(of_user(w, 2, cpus(4)));
  w.submit(of_user(w, 3, cpus(1)));  // would be late for 2
  EXPECT_EQ(w.pass(), Ids{3});
  w.submit(of_user(w, 1, cpus(1)));
  rule.users = {{1, 10}, {2, 21}, {3, 5}, {1000, 90}};
  rule.published = 2;
  w.at(30);
  EXPECT_EQ(w.pass(), Ids{});
  ASSERT_NE(w.planner().explain(JobId(2)), nullptr);
  EXPECT_NE(w.planner().explain(JobId(2))->planned_start, 0);
}

TEST(PlannerGate, ARefusedJobBlocksNobody) {
  for (const bool backfill : {true, false}) {
    World w;
    w.settings().backfill = backfill;
    w.nodes(1).up();
    JobLimit gate;
    gate.limits[1] = 1;
    w.planner().set_rules(nullptr, &gate);
    w.submit(of_user(w, 1, cpus(1)));
    w.submit(of_user(w, 1, cpus(1)));
    w.submit(of_user(w, 1, cpus(2)));
    w.submit(of_user(w, 2, cpus(1)));
    EXPECT_EQ(w.pass(), (Ids{1, 4}));
    for (const std::uint32_t id : {2U, 3U}) {
      const PlanEntry* plan = w.planner().explain(JobId(id));
      ASSERT_NE(plan, nullptr);
      EXPECT_EQ(plan->reason, model::Reason::qos_limit);
      EXPECT_EQ(plan->detail.view(), "QOSMaxJobsPerUserLimit");
      EXPECT_EQ(plan->planned_start, 0);
      ASSERT_TRUE(plan->gate);
      EXPECT_EQ(plan->gate->limit, 1);
    }
    gate.ended(1);
    w.end(1);
    EXPECT_EQ(w.pass(), Ids{2});
  }
}

TEST(PlannerGate, AsksAgainOnlyWhenLoosened) {
  World w;
  w.nodes(2).up();
  JobLimit gate;
  gate.limits[1] = 0;
  w.planner().set_rules(nullptr, &gate);
  w.submit(of_user(w, 1, cpus(1)));
  w.submit(of_user(w, 2, cpus(1)));
  EXPECT_EQ(w.pass(), Ids{2});
  w.end(2);
  const std::uint32_t before = gate.asked;
  EXPECT_EQ(w.pass(), Ids{});
  EXPECT_EQ(gate.asked, before);
  gate.limits[1] = 1;
  gate.loose = 1;
  w.submit(of_user(w, 3, cpus(1)));
  EXPECT_EQ(w.pass(), (Ids{1, 3}));
}

// Remembers how many CPUs of each node it was told of.
class LeastCpus : public StartGate {
 public:
  std::optional<GateBlock> refuses(const GateQuestion& question) const override {
    const model::Request& asked = *question.job.request;
    if (question.allocation == nullptr) told.push_back(asked.min_cpus_per_node);
    return std::nullopt;
  }
  void started(JobId, const GateQuestion&) override {}
  void taken_back(const GateQuestion&) override {}
  [[nodiscard]] std::uint64_t loosened() const override { return 0; }

  mutable std::vector<std::uint32_t> told;
};

TEST(PlannerGate, IsToldOfWholeNodes) {
  World w;
  w.nodes(1, {.cores = 6}).nodes(2, {.cores = 4}).up();
  LeastCpus gate;
  w.planner().set_rules(nullptr, &gate);
  model::Request request = cpus(1);
  w.submit(request);
  request.min_nodes = request.max_nodes = request.tasks = 2;
  request.sharing = model::Sharing::exclusive;
  w.submit(request);
  w.pass();
  EXPECT_EQ(gate.told, (Ids{0, 4}));
}

TEST(PlannerGate, ASecondGateHasItsSay) {
  World w;
  w.nodes(1).up();
  JobLimit first;
  JobLimit second;
  second.limits[1] = 1;
  w.planner().set_rules(nullptr, &first);
  w.planner().add_gate(&second);
  w.submit(of_user(w, 1, cpus(1)));
  w.submit(of_user(w, 1, cpus(1)));
  EXPECT_EQ(w.pass(), Ids{1});
  EXPECT_EQ(first.running[1], 1);
}

}  // namespace
}  // namespace sluice::core::test
