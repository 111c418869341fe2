// scontrol reconfigure: all or nothing. If nodes and partitions stay, only the numbers change. Else
// the tables are built anew from the records, as after a restart, and what the nodes have told
// since is carried over. Administrators' marks on nodes stay; partitions take what the new
// configuration says, except for their state.
#include <algorithm>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "core/billing.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

bool same_nodes(const Settings& a, const Settings& b) {
  return std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(),
                    [](const NodeSetting& x, const NodeSetting& y) {
                      return x.name == y.name && x.address == y.address && x.facts == y.facts &&
                             x.facts_fixed == y.facts_fixed && x.features == y.features &&
                             x.weight == y.weight;
                    });
}

}  // namespace

void Cluster::State::on(const Configure& event) {
  const SettingsPtr old = settings;
  if (same_nodes(*old, *event.settings) && old->topology == event.settings->topology &&
      old->partitions == event.settings->partitions) {
    settings = event.settings;
    extend_tres();
    planner.configure(settings);
    gate_licenses();
    reservations_moved = true;
    turn.tend_reservations = true;
    plan_needed = true;
    reconsider_waiting();
    return;
  }
  if (Status possible = check_configuration(*event.settings); !possible) {
    turn.changes.outcome = possible;
    return;
  }
  StoredState kept;
  kept.next_job_id = next_job_id;
  kept.accounts = tree->pointer();
  kept.usage = policies->usage.all();
  for (const auto& [id, entry] : jobs) kept.jobs.push_back(entry.job);
  for (const NodeInfo& node : nodes) kept.nodes.push_back(node.record);
  for (const auto& [key, step] : steps) kept.steps.push_back(step);
  kept.released = released();
  for (const auto& [id, entry] : reservations.all()) kept.reservations.push_back(entry.record);

  if (money != nullptr) {
    kept.books = std::make_shared<const ledger::BooksState>(money->books().state());
  }

  State next(event.settings, kept, turn.now);
  next.begin(turn.now);
  if (money != nullptr) next.money->take_books(*money);
  next.take_over(*this);
  *this = std::move(next);
}

// What lives in memory only: which nodes answer, which launches they confirmed.
void Cluster::State::take_over(const State& from) {
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {  // all go out, new ones as well
    edit_node(NodeIndex(n));
    turn.nodes.at(n).before = std::make_shared<const model::Node>();
  }
  for (const NodeInfo& old : from.nodes) {
    const auto found = node_names.find(old.record->name.view());
    if (found == node_names.end()) continue;
    const NodeIndex index(found->second);
    model::Node& node = edit_node(index);
    const NodeSetting& setting = settings->nodes[index.value];
    node.weight = setting.weight;
    if (!setting.features.empty()) node.features = setting.features;
    pool.set_weight(index, node.weight);
    pool.set_features(index, node.features);
    node.flags = (node.flags & ~static_cast<std::uint32_t>(model::kNodeNoRespond)) |
                 (old.record->flags & model::kNodeNoRespond);
    if (node.state != model::NodeState::down) node.state = old.record->state;
    nodes[index.value].strangers = old.strangers;
    refresh_use(index);
    refresh_available(index);
  }
  for (const auto& [id, old] : from.active) {
    Active& held = active.at(id);
    old.nodes.for_each([&](NodeIndex node) {
      if (!old.nodes.is_prepared(node)) return;
      const auto found = node_names.find(from.nodes[node.value].record->name.view());
      if (found != node_names.end()) held.nodes.note_prepared(NodeIndex(found->second));
    });
    held.step_out_of_memory = old.step_out_of_memory;
    held.ended_steps = old.ended_steps;
  }
  for (PartitionIndex p; p.value < partitions.size(); ++p.value) {
    model::Partition& partition = edit_partition(p);
    for (const model::PartitionPtr& old : from.partitions) {
      const bool by_hand = old->index.value < from.settings->partitions.size() &&
                           from.settings->partitions[old->index.value].state != old->state;
      if (old->name == partition.name && by_hand) partition.state = old->state;
    }
  }
  publish_partitions();
  review_restored();
  settle();
  for (const auto& [id, entry] : jobs) {
    // Records in which a node has another index now.
    const model::Job* before = from.find(id);
    if (turn.jobs.contains(id) || before == nullptr || *before == *entry.job) continue;
    if (before->allocation != nullptr && *before->allocation != *entry.job->allocation) {
      turn.jobs.emplace(id, JobEdit{std::make_shared<model::Job>(*entry.job), nullptr, {}});
    }
  }
  publish_edits();
}

// New records must be the ones in the table.
void Cluster::State::publish_edits() {
  for (auto& [id, edit] : turn.jobs) {
    jobs.at(id).job = edit.fresh;
    if (edit.before != nullptr) continue;
    edit.counted = tally_of(*edit.fresh);
    edit.claimed = claim_of(*edit.fresh);
  }
}

Status Cluster::State::check_configuration(const Settings& wanted) const {
  std::set<Text> hosts;
  for (const NodeSetting& node : wanted.nodes) {
    if (!hosts.insert(node.name).second) {
      return fail(ErrorCode::invalid_argument, "node " + node.name.str() + " is configured twice");
    }
  }
  for (const NodeInfo& node : nodes) {
    if (hosts.contains(node.record->name) || node.jobs.empty()) continue;
    return fail(ErrorCode::busy,
                "node " + node.record->name.str() + " can not be removed: it has jobs");
  }
  std::set<Text> kept;
  for (const model::Partition& partition : wanted.partitions) {
    kept.insert(partition.name);
    const Result<std::vector<std::string>> members = partition.nodes.view() == "ALL"
                                                         ? std::vector<std::string>{}
                                                         : base::parse_hosts(partition.nodes);
    if (!members) return tl::unexpected(members.error());
    for (const std::string& name : *members) {
      if (hosts.contains(Text(name))) continue;
      return fail(ErrorCode::invalid_node_name,
                  "partition " + partition.name.str() + " names an unknown node " + name);
    }
  }
  for (const auto& [id, entry] : jobs) {
    if (model::is_finished(entry.job->state) && !is_completing(*entry.job)) continue;
    for (const std::string_view name : base::split_nonempty(entry.job->partition, ',')) {
      if (kept.contains(Text(name))) continue;
      return fail(ErrorCode::busy,
                  "partition " + std::string(name) + " can not be removed: it has jobs");
    }
  }
  return {};
}

}  // namespace sluice::core
