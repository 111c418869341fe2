// The pool's books: holds, facts that change under them, classes, and the check itself.
#include <gtest/gtest.h>

#include "core/constraint.hpp"
#include "core/id_table.hpp"
#include "core/pool_state.hpp"
#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

model::Allocation share_of(std::uint32_t node, std::initializer_list<std::size_t> cpus,
                           std::size_t size = 4) {
  model::Allocation made;
  model::NodeShare share;
  share.node = NodeIndex(node);
  share.cpus = base::Bitmap(size, cpus);
  share.cpu_count = static_cast<std::uint32_t>(cpus.size());
  share.memory = 100;
  made.shares.push_back(share);
  return made;
}

Holder holder(std::uint32_t job) { return {.job = JobId(job), .uid = 1000}; }

TEST(Pool, CountsWhatIsHeld) {
  World w;
  w.nodes(2).up();
  const model::Allocation a = share_of(1, {0, 1});
  w.pool().allocate(a, holder(1));
  EXPECT_EQ(w.pool().use(NodeIndex(1)).cpus, 2U);
  EXPECT_EQ(w.pool().use(NodeIndex(1)).memory, 100U);
  EXPECT_EQ(w.pool().use(NodeIndex(1)).jobs, 1U);
  EXPECT_EQ(w.pool().use(NodeIndex(0)).jobs, 0U);
  EXPECT_EQ(w.problem(), "");
  w.pool().release(a.shares[0], holder(1));
  EXPECT_EQ(w.pool().use(NodeIndex(1)).cpus, 0U);
  EXPECT_EQ(w.problem(), "");
}

TEST(Pool, CheckFindsOversubscription) {
  World w;
  w.nodes(1).up();
  w.pool().allocate(share_of(0, {0, 1}), holder(1));
  w.pool().allocate(share_of(0, {1, 2}), holder(2));
  EXPECT_EQ(w.problem(), "cpu 1 of n1 is held by 2 jobs");
  World m;
  m.nodes(1).up();
  model::Allocation much = share_of(0, {0});
  much.shares[0].memory = 1001;
  m.pool().allocate(much, holder(1));
  EXPECT_EQ(m.problem(), "1001 MiB of n1 are held, it has 1000");
}

TEST(Pool, ATaskOfAnArrayIsFoundByItsOwnNumber) {
  World w;
  w.nodes(1).up();
  const model::Allocation a = share_of(0, {0});
  const model::Allocation b = share_of(0, {1});
  w.pool().allocate(a, holder(7));  // two tasks of an array, started under its id
  w.pool().allocate(b, holder(7));
  w.pool().rename(b, JobId(7), JobId(8));
  w.pool().release(b.shares[0], holder(8));
  w.pool().allocate(b, holder(9));
  EXPECT_EQ(w.problem(), "");
  w.pool().release(a.shares[0], holder(7));
  EXPECT_EQ(w.pool().use(NodeIndex(0)).cpus, 1U);
}

TEST(Pool, FactsMayChangeUnderHolders) {
  World w;
  w.nodes(2).up();
  const model::Allocation a = share_of(0, {0, 1});
  w.pool().allocate(a, holder(1));
  w.pool().set_facts(NodeIndex(0), {.cores_per_socket = 8, .memory = 2000});
  EXPECT_EQ(w.pool().use(NodeIndex(0)).cpus, 2U);
  EXPECT_EQ(w.problem(), "");
  w.pool().set_facts(NodeIndex(0), {.cores_per_socket = 1, .memory = 50});
  EXPECT_EQ(w.problem(), "");
  w.pool().release(a.shares[0], holder(1));
  EXPECT_EQ(w.pool().use(NodeIndex(0)).jobs, 0U);
  EXPECT_EQ(w.problem(), "");
}

TEST(Pool, ClassesFollowWhatNodesAreLike) {
  World w;
  w.nodes(3).up();
  const NodePool::State& state = w.pool().state();
  EXPECT_EQ(state.nodes[0].node_class, state.nodes[2].node_class);
  w.pool().set_features(NodeIndex(2), "b,a");
  EXPECT_NE(state.nodes[0].node_class, state.nodes[2].node_class);
  w.pool().set_features(NodeIndex(1), "a,b");
  EXPECT_EQ(state.nodes[1].node_class, state.nodes[2].node_class);
  w.pool().set_weight(NodeIndex(1), 7);
  EXPECT_NE(state.nodes[1].node_class, state.nodes[2].node_class);
  w.pool().set_available(NodeIndex(1), false);
  EXPECT_EQ(state.classes.at(state.nodes[1].node_class).available, 0U);
  EXPECT_EQ(w.problem(), "");
}

TEST(Pool, PartitionsMayChange) {
  World w;
  w.nodes(2).up();
  model::Partition one = w.settings().partitions[0];
  one.nodes = "n2";
  w.pool().set_partitions({one});
  model::Request request;
  request.tasks = 1;
  const JobId a = w.submit(request);
  w.pass();
  EXPECT_EQ(w.nodes_of(a.value), "n2");
  EXPECT_EQ(w.problem(), "");
}

TEST(Pool, Constraints) {
  const std::vector<std::string> features{"a", "b"};
  struct Case {
    const char* text;
    bool matches;
  };
  for (const Case& each :
       {Case{"", true}, Case{"a", true}, Case{"c", false}, Case{"a&c", false}, Case{"a|c", true},
        Case{"c|a&b", true}, Case{"(c|a)&b", true}, Case{"(a|b)&c", false}, Case{"a,b", true}}) {
    const auto parsed = Constraint::parse(each.text);
    ASSERT_TRUE(parsed.has_value()) << each.text;
    EXPECT_EQ(parsed->allows(features), each.matches) << each.text;
  }
  for (const char* text : {"&", "a&", "|a", "a b", "(a", "a)", "()", "a!b", "a&&b"}) {
    const auto parsed = Constraint::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_feature) << text;
  }
}

TEST(Pool, IdTableFindsAfterManyRemovals) {
  IdTable table;
  for (std::uint32_t id = 1; id <= 5000; ++id) table.set(JobId(id * 7), id);
  for (std::uint32_t id = 1; id <= 5000; id += 2) table.erase(JobId(id * 7));
  EXPECT_EQ(table.size(), 2500U);
  for (std::uint32_t id = 1; id <= 5000; ++id) {
    const auto found = table.find(JobId(id * 7));
    ASSERT_EQ(found.has_value(), id % 2 == 0) << id;
    if (found) {
      ASSERT_EQ(*found, id);
    }
  }
}

}  // namespace
}  // namespace sluice::core::test
