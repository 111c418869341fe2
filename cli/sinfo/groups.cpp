// See groups.hpp.
#include "cli/sinfo/groups.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/strings.hpp"

namespace sluice::cli {

namespace {

using model::Node;
using model::NodeState;
using report::Grouping;
using report::NodeGroup;

constexpr std::uint32_t kBad = model::kNodeDrain | model::kNodeFail;

bool is_busy(const Node& node) {
  return node.state == NodeState::allocated || node.state == NodeState::mixed ||
         (node.flags & model::kNodeCompleting) != 0;
}

// As users know it: "alloc" finds partly allocated nodes too, "idle" also the drained ones.
bool has_base(const Node& node, NodeState wanted) {
  if (wanted == NodeState::allocated && node.state == NodeState::mixed) return true;
  return node.state == wanted;
}

bool matches(const Node& node, const opt::NodeStateTerm& term) {
  using Use = opt::NodeStateTerm::Use;
  bool is = term.use != Use::never && (node.flags & term.flags) == term.flags;
  if (term.base) is = is && has_base(node, *term.base);
  if (term.use == Use::free) is = is && !is_busy(node);
  if (term.use == Use::busy) is = is && is_busy(node);
  return is != term.negated;
}

bool is_wanted(const Node& node, const opt::SinfoOptions& options) {
  const bool silent = (node.flags & model::kNodeNoRespond) != 0;
  if (options.dead && !silent) return false;
  if (options.responding && silent) return false;
  if (node.state == NodeState::future && !options.future) return false;
  if (!options.nodes.empty() &&
      std::ranges::find(options.nodes, node.name.view()) == options.nodes.end()) {
    return false;
  }
  if (options.list_reasons && options.states.terms.empty()) {
    return node.state == NodeState::down || (node.flags & kBad) != 0;
  }
  return has_state(node, options.states);
}

class Grouper {
 public:
  Grouper(const opt::SinfoOptions& options, const report::Format& format,
          const report::NodeContext& context)
      : by_node_(options.node_oriented), context_(context) {
    for (const report::Column& column : format.columns) {
      if (column.field == SIZE_MAX) continue;
      const Grouping grouping = report::grouping_of(column.field);
      by_partition_ = by_partition_ || grouping == Grouping::partition;
      if (grouping == Grouping::value || (grouping == Grouping::range && options.exact)) {
        fields_.push_back(column.field);
      }
    }
    by_partition_ = by_partition_ || by_node_;
    empty_rows_ = by_partition_ && !by_node_ && !options.list_reasons;
  }

  void add(const model::Partition& partition, const Node& node) {
    const NodeGroup alone{&partition, {&node}};
    key_.clear();
    if (by_partition_) key_ += partition.name.view();
    if (by_node_) key_ += "\n" + node.name.str();
    for (const std::size_t field : fields_) {
      key_ += '\n';
      report::node_fields()[field].text(alone, context_, key_);
    }
    const auto [place, is_new] = by_key_.try_emplace(key_, groups_.size());
    if (is_new) groups_.push_back({&partition, {}});
    const std::uint64_t member = std::uint64_t{place->second} << 32U | node.index.value;
    if (by_partition_ || members_.insert(member).second) {
      groups_[place->second].nodes.push_back(&node);
    }
  }
  void add_empty(const model::Partition& partition) {
    if (empty_rows_) groups_.push_back({&partition, {}});
  }
  [[nodiscard]] std::vector<NodeGroup> take() { return std::move(groups_); }

 private:
  bool by_node_;
  bool by_partition_ = false;
  bool empty_rows_ = false;
  const report::NodeContext& context_;
  std::vector<std::size_t> fields_;
  std::vector<NodeGroup> groups_;
  std::unordered_map<std::string, std::size_t> by_key_;
  std::unordered_set<std::uint64_t> members_;  // of groups over several partitions
  std::string key_;
};

}  // namespace

bool has_state(const Node& node, const opt::NodeStates& states) {
  if (states.terms.empty()) return true;
  const auto is = [&](const opt::NodeStateTerm& term) { return matches(node, term); };
  return states.all_of ? std::ranges::all_of(states.terms, is)
                       : std::ranges::any_of(states.terms, is);
}

std::vector<NodeGroup> make_groups(const NodeReport& data, const opt::SinfoOptions& options,
                                   const report::Format& format,
                                   const report::NodeContext& context) {
  std::unordered_map<std::string_view, std::vector<const Node*>> members;
  for (const model::NodePtr& node : data.nodes) {
    if (!is_wanted(*node, options)) continue;
    for (const std::string_view name : base::split_nonempty(node->partitions, ',')) {
      members[name].push_back(node.get());
    }
  }
  Grouper grouper(options, format, context);
  for (const model::PartitionPtr& partition : data.partitions) {
    const auto found = members.find(partition->name.view());
    if (found == members.end()) {
      grouper.add_empty(*partition);
      continue;
    }
    for (const Node* node : found->second) grouper.add(*partition, *node);
  }
  return grouper.take();
}

}  // namespace sluice::cli
