// The virtual clock, and nodes that do at once what they are told.
#include "replay/from_state.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "replay/prompt_nodes.hpp"

namespace sluice::replay {

namespace {

using model::JobState;
using model::WallTime;

constexpr WallTime kNever = std::numeric_limits<WallTime>::max();
constexpr std::uint32_t kLeastCalcPeriod_s = 60;  // between the calculations of priorities

// Nobody reads reasons here; and a calculation each second, over weeks, would take too long.
core::SettingsPtr for_forecast(const core::Settings& settings) {
  auto made = std::make_shared<core::Settings>(settings);
  made->reason_interval_ms = model::kUnlimited;
  made->priority.calc_period_s = std::max(made->priority.calc_period_s, kLeastCalcPeriod_s);
  return made;
}

std::uint32_t next_id(const core::StoredState& stored) {
  std::uint32_t next = stored.next_job_id;
  for (const model::JobPtr& job : stored.jobs) next = std::max(next, job->id.value + 1);
  return next;
}

bool answers(const model::Node& node) {
  return node.state != model::NodeState::down && node.state != model::NodeState::future &&
         (node.flags & model::kNodeNoRespond) == 0;
}

class Forecaster {
 public:
  Forecaster(const LiveState& state, const core::SettingsPtr& present,
             const ForecastOptions& options)
      : state_(state),
        options_(options),
        now_(state.now),
        until_(state.now + options.horizon_s * model::kSecond),
        cluster_(for_forecast(*present), with_next_id(state.stored), at(state.now)) {
    for (const model::JobPtr& job : state.stored.jobs) {
      note_run(*job);
      if (job->state == JobState::pending) watch(*job);
    }
  }

  Result<std::vector<Start>> run() {
    for (const model::NodePtr& node : state_.stored.nodes) register_node(*node);
    if (options_.changed != nullptr) {
      if (Status taken = reconfigure(); !taken) return tl::unexpected(taken.error());
    }
    plan();
    while (!waiting_.empty()) {
      const WallTime next = next_time();
      if (next > until_) break;
      now_ = next;
      end_jobs();
      if (tick_due()) take(core::Tick{});
      plan();
    }
    std::vector<Start> all;
    for (auto& [id, seen] : watched_) {
      if (seen.started < seen.start.tasks) seen.start.last = 0;
      all.push_back(seen.start);
    }
    return all;
  }

 private:
  struct Watched {
    Start start;
    std::uint64_t started = 0;  // of its tasks
  };

  static core::StoredState with_next_id(core::StoredState stored) {
    stored.next_job_id = next_id(stored);
    return stored;
  }
  static core::Now at(WallTime when) { return {when, when / 1000}; }

  void watch(const model::Job& job) {
    Watched seen;
    seen.start.job = job.id;
    if (job.array_rest) seen.start.tasks = model::task_count(*job.array_rest);
    watched_.emplace(job.id, seen);
    if (job.priority != 0) waiting_.insert(job.id);  // who is held stays so
  }

  void register_node(const model::Node& live) {
    const std::optional<NodeIndex> node = cluster_.find_node(live.name.view());
    if (!node || !answers(live)) return;
    core::NodeRegistered event{*node, live.facts, {}};
    for (const model::JobPtr& job : cluster_.jobs_on(*node)) {
      event.holds.push_back({job->uid, job->attempt});
    }
    take(event);
  }

  // Nodes that the other configuration adds are taken to be there, as it describes them.
  Status reconfigure() {
    const core::SettingsPtr changed = for_forecast(*options_.changed);
    std::set<std::string_view> known;
    for (const model::NodePtr& node : state_.stored.nodes) known.insert(node->name.view());
    for (const core::NodeSetting& node : changed->nodes) {
      if (known.contains(node.name.view()) || node.facts_fixed) continue;
      return fail(ErrorCode::invalid_argument,
                  "node " + node.name.str() + " is new: its CPUs and memory must be given");
    }
    if (Status done = take(core::Configure{changed}); !done) return done;
    for (std::uint32_t n = 0; n < changed->nodes.size(); ++n) {
      const core::NodeSetting& node = changed->nodes[n];
      if (known.contains(node.name.view())) continue;
      take(core::NodeRegistered{NodeIndex(n), node.facts, {}});
    }
    return {};
  }

