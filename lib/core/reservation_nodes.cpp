// Which nodes and cores a reservation gets, and how it gets others in their place.
//
// Nodes that are named must be there for it; of those that are only counted, the ones with the
// least weight are taken, idle ones first. A node is not to be had while another reservation has
// it, unless one of the two is above others (MAINT, OVERLAP), nor while jobs run there that will
// not have ended by the start, unless they are to be ignored.
#include <algorithm>
#include <set>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "core/cluster_state.hpp"
#include "core/constraint.hpp"

namespace sluice::core {

namespace {

using Part = StandingReservation::Part;

tl::unexpected<Error> busy() { return fail(ErrorCode::nodes_busy, "Requested nodes are busy"); }
tl::unexpected<Error> overlaps() {
  return fail(ErrorCode::busy, "Requested reservation overlaps with another reservation");
}

std::uint32_t cores_of(const model::Node& node) {
  return node.facts.sockets * node.facts.cores_per_socket;
}

bool usable(const model::Node& node) {
  constexpr std::uint32_t kAway = model::kNodeDrain | model::kNodeFail | model::kNodeNoRespond |
                                  model::kNodeInvalidRegistration;
  return node.state != model::NodeState::down && node.state != model::NodeState::unknown &&
         node.state != model::NodeState::future && (node.flags & kAway) == 0;
}

// After a restart a node has yet to say that it is there: until it is found to be down, it stays
// where it was.
bool is_gone(const model::Node& node) {
  constexpr std::uint32_t kAway =
      model::kNodeDrain | model::kNodeFail | model::kNodeInvalidRegistration;
  const bool unheard = node.state == model::NodeState::unknown && (node.flags & kAway) == 0;
  return !unheard && !usable(node);
}

bool has_features(const model::Node& node, const Constraint& wanted) {
  if (wanted.empty()) return true;
  std::vector<std::string> features;
  for (const std::string_view feature : base::split_nonempty(node.features, ',')) {
    features.emplace_back(feature);
  }
  std::sort(features.begin(), features.end());
  return wanted.allows(features);
}

// How many cores each of so many nodes is to give; empty: whole nodes. Fails if that is not clear.
Result<std::vector<std::uint32_t>> cores_by_node(const std::vector<std::uint32_t>& asked,
                                                 std::size_t nodes) {
  if (asked.empty() || asked.size() == nodes) return asked;
  const bool even = asked.size() == 1 && nodes != 0 && asked.front() >= nodes;
  if (!even) {
    return fail(ErrorCode::invalid_argument,
                "Core count for reservation node list is not consistent!");
  }
  std::vector<std::uint32_t> each(nodes, asked.front() / static_cast<std::uint32_t>(nodes));
  for (std::size_t n = 0; n < asked.front() % nodes; ++n) ++each[n];
  return each;
}

struct Choice {
  std::uint32_t node = 0;
  std::uint32_t weight = 0;
  ReservableNode what;
  bool kept = false;
};

// Cores wherever there are some.
Result<std::vector<Part>> take_cores(const std::vector<Choice>& choices, std::uint32_t wanted) {
  std::vector<Part> parts;
  for (const Choice& choice : choices) {
    const std::uint32_t given = std::min(wanted, choice.what.free);
    if (given != 0) parts.push_back({choice.node, given});
    wanted -= given;
  }
  if (wanted != 0) return busy();
  return parts;
}

Result<std::vector<Part>> take_nodes(const std::vector<Choice>& choices, std::uint32_t count,
                                     const std::vector<std::uint32_t>& cores) {
  const Result<std::vector<std::uint32_t>> each = cores_by_node(cores, count);
  if (!each) return tl::unexpected(each.error());
  std::vector<Part> parts;
  for (const Choice& choice : choices) {
    if (parts.size() == count) break;
    const std::uint32_t need = each->empty() ? 0 : (*each)[parts.size()];
    const bool whole_free = !choice.what.reserved && !choice.what.busy;
    const bool part_free = choice.what.free >= need && choice.what.cores >= need;
    if (need == 0 ? whole_free : part_free) parts.push_back({choice.node, need});
  }
  if (parts.size() < count) return busy();
  return parts;
}

}  // namespace

ReservableNode Cluster::State::reservable(const model::Reservation& wanted,
                                          std::uint32_t index) const {
  const NodeInfo& info = nodes[index];
  ReservableNode found{.cores = cores_of(*info.record)};
  found.free = found.cores;
  for (const auto& [id, entry] : reservations.all()) {
    const bool apart = id == wanted.id || stands_above(wanted) || stands_above(*entry.record) ||
                       index >= entry.nodes.size() || !entry.nodes.test(index);
    if (apart || !meet_in_time(wanted, *entry.record, settings->clock)) continue;
    for (const Part& part : entry.parts) {
      if (part.node != index) continue;
      found.reserved = true;
      found.free -= part.cores == 0 ? found.free : std::min(found.free, part.cores);
    }
  }
  found.has_jobs = !info.jobs.empty();
  if (has_flag(wanted, model::kResvIgnoreJobs)) return found;
  const std::int64_t start_ms =
      turn.now.mono_ms + std::max<model::WallTime>(0, wanted.start - turn.now.wall) / 1000;
  for (const JobId id : info.jobs) {
    const model::Job& running = job(id);
    const bool over = active.at(id).limit_ms <= start_ms;
    if (over || (!wanted.name.empty() && running.reservation == wanted.name)) continue;
    found.busy = true;
    for (const model::NodeShare& share : running.allocation->shares) {
      if (share.node.value != index) continue;
      const std::uint32_t threads = std::max(1U, info.record->facts.threads_per_core);
      const std::uint32_t held = (share.cpu_count + threads - 1) / threads;
      found.free -= std::min(found.free, held);
    }
  }
  return found;
}

Status Cluster::State::check_named(const model::Reservation& wanted,
                                   const std::vector<Part>& parts) const {
  for (const Part& part : parts) {
    const ReservableNode node = reservable(wanted, part.node);
    if (part.cores > node.cores) return busy();
    const std::uint32_t need = part.cores == 0 ? node.cores : part.cores;
    if (part.cores == 0 ? node.reserved : (node.reserved && node.free < need)) return overlaps();
    if (part.cores == 0 ? node.busy : node.free < need) return busy();
  }
  return {};
}

// Nodes for counted requests, best first.
Result<std::vector<std::uint32_t>> Cluster::State::reservable_nodes(
    const model::Reservation& wanted) const {
  const Result<Constraint> constraint = Constraint::parse(wanted.features);
  if (!constraint) return tl::unexpected(constraint.error());
  const model::Partition* from = nullptr;
  for (const model::PartitionPtr& partition : partitions) {
    const bool is_it =
        wanted.partition.empty() ? partition->is_default : partition->name == wanted.partition;
    if (is_it && from == nullptr) from = partition.get();
  }
  if (from == nullptr) return fail(ErrorCode::default_partition_missing);
  std::vector<std::uint32_t> found = nodes_of(*from);
  bool known = constraint->empty();
  std::erase_if(found, [&](std::uint32_t node) {
    const bool matches = has_features(*nodes[node].record, *constraint);
    known = known || matches;
    return !matches;
  });
  if (!known) return fail(ErrorCode::invalid_feature, "Invalid feature specification");
  return found;
}

// So many nodes (or cores, or both), of those that can be had; `kept` come first.
Result<std::vector<Part>> Cluster::State::pick_counted(const model::Reservation& wanted,
                                                       std::uint32_t count,
                                                       const std::vector<std::uint32_t>& cores,
                                                       const std::vector<std::uint32_t>& kept) {
  Result<std::vector<std::uint32_t>> from = reservable_nodes(wanted);
  if (!from) return tl::unexpected(from.error());
  std::vector<Choice> choices;
  for (const std::uint32_t node : *from) {
    const bool is_kept = std::find(kept.begin(), kept.end(), node) != kept.end();
    if (!usable(*nodes[node].record) && !is_kept) continue;
    choices.push_back({node, nodes[node].record->weight, reservable(wanted, node), is_kept});
  }
  std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return std::tuple(!a.kept, a.what.has_jobs, a.weight) <
           std::tuple(!b.kept, b.what.has_jobs, b.weight);
  });
  Result<std::vector<Part>> parts = count == 0
                                        ? take_cores(choices, cores.empty() ? 0 : cores.front())
                                        : take_nodes(choices, count, cores);
  if (!parts) return parts;
  std::sort(parts->begin(), parts->end(),
            [](const Part& a, const Part& b) { return a.node < b.node; });
  return parts;
}

