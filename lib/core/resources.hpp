// NodePool: who holds what on which node, exactly: each hardware thread, each MiB, each device.
// The only owner of that truth; the planner asks it, the cluster tells it of starts and ends.
// Invariant (I4): nothing is ever held beyond what the node has, except CPUs in partitions that
// allow sharing (OverSubscribe), and there at most `oversubscribe_jobs` deep.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bitmap.hpp"
#include "base/ids.hpp"
#include "core/settings.hpp"
#include "model/job.hpp"

namespace sluice::core {

// Who holds an allocation, as far as sharing rules care.
struct Holder {
  JobId job;
  std::uint32_t uid = 0;
  PartitionIndex partition;
  model::Sharing sharing = model::Sharing::partition_default;
  std::uint32_t reservation = 0;  // that it runs in; 0: none
  bool asleep = false;            // suspended: see NodePool::sleep()
};

// What is in use on one node, for node records.
struct NodeUse {
  std::uint32_t cpus = 0;    // CPUs charged to jobs
  std::uint64_t memory = 0;  // MiB
  std::uint32_t jobs = 0;
  std::vector<model::GresShare> gres;
};

class NodePool {
 public:
  explicit NodePool(SettingsPtr settings);
  ~NodePool();
  NodePool(NodePool&&) noexcept;
  NodePool& operator=(NodePool&&) noexcept;

  // Facts in force (registration or configuration), with the devices that are out of service.
  // Holders keep what they have.
  void set_facts(NodeIndex node, const model::NodeFacts& facts);
  void set_features(NodeIndex node, Text features);
  void set_weight(NodeIndex node, std::uint32_t weight);
  // Whether new jobs may start there (up, responding, not drained).
  void set_available(NodeIndex node, bool available);
  // Whether the node will come back by itself, so that it counts for "could ever run".
  void set_partitions(const std::vector<model::Partition>& partitions);

  void allocate(const model::Allocation& allocation, const Holder& holder);
  void allocate(const model::AllocationPtr& allocation, const Holder& holder);  // shares it
  void release(const model::NodeShare& share, const Holder& holder);

  // A suspended job keeps its memory and GRES and gives its CPUs to others; it gets them back when
  // all of them are idle.
  void sleep(const model::NodeShare& share, const Holder& holder);
  [[nodiscard]] bool can_wake(const model::NodeShare& share) const;
  void wake(const model::NodeShare& share, const Holder& holder);

  // An array's task has got a number of its own: what it holds is found by that from now on.
  void rename(const model::Allocation& allocation, JobId from, JobId to);

  [[nodiscard]] NodeUse use(NodeIndex node) const;
  [[nodiscard]] std::uint32_t size() const;
  // Walks every node and recounts from the holders; a text names the first disagreement (I4).
  [[nodiscard]] std::optional<std::string> check() const;

  struct State;  // shared with placement and the planner (core/pool_state.hpp)
  [[nodiscard]] const State& state() const { return *state_; }
  [[nodiscard]] State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace sluice::core
