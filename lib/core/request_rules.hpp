// The rules that turn what a user asked for into what the planner plans with, and that say which
// partitions a request may use. Pure functions of the request and the partition.
//
// Two kinds of "no": access (who may use a partition) refuses a submit; limits (MaxTime, MaxNodes)
// keep a job waiting with the reason, unless EnforcePartLimits asks to refuse it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/account_tree.hpp"
#include "core/settings.hpp"
#include "model/node.hpp"
#include "model/partition.hpp"
#include "model/qos.hpp"
#include "model/request.hpp"

namespace sluice::core {

// Who asks. Groups are known at submit only.
struct AccessCheck {
  std::uint32_t uid = 0;
  std::span<const Text> groups;
  bool groups_known = false;
  std::string_view user = {};
  const AccountTree* tree = nullptr;  // for accounts below a listed one; null: only by name
};

// By allow_qos and deny_qos.
[[nodiscard]] bool permits_qos(const model::Partition& partition, std::string_view qos);

[[nodiscard]] Status may_use(const model::Partition& partition, const model::Request& request,
                             const AccessCheck& who);

// What a QOS may let its jobs pass of their partition's limits.
inline constexpr std::uint32_t kWaivers =
    model::kQosPartitionMaxNodes | model::kQosPartitionMinNodes | model::kQosPartitionTimeLimit;

// A partition without the limits that a job may pass. It refers to the one given unless that job
// may pass some.
class PartitionRules {
 public:
  PartitionRules(const model::Partition& given, std::uint32_t waived);
  [[nodiscard]] const model::Partition& partition() const { return other_ ? *other_ : given_; }

 private:
  const model::Partition& given_;
  std::optional<model::Partition> other_;
};

// What in the partition's limits keeps the request back; none: nothing.
[[nodiscard]] model::Reason limit_reason(const model::Partition& partition,
                                         const model::Request& request);

// The partitions that a request may be planned in, best tier first, or why there are none.
struct Placeable {
  std::vector<PartitionIndex> partitions;
  model::Reason reason = model::Reason::none;
  Text detail;
};

// Fills in what follows from the rest, as Slurm does: tasks from nodes and tasks per node, nodes
// from tasks, memory from the defaults of the partition and the cluster, CPUs from MaxMemPerCPU.
// Fails on numbers that contradict each other. `partition` is the first of those asked for.
[[nodiscard]] Result<model::Request> complete_request(model::Request request,
                                                      const model::Partition& partition,
                                                      const Settings& settings);

// Minutes in force when the job gives none: DefaultTime, or else MaxTime.
[[nodiscard]] std::uint32_t default_time(const model::Partition& partition);

inline constexpr std::uint32_t kMaxTasks = 1U << 24U;
inline constexpr std::uint32_t kMaxCpusPerTask = 1U << 16U;

}  // namespace sluice::core
