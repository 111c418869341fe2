// sinfo: columns, how nodes form rows, their order.
#include "report/node_fields.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "report/node_groups.hpp"
#include "report/node_order.hpp"

namespace sluice::report {
namespace {

model::Node a_node(std::uint32_t number, model::NodeState state) {
  model::Node node;
  node.index = NodeIndex(number - 1);
  node.name = "n" + std::to_string(number);
  node.address = "127.0.0.1";
  node.facts.hostname = "vm";
  node.facts.sockets = 4;
  node.facts.memory = 4096;
  node.facts.version = "25.11.0";
  node.cpu_load = 18;
  node.free_memory = 23'000 + number;
  node.state = state;
  return node;
}

// Twelve nodes in all states, in two partitions that overlap.
class Cluster : public testing::Test {
 protected:
  Cluster() {
    for (std::uint32_t number = 1; number <= 12; ++number) {
      nodes_.push_back(a_node(number, model::NodeState::idle));
    }
    nodes_[0].state = model::NodeState::allocated;
    nodes_[0].allocated_cpus = 4;
    nodes_[1].state = model::NodeState::mixed;
    nodes_[1].allocated_cpus = 1;
    nodes_[2].state = model::NodeState::down;
    nodes_[3].flags = model::kNodeDrain;
    nodes_[3].reason = "bad disk";
    nodes_[3].reason_time = 1'000'000;
    batch_.name = "batch";
    batch_.is_default = true;
    small_.name = "p2";
    small_.index = PartitionIndex(1);
    small_.max_nodes = 2;
    small_.max_time = 60;
    small_.default_time = 10;
  }

  std::string print(std::string_view text, GroupStyle style = {.empty_rows = true},
                    std::string_view order = "#P,-t") {
    Format format = parse_letters(text, letters_of(node_fields()), "");
    NodeGrouper grouper(format, style, context_);
    for (const model::Node& node : nodes_) grouper.add(batch_, node);
    for (std::size_t at = 3; at < 6; ++at) grouper.add(small_, nodes_[at]);
    std::vector<NodeGroup> groups = grouper.take();
    sort_nodes(groups, *parse_sort(order, node_sort_letters()), context_);
    Table<NodeGroup, NodeContext> table(node_fields(), std::move(format), true);
    std::string out;
    for (const NodeGroup& group : groups) table.row(group, context_, out);
    return out;
  }

