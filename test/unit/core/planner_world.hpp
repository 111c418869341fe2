// A small cluster for tests of the pool and the planner, with builders for nodes, partitions,
// requests and jobs. It does what the cluster state machine does around the planner: queue, pass,
// note the starts, release at the end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/planner.hpp"
#include "core/resources.hpp"
#include "core/settings.hpp"

namespace sluice::core::test {

struct Hw {
  std::uint32_t sockets = 1;
  std::uint32_t cores = 4;  // per socket
  std::uint32_t threads = 1;
  std::uint64_t memory = 1000;
  std::vector<model::NodeGres> gres;
  std::string features;
  std::uint32_t weight = 1;
};

inline model::NodeGres gpus(std::uint64_t count, std::string type = {}) {
  model::NodeGres gres;
  gres.name = "gpu";
  gres.type = type;
  gres.count = count;
  for (std::uint64_t n = 0; n < count; ++n) gres.files.emplace_back("/dev/gpu" + std::to_string(n));
  return gres;
}

// Devices that say nothing yet but that they are there.
inline model::NodeGres devices(std::uint64_t count, std::string type = {}) {
  model::NodeGres gres = gpus(count, std::move(type));
  for (std::uint32_t n = 0; n < count; ++n) {
    model::Device device;
    device.file = gres.files[n];
    device.number = n;
    device.links.assign(count, 0);
    gres.devices.push_back(std::move(device));
  }
  return gres;
}

class World {
 public:
  World() { settings_->default_memory_per_node = 1; }

  World& nodes(std::uint32_t count, const Hw& hw = {}) {
    for (std::uint32_t n = 0; n < count; ++n) {
      NodeSetting node;
      node.name = "n" + std::to_string(settings_->nodes.size() + 1);
      node.facts.sockets = hw.sockets;
      node.facts.cores_per_socket = hw.cores;
      node.facts.threads_per_core = hw.threads;
      node.facts.memory = hw.memory;
      node.facts.gres = hw.gres;
      node.facts_fixed = true;
      node.features = hw.features;
      node.weight = hw.weight;
      settings_->nodes.push_back(std::move(node));
    }
    return *this;
  }
  // Nodes in Slurm's notation; "ALL" for all.
  model::Partition& partition(const std::string& name, const std::string& nodes = "ALL") {
    model::Partition made;
    made.name = name;
    made.nodes = nodes;
    made.index = PartitionIndex(static_cast<std::uint32_t>(settings_->partitions.size()));
    settings_->partitions.push_back(made);
    return settings_->partitions.back();
  }
  Settings& settings() { return *settings_; }

  // Builds pool and planner; all nodes up.
  World& up() {
    if (settings_->partitions.empty()) partition("batch");
    pool_ = std::make_unique<NodePool>(settings_);
    planner_ = std::make_unique<Planner>(settings_);
    for (std::uint32_t n = 0; n < pool_->size(); ++n) pool_->set_available(NodeIndex(n), true);
    return *this;
  }
  NodePool& pool() { return *pool_; }
  Planner& planner() { return *planner_; }
  [[nodiscard]] Now now() const { return {now_ms_ * 1000 + 1'000'000'000, now_ms_}; }
  World& at(std::int64_t seconds) {
    now_ms_ = seconds * 1000;
    return *this;
  }

  Candidate candidate(model::Request request, std::uint32_t minutes = 10) {
    Candidate made;
    made.id = JobId(next_id_++);
    if (request.min_nodes == 0) request.min_nodes = 1;
    made.request = std::make_shared<const model::Request>(std::move(request));
    made.partitions = {PartitionIndex(0)};
    made.uid = 1000;
    made.priority = 1;
    made.order = made.id.value;
    made.time_limit = minutes;
    return made;
  }
  JobId submit(const Candidate& made) {
    queued_.insert_or_assign(made.id.value, made);
    planner_->add(made);
    return made.id;
  }
  JobId submit(model::Request request, std::uint32_t minutes = 10) {
    return submit(candidate(std::move(request), minutes));
  }

  struct Run {
    Start start;
    Holder holder;
    std::int64_t end_ms = 0;
  };
  // One whole pass; the ids that started, in order.
  std::vector<std::uint32_t> pass(std::uint64_t budget = ~std::uint64_t{0}) {
    std::vector<std::uint32_t> started;
    bool finished = false;
    while (!finished) {
      PassResult result = planner_->pass(*pool_, now(), budget);
      finished = result.finished;
      explained_.insert(explained_.end(), result.explained.begin(), result.explained.end());
      for (Start& start : result.starts) {
        started.push_back(start.id.value);
        note_start(std::move(start));
      }
    }
    return started;
  }
  const Run* run(std::uint32_t id) const {
    const auto found = runs_.find(id);
    return found == runs_.end() ? nullptr : &found->second;
  }
  const model::Allocation& allocation(std::uint32_t id) const {
    return *runs_.at(id).start.allocation;
  }
  void end(std::uint32_t id) {
    const Run ended = runs_.at(id);
    runs_.erase(id);
    for (const model::NodeShare& share : ended.start.allocation->shares) {
      pool_->release(share, ended.holder);
    }
    planner_->job_ended(JobId(id));
  }
  std::string nodes_of(std::uint32_t id) const {
    const Run* found = run(id);
    return found == nullptr ? "" : found->start.allocation->nodes.str();
  }
  std::vector<std::uint32_t> running() const {
    std::vector<std::uint32_t> ids;
    for (const auto& [id, job] : runs_) ids.push_back(id);
    return ids;
  }
  std::vector<JobId>& explained() { return explained_; }
  std::string problem() const { return pool_->check().value_or(""); }

 private:
  void note_start(Start start) {
    const Candidate& job = queued_.at(start.id.value);
    const std::int64_t end = start.time_limit == model::kUnlimited
                                 ? INT64_MAX
                                 : now_ms_ + std::int64_t{start.time_limit} * 60'000;
    planner_->job_started(start.id, start.allocation, end);
    const Holder holder{start.id, job.uid, start.partition, job.request->sharing};
    const std::uint32_t id = start.id.value;
    runs_.insert_or_assign(id, Run{std::move(start), holder, end});
  }

  std::shared_ptr<Settings> settings_ = std::make_shared<Settings>();
  std::unique_ptr<NodePool> pool_;
  std::unique_ptr<Planner> planner_;
  std::int64_t now_ms_ = 0;
  std::uint32_t next_id_ = 1;
  std::map<std::uint32_t, Candidate> queued_;
  std::map<std::uint32_t, Run> runs_;
  std::vector<JobId> explained_;
};

}  // namespace sluice::core::test
