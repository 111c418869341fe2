// The virtual clock and the nodes that the cluster plays with.
#include "replay/replay.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <queue>
#include <utility>

#include <fmt/core.h>

#include "core/cluster.hpp"

namespace sluice::replay {

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kForgetEvery_s = 60;
constexpr model::WallTime kEpoch =
    946'684'800 * model::kSecond;  // 2000-01-01, the trace's second 0

core::Now at_second(std::int64_t second) {
  return {kEpoch + second * model::kSecond, second * 1000};
}

class Player {
 public:
  Player(const std::vector<TraceJob>& jobs, const core::SettingsPtr& settings)
      : jobs_(jobs), settings_(settings), cluster_(settings) {
    played_.starts.assign(jobs.size(), -1);
    running_.resize(jobs.size());
    std::uint32_t largest = 1;
    for (const model::NodeSetting& node : settings->nodes) {
      largest = std::max(largest, node.facts.cpus());
    }
    exact_nodes_ = largest == 1;
    one_node_ = settings->nodes.size() == 1;
    // Under the simpler rules nobody can start between two events.
    const bool simple =
        !settings->backfill || settings->backfill_policy == model::BackfillPolicy::easy;
    wakes_ = !simple || settings->priority.type != model::PriorityType::basic;
  }

  Result<Played> run() {
    if (Status up = register_nodes(); !up) return tl::unexpected(up.error());
    while (true) {
      const std::int64_t now = next_second();
      if (now == kNever) break;
      now_ = now;
      end_jobs();
      tick();
      submit_jobs();
      plan();
    }
    if (waiting_ != 0) {
      return fail(ErrorCode::failure,
                  fmt::format("{} jobs never start, though nothing runs any more", waiting_));
    }
    return std::move(played_);
  }

 private:
  struct Ending {
    std::int64_t at_s = 0;
    std::uint32_t job = 0;  // position

    auto operator<=>(const Ending&) const = default;
  };

  Status register_nodes() {
    for (std::uint32_t n = 0; n < settings_->nodes.size(); ++n) {
      const core::Changes done = cluster_.apply(
          core::NodeRegistered{NodeIndex(n), settings_->nodes[n].facts, {}}, at_second(0));
      if (!done.outcome) return done.outcome;
    }
    return {};
  }

  // Timers of the cluster count only while somebody waits: they are plans that come due.
  std::int64_t next_second() const {
    std::int64_t next = kNever;
    if (next_ < jobs_.size()) next = jobs_[next_].submit_s;
    if (!ends_.empty()) next = std::min(next, ends_.top().at_s);
    if (waiting_ != 0 && wakes_) {
      const std::int64_t due = cluster_.next_tick_ms();
      if (due != kNever) next = std::min(next, std::max(now_ + 1, (due + 999) / 1000));
    }
    return next;
  }

  void end_jobs() {
    while (!ends_.empty() && ends_.top().at_s == now_) {
      const std::uint32_t position = ends_.top().job;
      ends_.pop();
      const model::JobPtr job = std::exchange(running_[position], nullptr);
      const Attempt attempt{job->uid, job->attempt};
      for (const model::NodeShare& share : job->allocation->shares) {
        const bool host = &share == &job->allocation->shares.front();
        if (host) {
          core::BatchEnded ended;
          ended.attempt = attempt;
          ended.released = true;
          take(cluster_.apply(ended, at_second(now_)));
        } else {
          take(cluster_.apply(core::NodeReleased{attempt, share.node}, at_second(now_)));
        }
      }
    }
  }

  // Where nothing but forgetting what is over is ever due, that is done now and then.
  void tick() {
    if (now_ < next_tick_ || cluster_.next_tick_ms() > now_ * 1000) return;
    if (!wakes_) next_tick_ = now_ + kForgetEvery_s;
    take(cluster_.apply(core::Tick{}, at_second(now_)));
  }

  void submit_jobs() {
    for (; next_ < jobs_.size() && jobs_[next_].submit_s == now_; ++next_) {
      const core::Changes done = cluster_.apply(request_of(jobs_[next_]), at_second(now_));
      if (!done.outcome) {
        if (played_.refused == 0) played_.first_refusal = done.outcome.error().text;
        ++played_.refused;
        continue;
      }
      positions_.push_back(static_cast<std::uint32_t>(next_));
      ++waiting_;
    }
  }

  core::SubmitJob request_of(const TraceJob& job) {
    core::SubmitJob event;
    model::JobSpecPtr& spec = specs_[job.user];
    if (spec == nullptr) {
      auto made = std::make_shared<model::JobSpec>();
      made->uid = static_cast<std::uint32_t>(1000 + std::max<std::int64_t>(0, job.user));
      made->name = "trace";
      spec = std::move(made);
    }
    event.spec = spec;
    event.request = asked_by(job);
    event.uid = {.high = 1, .low = ++uids_};
    return event;
  }

  // Equal requests are one.
  const model::RequestPtr& asked_by(const TraceJob& job) {
    model::RequestPtr& known = requests_[{job.processors, job.estimate_s}];
    if (known != nullptr) return known;
    auto request = std::make_shared<model::Request>();
    request->tasks = static_cast<std::uint32_t>(job.processors);
    request->cpus_per_task = 1;
    request->min_nodes = 1;
    if (exact_nodes_) request->min_nodes = request->max_nodes = request->tasks;
    if (one_node_) request->max_nodes = 1;
    request->time_limit = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(job.estimate_s, 1, model::kUnlimited - 1));
    return known = std::move(request);
  }

  void plan() {
    while (cluster_.more_to_plan()) {
      take(cluster_.plan(at_second(now_), std::numeric_limits<std::uint64_t>::max()));
      ++played_.passes;
    }
  }

  void take(const core::Changes& changes) {
    for (const model::JobPtr& job : changes.jobs) {
      if (job->state != model::JobState::running) continue;
      const std::uint32_t position = positions_[job->id.value - 1];
      if (played_.starts[position] != -1) continue;
      played_.starts[position] = now_;
      --waiting_;
      ends_.push({now_ + jobs_[position].run_s, position});
      running_[position] = job;
    }
  }

  const std::vector<TraceJob>& jobs_;
  core::SettingsPtr settings_;
  core::Cluster cluster_;
  Played played_;
  bool exact_nodes_ = false;
  bool one_node_ = false;
  bool wakes_ = false;
  std::int64_t now_ = -1;
  std::int64_t next_tick_ = 0;
  std::size_t next_ = 0;
  std::uint64_t waiting_ = 0;
  std::uint64_t uids_ = 0;
  std::vector<std::uint32_t> positions_;  // of the jobs, by id - 1
  std::map<std::int64_t, model::JobSpecPtr> specs_;
  std::map<std::pair<std::int64_t, std::int64_t>, model::RequestPtr> requests_;
  std::vector<model::JobPtr> running_;  // by position
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> ends_;
};

}  // namespace

Result<Played> play(const std::vector<TraceJob>& jobs, const core::SettingsPtr& settings) {
  return Player(jobs, settings).run();
}

}  // namespace sluice::replay