  [[nodiscard]] WallTime next_time() const {
    const WallTime end = ends_.empty() ? kNever : ends_.begin()->first;
    const std::int64_t due = cluster_.next_tick_ms();
    if (due >= kNever / 1000) return end;
    // At most once a second: what is due at once again would never let time pass.
    return std::min(end, std::max(due * 1000, now_ + model::kSecond));
  }
  [[nodiscard]] bool tick_due() const { return cluster_.next_tick_ms() <= now_ / 1000; }

  void plan() {
    while (cluster_.more_to_plan()) {
      take_in(cluster_.plan(at(now_), std::numeric_limits<std::uint64_t>::max()));
      nodes_.obey([this](const core::Event& answer) { take(answer); });
    }
  }

  Status take(const core::Event& event) {
    const core::Changes changes = cluster_.apply(event, at(now_));
    take_in(changes);
    nodes_.obey([this](const core::Event& answer) { take(answer); });
    return changes.outcome;
  }

  void take_in(const core::Changes& changes) {
    for (const model::JobPtr& job : changes.jobs) {
      note_run(*job);
      if (job->state == JobState::running) note_start(*job);
      if (model::is_finished(job->state) || job->priority == 0) waiting_.erase(job->id);
    }
    nodes_.give(changes.orders);
  }

  // Keeps the time at which the job will end by itself.
  void note_run(const model::Job& job) {
    const auto known = end_of_.find(job.id);
    if (known != end_of_.end()) {
      ends_.erase({known->second, job.id});
      end_of_.erase(known);
    }
    if (job.state != JobState::running || job.time_limit == model::kUnlimited) return;
    const WallTime end = std::max(now_, end_of_run(job));
    end_of_.emplace(job.id, end);
    ends_.emplace(end, job.id);
  }

  [[nodiscard]] WallTime end_of_run(const model::Job& job) const {
    const WallTime limit = WallTime{job.time_limit} * 60 * model::kSecond;
    const WallTime part = std::max<WallTime>(model::kSecond, limit / 100 * options_.percent);
    const WallTime begun = job.start + job.suspended_us;
    const bool beyond = begun + part < state_.now;
    return begun + (beyond ? limit : part);
  }

  void note_start(const model::Job& job) {
    auto seen = watched_.find(job.id);
    if (seen == watched_.end() && job.array_job.is_set()) seen = watched_.find(job.array_job);
    if (seen == watched_.end()) return;
    const auto task = std::pair(job.id, job.array_task);
    if (!started_.insert(task).second) return;  // it had started before, and was requeued
    Watched& one = seen->second;
    if (one.start.first == 0) one.start.first = now_;
    one.start.last = now_;
    if (++one.started >= one.start.tasks) waiting_.erase(one.start.job);
  }

  void end_jobs() {
    while (!ends_.empty() && ends_.begin()->first <= now_) {
      const JobId id = ends_.begin()->second;
      ends_.erase(ends_.begin());
      end_of_.erase(id);
      if (const model::JobPtr job = cluster_.find_job(id)) end_job(*job);
    }
  }

  void end_job(const model::Job& job) {
    if (job.state != JobState::running || !job.allocation) return;
    const Attempt attempt{job.uid, job.attempt};
    if (job.spec->kind != model::JobKind::batch || job.het_offset != 0) {
      core::ActOnJob done;
      done.verb = core::JobVerb::complete;
      done.selector.job = job.id;
      done.by_admin = true;
      take(done);
      return;
    }
    core::BatchEnded ended;
    ended.attempt = attempt;
    ended.released = true;
    const model::AllocationPtr held = job.allocation;
    take(ended);
    for (const model::NodeShare& share : held->shares) {
      if (&share != &held->shares.front()) take(core::NodeReleased{attempt, share.node});
    }
  }

  const LiveState& state_;
  const ForecastOptions& options_;
  WallTime now_;
  WallTime until_;
  core::Cluster cluster_;
  std::map<JobId, Watched> watched_;
  std::set<JobId> waiting_;  // of those, who may still start
  std::set<std::pair<JobId, std::uint32_t>> started_;
  std::map<JobId, WallTime> end_of_;
  std::set<std::pair<WallTime, JobId>> ends_;
  PromptNodes nodes_;
};

}  // namespace

Result<std::vector<Start>> forecast(const LiveState& state, const core::SettingsPtr& present,
                                    const ForecastOptions& options) {
  return Forecaster(state, present, options).run();
}

}  // namespace sluice::replay
