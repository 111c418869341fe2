// Components: steps of heterogeneous jobs. The agent of the whole's first node makes the steps of
// all components, so a step over several of them is one step: one layout, one numbering of tasks
// and nodes, one tree, one MPI world. What differs by component is the job that a node belongs to
// (its CPUs, folder, cgroup) and what is run there: the step's portions say that. In accounting,
// each component has a step of its own, with the same number.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "daemon/worker/service/context.hpp"

namespace sluice::worker {

// A component by its place; null: there is none, or it has ended. A job that is not heterogeneous
// is its own component 0.
[[nodiscard]] const model::Job* component(const JobRun& job, std::uint32_t offset);

struct PlacedStep {
  wire::StepLayout layout;  // without a number
  std::vector<wire::StepPortion> portions;
};
// Places all parts of the request, each in its component. Errors as place_step's.
[[nodiscard]] Result<PlacedStep> place_parts(const JobRun& job, const wire::StepRequest& request,
                                             const model::NodeFacts& facts);

// Whose node that is; null: the step has no portions.
[[nodiscard]] const wire::StepPortion* portion_of(const StepRun& step, std::uint32_t node);

// Makes the launch of a node its own: job, spec and CPUs per task of its component.
void make_own(wire::LaunchStep& launch, const StepRun& step, std::uint32_t node);

// The step's records: one, or one for each portion.
[[nodiscard]] std::vector<model::Step> records_of(const StepRun& step);

// The job without a node that is lost, in all components.
void remove_node(JobRun& job, std::string_view lost);

}  // namespace sluice::worker
