// Builders and a small world for tests of the core: a cluster of equal nodes with a clock, and a
// store that takes in every change as the real one would, so that a test can restart from it.
// Every turn is checked: the cluster's own invariants, legal transitions, one ended record per
// attempt, each changed record once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/cluster.hpp"
#include "model/accounts_difference.hpp"
#include "test/support/books_kept.hpp"

namespace sluice::test {

// a_job().cpus(4).on("batch").minutes(10): a submit event. One CPU and 100 MiB by default.
class JobBuilder {
 public:
  JobBuilder();
  JobBuilder& by(std::uint32_t uid);
  JobBuilder& named(const char* name);
  JobBuilder& on(const char* partitions);
  JobBuilder& cpus(std::uint32_t count);  // of its only task
  JobBuilder& tasks(std::uint32_t count);
  JobBuilder& nodes(std::uint32_t count);  // exactly
  JobBuilder& memory(std::uint64_t mib);   // per node
  JobBuilder& minutes(std::uint32_t limit);
  JobBuilder& after(const char* dependency);
  JobBuilder& array(const char* tasks, std::uint32_t limit = 0);
  JobBuilder& begin(model::WallTime when);
  JobBuilder& held();
  JobBuilder& interactive();  // salloc
  // Anything else.
  template <class Change>
  JobBuilder& spec(Change&& change) {
    change(spec_);
    return *this;
  }
  template <class Change>
  JobBuilder& request(Change&& change) {
    change(request_);
    return *this;
  }
  [[nodiscard]] core::SubmitJob event() const;

 private:
  model::JobSpec spec_;
  model::Request request_;
};
[[nodiscard]] JobBuilder a_job();

struct WorldOptions {
  std::uint32_t nodes = 4;
  std::uint32_t cpus = 4;
  std::uint64_t memory = 4000;
};

// Settings of such a cluster: nodes n1…, one partition `batch` that is the default.
[[nodiscard]] model::Settings some_settings(const WorldOptions& options = {});

class World {
 public:
  explicit World(const WorldOptions& options = {});
  explicit World(model::Settings settings);

  // Every event goes through here (and is followed by planning unless `planning` is off).
  core::Changes apply(const core::Event& event);
  core::Changes plan(std::uint64_t budget = 1'000'000);  // to its end, in pieces of that
  core::Changes plan_once(std::uint64_t budget);
  void pass(std::int64_t seconds);  // time goes by, with the ticks that become due
  void restart();                   // a new cluster from the store; nodes register again

  JobId submit(const JobBuilder& job);
  Status try_submit(const JobBuilder& job);
  void register_node(std::uint32_t node, const char* boot = "boot-1");
  void register_all();
  core::Changes act(core::JobVerb verb, JobId job, std::uint32_t by = 1000);
  core::Changes act_as_admin(core::JobVerb verb, JobId job);
  core::Changes update(JobId job, const core::JobPatch& patch, bool admin = false);
  void prepared(JobId job);                              // on all its nodes
  void script_ends(JobId job, std::uint32_t exit_code);  // and the batch host is clean
  void release(JobId job);                               // all nodes that it still holds
  void release(JobId job, std::uint32_t node);
  void finish(JobId job, std::uint32_t exit_code = 0);  // script_ends and release

  [[nodiscard]] const model::Job& job(JobId id) const;
  [[nodiscard]] const model::Job& job(std::uint32_t id) const { return job(JobId(id)); }
  [[nodiscard]] const model::Node& node(std::uint32_t n) const;  // from 0
  [[nodiscard]] std::string state(JobId id) const;               // "PENDING/Resources"
  [[nodiscard]] Attempt attempt(JobId id) const;

  template <class T>
  [[nodiscard]] static std::vector<T> orders(const core::Changes& changes) {
    std::vector<T> found;
    for (const core::Order& order : changes.orders) {
      if (const T* one = std::get_if<T>(&order)) found.push_back(*one);
    }
    return found;
  }

  core::SettingsPtr settings;
  std::unique_ptr<core::Cluster> cluster;
  core::Now now{1'700'000'000 * model::kSecond, 1'000'000};
  bool planning = true;
  std::vector<model::JobPtr> ended;  // accounting, in order
  BooksKept books;                   // every entry is audited
  core::Changes last_plan;           // of the pass after the latest apply

 private:
  void take_in(const core::Changes& changes);
  void check(const core::Changes& changes);
  core::Changes submit_event(const JobBuilder& job);
  [[nodiscard]] std::vector<model::JobPtr> past(std::string_view dependency) const;
  [[nodiscard]] core::StoredState stored() const;

  std::map<JobId, model::JobPtr> jobs_;
  std::map<JobId, model::JobPtr> forgotten_;  // as history has them
  std::map<NodeIndex, model::NodePtr> nodes_;
  std::map<PartitionIndex, model::PartitionPtr> partitions_;
  std::map<std::pair<JobId, StepNumber>, model::StepPtr> steps_;
  std::set<model::NodeRelease> released_;
  std::map<std::uint32_t, model::ReservationPtr> reservations_;
  std::set<Attempt> accounted_;
  model::AccountsPtr accounts_;  // null: never changed
  std::map<std::pair<std::uint32_t, std::uint32_t>, model::UsageRecord> usage_;
};

}  // namespace sluice::test
