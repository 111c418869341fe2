// Snapshot: what readers see. Immutable, so query threads walk it without locks while the loop goes
// on; made of shared records in shared chunks, so publishing costs what changed plus one pointer
// per 256 jobs. Only durable records get here. Pure: no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "daemon/controller/service/env.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"

namespace sluice::controller {

struct Snapshot {
  static constexpr unsigned kChunkBits = 8;
  // Jobs with ids key << kChunkBits and up, in id order.
  struct Chunk {
    std::uint32_t key = 0;
    std::vector<model::JobPtr> jobs;
  };
  std::vector<std::shared_ptr<const Chunk>> chunks;  // by key
  std::vector<model::NodePtr> nodes;                 // by index
  std::vector<model::PartitionPtr> partitions;
  std::vector<model::StepPtr> steps;  // running, by job and number
  model::AccountsPtr accounts;

  [[nodiscard]] model::JobPtr find(JobId id) const;
  [[nodiscard]] std::size_t job_count() const;
  template <class Visit>
  void for_each_job(Visit visit) const {
    for (const auto& chunk : chunks) {
      for (const model::JobPtr& job : chunk->jobs) visit(job);
    }
  }
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

// Owned by the loop thread. Deltas are cheap; a snapshot is put together when somebody asks.
class SnapshotBuilder {
 public:
  void apply(const Delta& delta);
  [[nodiscard]] SnapshotPtr current();

 private:
  using ChunkPtr = std::shared_ptr<Snapshot::Chunk>;
  Snapshot::Chunk& edit(JobId id);
  void put(const model::JobPtr& job);
  void forget(JobId id);

  std::map<std::uint32_t, ChunkPtr> chunks_;
  std::map<std::uint32_t, model::NodePtr> nodes_;
  std::map<std::uint32_t, model::PartitionPtr> partitions_;
  std::map<std::pair<JobId, StepNumber>, model::StepPtr> steps_;
  model::AccountsPtr accounts_;
  SnapshotPtr current_;  // null when something changed since
};

}  // namespace sluice::controller
