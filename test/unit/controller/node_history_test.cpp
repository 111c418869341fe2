// Since when nodes are away, and what TRES the cluster has.
#include "daemon/controller/service/node_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::controller {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class NodeHistoryTest : public ::testing::Test {
 protected:
  NodeHistoryTest() {
    for (const char* name : {"n1", "n2"}) {
      model::Node node;
      node.name = name;
      node.facts.sockets = 2;
      node.facts.cores_per_socket = 4;
      node.facts.memory = 1000;
      node.facts.gres = {{"gpu", "a100", 2, {}, {}, {}}};
      node.state = model::NodeState::idle;
      node.partitions = "batch";
      nodes_.push_back(node);
    }
    tres_.push_back({1001, "gres", "gpu"});
    tres_.push_back({1002, "gres", "gpu:h100"});
  }
  std::vector<model::NodePtr> all() const {
    std::vector<model::NodePtr> list;
    for (const model::Node& node : nodes_) {
      list.push_back(std::make_shared<const model::Node>(node));
    }
    return list;
  }
  NodeHistory::Spans note(std::size_t node, model::WallTime now) {
    const std::vector<model::NodePtr> changed{std::make_shared<const model::Node>(nodes_[node])};
    return history_.note(changed, {tres_, partitions_, 0}, now);
  }
  NodeHistory::Spans note_all(model::WallTime now) {
    return history_.note_all(all(), {tres_, partitions_, 0}, now);
  }

  std::vector<model::Node> nodes_;
  model::TresTable tres_ = model::first_tres();
  std::vector<model::PartitionPtr> partitions_;
  NodeHistory history_{{}};
};

TEST_F(NodeHistoryTest, TheClusterIsCountedOnce) {
  const NodeHistory::Spans first = note_all(10);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_TRUE(first[0].node.empty());
  EXPECT_EQ(first[0].tres, (model::TresCounts{{model::kTresCpu, 16},
                                              {model::kTresMemory, 2000},
                                              {model::kTresNode, 2},
                                              {model::kTresBilling, 16},
                                              {1001, 4}}));
  EXPECT_THAT(note(0, 20), IsEmpty());
  nodes_[1].facts.memory = 1500;
  const NodeHistory::Spans grown = note(1, 30);
  ASSERT_THAT(grown, SizeIs(2));
  EXPECT_EQ(grown[0].to, 30);
  EXPECT_EQ(model::tres_count(grown[1].tres, model::kTresMemory), 2500);
}

TEST_F(NodeHistoryTest, DownUntilItIsBack) {
  static_cast<void>(note_all(10));
  nodes_[0].state = model::NodeState::down;
  nodes_[0].reason = "Not responding";
  const NodeHistory::Spans down = note(0, 20);
  ASSERT_THAT(down, SizeIs(1));
  EXPECT_EQ(down[0].node, "n1");
  EXPECT_EQ(down[0].from, 20);
  EXPECT_EQ(down[0].to, 0);
  EXPECT_EQ(model::tres_count(down[0].tres, model::kTresCpu), 8);
  EXPECT_THAT(note(0, 25), IsEmpty());
  nodes_[0].state = model::NodeState::unknown;  // a restart
  EXPECT_THAT(note(0, 28), IsEmpty());
  nodes_[0].state = model::NodeState::idle;
  const NodeHistory::Spans back = note(0, 30);
  ASSERT_THAT(back, SizeIs(1));
  EXPECT_EQ(back[0].from, 20);
  EXPECT_EQ(back[0].to, 30);
}

TEST_F(NodeHistoryTest, DrainedIsAwayOnceItIsEmpty) {
  static_cast<void>(note_all(10));
  nodes_[0].flags = model::kNodeDrain;
  nodes_[0].allocated_cpus = 2;
  EXPECT_THAT(note(0, 20), IsEmpty());
  nodes_[0].allocated_cpus = 0;
  EXPECT_THAT(note(0, 30), SizeIs(1));
  nodes_[0].flags = 0;
  EXPECT_THAT(note(0, 40), SizeIs(1));
}

TEST_F(NodeHistoryTest, ARestartGoesOnWithWhatWasOpen) {
  NodeHistory::Spans open = note_all(10);
  nodes_[0].state = model::NodeState::down;
  for (const model::NodeSpan& span : note(0, 20)) open.push_back(span);
  history_ = NodeHistory(open);
  EXPECT_THAT(note_all(30), IsEmpty());
  nodes_.pop_back();
  EXPECT_THAT(note_all(40), SizeIs(2)) << "the cluster's sum is another";
}

TEST_F(NodeHistoryTest, BillingOfTheDearestPartition) {
  for (const auto& [name, weights] :
       {std::pair("batch", "CPU=1.0"), std::pair("fast", "CPU=3.0")}) {
    model::Partition partition;
    partition.name = name;
    partition.tres_billing_weights = weights;
    partitions_.push_back(std::make_shared<const model::Partition>(partition));
  }
  nodes_[1].partitions = "batch,fast";
  const NodeHistory::Spans first = note_all(10);
  EXPECT_EQ(model::tres_count(first[0].tres, model::kTresBilling), 8 + 24);
}

}  // namespace
}  // namespace sluice::controller
