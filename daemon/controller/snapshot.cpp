// See snapshot.hpp.
#include "daemon/controller/snapshot.hpp"

#include <algorithm>

namespace sluice::controller {

namespace {

bool id_less(const model::JobPtr& job, JobId id) { return job->id < id; }

}  // namespace

model::JobPtr Snapshot::find(JobId id) const {
  const std::uint32_t key = id.value >> kChunkBits;
  const auto chunk =
      std::ranges::lower_bound(chunks, key, {}, [](const auto& c) { return c->key; });
  if (chunk == chunks.end() || (*chunk)->key != key) return nullptr;
  const auto& jobs = (*chunk)->jobs;
  const auto job = std::lower_bound(jobs.begin(), jobs.end(), id, id_less);
  return job != jobs.end() && (*job)->id == id ? *job : nullptr;
}

std::size_t Snapshot::job_count() const {
  std::size_t count = 0;
  for (const auto& chunk : chunks) count += chunk->jobs.size();
  return count;
}

Snapshot::Chunk& SnapshotBuilder::edit(JobId id) {
  const std::uint32_t key = id.value >> Snapshot::kChunkBits;
  ChunkPtr& chunk = chunks_[key];
  if (!chunk) {
    chunk = std::make_shared<Snapshot::Chunk>();
    chunk->key = key;
  } else if (chunk.use_count() > 1) {  // a snapshot shares it
    chunk = std::make_shared<Snapshot::Chunk>(*chunk);
  }
  return *chunk;
}

void SnapshotBuilder::put(const model::JobPtr& job) {
  auto& jobs = edit(job->id).jobs;
  const auto at = std::lower_bound(jobs.begin(), jobs.end(), job->id, id_less);
  if (at != jobs.end() && (*at)->id == job->id) {
    *at = job;
  } else {
    jobs.insert(at, job);
  }
}

void SnapshotBuilder::forget(JobId id) {
  const auto known = chunks_.find(id.value >> Snapshot::kChunkBits);
  if (known == chunks_.end()) return;
  auto& jobs = edit(id).jobs;
  std::erase_if(jobs, [&](const model::JobPtr& job) { return job->id == id; });
  if (jobs.empty()) chunks_.erase(known);
}

void SnapshotBuilder::apply(const Delta& delta) {
  current_.reset();
  for (const model::JobPtr& job : delta.jobs) put(job);
  for (const JobId id : delta.forgotten) forget(id);
  for (const model::NodePtr& node : delta.nodes) nodes_[node->index.value] = node;
  for (const model::PartitionPtr& partition : delta.partitions) {
    partitions_[partition->index.value] = partition;
  }
  if (delta.accounts) accounts_ = delta.accounts;
  for (const model::StepPtr& step : delta.steps) {
    if (step->state == model::JobState::running || step->state == model::JobState::suspended) {
      steps_[{step->job, step->number}] = step;
    } else {
      steps_.erase({step->job, step->number});
    }
  }
}

SnapshotPtr SnapshotBuilder::current() {
  if (current_) return current_;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->chunks.reserve(chunks_.size());
  for (const auto& [key, chunk] : chunks_) snapshot->chunks.push_back(chunk);
  for (const auto& [index, node] : nodes_) snapshot->nodes.push_back(node);
  for (const auto& [index, partition] : partitions_) snapshot->partitions.push_back(partition);
  for (const auto& [key, step] : steps_) snapshot->steps.push_back(step);
  snapshot->accounts = accounts_;
  current_ = std::move(snapshot);
  return current_;
}

}  // namespace sluice::controller
