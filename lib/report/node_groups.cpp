// See node_groups.hpp.
#include "report/node_groups.hpp"

namespace sluice::report {

NodeGrouper::NodeGrouper(const Format& format, GroupStyle style, const NodeContext& context)
    : style_(style), context_(context), by_partition_(style.by_node) {
  for (const Column& column : format.columns) {
    if (column.field == SIZE_MAX) continue;
    const Grouping grouping = grouping_of(column.field);
    by_partition_ = by_partition_ || grouping == Grouping::partition;
    if (grouping == Grouping::value || (grouping == Grouping::range && style.exact)) {
      fields_.push_back(column.field);
    }
  }
}

void NodeGrouper::add(const model::Partition& partition, const model::Node& node) {
  const NodeGroup alone{&partition, {&node}};
  key_.clear();
  if (by_partition_) key_ += partition.name.view();
  if (style_.by_node) key_ += "\n" + node.name.str();
  for (const std::size_t field : fields_) {
    key_ += '\n';
    node_fields()[field].text(alone, context_, key_);
  }
  const auto [place, is_new] = by_key_.try_emplace(key_, groups_.size());
  if (is_new) groups_.push_back({&partition, {}});
  const std::uint64_t member = std::uint64_t{place->second} << 32U | node.index.value;
  if (by_partition_ || members_.insert(member).second) {
    groups_[place->second].nodes.push_back(&node);
  }
}

void NodeGrouper::add_empty(const model::Partition& partition) {
  if (style_.empty_rows && by_partition_) groups_.push_back({&partition, {}});
}

}  // namespace sluice::report
