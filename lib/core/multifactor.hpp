// Multifactor priority: the weighted sum of what speaks for a job (age, association, fair share,
// size, partition, QOS, TRES), the site's factor, and nice. Everything but the job is in the
// inputs, which are published as one immutable value at each calculation; between two calculations
// nobody's priority changes. The planner, squeue and sprio all ask the same function, so they
// agree.
//
// Factors are in billionths of 1; a sum is exact until it is rounded down to whole points once.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "core/fair_tree.hpp"
#include "core/priority_rule.hpp"
#include "core/slowdown.hpp"
#include "core/tres_use.hpp"
#include "model/job.hpp"

namespace sluice::core {

struct PriorityInputs {
  model::PrioritySettings settings;
  model::WallTime as_of = 0;      // jobs are as old as they were then
  AccountTreePtr tree;            // null: no accounts
  std::vector<FairShare> shares;  // by place
  model::TresTable tres;
  TresWeights tres_weights;
  std::uint32_t highest_association = 0;  // priorities, to divide by
  std::uint32_t highest_qos = 0;
  std::uint32_t highest_partition = 0;
  struct Partition {
    Text name;
    std::uint32_t job_factor = 0;
    model::TresCounts totals;
    Crowd crowd;
  };
  std::vector<Partition> partitions;  // by index
  std::uint32_t nodes = 0;            // of the cluster
  std::uint32_t cpus = 0;
  std::uint32_t limit_unit_ms = 60'000;  // of time limits
};
using PriorityInputsPtr = std::shared_ptr<const PriorityInputs>;

// The factors of a job in a partition, and what they come to.
struct PriorityScore {
  std::int64_t age = 0;
  std::int64_t association = 0;
  std::int64_t fairshare = 0;
  std::int64_t job_size = 0;
  std::int64_t partition = 0;
  std::int64_t qos = 0;
  model::TresCounts tres;      // only kinds with a weight
  std::uint32_t slowdown = 0;  // slowdown_rank(), of 2^32
  std::int64_t site = 0;       // points: as set for the job, and those of the slowdown
  std::int64_t nice = 0;       // points
  std::uint32_t priority = 0;
};
[[nodiscard]] PriorityScore score(const PriorityInputs& inputs, const RankedJob& job,
                                  PartitionIndex partition);
// A factor's share of the priority, in points, rounded to the nearest.
[[nodiscard]] std::int64_t points(std::uint32_t weight, std::int64_t factor);
[[nodiscard]] std::int64_t points(const TresWeight& weight, std::int64_t factor);

[[nodiscard]] RankedJob ranked_job(const model::Job& job, const PriorityInputs& inputs);
// What squeue shows: 0 if held; as recorded if it is fixed, over, or running and
// CALCULATE_RUNNING is off; else the best of its partitions.
[[nodiscard]] std::uint32_t shown_priority(const model::Job& job, const PriorityInputs& inputs);

class Multifactor final : public PriorityRule {
 public:
  void publish(PriorityInputsPtr inputs);
  [[nodiscard]] const PriorityInputsPtr& inputs() const { return inputs_; }  // null: none yet

  [[nodiscard]] std::uint32_t priority_of(const RankedJob& job, PartitionIndex partition,
                                          const Now& now) const override;
  [[nodiscard]] std::int64_t next_ranking_ms() const override {
    return std::numeric_limits<std::int64_t>::max();
  }
  [[nodiscard]] std::uint64_t generation() const override { return generation_; }

 private:
  PriorityInputsPtr inputs_;
  std::uint64_t generation_ = 1;
};

}  // namespace sluice::core
