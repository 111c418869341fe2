// The virtual clock, and nodes that do at once what they are told.
#include "replay/submissions.hpp"

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

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kPatience_ms = 30LL * 86'400 * 1000;
constexpr std::uint32_t kReasonInterval_ms = 60'000;
constexpr std::int64_t kLeastStep_ms = 1000;  // between things that are due without an event

core::Now at(std::int64_t ms) { return {kLogBegin + ms * 1000, ms}; }

// Jobs that others may depend on are kept for as long as the replay lasts.
core::SettingsPtr for_log(const core::Settings& settings, const std::vector<Submission>& log) {
  auto made = std::make_shared<core::Settings>(settings);
  const bool depend =
      std::ranges::any_of(log, [](const Submission& s) { return !s.spec->dependency.empty(); });
  made->min_job_age_s = depend ? model::kUnlimited / 2 : 1;
  made->reason_interval_ms = kReasonInterval_ms;
  return made;
}

class LogPlayer {
 public:
  LogPlayer(const std::vector<Submission>& log, const core::SettingsPtr& settings,
            const model::AccountsPtr& accounts, Keep keep)
      : log_(log),
        keep_(keep),
        settings_(for_log(*settings, log)),
        cluster_(settings_, stored(accounts), at(0)) {}

  Result<Replayed> run() {
    for (std::uint32_t n = 0; n < settings_->nodes.size(); ++n) {
      const core::NodeRegistered event{NodeIndex(n), settings_->nodes[n].facts, {}};
      if (Status up = take(event); !up) return tl::unexpected(up.error());
    }
    for (std::int64_t next = next_time(); next != kNever; next = next_time()) {
      now_ = next;
      end_jobs();
      if (cluster_.next_tick_ms() <= now_) take(core::Tick{});
      submit_jobs();
      plan();
    }
    return finish();
  }

 private:
  // What is written of a job, or of a task of an array.
  struct Seen {
    std::size_t submission = 0;
    std::int64_t start_ms = -1;  // of the last run
    std::int64_t end_ms = -1;
    std::uint32_t cpus = 0;
    std::uint32_t limit = 0;  // minutes
    std::uint32_t attempt = 0;
  };
  using Key = std::pair<JobId, std::uint32_t>;  // a job, or an array and its task

  static core::StoredState stored(const model::AccountsPtr& accounts) {
    core::StoredState state;
    state.accounts = accounts;
    return state;
  }
  static Key key_of(const model::Job& job) {
    return job.array_job.is_set() ? Key{job.array_job, job.array_task} : Key{job.id, 0};
  }

  // Calculations and plans come due for ever; they count only while somebody waits for them.
  [[nodiscard]] std::int64_t next_time() const {
    std::int64_t next = kNever;
    if (next_ < log_.size()) next = log_[next_].at_ms;
    if (!ends_.empty()) next = std::min(next, ends_.begin()->first);
    const bool busy = next != kNever || !running_.empty();
    if (waiting_.empty() && running_.empty()) return next;
    const std::int64_t due = cluster_.next_tick_ms();
    if (due == kNever || (!busy && due > last_event_ + kPatience_ms)) return next;
    return std::min(next, std::max(due, now_ + kLeastStep_ms));
  }

  void end_jobs() {
    while (!ends_.empty() && ends_.begin()->first <= now_) {
      const JobId id = ends_.begin()->second;
      ends_.erase(ends_.begin());
      const model::JobPtr job = running_.extract(id).mapped();
      const Attempt attempt{job->uid, job->attempt};
      core::BatchEnded ended;
      ended.attempt = attempt;
      ended.released = true;
      take(ended);
      const auto& shares = job->allocation->shares;
      for (const model::NodeShare& share : shares) {
        if (&share != &shares.front()) take(core::NodeReleased{attempt, share.node});
      }
    }
  }

  void submit_jobs() {
    for (; next_ < log_.size() && log_[next_].at_ms <= now_; ++next_) {
      core::SubmitJob event;
      event.spec = log_[next_].spec;
      event.request = log_[next_].request;
      event.uid = {.high = 1, .low = next_ + 1};
      submitting_ = next_;
      const Status taken = take(event);
      submitting_.reset();
      if (taken) continue;
      Played& played = made_.played;
      if (played.refused == 0) {
        played.first_refusal = std::to_string(log_[next_].id) + ": " + taken.error().text;
      }
      ++played.refused;
      if (keep_ == Keep::stretches) made_.refusals.emplace_back(next_, taken.error().text);
    }
  }

  void plan() {
    while (cluster_.more_to_plan()) {
      take_in(cluster_.plan(at(now_), std::numeric_limits<std::uint64_t>::max()));
      ++made_.played.passes;
      nodes_.obey([this](const core::Event& answer) { take(answer); });
    }
  }

  Status take(const core::Event& event) {
    const core::Changes changes = cluster_.apply(event, at(now_));
    if (submitting_ && changes.outcome) of_job_.emplace(changes.job, *submitting_);
    take_in(changes);
    nodes_.obey([this](const core::Event& answer) { take(answer); });
    return changes.outcome;
  }

  void take_in(const core::Changes& changes) {
    for (const model::JobPtr& job : changes.jobs) note(job);
    nodes_.give(changes.orders);
  }

