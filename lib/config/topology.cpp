// See topology.hpp. A tree is checked whole: each switch has nodes or switches, all of them exist,
// none hangs on two, none on itself.
#include "config/topology.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "config/values.hpp"

namespace sluice::config {

namespace {

using model::Switch;
using model::TopologyKind;

constexpr std::uint32_t kMaxLevels = 32;
constexpr std::array<std::string_view, 2> kLists = {"switches", "blocks"};

struct Section {
  model::Topology made;
  std::vector<int> lines;  // of the switches
  std::string type;
  std::string sizes;
  int sizes_line = 0;
  int list_line = 0;
};

Result<std::vector<std::string>> parse_names(const Text& text, const Place& place) {
  Result<std::vector<std::string>> names = base::parse_hosts(text);
  if (!names || (names->empty() && !text.empty())) {
    return wrong(place, "a list of names", text);
  }
  return names;
}

Status read_switch(const YamlValue& item, const std::string& file, Section& section) {
  const bool block = section.made.kind == TopologyKind::block;
  Switch made;
  std::vector<Key> keys = {{block ? "block_name" : "switch_name", text(made.name)},
                           {"nodes", text(made.nodes)}};
  if (!block) {
    keys.push_back({"switches", text(made.switches)});
    keys.push_back({"link_speed", number(made.link_speed)});
  }
  const std::string name_key(keys.front().name);
  const Place place{file, item.line, block ? "blocks" : "switches"};
  if (item.kind != YamlValue::Kind::map) return wrong(place, "a mapping with " + name_key, "");
  if (Status read = read_keys(item, file, keys, {}); !read) return read;
  if (made.name.empty()) return wrong(place, name_key, "");
  if (made.nodes.empty() == made.switches.empty()) {
    return wrong(place, block ? "nodes" : "nodes or switches, one of them", made.name);
  }
  for (const Switch& other : section.made.switches) {
    if (other.name == made.name) return wrong(place, "each name once", made.name);
  }
  section.made.switches.push_back(std::move(made));
  section.lines.push_back(item.line);
  return {};
}

// Each node exists and stands below one leaf.
Status check_nodes(Section& section, const std::string& file, const model::Settings& settings) {
  std::set<std::string_view> known;
  for (const model::NodeSetting& node : settings.nodes) known.insert(node.name.view());
  std::map<std::string, const Switch*> leaf_of;
  for (std::size_t s = 0; s < section.made.switches.size(); ++s) {
    Switch& leaf = section.made.switches[s];
    if (leaf.nodes.empty()) continue;
    const Place place{file, section.lines[s], "nodes"};
    Result<std::vector<std::string>> names = parse_names(leaf.nodes, place);
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
      if (!known.contains(name)) return wrong(place, "nodes that exist", name);
      const auto [found, added] = leaf_of.emplace(name, &leaf);
      if (!added) {
        return wrong(place, "each node once",
                     fmt::format("{}, which {} has too", name, found->second->name.view()));
      }
    }
    leaf.nodes = base::compress_sorted_hosts(std::move(*names));
  }
  return {};
}

class TreeChecker {
 public:
  TreeChecker(Section& section, const std::string& file) : section_(section), file_(file) {}

  Status check() {
    std::vector<Switch>& switches = section_.made.switches;
    for (std::size_t s = 0; s < switches.size(); ++s) positions_.emplace(switches[s].name.str(), s);
    below_.resize(switches.size());
    for (std::size_t s = 0; s < switches.size(); ++s) {
      if (Status done = join(s); !done) return done;
    }
    for (std::size_t s = 0; s < switches.size(); ++s) {
      if (Status done = settle(s, 0); !done) return done;
    }
    return {};
  }

 private:
  [[nodiscard]] Place place_of(std::size_t s) const {
    return {file_, section_.lines[s], "switches"};
  }

  Status join(std::size_t s) {
    Switch& upper = section_.made.switches[s];
    if (upper.switches.empty()) return {};
    Result<std::vector<std::string>> names = parse_names(upper.switches, place_of(s));
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
      const auto found = positions_.find(name);
      if (found == positions_.end()) return wrong(place_of(s), "switches that exist", name);
      if (!above_.emplace(found->second, s).second) {
        return wrong(place_of(s), "each switch below one other", name);
      }
      below_[s].push_back(found->second);
    }
    upper.switches = base::compress_sorted_hosts(std::move(*names));
    return {};
  }

