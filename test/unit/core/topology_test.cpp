// Nodes that belong together: features in their sets, switches and blocks, neighbours, and what is
// kept of nodes for the system. With a model that tries every set of nodes.
#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "core/constraint.hpp"
#include "core/eligibility.hpp"
#include "core/ever_run.hpp"
#include "core/placement.hpp"
#include "core/pool_state.hpp"
#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

using model::Request;
using model::TopologyKind;

Request on_nodes(std::uint32_t count) {
  Request made;
  made.min_nodes = count;
  made.max_nodes = count;
  return made;
}

Request with_features(std::uint32_t nodes, const char* features) {
  Request made = on_nodes(nodes);
  made.features = features;
  return made;
}

// Nodes n1.. in leaves of the given sizes, with one switch above.
void add_tree(World& w, const std::vector<std::uint32_t>& leaves) {
  model::Topology& topology = w.settings().topology;
  topology.kind = TopologyKind::tree;
  std::uint32_t next = 1;
  for (const std::uint32_t size : leaves) {
    model::Switch leaf;
    leaf.name = "s" + std::to_string(topology.switches.size() + 1);
    leaf.nodes = "n[" + std::to_string(next) + "-" + std::to_string(next + size - 1) + "]";
    next += size;
    topology.switches.push_back(leaf);
  }
  model::Switch top;
  top.name = "top";
  top.switches = "s[1-" + std::to_string(leaves.size()) + "]";
  top.level = 1;
  topology.switches.push_back(top);
}

void add_blocks(World& w, std::uint32_t blocks, std::uint32_t size,
                std::vector<std::uint32_t> sizes) {
  model::Topology& topology = w.settings().topology;
  topology.kind = TopologyKind::block;
  topology.block_sizes = std::move(sizes);
  for (std::uint32_t b = 0; b < blocks; ++b) {
    model::Switch block;
    block.name = "b" + std::to_string(b + 1);
    block.nodes = "n[" + std::to_string(b * size + 1) + "-" + std::to_string((b + 1) * size) + "]";
    topology.switches.push_back(block);
  }
}

std::string start(World& w, const Request& request) {
  const JobId id = w.submit(request);
  w.pass();
  return w.nodes_of(id.value);
}

TEST(Features, SetsOfNodes) {
  World w;
  w.nodes(3, {.features = "a,x", .weight = 3});
  w.nodes(3, {.features = "b,x", .weight = 2});
  w.nodes(2, {.features = "c"});
  w.up();
  const auto alone = [&](const Request& request) {
    const JobId id = w.submit(request);
    w.pass();
    const std::string nodes = w.nodes_of(id.value);
    if (nodes.empty()) {
      w.planner().remove(id);
    } else {
      w.end(id.value);
    }
    return nodes;
  };
  EXPECT_EQ(alone(with_features(4, "[a*2&b*2]")), "n[1-2,4-5]");
  EXPECT_EQ(alone(with_features(4, "a*2")), "n[1-2,7-8]");
  EXPECT_EQ(alone(with_features(3, "a*2")), "n[1-2,7]");
  EXPECT_EQ(alone(with_features(3, "[(a&x)*2&b*1]")), "n[1-2,4]");
  EXPECT_EQ(alone(with_features(2, "x&[a*1&b*1]")), "n[1,4]");
  EXPECT_EQ(alone(with_features(3, "[a|b]")), "n[1-3]");
  EXPECT_EQ(alone(with_features(4, "[a|b]")), "");
  EXPECT_EQ(alone(with_features(4, "a|b")), "n[1,4-6]");
  EXPECT_EQ(alone(with_features(2, "[c|a]&x")), "n[1-2]");
  EXPECT_EQ(alone(with_features(4, "[a*4]")), "");
  // A node counts once.
  EXPECT_EQ(alone(with_features(6, "[x*4&a*2]")), "n[1-6]");
  EXPECT_EQ(alone(with_features(0, "[x*5&a*2]")), "");
}

TEST(Features, PreferredOnesFirstButNoWaiting) {
  World w;
  w.nodes(2, {.features = "slow"}).nodes(1, {.features = "fast", .weight = 9}).up();
  Request request = with_features(1, "slow");
  request.tasks = 4;
  request.prefer = "fast";
  EXPECT_EQ(start(w, request), "n3");
  EXPECT_EQ(start(w, request), "n1");
  Request two = on_nodes(2);
  two.prefer = "[slow|fast]";
  World other;
  other.nodes(1, {.features = "fast"}).nodes(2, {.features = "slow", .weight = 9}).up();
  EXPECT_EQ(start(other, two), "n[2-3]");
}

