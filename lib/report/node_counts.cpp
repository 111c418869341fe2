// See node_counts.hpp.
#include "report/node_counts.hpp"

#include <algorithm>

#include "model/reserved_cpus.hpp"

namespace sluice::report {

namespace {

bool is_usable(const model::Node& node) {
  constexpr std::uint32_t kOut = model::kNodeDrain | model::kNodeFail | model::kNodeNoRespond |
                                 model::kNodeInvalidRegistration;
  const bool up = node.state == model::NodeState::idle ||
                  node.state == model::NodeState::allocated ||
                  node.state == model::NodeState::mixed;
  return up && (node.flags & kOut) == 0;
}

}  // namespace

Tally count_nodes(const NodeGroup& group) {
  Tally tally;
  for (const model::Node* node : group.nodes) {
    const bool busy = node->state == model::NodeState::allocated ||
                      node->state == model::NodeState::mixed ||
                      (node->flags & model::kNodeCompleting) != 0;
    if (busy) {
      ++tally.allocated;
    } else if (is_usable(*node)) {
      ++tally.idle;
    } else {
      ++tally.other;
    }
  }
  return tally;
}

Tally count_cpus(const NodeGroup& group) {
  Tally tally;
  for (const model::Node* node : group.nodes) {
    const std::uint64_t all = node->facts.cpus();
    // As in Slurm, what is kept for the system counts as allocated.
    const std::uint64_t kept = all - model::job_cpus(node->facts);
    const std::uint64_t used = std::min<std::uint64_t>(node->allocated_cpus + kept, all);
    tally.allocated += used;
    (is_usable(*node) ? tally.idle : tally.other) += all - used;
  }
  return tally;
}

}  // namespace sluice::report
