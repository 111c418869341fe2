// Groups are tried level by level. Whether a set of nodes suffices is always Picker's to say; here
// is only decided which set it is shown.
#include "core/topology_choice.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace sluice::core {

namespace {

using Nodes = std::vector<Prospect>;
using Groups = std::map<std::uint32_t, Nodes>;  // by group, in its order

Groups grouped(const TopologyMap& map, const Nodes& nodes, std::uint32_t level) {
  Groups groups;
  for (const Prospect& node : nodes) {
    const std::uint32_t group = map.group_of(node.node, level);
    if (group != kNoGroup) groups[group].push_back(node);
  }
  return groups;
}

std::size_t required_in(const Nodes& nodes) {
  return static_cast<std::size_t>(
      std::count_if(nodes.begin(), nodes.end(), [](const Prospect& n) { return n.required; }));
}

// A leaf and what it has to give.
struct Leaf {
  bool needed = false;  // it has nodes that the job must have
  std::uint64_t amount = 0;
  std::uint32_t group = 0;
  const Nodes* nodes = nullptr;
};

class TogetherPicker {
 public:
  TogetherPicker(const TopologyRequest& request, const Nodes& found, const Nodes& plain)
      : request_(request), map_(request.map), found_(found), plain_(plain) {}

  std::optional<Nodes> pick() {
    if (map_.kind == model::TopologyKind::block) return pick_blocks();
    Nodes preferred = found_;
    if (need_lighter(preferred)) {
      if (auto picked = lowest_group(preferred, 0)) return picked;
    }
    return lowest_group(found_, 0);
  }

 private:
  // Marks the nodes of lower weight than the heaviest that the plain choice took; false: none is.
  bool need_lighter(Nodes& nodes) const {
    std::uint32_t heaviest = 0;
    for (const Prospect& node : plain_) heaviest = std::max(heaviest, node.weight);
    std::vector<std::uint32_t> lighter;
    for (const Prospect& node : plain_) {
      if (node.weight < heaviest) lighter.push_back(node.node);
    }
    std::sort(lighter.begin(), lighter.end());
    for (Prospect& node : nodes) {
      if (std::binary_search(lighter.begin(), lighter.end(), node.node)) node.required = true;
    }
    return !lighter.empty();
  }

  // The tightest of the lowest groups that the job fits in.
  std::optional<Nodes> lowest_group(const Nodes& nodes, std::uint32_t from_level) {
    const std::size_t required = required_in(nodes);
    for (std::uint32_t level = from_level; level < map_.levels; ++level) {
      using Rank = std::tuple<std::size_t, std::uint64_t, std::size_t, std::uint32_t>;
      std::optional<Rank> best_rank;
      std::optional<Nodes> best;
      for (const auto& [group, members] : grouped(map_, nodes, level)) {
        if (required_in(members) != required) continue;
        auto picked = level == 0 ? request_.picker.pick(members) : fewest_leaves(members);
        if (!picked) continue;
        std::uint64_t weight = 0;
        for (const Prospect& node : *picked) weight += node.weight;
        const Rank rank{picked->size(), weight, members.size(), group};
        if (best_rank && *best_rank <= rank) continue;
        best_rank = rank;
        best = std::move(picked);
      }
      if (best) return best;
    }
    return std::nullopt;
  }

  // Nodes of the first `count` leaves, and of one more.
  [[nodiscard]] static Nodes nodes_of(const std::vector<Leaf>& leaves, std::size_t count,
                                      const Leaf* more) {
    Nodes nodes;
    for (std::size_t l = 0; l < count; ++l) {
      nodes.insert(nodes.end(), leaves[l].nodes->begin(), leaves[l].nodes->end());
    }
    if (more != nullptr) nodes.insert(nodes.end(), more->nodes->begin(), more->nodes->end());
    return nodes;
  }

  [[nodiscard]] std::vector<Leaf> ranked(const Groups& groups) const {
    std::vector<Leaf> leaves;
    for (const auto& [group, members] : groups) {
      Leaf leaf{.needed = required_in(members) != 0, .group = group, .nodes = &members};
      for (const Prospect& node : members) leaf.amount += amount_of(node);
      leaves.push_back(leaf);
    }
    std::sort(leaves.begin(), leaves.end(), [](const Leaf& a, const Leaf& b) {
      return std::tuple(!a.needed, b.amount, a.group) < std::tuple(!b.needed, a.amount, b.group);
    });
    return leaves;
  }

  // Tasks where they decide how many nodes it takes; else nodes.
  [[nodiscard]] std::uint64_t amount_of(const Prospect& node) const {
    const Prospects& limits = request_.limits;
    const bool by_tasks = limits.tasks() != 0 && limits.tasks() > limits.least_nodes();
    return by_tasks ? std::min(node.offer.tasks, limits.full_share(limits.least_nodes())) : 1;
  }

