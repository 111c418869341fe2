// Placement: which nodes, CPUs, memory and GRES of its job a step gets. Pure.
//
// As Slurm: a step gets all CPUs of its nodes, or with --exact (which -c implies) only those it
// asks for; steps don't share CPUs unless --overlap. Memory and GRES count only where they were
// asked for: a step that asks for none sees all that the job has. What can never be is refused at
// once; what only other steps stand in the way of must wait.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bitmap.hpp"
#include "base/result.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step_spec.hpp"
#include "wire/step_messages.hpp"

namespace sluice::worker {

// What running steps hold of one of the job's nodes, by the job's order of nodes.
struct NodeUse {
  base::Bitmap cpus;
  std::uint64_t memory = 0;
  std::vector<model::GresShare> gres;
};

struct PlacementInput {
  const model::Job& job;
  const model::StepSpec& spec;
  const std::vector<NodeUse>& used;
  std::uint32_t threads_per_core = 1;  // of the job's nodes
  std::uint32_t sockets = 1;
  std::vector<model::NodeGres> gres = {};  // devices of such a node, for their links
};

// Adds what a step holds. Steps that overlap hold nothing.
void add_use(std::vector<NodeUse>& used, const model::Job& job, const model::StepSpec& spec,
             const wire::StepLayout& layout);
[[nodiscard]] std::vector<NodeUse> no_use(const model::Job& job);

// The layout without a step number. nodes_busy: other steps are in the way; every other error is
// final, in Slurm's words.
[[nodiscard]] Result<wire::StepLayout> place_step(const PlacementInput& input);

// The tasks that a step has if it doesn't say.
[[nodiscard]] std::uint32_t tasks_of(const model::Job& job, const model::StepSpec& spec,
                                     std::uint32_t nodes);

}  // namespace sluice::worker
