// Judge: the invariants, looked at after every event that could break one. It sees what nobody in
// the world sees: every process, the disk, what users were told.
//
//   I1  what was acknowledged is on the disk after a recovery
//   I2  one request id, one answer, one job; no job that nobody asked for
//   I3  no task of an attempt starts twice, and none without a committed start
//   I4  Cluster::check(), and no two attempts' tasks alive on the same CPUs of a node
//   I5  legal transitions, in every transaction
//   I6  one accounting record per attempt
//   I8  the exit code that is recorded is the payload's
//   I10 the state in memory is the one that a restart would load
//   I11 is the world's (it waits for everything to settle).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/cluster.hpp"
#include "daemon/worker/service/state.hpp"
#include "store/store.hpp"
#include "test/sim/disk.hpp"

namespace sluice::sim {

class NodeHost;
struct Task;

class Judge {
 public:
  explicit Judge(World& world) : world_(world) {}

  void violation(std::string text);  // the first one counts
  [[nodiscard]] const std::optional<std::string>& verdict() const { return verdict_; }

  // The controller
  void committing(const store::Transaction& transaction);
  void durable(const store::Transaction& transaction);
  void recovered();
  void look_at(const core::Cluster& cluster);
  void compare_reload(const core::Cluster& cluster, core::Now now);

  // Users
  void asked(const Uid128& request, const std::string& name);
  void told_job(const Uid128& request, JobId job);
  void told(const Uid128& request);

  // Nodes
  void prepared(const NodeHost& host, const worker::JobOnHost& job);
  void cleaned(const NodeHost& host, const Attempt& attempt);
  void task_started(const NodeHost& host, const Task& task);
  void task_ended(NodeIndex node, const Task& task, std::uint32_t status);
  // It vanished, by a reboot.
  void task_gone(NodeIndex node, const worker::StepKey& step, std::uint32_t number);
  // What is recorded of this attempt need not be the payload's: something was done to it.
  void blame(const Attempt& attempt) { blamed_.insert(attempt); }
  [[nodiscard]] std::shared_ptr<const model::Job> launched_job(const Attempt& attempt) const;

  void at_the_end();

 private:
  struct Present {  // an attempt's live tasks on a node
    model::NodeShare share;
    std::uint32_t live = 0;
  };
  using NodePresence = std::map<Attempt, Present>;

  void check_transition(const model::Job& before, const model::Job& after,
                        const store::Transaction& transaction);
  void check_exit(const model::Job& ended);
  void leave(NodeIndex node, const Attempt& attempt);
  [[nodiscard]] bool is_asleep(const Attempt& attempt) const;
  [[nodiscard]] bool is_given_up(const Attempt& attempt) const;
  void check_answers();

  World& world_;
  std::optional<std::string> verdict_;
  std::unordered_map<JobId, model::JobPtr> latest_;  // as the controller's memory has it
  std::unordered_set<Attempt> accounted_;
  std::map<Uid128, std::string> requests_;               // submits, by request id: the job's name
  std::map<std::string, std::set<std::uint32_t>> made_;  // by the job's name: ids on the disk
  std::map<Uid128, JobId> acknowledged_jobs_;
  std::set<Uid128> acknowledged_;
  std::set<std::pair<worker::StepKey, std::uint32_t>> started_tasks_;
  std::map<Attempt, std::uint32_t> payload_exits_;
  std::unordered_set<Attempt> blamed_;
  std::map<Attempt, std::shared_ptr<const model::Job>> launched_;
  std::map<NodeIndex, NodePresence> present_;
  std::string memory_text_;  // of the last comparison
};

}  // namespace sluice::sim
