// See node_order.hpp.
#include "report/node_order.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "base/hostlist.hpp"
#include "report/keyed_sort.hpp"

namespace sluice::report {

namespace {

std::string_view first_name(const NodeGroup& group) {
  return group.nodes.empty() ? std::string_view() : group.nodes.front()->name.view();
}

// n2 before n10: names as ranks among all groups.
std::vector<std::int64_t> name_ranks(const std::vector<NodeGroup>& groups) {
  std::vector<std::string_view> names;
  for (const NodeGroup& group : groups) names.push_back(first_name(group));
  std::ranges::sort(names, base::host_less);
  std::vector<std::int64_t> ranks;
  for (const NodeGroup& group : groups) {
    ranks.push_back(std::ranges::lower_bound(names, first_name(group), base::host_less) -
                    names.begin());
  }
  return ranks;
}

std::optional<std::int64_t> number_key(SortLetter letter, const NodeGroup& group) {
  const model::Node* node = group.nodes.empty() ? nullptr : group.nodes.front();
  switch (letter.letter) {
    case 'P':
    case 'R':
      if (!letter.configured) return std::nullopt;
      return group.partition->index.value;
    case 'D': return static_cast<std::int64_t>(group.nodes.size());
    case 't':
    case 'T':
      return node == nullptr
                 ? 0
                 : static_cast<std::int64_t>(node->state) | std::int64_t{node->flags} << 8;
    case 'c': return node == nullptr ? 0 : std::int64_t{node->facts.cpus()};
    case 'm': return node == nullptr ? 0 : static_cast<std::int64_t>(node->facts.memory);
    case 'd': return node == nullptr ? 0 : static_cast<std::int64_t>(node->facts.tmp_disk);
    case 'w': return node == nullptr ? 0 : std::int64_t{node->weight};
    case 'e': return node == nullptr ? 0 : static_cast<std::int64_t>(node->free_memory);
    case 'O': return node == nullptr ? 0 : std::int64_t{node->cpu_load};
    case 'H': return node == nullptr ? 0 : node->reason_time;
    case 'l': return group.partition->max_time;
    case 'p': return group.partition->priority_tier;
    case 's': return group.partition->max_nodes;
    default: return std::nullopt;
  }
}

}  // namespace

std::string_view node_sort_letters() { return "#abcdefghilmnoprstuvwzABCDEFGHILMNOPRSTUVXYZ"; }

void sort_nodes(std::vector<NodeGroup>& groups, std::span<const SortLetter> order,
                const NodeContext& context) {
  if (groups.empty()) return;
  std::vector<KeyColumn> columns;
  for (const SortLetter letter : order) {
    KeyColumn& column = columns.emplace_back();
    column.down = letter.down;
    if (letter.letter == 'N' || letter.letter == 'n') {
      column.numbers = name_ranks(groups);
      continue;
    }
    const long field = letters_of(node_fields())(letter.letter);
    for (const NodeGroup& group : groups) {
      if (const auto number = number_key(letter, group)) {
        column.numbers.push_back(*number);
      } else if (field >= 0) {
        node_fields()[static_cast<std::size_t>(field)].text(group, context,
                                                            column.texts.emplace_back());
      }
    }
  }
  sort_by_keys(groups, columns);
}

}  // namespace sluice::report