  void note(const model::JobPtr& job) {
    forget_end(job->id);
    const bool lives = job->state == JobState::running || job->state == JobState::suspended;
    if (!lives) running_.erase(job->id);
    if (keep_ == Keep::stretches) note_stretch(job);
    if (job->state == JobState::pending) {
      waiting_.insert(job->id);
      return;
    }
    waiting_.erase(job->id);
    Seen& seen = seen_[key_of(*job)];
    if (job->state == JobState::running) note_run(job, seen);
    if (!model::is_finished(job->state) || seen.end_ms >= 0) return;
    seen.end_ms = now_;
    last_event_ = now_;
    if (job->state == JobState::timeout) ++made_.timed_out;
    if (keep_ == Keep::stretches && seen.start_ms < 0) {
      made_.never_began.emplace_back(place_of(*job), job);
    }
  }

  void note_run(const model::JobPtr& job, Seen& seen) {
    if (seen.start_ms < 0 || seen.attempt != job->attempt) {
      if (seen.start_ms >= 0) ++made_.requeued;
      const auto of = of_job_.find(job->array_job.is_set() ? job->array_job : job->id);
      if (of != of_job_.end()) seen.submission = of->second;
      seen.start_ms = now_;
      seen.end_ms = -1;
      seen.attempt = job->attempt;
      seen.cpus = job->allocation->cpus;
      seen.limit = job->time_limit;
      last_event_ = now_;
    }
    running_[job->id] = job;
    const std::int64_t run = log_[seen.submission].run_ms;
    if (run < 0) return;
    const std::int64_t end = seen.start_ms + run + job->suspended_us / 1000;
    ends_.emplace(std::max(end, now_), job->id);
    end_of_[job->id] = std::max(end, now_);
  }

  // What is told at the submission itself comes before the job is known.
  [[nodiscard]] std::size_t place_of(const model::Job& job) const {
    const auto of = of_job_.find(job.array_job.is_set() ? job.array_job : job.id);
    return of != of_job_.end() ? of->second : submitting_.value_or(0);
  }

  // A record of a job that runs on with what it has begins nothing.
  void note_stretch(const model::JobPtr& job) {
    const auto known = open_.find(job->id);
    if (known != open_.end()) {
      Stretch& open = made_.stretches[known->second];
      const bool same = job->state == JobState::running && job->attempt == open.job->attempt &&
                        *job->allocation == *open.job->allocation;
      if (same) return;
      open.end_ms = now_;
      open.became = job->state;
      open_.erase(known);
    }
    if (job->state != JobState::running) return;
    open_[job->id] = made_.stretches.size();
    made_.stretches.push_back({.submission = place_of(*job), .job = job, .start_ms = now_});
  }

  void forget_end(JobId id) {
    const auto known = end_of_.find(id);
    if (known == end_of_.end()) return;
    ends_.erase({known->second, id});
    end_of_.erase(known);
  }

  Result<Replayed> finish() {
    // In order of submission, and of tasks.
    std::map<std::size_t, std::vector<const Seen*>> of_submission;
    for (const auto& [key, seen] : seen_) {
      if (seen.start_ms >= 0) of_submission[seen.submission].push_back(&seen);
    }
    static const Seen kNone;
    for (std::size_t n = 0; n < log_.size(); ++n) {
      std::vector<const Seen*>& all = of_submission[n];
      if (all.empty()) all.push_back(&kNone);
      for (const Seen* seen : all) add(log_[n], *seen);
    }
    for (const JobId id : waiting_) {
      const model::JobPtr job = cluster_.find_job(id);
      if (job == nullptr) continue;
      made_.waiting.push_back(job);
      if (keep_ == Keep::stretches) made_.never_began.emplace_back(place_of(*job), job);
    }
    return std::move(made_);
  }

  void add(const Submission& submission, const Seen& seen) {
    constexpr std::int64_t kHalf = 500;
    TraceJob job;
    job.id = submission.id;
    job.user = submission.spec->uid;
    job.submit_s = submission.at_ms / 1000;
    std::int64_t start = -1;
    if (seen.start_ms >= 0) {
      start = job.submit_s + (seen.start_ms - submission.at_ms + kHalf) / 1000;
      job.run_s = (seen.end_ms - seen.start_ms + kHalf) / 1000;
      job.estimate_s = seen.limit == model::kUnlimited ? job.run_s : std::int64_t{seen.limit} * 60;
      job.processors = seen.cpus;
    }
    made_.jobs.push_back(job);
    made_.played.starts.push_back(start);
  }

  const std::vector<Submission>& log_;
  Keep keep_;
  core::SettingsPtr settings_;
  core::Cluster cluster_;
  Replayed made_;
  std::int64_t now_ = 0;
  std::int64_t last_event_ = 0;
  std::size_t next_ = 0;
  std::optional<std::size_t> submitting_;
  std::map<JobId, std::size_t> of_job_;  // submissions, by job or array
  std::map<Key, Seen> seen_;
  std::set<JobId> waiting_;
  std::map<JobId, model::JobPtr> running_;
  std::set<std::pair<std::int64_t, JobId>> ends_;
  std::map<JobId, std::int64_t> end_of_;
  std::map<JobId, std::size_t> open_;  // stretches that have not ended
  PromptNodes nodes_;
};

}  // namespace

std::vector<Submission> shaken(std::vector<Submission> log, std::int64_t shake_s,
                               std::uint64_t seed) {
  const PrepareOptions options{.processors = 0, .shake_s = shake_s, .seed = seed};
  for (std::size_t n = 0; n < log.size(); ++n) {
    log[n].at_ms = std::max<std::int64_t>(0, log[n].at_ms + shaking(options, n) * 1000);
  }
  std::ranges::stable_sort(log, {}, &Submission::at_ms);
  return log;
}

Result<Replayed> play_submissions(const std::vector<Submission>& log,
                                  const core::SettingsPtr& settings,
                                  const model::AccountsPtr& accounts, Keep keep) {
  return LogPlayer(log, settings, accounts, keep).run();
}

}  // namespace sluice::replay