  std::vector<model::Node> nodes_;
  model::Partition batch_;
  model::Partition small_;
  NodeContext context_;
};

TEST_F(Cluster, RowsByPartitionAndState) {
  EXPECT_EQ(print("%P %a %l %D %t %N"),
            "batch* up infinite 1 drain n4\n"
            "batch* up infinite 1 mix n2\n"
            "batch* up infinite 1 alloc n1\n"
            "batch* up infinite 8 idle n[5-12]\n"
            "batch* up infinite 1 down n3\n"
            "p2 up 1:00:00 1 drain n4\n"
            "p2 up 1:00:00 2 idle n[5-6]\n");
}

TEST_F(Cluster, CountsWithoutStates) {
  EXPECT_EQ(print("%P %F %C"), "batch* 2/8/2/12 5/35/8/48\np2 0/2/1/3 0/8/4/12\n");
  EXPECT_EQ(print("%A %D"), "2/8 12\n");  // each node once, though two partitions hold it
}

TEST_F(Cluster, NodeByNodeInNaturalOrder) {
  const std::string out = print("%N %R", {.by_node = true}, "N");
  EXPECT_TRUE(out.starts_with("n1 batch\nn2 batch\nn3 batch\nn4 batch\nn4 p2\n")) << out;
  EXPECT_TRUE(out.ends_with("n9 batch\nn10 batch\nn11 batch\nn12 batch\n")) << out;
}

TEST_F(Cluster, RangesUnlessExact) {
  nodes_[5].facts.memory = 8192;
  EXPECT_EQ(print("%R %m %e"), "batch 4096+ 23001-23012\np2 4096+ 23004-23006\n");
  EXPECT_EQ(print("%R %m %D", {.exact = true}, "P"),
            "batch 4096 11\nbatch 8192 1\np2 4096 2\np2 8192 1\n");
}

TEST_F(Cluster, Reasons) {
  context_.time_format = "%s";
  EXPECT_EQ(print("%E|%u|%U|%H|%D", {}, "-E"),
            "none|Unknown|Unknown|Unknown|11\nbad disk|root|root(0)|1|1\n");
}

TEST_F(Cluster, EmptyPartitions) {
  const Format format = parse_letters("%P %t", letters_of(node_fields()), "");
  NodeGrouper grouper(format, {.empty_rows = true}, context_);
  grouper.add_empty(batch_);
  const std::vector<NodeGroup> groups = grouper.take();
  Table<NodeGroup, NodeContext> table(node_fields(), format, true);
  std::string out;
  table.row(groups.at(0), context_, out);
  EXPECT_EQ(out, "batch* n/a\n");
  NodeGrouper sums(parse_letters("%D", letters_of(node_fields()), ""), {.empty_rows = true},
                   context_);
  sums.add_empty(batch_);
  EXPECT_TRUE(sums.take().empty());
}

TEST_F(Cluster, EachLetter) {
  struct Case {
    char letter;
    const char* header;
    const char* value;
  };
  constexpr Case kCases[] = {
      {'a', "AVAIL", "up"},
      {'b', "ACTIVE_FEATURES", "(null)"},
      {'c', "CPUS", "4"},
      {'d', "TMP_DISK", "0"},
      {'e', "FREE_MEM", "23005"},
      {'f', "AVAIL_FEATURES", "(null)"},
      {'g', "GROUPS", "all"},
      {'h', "OVERSUBSCRIBE", "NO"},
      {'i', "RESERVATION", ""},
      {'l', "TIMELIMIT", "1:00:00"},
      {'m', "MEMORY", "4096"},
      {'n', "HOSTNAMES", "vm"},
      {'o', "NODE_ADDR", "127.0.0.1"},
      {'p', "PRIO_TIER", "1"},
      {'r', "ROOT", "no"},
      {'s', "JOB_SIZE", "1-2"},
      {'t', "STATE", "idle"},
      {'u', "USER", "Unknown"},
      {'v', "VERSION", "25.11.0"},
      {'w', "WEIGHT", "1"},
      {'z', "S:C:T", "4:1:1"},
      {'A', "NODES(A/I)", "0/1"},
      {'B', "MAX_CPUS_PER_NODE", "UNLIMITED"},
      {'C', "CPUS(A/I/O/T)", "0/4/0/4"},
      {'D', "NODES", "1"},
      {'E', "REASON", "none"},
      {'F', "NODES(A/I/O/T)", "0/1/0/1"},
      {'G', "GRES", "(null)"},
      {'H', "TIMESTAMP", "Unknown"},
      {'I', "PRIO_JOB_FACTOR", "1"},
      {'L', "DEFAULTTIME", "10:00"},
      {'M', "PREEMPT_MODE", "OFF"},
      {'N', "NODELIST", "n5"},
      {'O', "CPU_LOAD", "0.18"},
      {'P', "PARTITION", "p2"},
      {'R', "PARTITION", "p2"},
      {'S', "ALLOCNODES", "all"},
      {'T', "STATE", "idle"},
      {'U', "USER", "Unknown"},
      {'V', "CLUSTER", "N/A"},
      {'X', "SOCKETS", "4"},
      {'Y', "CORES", "1"},
      {'Z', "THREADS", "1"},
  };
  const NodeGroup group{&small_, {&nodes_[4]}};
  std::set<char> tested;
  for (const Case& each : kCases) {
    const long field = letters_of(node_fields())(each.letter);
    ASSERT_GE(field, 0) << each.letter;
    const NodeField& column = node_fields()[static_cast<std::size_t>(field)];
    std::string out;
    column.text(group, context_, out);
    EXPECT_EQ(out, each.value) << each.letter;
    EXPECT_EQ(column.header, each.header) << each.letter;
    tested.insert(each.letter);
  }
  std::set<std::string> names;
  for (const NodeField& field : node_fields()) {
    EXPECT_TRUE(field.letter == 0 || tested.contains(field.letter)) << field.letter;
    EXPECT_TRUE(names.insert(base::to_lower(field.name)).second) << field.name;
  }
}

TEST_F(Cluster, GresAndCompleteState) {
  nodes_[3].facts.gres = {{"gpu", "a100", 2, {}}, {"license", "", 7, {}}};
  EXPECT_EQ(print("%G %D", {}, "-G"), "gpu:a100:2,license:7 1\n(null) 11\n");
  const NodeGroup group{&batch_, {&nodes_[3]}};
  std::string out;
  const long field = names_of(node_fields())("statecomplete");
  node_fields()[static_cast<std::size_t>(field)].text(group, context_, out);
  EXPECT_EQ(out, "idle+drain");
}

}  // namespace
}  // namespace sluice::report
