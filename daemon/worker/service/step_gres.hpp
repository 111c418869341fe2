// StepGres: which of its job's GRES a step gets on a node, down to the device. Devices that other
// steps asked for are left to them; among the others those are taken that are linked best, then
// those beside the step's CPUs (core/device_choice.hpp). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bitmap.hpp"
#include "base/result.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step_spec.hpp"

namespace sluice::worker {

using GresShares = std::vector<model::GresShare>;

// Whether the share is of the kind that is wanted. `job`: what accel means was decided for it.
[[nodiscard]] bool is_wanted(const model::Job& job, const model::GresShare& share,
                             const model::GresRequest& wanted);

// How many of the wanted GRES of one node are not in use.
[[nodiscard]] std::uint64_t free_gres(const model::Job& job, const GresShares& have,
                                      const GresShares& used, const model::GresRequest& wanted);

// Fails if the job has too little for the step on all its nodes together, or on each of them.
[[nodiscard]] Status check_gres(const model::Job& job, const model::StepSpec& spec);

// How a count for all nodes is dealt to them, given what is free on each: as much as there is, in
// order, but at least one on each. Empty: it doesn't fit.
[[nodiscard]] std::vector<std::uint64_t> deal_gres(std::uint64_t count,
                                                   const std::vector<std::uint64_t>& free);

// One node of the step.
struct GresPlace {
  const model::Job& job;
  const GresShares& have;                     // the job's
  const GresShares& used;                     // by other steps
  const base::Bitmap& cpus;                   // the step's
  const std::vector<model::NodeGres>& known;  // devices of a node like this one; may be empty
};
// Adds `count` of the wanted GRES to `to`; what is missing.
[[nodiscard]] std::uint64_t take_gres(const GresPlace& place, const model::GresRequest& wanted,
                                      std::uint64_t count, GresShares& to);

// What a step that asks for none gets of a node: all that the job has there, but of a node that the
// job has to itself only what the job asked for. Such a step keeps nobody else from it.
[[nodiscard]] GresShares default_gres(const GresPlace& place, std::uint32_t job_tasks);

}  // namespace sluice::worker
