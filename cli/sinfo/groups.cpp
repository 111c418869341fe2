// See groups.hpp.
#include "cli/sinfo/groups.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/strings.hpp"
#include "report/node_groups.hpp"

namespace sluice::cli {

namespace {

using model::Node;
using model::NodeState;
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
  const report::GroupStyle style{options.node_oriented, options.exact,
                                 !options.node_oriented && !options.list_reasons};
  report::NodeGrouper grouper(format, style, context);
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
