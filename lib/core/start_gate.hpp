// StartGate: what beside free nodes must allow a start: the limits of associations and QOS, and
// licences. The planner asks it for a lane before it looks for nodes, and again with the nodes it
// found; a lane that is refused waits with the gate's reason, holds no reservation and keeps nobody
// else back.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "core/priority_rule.hpp"
#include "model/allocation.hpp"
#include "model/types.hpp"

namespace sluice::core {

// Why the gate is shut, exactly: `sluice why` shows all of it.
struct GateBlock {
  model::Reason reason = model::Reason::none;
  Text detail;    // Slurm's name of the reason: "AssocGrpCpuLimit"
  Text holder;    // whose limit: "account physics", "user ann in account physics", "QOS normal"
  Text resource;  // "cpu", "gres/gpu", "jobs", "license/matlab"
  std::int64_t used = 0;
  std::int64_t wanted = 0;
  std::int64_t limit = 0;
  // Whose use counts, so that the jobs behind `used` can be named: those below this association
  // (0: any), in this QOS (0: any), of this user or account alone where the limit is per user or
  // account (kNoTask, empty: all).
  std::uint32_t association = 0;
  std::uint32_t qos = 0;
  std::uint32_t uid = model::kNoTask;
  Text account;
  bool of_nodes = false;  // of different nodes: those in use already could be used again
};

struct GateQuestion {
  const RankedJob& job;
  PartitionIndex partition;
  std::uint32_t time_limit = 0;                   // minutes it would run at most
  const model::Allocation* allocation = nullptr;  // null: nodes aren't chosen yet
};

class StartGate {
 public:
  virtual ~StartGate() = default;
  [[nodiscard]] virtual std::optional<GateBlock> refuses(const GateQuestion& question) const = 0;
  // A start inside the pass: it counts at once. The cluster hears of it after the pass and must not
  // count it again.
  virtual void started(JobId id, const GateQuestion& question) = 0;
  // The latest start does not take place after all: a component after it was refused.
  virtual void taken_back(const GateQuestion& question) = 0;
  // Rises whenever something that had been refused may be allowed now.
  [[nodiscard]] virtual std::uint64_t loosened() const = 0;
  // Whether a job of that priority may have nodes kept for it by backfill.
  [[nodiscard]] virtual bool may_reserve(const GateQuestion&, std::uint32_t) const { return true; }
  // If it refused these nodes, among which the same job would not be refused for that; ascending.
  [[nodiscard]] virtual std::optional<std::vector<std::uint32_t>> nodes_within(
      const GateQuestion&, const GateBlock&) const {
    return std::nullopt;
  }
};

}  // namespace sluice::core
