// Placement: which nodes a job gets, and how many tasks on each.
//
// The rule: nodes of low weight first; as few nodes as suffice (with -N min-max as many as the
// range allows, with --spread-job as many as can be had); of those, where a topology is known,
// nodes that stand close together (topology_choice.hpp); among nodes that serve equally well the
// one with the fewest idle cores (best fit; in LLN partitions the least loaded), then the first in
// the node table. With --contiguous only neighbours, the first run that suffices. Of --prefer and
// of alternatives ([a|b]) the first that can be had now. A job that is done before a reservation
// begins prefers nodes that are reserved; a reservation prefers nodes that are busy now: both leave
// to others what can be used without limit. The last node is the one that the remaining tasks fit
// most tightly. Where any accelerator will do, nodes that have the same kind come before a mixture.
// How tasks and CPUs are dealt to the nodes: task_layout.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/eligibility.hpp"
#include "core/outlook.hpp"

namespace sluice::core {

struct Chosen {
  std::uint32_t node = 0;
  std::uint32_t tasks = 0;      // planned here
  std::uint32_t sized_for = 1;  // tasks that the resources are made for (at least 1)
  std::array<std::uint64_t, kMaxJobGres> job_gres{};
};

struct Selection {
  std::vector<Chosen> nodes;  // in node-table order
  GresKind accelerator;       // what any accelerator means on all of them; none: each its own
};

// Empty if the demand doesn't fit as the outlook has it.
[[nodiscard]] std::optional<Selection> choose_nodes(const Demand& demand,
                                                    const Eligibility& eligibility,
                                                    const Outlook& outlook);

}  // namespace sluice::core