  // Level and nodes; depth is bounded, so a loop ends.
  Status settle(std::size_t s, std::uint32_t depth) {
    Switch& upper = section_.made.switches[s];
    if (depth > kMaxLevels) {
      return wrong(place_of(s), "a tree without loops", upper.name);
    }
    if (below_[s].empty() || upper.level != 0) return {};
    std::vector<std::string> nodes;
    std::uint32_t level = 0;
    for (const std::size_t child : below_[s]) {
      if (Status done = settle(child, depth + 1); !done) return done;
      const Switch& lower = section_.made.switches[child];
      level = std::max(level, lower.level + 1);
      const Result<std::vector<std::string>> names = base::parse_hosts(lower.nodes);
      if (names) nodes.insert(nodes.end(), names->begin(), names->end());
    }
    upper.level = level;
    upper.nodes = base::compress_sorted_hosts(std::move(nodes));
    return {};
  }

  Section& section_;
  const std::string& file_;
  std::map<std::string, std::size_t> positions_;
  std::map<std::size_t, std::size_t> above_;
  std::vector<std::vector<std::size_t>> below_;
};

std::uint32_t largest_block(const model::Topology& topology) {
  std::size_t most = 1;
  for (const Switch& block : topology.switches) {
    const Result<std::vector<std::string>> names = base::parse_hosts(block.nodes);
    if (names) most = std::max(most, names->size());
  }
  return static_cast<std::uint32_t>(most);
}

Status read_sizes(Section& section, const std::string& file) {
  std::vector<std::uint32_t>& sizes = section.made.block_sizes;
  const std::uint32_t largest = largest_block(section.made);
  if (section.sizes.empty()) {
    sizes = {largest};
    return {};
  }
  const Place place{file, section.sizes_line, "block_sizes"};
  for (const std::string_view word : base::split_nonempty(section.sizes, ',')) {
    const Result<std::uint32_t> size = base::parse_u32(base::trim(word));
    const bool fits = size && *size != 0 &&
                      (sizes.empty() || (*size > sizes.back() && *size % sizes.back() == 0));
    if (!fits) {
      return wrong(place, "numbers of nodes, each a multiple of the one before", std::string(word));
    }
    sizes.push_back(*size);
  }
  if (sizes.front() < largest) {
    return wrong(place, fmt::format("at least {}, the nodes of the largest block", largest),
                 std::to_string(sizes.front()));
  }
  return {};
}

Status read_list(const YamlValue& root, const std::string& file, Section& section) {
  const std::string_view wanted = section.made.kind == TopologyKind::block ? "blocks" : "switches";
  const YamlValue* list = nullptr;
  for (const auto& [key, value] : root.entries) {
    if (key == "block_sizes") section.sizes_line = value.line;
    if (key == wanted) list = &value;
    if (key != wanted && std::find(kLists.begin(), kLists.end(), key) != kLists.end()) {
      return wrong({file, value.line, key}, fmt::format("{} with that type", wanted), "");
    }
  }
  const Place place{file, list == nullptr ? root.line : list->line, std::string(wanted)};
  if (list == nullptr || list->kind != YamlValue::Kind::list) {
    return wrong(place, fmt::format("a list of {}", wanted), "");
  }
  for (const YamlValue& item : list->items) {
    if (Status read = read_switch(item, file, section); !read) return read;
  }
  return {};
}

}  // namespace

Status read_topology(const YamlValue& section, const std::string& file, model::Settings& settings) {
  const Place place{file, section.line, "topology"};
  if (section.kind != YamlValue::Kind::map) {
    return wrong(place, "a mapping with type and switches or blocks", "");
  }
  Section read;
  const std::vector<Key> keys = {{"type", text(read.type)}, {"block_sizes", text(read.sizes)}};
  if (Status done = read_keys(section, file, keys, kLists); !done) return done;
  if (base::iequals(read.type, "block")) {
    read.made.kind = TopologyKind::block;
  } else if (read.type.empty() || base::iequals(read.type, "tree")) {
    read.made.kind = TopologyKind::tree;
  } else {
    return wrong(place, "type tree or block", read.type);
  }
  if (read.made.kind == TopologyKind::tree && !read.sizes.empty()) {
    return wrong(place, "block_sizes with type block only", read.sizes);
  }
  if (Status done = read_list(section, file, read); !done) return done;
  if (Status done = check_nodes(read, file, settings); !done) return done;
  const bool tree = read.made.kind == TopologyKind::tree;
  if (Status done = tree ? TreeChecker(read, file).check() : read_sizes(read, file); !done) {
    return done;
  }
  settings.topology = std::move(read.made);
  return {};
}

}  // namespace sluice::config