// The nodes that a patch names, by index.
Result<std::vector<std::uint32_t>> Cluster::State::named_nodes(
    const model::Reservation& made, const model::ReservationPatch& patch) const {
  std::set<std::uint32_t> named;
  if (base::iequals(patch.nodes->view(), "ALL")) {
    if (!made.partition.empty()) {
      const Result<std::vector<std::uint32_t>> all = reservable_nodes(made);
      if (!all) return tl::unexpected(all.error());
      return *all;
    }
    for (std::uint32_t n = 0; n < nodes.size(); ++n) named.insert(n);
    return std::vector<std::uint32_t>(named.begin(), named.end());
  }
  if (patch.nodes_mode != 0) {
    for (const model::ReservedNode& part : made.parts) {
      const auto node = node_names.find(part.name.view());
      if (node != node_names.end()) named.insert(node->second);
    }
  }
  const auto wrong = [] {
    return fail(ErrorCode::invalid_node_name, "Invalid node name specified");
  };
  const Result<std::vector<std::string>> hosts = base::parse_hosts(*patch.nodes);
  if (!hosts || hosts->empty()) return wrong();
  for (const std::string& name : *hosts) {
    const auto node = node_names.find(name);
    if (node == node_names.end()) return wrong();
    if (patch.nodes_mode == 2) {
      named.erase(node->second);
    } else {
      named.insert(node->second);
    }
  }
  if (named.empty()) return wrong();
  return std::vector<std::uint32_t>(named.begin(), named.end());
}

