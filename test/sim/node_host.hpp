// NodeHost: one compute node. What outlives its daemon is here: the ledger, the jobs' groups, the
// stepds, the tasks, the records that stepds left. The daemon (daemon.hpp) comes and goes; a reboot
// takes everything but, perhaps, the ledger.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/worker/service/service.hpp"
#include "test/sim/pipes.hpp"

namespace sluice::sim {

class Daemon;
class StepProcess;
class Srun;
using worker::StepKey;

// A process of a user's.
struct Task {
  StepKey step;
  std::uint32_t number = 0;
  model::NodeShare share;     // of its job here
  std::uint32_t status = 0;   // how it will end by itself
  std::uint32_t on_term = 0;  // 0: dies; 1: ends with `status`; 2: takes no notice
  Micros stubborn_until = 0;  // SIGKILL has no effect before
  bool end_is_due = false;    // it would have ended, but is frozen
  bool term_is_due = false;
  std::uint64_t id = 0;        // never reused
  std::unique_ptr<Srun> srun;  // that a batch script runs just now
  std::uint32_t sruns_left = 0;
};

class NodeHost {
 public:
  NodeHost(World& world, NodeIndex index, model::NodeFacts facts);
  ~NodeHost();
  NodeHost(NodeHost&&) = delete;

  // The daemon
  void start_daemon();
  void start_daemon_after(Micros delay);
  void crash_daemon();
  [[nodiscard]] Daemon* daemon() const { return daemon_.get(); }
  // Something happens inside the daemon: then its ledger is written, and what it said goes out,
  // unless it dies on the way.
  void turn(const std::function<void(worker::Service&)>& what);

  void reboot();
  void fill_spool(bool full) { spool_full_ = full; }
  [[nodiscard]] bool spool_full() const { return spool_full_; }
  void kill_a_stepd();

  // For the daemon
  void write_ledger(const std::string& key, std::optional<std::string> value);
  [[nodiscard]] worker::LedgerRecords ledger() const;
  void make_group(const worker::JobOnHost& job);
  void drop_group(const Attempt& attempt);
  void freeze_group(const Attempt& attempt, bool frozen);
  [[nodiscard]] bool is_frozen(const Attempt& attempt) const;
  void sweep(const std::set<Attempt>& known);
  [[nodiscard]] bool knows(const StepKey& key) const { return begun_.contains(key); }
  StepProcess& start_stepd(const StepKey& key);
  [[nodiscard]] StepProcess* stepd(const StepKey& key) const;
  [[nodiscard]] std::optional<wire::StepDone> record(const StepKey& key) const;
  void forget_step(const StepKey& key);
  // SIGKILL; answers how many there were.
  std::size_t kill_tasks(const Attempt& attempt, const StepNumber* step);

  // For stepds
  void step_begins(const StepKey& key) { begun_.insert(key); }
  void stepd_ends(const StepKey& key);
  void keep_record(const StepKey& key, const wire::StepDone& done);
  void start_task(Task task, Micros runs);
  void signal_tasks(const StepKey& key, std::uint32_t signal, std::uint32_t number);
  [[nodiscard]] std::size_t live_tasks(const StepKey& key) const;

  [[nodiscard]] bool is_clean() const;
  [[nodiscard]] std::string leftovers() const;
  [[nodiscard]] Place place() const { return static_cast<Place>(index_.value); }
  [[nodiscard]] NodeIndex index() const { return index_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const model::NodeFacts& facts() const { return facts_; }
  [[nodiscard]] std::int64_t mono_ms() const;
  [[nodiscard]] std::uint64_t boots() const { return boots_; }
  World& world() { return world_; }

 private:
  struct Group {
    bool frozen = false;
  };
  [[nodiscard]] Task* task(std::uint64_t id);
  void end_task(std::uint64_t id, std::uint32_t status);
  void task_is_through(std::uint64_t id);
  void run_srun(Task& task);

  World& world_;
  NodeIndex index_;
  std::string name_;
  model::NodeFacts facts_;
  std::unique_ptr<Daemon> daemon_;
  std::uint64_t life_ = 0;  // of the daemon
  std::uint64_t boots_ = 0;
  Micros boot_at_ = 0;
  bool spool_full_ = false;
  std::vector<std::pair<std::string, std::optional<std::string>>> ledger_;  // every write
  std::map<Attempt, Group> groups_;
  std::map<StepKey, std::unique_ptr<StepProcess>> stepds_;
  std::map<StepKey, wire::StepDone> records_;
  std::set<StepKey> begun_;
  std::map<std::uint64_t, Task> tasks_;
};

}  // namespace sluice::sim