TEST(Features, ChoicesKeepToWhatIsExcludedLater) {
  World w;
  w.nodes(2, {.features = "a"}).nodes(1, {.features = "b"}).up();
  const Candidate job = w.candidate(with_features(1, "[a|b]"));
  const auto& pool = w.pool().state();
  const Result<Demand> demand =
      make_demand(*job.request, 1000, pool.partitions[0].config, w.settings());
  ASSERT_TRUE(demand.has_value());
  Result<Eligibility> eligible = make_eligibility(pool, *job.request, *demand);
  ASSERT_TRUE(eligible.has_value());
  eligible->excluded = base::Bitmap(3);
  eligible->excluded.set(0);
  const Outlook idle = Outlook::idle(pool, Outlook::Nodes::all);
  EXPECT_EQ(choose_nodes(*demand, *eligible, idle)->nodes[0].node, 1U);
  eligible->excluded.set(1);
  EXPECT_EQ(choose_nodes(*demand, *eligible, idle)->nodes[0].node, 2U);
}

TEST(Topology, OneLeafThenFewest) {
  World w;
  w.nodes(9);
  add_tree(w, {3, 2, 4});
  w.up();
  EXPECT_EQ(start(w, on_nodes(2)), "n[4-5]");  // the tightest leaf
  EXPECT_EQ(start(w, on_nodes(3)), "n[1-3]");
  EXPECT_EQ(start(w, on_nodes(4)), "n[6-9]");
  EXPECT_EQ(w.allocation(3).shares[0].topology.view(), "top.s3.n6");
}

TEST(Topology, SeveralLeavesAreAsFewAsCanBe) {
  World w;
  w.nodes(12);
  add_tree(w, {3, 2, 4, 3});
  w.up();
  EXPECT_EQ(start(w, on_nodes(6)), "n[4-9]");  // the largest leaf, and the one that fits the rest
}

TEST(Topology, LighterNodesBeforeNeighbours) {  // as recorded from Slurm
  World w;
  w.nodes(3, {.weight = 3}).nodes(3, {.weight = 2}).nodes(2);
  add_tree(w, {3, 3, 2});
  w.up();
  const std::pair<std::uint32_t, const char*> cases[] = {
      {2, "n[7-8]"}, {3, "n[4,7-8]"}, {4, "n[4-5,7-8]"}, {5, "n[4-8]"}, {7, "n[1-2,4-8]"}};
  for (const auto& [nodes, expected] : cases) {
    const JobId id = w.submit(on_nodes(nodes));
    w.pass();
    EXPECT_EQ(w.nodes_of(id.value), expected);
    w.end(id.value);
  }
}

TEST(Topology, AsManyNodesAsCanBeHadCountMoreThanNearOnes) {
  World w;
  w.nodes(5);
  add_tree(w, {2, 3});
  w.up();
  Request range = on_nodes(2);
  range.max_nodes = 4;
  const JobId id = w.submit(range);
  w.pass();
  EXPECT_EQ(w.allocation(id.value).shares.size(), 4U);
}

TEST(Topology, SwitchesAreALimit) {
  World w;
  w.nodes(6);
  add_tree(w, {3, 3});
  w.up();
  Request two = on_nodes(2);
  two.tasks = 8;
  two.tasks_per_node = 4;
  EXPECT_EQ(start(w, two), "n[1-2]");
  Request together = on_nodes(2);
  together.switches = 1;
  EXPECT_EQ(start(w, together), "n[4-5]");
  Request three = on_nodes(3);
  three.switches = 1;
  three.sharing = model::Sharing::exclusive;
  EXPECT_EQ(start(w, three), "");
  Request four = on_nodes(4);
  four.switches = 1;
  EXPECT_EQ(w.planner().can_ever_run(w.pool(), w.candidate(four)).error().code,
            ErrorCode::node_config_unavailable);
}

TEST(Topology, BlocksHoldWhatFitsOne) {
  World w;
  w.nodes(16);
  add_blocks(w, 4, 4, {4, 8});
  w.up();
  Request full = on_nodes(1);
  full.sharing = model::Sharing::exclusive;
  EXPECT_EQ(start(w, full), "n1");
  const auto whole = [](std::uint32_t nodes) {
    Request made = on_nodes(nodes);
    made.sharing = model::Sharing::exclusive;
    return made;
  };
  EXPECT_EQ(start(w, whole(3)), "n[2-4]");
  EXPECT_EQ(start(w, whole(6)), "n[9-14]");  // of two blocks that make one of eight
  EXPECT_EQ(start(w, whole(3)), "n[5-7]");
  EXPECT_EQ(start(w, whole(3)), "");  // three are free, in two blocks
  EXPECT_EQ(w.problem(), "");
}

TEST(Topology, SegmentsStayInTheirBlocks) {
  World w;
  w.nodes(12);
  add_blocks(w, 3, 4, {4});
  w.up();
  Request six = on_nodes(6);
  six.segment = 3;
  EXPECT_EQ(start(w, six), "n[1-3,5-7]");
  Request four = on_nodes(4);
  four.segment = 4;
  four.sharing = model::Sharing::exclusive;
  EXPECT_EQ(start(w, four), "n[9-12]");
}

