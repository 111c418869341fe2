// The names that Slurm gives to the limits when one of them keeps a job back: "AssocGrpCpuLimit",
// "QOSMaxMemoryPerUser", "MaxGRESPerAccount".
#pragma once

#include <cstdint>
#include <string>

#include "model/tres.hpp"

namespace sluice::core {

// What a limit on TRES measures.
enum class TresLimitKind : std::uint8_t {
  in_use,        // by running jobs together
  run_minutes,   // that running jobs may still use
  used_minutes,  // so far, decayed
  per_job,
  per_node,         // of each node of a job
  minutes_per_job,  // with its time limit
  least_per_job,
};
// Over which jobs it is summed up.
enum class LimitScope : std::uint8_t { all, user, account };

struct TresLimitName {
  TresLimitKind kind = TresLimitKind::in_use;
  LimitScope scope = LimitScope::all;
  bool of_qos = false;
};
[[nodiscard]] std::string limit_name(const TresLimitName& name, const model::TresKind& tres);

}  // namespace sluice::core