  std::optional<Nodes> fewest_leaves(const Nodes& members) const {
    const Groups groups = grouped(map_, members, 0);
    const std::vector<Leaf> leaves = ranked(groups);
    const auto needed = static_cast<std::size_t>(
        std::count_if(leaves.begin(), leaves.end(), [](const Leaf& leaf) { return leaf.needed; }));
    std::size_t high = leaves.size();
    if (request_.demand.switches != 0) high = std::min<std::size_t>(high, request_.demand.switches);
    if (needed > high || !request_.picker.pick(nodes_of(leaves, high, nullptr))) {
      return std::nullopt;
    }
    std::size_t low = std::max<std::size_t>(needed, 1);
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (request_.picker.pick(nodes_of(leaves, middle, nullptr))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (high <= needed) return request_.picker.pick(nodes_of(leaves, high, nullptr));
    return request_.picker.pick(nodes_of(leaves, high - 1, tightest(leaves, high - 1)));
  }

  // The last of the leaves, which are sorted by what they give, that suffices beside the first.
  [[nodiscard]] const Leaf* tightest(const std::vector<Leaf>& leaves, std::size_t before) const {
    std::size_t good = before;
    std::size_t bad = leaves.size();
    while (bad - good > 1) {
      const std::size_t middle = good + (bad - good) / 2;
      const bool serves =
          request_.picker.pick(nodes_of(leaves, before, &leaves[middle])).has_value();
      (serves ? good : bad) = middle;
    }
    // Of those that give the same, the first.
    while (good > before && leaves[good - 1].amount == leaves[good].amount) --good;
    return &leaves[good];
  }

  // The least level whose groups are large enough for the job; one behind the last: none is.
  [[nodiscard]] std::uint32_t level_for(std::size_t nodes) const {
    std::uint32_t level = 0;
    while (level < map_.block_sizes.size() && map_.block_sizes[level] < nodes) ++level;
    return level;
  }

  std::optional<Nodes> pick_blocks() {
    if (request_.demand.segment != 0) return pick_segments();
    const std::uint32_t level = level_for(plain_.size());
    const std::size_t required = required_in(found_);
    std::optional<Nodes> best;
    std::size_t best_size = 0;
    for (const auto& [group, members] : grouped(map_, found_, level)) {
      if (required_in(members) != required) continue;
      auto picked = level == 0 ? request_.picker.pick(members) : fewest_leaves(members);
      const bool better =
          picked && (!best || picked->size() < best->size() ||
                     (picked->size() == best->size() && members.size() < best_size));
      if (!better) continue;
      best_size = members.size();
      best = std::move(picked);
    }
    return best;
  }

  std::optional<Nodes> pick_segments() {
    for (const Picker::By by : {Picker::By::weight, Picker::By::tasks}) {
      if (auto picked = segments_by(by)) return picked;
    }
    return std::nullopt;
  }

  // Blocks that give most segments first, the last one the tightest.
  std::optional<Nodes> segments_by(Picker::By by) {
    const std::uint32_t size = request_.demand.segment;
    std::size_t wanted = request_.limits.least_nodes() / size;
    if (wanted * size != request_.limits.least_nodes()) return std::nullopt;
    Groups groups = grouped(map_, found_, 0);
    Nodes picked;
    while (wanted != 0) {
      const auto better = [&](const Nodes& a, const Nodes& b) {
        const bool named_a = required_in(a) != 0;
        const bool named_b = required_in(b) != 0;
        if (named_a != named_b) return named_a;
        const std::size_t of_a = a.size() / size;
        const std::size_t of_b = b.size() / size;
        if ((of_a >= wanted) != (of_b >= wanted)) return of_a >= wanted;
        return of_a >= wanted ? a.size() < b.size() : of_a > of_b;
      };
      auto best = groups.end();
      for (auto group = groups.begin(); group != groups.end(); ++group) {
        if (group->second.size() < size) continue;
        if (best == groups.end() || better(group->second, best->second)) best = group;
      }
      if (best == groups.end()) return std::nullopt;
      wanted -=
          take_segments(best->second, std::min(wanted, best->second.size() / size), by, picked);
      groups.erase(best);
    }
    const bool whole = required_in(picked) == required_in(found_);
    if (!whole || !request_.picker.suffices(picked)) return std::nullopt;
    return picked;
  }

  std::size_t take_segments(Nodes& members, std::size_t segments, Picker::By by, Nodes& to) const {
    const std::uint32_t share = request_.limits.full_share(request_.limits.least_nodes());
    std::sort(members.begin(), members.end(), [&](const Prospect& a, const Prospect& b) {
      return Picker::better(a, b, share, by);
    });
    const auto count = static_cast<std::ptrdiff_t>(segments * request_.demand.segment);
    to.insert(to.end(), members.begin(), members.begin() + count);
    return segments;
  }

  const TopologyRequest& request_;
  const TopologyMap& map_;
  const Nodes& found_;
  const Nodes& plain_;
};

}  // namespace

std::optional<std::vector<Prospect>> pick_together(const TopologyRequest& request,
                                                   const std::vector<Prospect>& found,
                                                   const std::vector<Prospect>& plain) {
  return TogetherPicker(request, found, plain).pick();
}

}  // namespace sluice::core
