// scontrol update node and partition: administrators' marks and changes.
#include <algorithm>
#include <set>
#include <tuple>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "core/cluster_state.hpp"
#include "core/node_facts.hpp"

namespace sluice::core {

namespace {

tl::unexpected<Error> no_such_state() {
  return fail(ErrorCode::transition_not_allowed, "Invalid node state specified");
}

// Whether the same jobs may start there in the same order.
bool same_rules(const model::Partition& a, const model::Partition& b) {
  const auto rules = [](const model::Partition& p) {
    return std::tie(p.state, p.root_only, p.max_time, p.default_time, p.min_nodes, p.max_nodes,
                    p.allow_groups, p.allow_accounts, p.deny_accounts, p.allow_qos, p.deny_qos,
                    p.priority_tier, p.qos, p.disable_root_jobs);
  };
  return rules(a) == rules(b);
}

bool needs_reason(NodeVerb verb) {
  return verb == NodeVerb::drain || verb == NodeVerb::down || verb == NodeVerb::fail;
}

}  // namespace

// Everything is checked for every node before anything changes.
void Cluster::State::on(const UpdateNode& event) {
  for (const NodeIndex node : event.nodes) {
    if (!known_node(node)) return;
    if (Status possible = check_update(event, node); !possible) {
      turn.changes.outcome = possible;
      return;
    }
  }
  for (const NodeIndex node : event.nodes) update_node(event, node);
}

Status Cluster::State::check_update(const UpdateNode& event, NodeIndex index) const {
  const model::Node& node = *nodes[index.value].record;
  const bool has_reason = event.reason && !event.reason->empty();
  if (needs_reason(event.verb) && !has_reason && node.reason.empty()) {
    return fail(ErrorCode::invalid_argument,
                "You must specify a reason when DOWNING or DRAINING a node. Request denied");
  }
  constexpr std::uint32_t kMarks =
      model::kNodeDrain | model::kNodeFail | model::kNodeInvalidRegistration;
  const bool marked = (node.flags & kMarks) != 0;
  const bool down = node.state == model::NodeState::down;
  if (event.verb == NodeVerb::resume && !marked && !down) return no_such_state();
  if (event.verb == NodeVerb::undrain && (node.flags & model::kNodeDrain) == 0) {
    return no_such_state();
  }
  return {};
}

void Cluster::State::update_node(const UpdateNode& event, NodeIndex index) {
  model::Node& node = edit_node(index);
  if (event.reason) {
    node.reason = *event.reason;
    node.reason_uid = event.by_uid;
    node.reason_time = event.reason->empty() ? 0 : turn.now.wall;
  }
  if (event.comment) node.comment = *event.comment;
  if (event.extra) node.extra = *event.extra;
  if (event.features) {
    node.features = *event.features;
    pool.set_features(index, node.features);
  }
  if (event.weight) {
    node.weight = *event.weight;
    pool.set_weight(index, node.weight);
  }
  const auto clear = [&](std::uint32_t flags) { node.flags &= ~flags; };
  const auto up_again = [&] {
    if (node.state == model::NodeState::down) node.state = model::NodeState::idle;
    if (event.reason) return;
    node.reason = Text();
    node.reason_uid = 0;
    node.reason_time = 0;
  };
  switch (event.verb) {
    case NodeVerb::none: break;
    case NodeVerb::drain: node.flags |= model::kNodeDrain; break;
    case NodeVerb::fail: node.flags |= model::kNodeFail; break;
    case NodeVerb::down: node.state = model::NodeState::down; break;
    case NodeVerb::undrain:
      clear(model::kNodeDrain);
      if (node.state != model::NodeState::down) up_again();
      break;
    case NodeVerb::resume:
      clear(model::kNodeDrain | model::kNodeFail | model::kNodeInvalidRegistration);
      up_again();
      break;
    case NodeVerb::idle: up_again(); break;
  }
  refresh_use(index);
  refresh_available(index);
  if (event.verb == NodeVerb::down) lose_jobs(index);
}

// A partition as a whole. Jobs are looked at again only if its limits, access or state changed.
void Cluster::State::on(const UpdatePartition& event) {
  const model::Partition& wanted = event.partition;
  const PartitionIndex index = wanted.index;
  if (index.value >= partitions.size() || partitions[index.value]->name != wanted.name) {
    turn.changes.outcome = fail(ErrorCode::invalid_partition);
    return;
  }
  if (Status valid = check_partition(wanted); !valid) {
    turn.changes.outcome = valid;
    return;
  }
  const model::Partition before = *partitions[index.value];
  edit_partition(index) = wanted;
  if (wanted.is_default) {
    for (PartitionIndex other; other.value < partitions.size(); ++other.value) {
      if (other != index && partitions[other.value]->is_default) {
        edit_partition(other).is_default = false;
      }
    }
  }
  if (before.nodes != wanted.nodes) {
    list_partitions();
    turn.tend_reservations = true;
  }
  fill_partition(edit_partition(index));
  publish_partitions();
  if (!same_rules(before, wanted)) reconsider_waiting();
}

Status Cluster::State::check_partition(const model::Partition& partition) const {
  if (!partition.qos.empty() && tree->qos(partition.qos) == nullptr) {
    return fail(ErrorCode::invalid_qos);
  }
  if (partition.nodes.view() == "ALL") return {};
  const Result<std::vector<std::string>> hosts = base::parse_hosts(partition.nodes);
  if (!hosts) return tl::unexpected(hosts.error());
  for (const std::string& name : *hosts) {
    if (!node_names.contains(name)) return fail(ErrorCode::invalid_node_name);
  }
  return {};
}

// Every waiting job: what administrators change may let it through or keep it back. The planner's
// candidates name the partitions that take them, so they are made anew.
void Cluster::State::reconsider_waiting() {
  for (auto& [id, entry] : jobs) {
    if (entry.job->state != model::JobState::pending) continue;
    unqueue(id);
    turn.unsettled.insert(id);
  }
}

void Cluster::State::publish_partitions() {
  std::vector<model::Partition> all;
  for (const model::PartitionPtr& partition : partitions) all.push_back(*partition);
  pool.set_partitions(all);
  plan_needed = true;
}

// Which partitions each node is of, as its record shows it.
void Cluster::State::list_partitions() {
  std::vector<std::string> lists(nodes.size());
  for (const model::PartitionPtr& partition : partitions) {
    for (const std::uint32_t node : nodes_of(*partition)) {
      if (!lists[node].empty()) lists[node] += ',';
      lists[node] += partition->name.view();
    }
  }
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    if (nodes[n].record->partitions.view() == lists[n]) continue;
    edit_node(NodeIndex(n)).partitions = lists[n];
  }
}

std::vector<std::uint32_t> Cluster::State::nodes_of(const model::Partition& partition) const {
  std::set<std::uint32_t> members;
  if (partition.nodes.view() == "ALL") {
    for (std::uint32_t n = 0; n < nodes.size(); ++n) members.insert(n);
  } else if (const auto hosts = base::parse_hosts(partition.nodes)) {
    for (const std::string& name : *hosts) {
      const auto node = node_names.find(name);
      if (node != node_names.end()) members.insert(node->second);
    }
  }
  return {members.begin(), members.end()};
}

void Cluster::State::fill_partition(model::Partition& partition) {
  partition.total_nodes = 0;
  partition.total_cpus = 0;
  std::uint64_t memory = 0;
  for (const std::uint32_t node : nodes_of(partition)) {
    ++partition.total_nodes;
    partition.total_cpus += nodes[node].record->facts.cpus();
    memory += nodes[node].record->facts.memory;
  }
  partition_memory[partition.index.value] = memory;
  partition.tres = tres_text(partition, memory);
}

}  // namespace sluice::core
