// See topology_map.hpp.
#include "core/topology_map.hpp"

#include <algorithm>

#include "base/hostlist.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kMaxLevels = 32;

std::vector<std::string> names_in(const Text& list) {
  if (list.empty()) return {};
  Result<std::vector<std::string>> names = base::parse_hosts(list);
  return names ? std::move(*names) : std::vector<std::string>{};
}

std::uint32_t find_switch(const model::Topology& topology, std::string_view name) {
  for (std::uint32_t s = 0; s < topology.switches.size(); ++s) {
    if (topology.switches[s].name.view() == name) return s;
  }
  return kNoGroup;
}

void join_switches(const model::Topology& topology, TopologyMap& map) {
  for (std::uint32_t s = 0; s < topology.switches.size(); ++s) {
    for (const std::string& child : names_in(topology.switches[s].switches)) {
      const std::uint32_t below = find_switch(topology, child);
      if (below != kNoGroup) map.above[below] = s;
    }
  }
}

// Groups of neighbouring blocks, one level for each size beyond the first, and one for all.
void join_blocks(const model::Topology& topology, TopologyMap& map) {
  const auto blocks = static_cast<std::uint32_t>(topology.switches.size());
  const std::uint32_t size = topology.block_sizes.empty() ? 1 : topology.block_sizes.front();
  std::vector<std::uint32_t> below(blocks);
  for (std::uint32_t b = 0; b < blocks; ++b) below[b] = b;
  std::vector<std::uint32_t> together;
  for (std::size_t n = 1; n < topology.block_sizes.size(); ++n) {
    together.push_back(std::max(1U, topology.block_sizes[n] / std::max(size, 1U)));
  }
  together.push_back(std::max(blocks, 1U));
  for (std::uint32_t at = 0; at < together.size(); ++at) {
    for (std::uint32_t b = 0; b < blocks; ++b) {
      if (b % together[at] == 0) {
        map.above.push_back(kNoGroup);
        map.level.push_back(at + 1);
        map.names.emplace_back();
      }
      const auto group = static_cast<std::uint32_t>(map.above.size() - 1);
      map.above[below[b]] = group;
    }
    for (std::uint32_t b = 0; b < blocks; ++b) below[b] = map.above[below[b]];
  }
}

}  // namespace

TopologyMap map_topology(
    const model::Topology& topology, std::uint32_t nodes,
    const std::function<std::optional<std::uint32_t>(std::string_view)>& find) {
  TopologyMap map;
  map.kind = topology.kind;
  if (!map.known()) return map;
  map.leaf_of.assign(nodes, kNoGroup);
  map.block_sizes = topology.block_sizes;
  for (std::uint32_t s = 0; s < topology.switches.size(); ++s) {
    const model::Switch& from = topology.switches[s];
    map.names.push_back(from.name);
    map.level.push_back(from.level);
    map.above.push_back(kNoGroup);
    if (!from.switches.empty()) continue;
    for (const std::string& name : names_in(from.nodes)) {
      if (const auto node = find(name)) map.leaf_of[*node] = s;
    }
  }
  if (map.kind == model::TopologyKind::tree) {
    join_switches(topology, map);
  } else {
    join_blocks(topology, map);
  }
  for (const std::uint32_t level : map.level) map.levels = std::max(map.levels, level + 1);
  return map;
}

std::uint32_t TopologyMap::group_of(std::uint32_t node, std::uint32_t at_level) const {
  std::uint32_t group = leaf_of[node];
  for (std::uint32_t n = 0; n < kMaxLevels && group != kNoGroup; ++n) {
    if (level[group] >= at_level) return level[group] == at_level ? group : kNoGroup;
    group = above[group];
  }
  return kNoGroup;
}

std::string TopologyMap::address(std::uint32_t node, std::string_view name) const {
  std::string text(name);
  std::uint32_t group = leaf_of[node];
  for (std::uint32_t n = 0; n < kMaxLevels && group != kNoGroup; ++n) {
    if (!names[group].empty()) text = names[group].str() + "." + text;
    group = above[group];
  }
  return text;
}

}  // namespace sluice::core