Status Cluster::State::arrange_nodes(model::Reservation& made, const model::ReservationPatch& patch,
                                     const model::Reservation* before) {
  const bool by_name = patch.nodes && !patch.nodes->empty();
  const bool replaces = (made.flags & (model::kResvReplace | model::kResvReplaceDown)) != 0;
  if (by_name && replaces) return fail(ErrorCode::invalid_node_name, "Invalid node name specified");
  if (has_flag(made, model::kResvPartNodes) && made.partition.empty()) {
    return fail(ErrorCode::invalid_partition, "Invalid partition name specified");
  }
  const bool emptied = patch.nodes && patch.nodes->empty();
  const bool by_count =
      patch.node_count.value_or(0) != 0 || (!by_name && !patch.core_counts.empty()) || emptied;
  const bool same_nodes = before != nullptr && !patch.partition && !patch.features;
  Result<ReservedParts> parts = ReservedParts{};
  if (by_count) {
    parts = parts_by_count(made, patch);
  } else if (by_name) {
    parts = parts_by_name(made, patch);
  } else if (same_nodes) {
    parts = present_parts(made);
  } else if (!made.partition.empty() || !made.features.empty()) {
    const Result<std::vector<std::uint32_t>> all = reservable_nodes(made);
    if (!all) return tl::unexpected(all.error());
    for (const std::uint32_t node : *all) parts->push_back({node, 0});
    made.wanted_nodes = static_cast<std::uint32_t>(parts->size());
  } else if (made.licenses.empty()) {
    return fail(ErrorCode::invalid_node_name, "Invalid node name specified");
  } else if (!has_flag(made, model::kResvAnyNodes)) {
    return fail(ErrorCode::invalid_licenses);
  }
  if (!parts) return tl::unexpected(parts.error());
  if (Status free = check_named(made, *parts); !free) return free;
  const bool counted = !has_flag(made, model::kResvSpecNodes) && !parts->empty();
  if (counted && made.partition.empty()) {
    for (const model::PartitionPtr& partition : partitions) {
      if (partition->is_default) made.partition = partition->name;
    }
  }
  set_parts(made, *parts);
  return {};
}

std::vector<Part> Cluster::State::present_parts(const model::Reservation& made) const {
  std::vector<Part> parts;
  for (const model::ReservedNode& part : made.parts) {
    const auto node = node_names.find(part.name.view());
    if (node != node_names.end()) parts.push_back({node->second, part.cores});
  }
  return parts;
}

Result<std::vector<Part>> Cluster::State::parts_by_name(
    model::Reservation& made, const model::ReservationPatch& patch) const {
  const Result<std::vector<std::uint32_t>> named = named_nodes(made, patch);
  if (!named) return tl::unexpected(named.error());
  const auto each = cores_by_node(patch.core_counts, named->size());
  if (!each) return tl::unexpected(each.error());
  std::vector<Part> parts;
  for (std::size_t n = 0; n < named->size(); ++n) {
    parts.push_back({(*named)[n], each->empty() ? 0 : (*each)[n]});
  }
  made.flags |= model::kResvSpecNodes;
  made.wanted_nodes = 0;
  made.wanted_cores = 0;
  return parts;
}

