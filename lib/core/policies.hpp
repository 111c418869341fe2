// Policies: what a cluster keeps to rank jobs, charge them and limit them, in one place with an
// address of its own, since the planner holds pointers to the rule and the gate.
//
// What follows from a job's record alone (its claim) is counted from the record; what also depends
// on how far it has run (its meter, and the minutes that it may still use) is kept here for each
// job that runs.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>

#include "core/aging_queue.hpp"
#include "core/limits.hpp"
#include "core/multifactor.hpp"
#include "core/settings.hpp"
#include "core/usage.hpp"
#include "model/job.hpp"
#include "model/partition.hpp"

namespace sluice::core {

// A job that is charged.
struct Charged {
  std::uint32_t attempt = 0;
  const model::Allocation* allocation = nullptr;  // only compared: another means that it shrank
  bool asleep = false;                            // suspended
  LimitClaim whose;                               // association, QOS and user, nothing counted
  model::TresCounts committed;                    // as counted: TRES seconds that it may still use
};

struct Policies {
  Usage usage;
  Limits limits{usage};
  Multifactor rule;
  PriorityInputsPtr inputs;  // as last calculated; null: not yet
  std::map<JobId, Charged> charged;
  bool waivers = false;       // some QOS lets its jobs pass limits of partitions
  AgingQueue waiting_to_age;  // an accrue limit keeps them back
  std::int64_t next_calculation_ms = std::numeric_limits<std::int64_t>::min();

  // What the limits' rules were made from.
  SettingsPtr settings;
  AccountTreePtr tree;
  std::vector<model::PartitionPtr> partitions;
};

}  // namespace sluice::core