TEST(Placement, LeastLoadedNodes) {
  World w;
  w.nodes(3).partition("batch").least_loaded = true;
  w.up();
  Request one;
  one.tasks = 1;
  EXPECT_EQ(start(w, one), "n1");
  EXPECT_EQ(start(w, one), "n2");
  EXPECT_EQ(start(w, one), "n3");
  EXPECT_EQ(start(w, one), "n1");
}

TEST(Placement, CoresKeptForTheSystem) {
  World w;
  w.nodes(1, {.sockets = 2, .cores = 2, .threads = 2, .memory = 1000});
  w.settings().nodes[0].facts.core_spec_count = 1;
  w.settings().nodes[0].facts.mem_spec_limit = 400;
  w.settings().allow_spec_resources = true;
  w.up();
  const auto check = [&](Request request) {
    return w.planner().can_ever_run(w.pool(), w.candidate(std::move(request))).has_value();
  };
  Request tasks;
  tasks.tasks = 6;
  EXPECT_TRUE(check(tasks));
  tasks.tasks = 7;
  EXPECT_FALSE(check(tasks));
  tasks.tasks = 1;
  tasks.memory_per_node = 601;
  EXPECT_FALSE(check(tasks));
  Request whole;
  whole.tasks = 1;
  whole.sharing = model::Sharing::exclusive;
  const JobId a = w.submit(whole);
  w.pass();
  EXPECT_EQ(w.allocation(a.value).shares[0].cpus.to_ranges(), "0-5");
  w.end(a.value);
  Request special;
  special.tasks = 1;
  special.reserved_cores = 2;
  const JobId b = w.submit(special);
  w.pass();
  EXPECT_EQ(w.allocation(b.value).shares[0].cpu_count, 4U);
  EXPECT_EQ(w.problem(), "");
}

// The slow obvious placement: of all sets of nodes, whether one will do.
struct Model {
  std::vector<std::set<std::string>> features;
  std::vector<std::uint32_t> idle;  // CPUs
  std::vector<std::uint32_t> leaf;

  // Whether different members can stand for all counts.
  bool counted(const std::vector<std::uint32_t>& nodes,
               std::vector<std::pair<std::string, std::uint32_t>> counts) const {
    std::uint32_t wanted = 0;
    for (const auto& count : counts) wanted += count.second;
    if (wanted == 0) return true;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      std::vector<std::uint32_t> rest = nodes;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(n));
      for (auto& count : counts) {
        if (count.second == 0 || !features[nodes[n]].contains(count.first)) continue;
        --count.second;
        if (counted(rest, counts)) return true;
        ++count.second;
      }
    }
    return false;
  }

  struct Ask {
    std::uint32_t nodes = 1;
    std::uint32_t tasks = 0;
    std::uint32_t switches = 0;
    bool contiguous = false;
    std::vector<std::pair<std::string, std::uint32_t>> counts;
    std::vector<std::string> alternatives;
  };

  bool serves(const Ask& ask, const std::vector<std::uint32_t>& set) const {
    if (set.size() != ask.nodes) return false;
    std::uint32_t tasks = 0;
    std::set<std::uint32_t> leaves;
    for (const std::uint32_t node : set) {
      if (idle[node] == 0) return false;
      tasks += idle[node];
      leaves.insert(leaf[node]);
    }
    if (tasks < ask.tasks) return false;
    if (ask.switches != 0 && leaves.size() > ask.switches) return false;
    if (ask.contiguous && set.back() - set.front() + 1 != set.size()) return false;
    if (!ask.alternatives.empty() &&
        std::none_of(ask.alternatives.begin(), ask.alternatives.end(), [&](const auto& name) {
          return std::all_of(set.begin(), set.end(),
                             [&](std::uint32_t node) { return features[node].contains(name); });
        })) {
      return false;
    }
    return counted(set, ask.counts);
  }

  // The fewest leaves with which it is possible; 0: it isn't.
  std::uint32_t fewest_leaves(const Ask& ask) const {
    std::uint32_t fewest = 0;
    for (std::uint32_t mask = 1; mask < (1U << idle.size()); ++mask) {
      std::vector<std::uint32_t> set;
      std::set<std::uint32_t> leaves;
      for (std::uint32_t n = 0; n < idle.size(); ++n) {
        if ((mask >> n & 1U) == 0) continue;
        set.push_back(n);
        leaves.insert(leaf[n]);
      }
      if (!serves(ask, set)) continue;
      const auto count = static_cast<std::uint32_t>(leaves.size());
      if (fewest == 0 || count < fewest) fewest = count;
    }
    return fewest;
  }
};

