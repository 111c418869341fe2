// What nodes report about themselves, and what that means for the jobs on them.
//
// A node's use (idle, mixed, allocated) always follows from what jobs hold of it; its marks (down,
// drain, not responding) come from here and from administrators. New jobs start only on nodes
// without any mark.
#include <algorithm>
#include <set>

#include "core/cluster_state.hpp"
#include "core/node_facts.hpp"
#include "model/reserved_cpus.hpp"

namespace sluice::core {

namespace {

constexpr std::string_view kNotResponding = "Not responding";
constexpr std::string_view kRebooted = "Node unexpectedly rebooted";

bool is_usable_state(model::NodeState state) {
  return state != model::NodeState::down && state != model::NodeState::unknown &&
         state != model::NodeState::future;
}

void set_down(model::Node& node, std::string_view reason, Now now) {
  node.state = model::NodeState::down;
  node.reason = reason;
  node.reason_uid = 0;
  node.reason_time = now.wall;
}

void clear_reason(model::Node& node) {
  node.reason = Text();
  node.reason_uid = 0;
  node.reason_time = 0;
}

}  // namespace

bool Cluster::State::known_node(NodeIndex node) {
  if (node.value < nodes.size()) return true;
  turn.changes.outcome = fail(ErrorCode::invalid_node_name);
  return false;
}

void Cluster::State::refresh_use(NodeIndex index) {
  const NodeInfo& info = nodes[index.value];
  const NodeUse use = pool.use(index);
  model::Node& node = edit_node(index);
  node.allocated_cpus = use.cpus;
  node.allocated_memory = use.memory;
  node.gres_used = gres_text(node.facts, use.gres);
  const auto completing = static_cast<std::uint32_t>(model::kNodeCompleting);
  const bool busy = info.completing != 0 || !info.strangers.empty();
  node.flags = busy ? node.flags | completing : node.flags & ~completing;
  if (!is_usable_state(node.state)) return;
  if (info.jobs.size() == info.completing) {
    if (node.state != model::NodeState::idle) node.last_busy = turn.now.wall;
    node.state = model::NodeState::idle;
  } else if (use.cpus >= model::job_cpus(node.facts)) {
    node.state = model::NodeState::allocated;
  } else {
    node.state = model::NodeState::mixed;
  }
}

void Cluster::State::refresh_available(NodeIndex index) {
  constexpr std::uint32_t kMarks = model::kNodeDrain | model::kNodeFail | model::kNodeNoRespond |
                                   model::kNodeInvalidRegistration;
  const model::Node& node = *nodes[index.value].record;
  pool.set_available(index, is_usable_state(node.state) && (node.flags & kMarks) == 0 &&
                                nodes[index.value].strangers.empty());
  plan_needed = true;
  if (!reservations.empty()) turn.tend_reservations = true;  // some may want others
}

void Cluster::State::drain(NodeIndex index, const Text& reason, std::uint32_t uid) {
  model::Node& node = edit_node(index);
  if ((node.flags & model::kNodeDrain) == 0 || node.reason.empty()) {
    node.reason = reason;
    node.reason_uid = uid;
    node.reason_time = turn.now.wall;
  }
  node.flags |= model::kNodeDrain;
  refresh_available(index);
}

void Cluster::State::on(const NodeRegistered& event) {
  if (!known_node(event.node)) return;
  const NodeSetting& setting = settings->nodes[event.node.value];
  model::Node& node = edit_node(event.node);
  const bool rebooted = !node.facts.boot_id.empty() && !event.facts.boot_id.empty() &&
                        node.facts.boot_id != event.facts.boot_id;
  const bool was_silent = (node.flags & model::kNodeNoRespond) != 0;
  const std::vector<model::NodeGres> known_gres = node.facts.gres;
  model::NodeFacts facts = effective_facts(setting, event.facts);
  if (!rebooted) keep_faults(known_gres, facts);
  learn_facts(event.node, std::move(facts));
  node.flags &= ~static_cast<std::uint32_t>(model::kNodeNoRespond);

  compare_holds(event, rebooted);
  treat_faults(event.node, known_gres);
  const std::string lacks = settings->config_overrides ? "" : shortfall(setting, event.facts);
  const std::uint32_t service = settings->return_to_service;
  if (!lacks.empty()) {
    node.flags |= model::kNodeInvalidRegistration;
    drain(event.node, lacks, 0);
  } else if ((node.flags & model::kNodeInvalidRegistration) != 0) {
    node.flags &= ~static_cast<std::uint32_t>(model::kNodeInvalidRegistration);
  }
  if (node.state == model::NodeState::down) {
    const bool back = service >= 2 || (service == 1 && node.reason.view() == kNotResponding);
    if (back && lacks.empty()) {
      node.state = model::NodeState::idle;
      if ((node.flags & model::kNodeDrain) == 0) clear_reason(node);
    }
  } else if (rebooted && !was_silent && service < 2) {
    set_down(node, kRebooted, turn.now);
  } else if (node.state == model::NodeState::unknown) {
    node.state = model::NodeState::idle;
  }
  refresh_use(event.node);
  refresh_available(event.node);
}

// New facts in force. Totals of the partitions follow by the difference.
void Cluster::State::learn_facts(NodeIndex index, model::NodeFacts facts) {
  model::Node& node = edit_node(index);
  NodeInfo& info = nodes[index.value];
  if (!info.facts_known) --unknown_nodes;
  info.facts_known = true;
  const NodeSetting& setting = settings->nodes[index.value];
  const Text features = setting.features.empty() ? facts.features : setting.features;
  if (node.features.empty() && !features.empty()) {
    node.features = features;
    pool.set_features(index, features);
  }
  const model::NodeFacts before = node.facts;
  node.facts = std::move(facts);
  pool.set_facts(index, node.facts);
  if (before.cpus() == node.facts.cpus() && before.memory == node.facts.memory) return;
  for (PartitionIndex p; p.value < partitions.size(); ++p.value) {
    if (!lists_partition(node, *partitions[p.value])) continue;
    model::Partition& partition = edit_partition(p);
    partition.total_cpus += node.facts.cpus() - before.cpus();
    partition_memory[p.value] += node.facts.memory - before.memory;
    partition.tres = tres_text(partition, partition_memory[p.value]);
  }
}

// The node tells what it has; what it should have and what it should not have differ from that.
void Cluster::State::compare_holds(const NodeRegistered& event, bool rebooted) {
  const std::set<Attempt> holds(event.holds.begin(), event.holds.end());
  const std::set<JobId> expected = nodes[event.node.value].jobs;
  still_again(event.node, holds);
  for (const JobId id : expected) {
    const model::Job& now = job(id);
    Active& held = active.at(id);
    const bool prepared = held.nodes.is_prepared(event.node);
    const Attempt attempt{now.uid, now.attempt};
    if (holds.contains(attempt)) {
      if (is_completing(now)) {
        turn.changes.orders.emplace_back(
            TerminateJob{attempt, id, event.node, settings->kill_wait_s, now.state});
      } else {
        on(JobPrepared{attempt, event.node, true, {}});
      }
    } else if (is_completing(now)) {
      release_node(id, event.node);
    } else if (prepared || (rebooted && now.start < event.facts.boot_time)) {
      lose_node(id, event.node);
    } else {
      // Its launch never arrived. A node that did see it refuses, and reports what became of it.
      turn.changes.orders.emplace_back(LaunchJob{jobs.at(id).job, event.node});
      if (now.state == model::JobState::suspended) {
        turn.changes.orders.emplace_back(SuspendJob{attempt, id, event.node});
      }
    }
  }
  std::set<Attempt>& strangers = nodes[event.node.value].strangers;
  strangers.clear();
  for (const Attempt& attempt : holds) {
    const std::optional<JobId> id = attempt_job(attempt);
    if (id && active.at(*id).holds(event.node)) continue;
    strangers.insert(attempt);
    turn.changes.orders.emplace_back(
        TerminateJob{attempt, id.value_or(JobId()), event.node, 0, model::JobState::cancelled});
  }
}

// Orders to stand still or to go on may be lost with a connection. They come before all others:
// what is launched may be meant for the CPUs of those who have to stand still.
void Cluster::State::still_again(NodeIndex node, const std::set<Attempt>& holds) {
  for (const bool still : {true, false}) {
    for (const JobId id : nodes[node.value].jobs) {
      const model::Job& now = job(id);
      const Attempt attempt{now.uid, now.attempt};
      if (is_completing(now) || !holds.contains(attempt)) continue;
      const bool asleep = now.state == model::JobState::suspended;
      if (still && asleep) turn.changes.orders.emplace_back(SuspendJob{attempt, id, node});
      if (still || asleep || now.suspended_us == 0) continue;
      turn.changes.orders.emplace_back(ResumeJob{attempt, id, node});
    }
  }
}

void Cluster::State::on(const NodeSilent& event) {
  if (!known_node(event.node)) return;
  edit_node(event.node).flags |= model::kNodeNoRespond;
  refresh_available(event.node);
}

void Cluster::State::on(const NodeLost& event) {
  if (!known_node(event.node)) return;
  model::Node& node = edit_node(event.node);
  node.flags |= model::kNodeNoRespond;
  if (node.state != model::NodeState::down) {
    const bool keeps_reason = (node.flags & model::kNodeDrain) != 0 && !node.reason.empty();
    if (keeps_reason) {
      node.state = model::NodeState::down;
    } else {
      set_down(node, kNotResponding, turn.now);
    }
  }
  refresh_available(event.node);
  lose_jobs(event.node);
}

void Cluster::State::lose_jobs(NodeIndex node) {
  const std::set<JobId> lost = nodes[node.value].jobs;
  for (const JobId id : lost) {
    estrange(node, id);
    lose_node(id, node);
  }
  refresh_use(node);
  refresh_available(node);
}

// The job is about to be taken from the node, which has not said that nothing of it is left.
void Cluster::State::estrange(NodeIndex index, JobId id) {
  const model::Job& leaving = job(id);
  const Attempt attempt{leaving.uid, leaving.attempt};
  NodeInfo& info = nodes[index.value];
  info.strangers.insert(attempt);
  if ((info.record->flags & model::kNodeNoRespond) != 0) return;  // told when it comes back
  turn.changes.orders.emplace_back(TerminateJob{attempt, id, index, 0, model::JobState::node_fail});
}

bool Cluster::State::stranger_left(NodeIndex index, const Attempt& attempt) {
  if (nodes[index.value].strangers.erase(attempt) == 0) return false;
  refresh_use(index);
  refresh_available(index);
  return true;
}

void Cluster::State::on(const NodeLoad& event) {
  if (!known_node(event.node)) return;
  model::Node& node = edit_node(event.node);
  node.cpu_load = event.cpu_load;
  node.free_memory = event.free_memory;
}

void Cluster::State::on(const NodeFault& event) {
  if (!known_node(event.node)) return;
  drain(event.node, event.reason, 0);
}

}  // namespace sluice::core