// What it has already, or names, comes first; an emptied list is chosen anew.
Result<std::vector<Part>> Cluster::State::parts_by_count(model::Reservation& made,
                                                         const model::ReservationPatch& patch) {
  const bool emptied = patch.nodes && patch.nodes->empty();
  std::vector<std::uint32_t> kept;
  if (emptied) {
    made.flags &= ~static_cast<std::uint32_t>(model::kResvSpecNodes);
  } else if (patch.nodes) {
    const Result<std::vector<std::uint32_t>> named = named_nodes(made, patch);
    if (!named) return tl::unexpected(named.error());
    kept = *named;
  } else {
    for (const Part& part : present_parts(made)) kept.push_back(part.node);
  }
  const std::uint32_t count = patch.node_count.value_or(0);
  const std::uint32_t wanted = count == 0 && emptied ? made.node_count : count;
  Result<std::vector<Part>> picked = pick_counted(made, wanted, patch.core_counts, kept);
  if (!picked) return picked;
  made.wanted_nodes = wanted;
  made.wanted_cores = 0;
  for (const std::uint32_t cores : patch.core_counts) made.wanted_cores += cores;
  return picked;
}

// Names and totals.
void Cluster::State::set_parts(model::Reservation& made, const std::vector<Part>& parts) const {
  std::vector<std::string> hosts;
  made.parts.clear();
  made.core_count = 0;
  made.cpu_count = 0;
  for (const Part& part : parts) {
    const model::Node& node = *nodes[part.node].record;
    const std::uint32_t cores = part.cores == 0 ? cores_of(node) : part.cores;
    hosts.push_back(node.name.str());
    made.parts.push_back({node.name, part.cores});
    made.core_count += cores;
    made.cpu_count += cores * node.facts.threads_per_core;
  }
  made.node_count = static_cast<std::uint32_t>(parts.size());
  made.nodes = base::compress_sorted_hosts(std::move(hosts));
}

// Nodes that are down, or (REPLACE) taken by its jobs, make room for idle ones.
void Cluster::State::replenish(const ReservationEntry& entry) {
  const model::Reservation& now = *entry.record;
  constexpr std::uint32_t kFixed =
      model::kResvSpecNodes | model::kResvStatic | model::kResvMaint | model::kResvPartNodes;
  if ((now.flags & kFixed) != 0 || now.wanted_nodes == 0) return;
  const bool takes_idle = has_flag(now, model::kResvReplace);
  std::vector<Part> parts = entry.parts;
  const auto has = [&](std::uint32_t node) {
    return std::any_of(parts.begin(), parts.end(), [&](const Part& p) { return p.node == node; });
  };
  const Result<std::vector<std::uint32_t>> from = reservable_nodes(now);
  if (!from) return;
  bool changed = false;
  for (Part& part : parts) {
    const NodeInfo& info = nodes[part.node];
    if (!is_gone(*info.record) && !(takes_idle && !info.jobs.empty())) continue;
    for (const std::uint32_t node : *from) {
      if (has(node) || !usable(*nodes[node].record) || !nodes[node].jobs.empty()) continue;
      const ReservableNode what = reservable(now, node);
      if (what.reserved || what.busy || what.cores < part.cores) continue;
      part.node = node;
      changed = true;
      break;
    }
  }
  if (!changed) return;
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return a.node < b.node; });
  model::Reservation made = now;
  set_parts(made, parts);
  keep_reservation(std::move(made));
}

// PART_NODES: it has what its partition has.
void Cluster::State::follow_partition(const ReservationEntry& entry) {
  if (!has_flag(*entry.record, model::kResvPartNodes)) return;
  const Result<std::vector<std::uint32_t>> all = reservable_nodes(*entry.record);
  if (!all) return;
  const bool same = std::equal(all->begin(), all->end(), entry.parts.begin(), entry.parts.end(),
                               [](std::uint32_t node, const Part& p) { return node == p.node; });
  if (same) return;
  std::vector<Part> parts;
  for (const std::uint32_t node : *all) parts.push_back({node, 0});
  model::Reservation made = *entry.record;
  set_parts(made, parts);
  keep_reservation(std::move(made));
}

}  // namespace sluice::core