struct Trial {
  World world;
  Model model;
};

// Eight nodes in three leaves, some CPUs in use.
std::unique_ptr<Trial> make_trial(std::mt19937& random, bool tree, bool one_cpu) {
  auto trial = std::make_unique<Trial>();
  const auto any = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(random() % below);
  };
  for (std::uint32_t n = 0; n < 8; ++n) {
    std::string text;
    std::set<std::string> names;
    for (const char* name : {"a", "b", "c"}) {
      if (any(2) == 0) continue;
      text += (text.empty() ? "" : ",") + std::string(name);
      names.insert(name);
    }
    const std::uint32_t cores = one_cpu ? 1 : 1 + any(3);
    trial->world.nodes(1, {.cores = cores, .features = text});
    trial->model.features.push_back(names);
    trial->model.idle.push_back(cores);
    trial->model.leaf.push_back(n < 3 ? 0 : n < 5 ? 1 : 2);
  }
  // Names that no node had would be refused as such.
  trial->world.settings().nodes[0].features = "a,b,c";
  trial->model.features[0] = {"a", "b", "c"};
  if (tree) add_tree(trial->world, {3, 2, 3});
  trial->world.up();
  for (std::uint32_t n = 0; n < 8; ++n) {
    if (any(4) != 0) continue;
    Request fill;
    fill.tasks = trial->model.idle[n];
    fill.node_list = "n" + std::to_string(n + 1);
    fill.min_nodes = fill.max_nodes = 1;
    trial->world.submit(fill);
    trial->world.pass();
    trial->model.idle[n] = 0;
  }
  return trial;
}

constexpr std::uint32_t kSeeds = 150;

TEST(PlacementModel, StartsIfAndOnlyIfSomeSetOfNodesServes) {
  for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto any = [&](std::uint32_t below) {
      return static_cast<std::uint32_t>(random() % below);
    };
    const std::uint32_t kind = any(4);
    const bool tree = kind == 0;
    auto trial = make_trial(random, tree, tree);
    Model::Ask ask{.nodes = 1 + any(5)};
    Request request;
    if (kind == 0 && any(2) == 0) ask.switches = request.switches = 1 + any(2);
    if (kind == 1) {
      ask.counts = {{"a", 1 + any(2)}, {any(2) == 0 ? "b" : "a", 1 + any(2)}};
      ask.nodes = std::max(ask.nodes, ask.counts[0].second + ask.counts[1].second);
      request.features = "[" + ask.counts[0].first + "*" + std::to_string(ask.counts[0].second) +
                         "&" + ask.counts[1].first + "*" + std::to_string(ask.counts[1].second) +
                         "]";
    }
    if (kind == 2) {
      ask.alternatives = {"a", "b"};
      request.features = "[a|b]";
    }
    if (kind == 3) ask.contiguous = request.contiguous = true;
    if (!tree) ask.tasks = ask.nodes + any(4);
    request.min_nodes = request.max_nodes = ask.nodes;
    request.tasks = ask.tasks;
    const std::uint32_t fewest = trial->model.fewest_leaves(ask);
    const JobId id = trial->world.submit(request);
    trial->world.pass();
    const auto* run = trial->world.run(id.value);
    ASSERT_EQ(run != nullptr, fewest != 0) << request.features.view() << " nodes " << ask.nodes
                                           << " tasks " << ask.tasks << " kind " << kind;
    if (run == nullptr) continue;
    std::vector<std::uint32_t> set;
    std::set<std::uint32_t> leaves;
    for (const auto& share : run->start.allocation->shares) {
      set.push_back(share.node.value);
      leaves.insert(trial->model.leaf[share.node.value]);
    }
    EXPECT_TRUE(trial->model.serves(ask, set));
    if (tree) {
      EXPECT_EQ(leaves.size(), fewest);
    }
    EXPECT_EQ(trial->world.problem(), "");
  }
}

TEST(Constraint, GrammarBeyondOneNode) {
  for (const char* good : {"[a|b]", "a*2", "[a*2&b*4]", "x&[a|b]", "[a|b]&x", "(a&b)*2", "a*2,b",
                           "[(a|b)*1&c*2]", "x,[a*1&b*1],y", "((a|b)&c)"}) {
    EXPECT_TRUE(Constraint::parse(good).has_value()) << good;
  }
  for (const char* bad : {"a*", "a*0", "[a", "a]", "[a*1|b*2]", "[a&b]", "(a*2)&b", "[a|b]|c",
                          "[a][b]", "a*2|b", "[]", "[a|]", "a&b*2*3", "(a&b*2)", "a[b]", "!a"}) {
    const auto parsed = Constraint::parse(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().text.find("Invalid feature specification: "), 0U) << bad;
  }
}

}  // namespace
}  // namespace sluice::core::test
