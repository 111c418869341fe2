// The invariants on the present state, and the state as a text to compare with another's. Walks
// everything: for tests and the simulation, never on the way of an event.
#include <set>

#include <fmt/core.h>

#include "core/billing.hpp"
#include "core/cluster_state.hpp"
#include "core/field_text.hpp"
#include "model/gres.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

using Violation = std::optional<std::string>;

Violation check_record(const model::Job& job) {
  const auto wrong = [&](std::string_view what) {
    return fmt::format("job {}: {}", job.id.value, what);
  };
  const bool completing = is_completing(job);
  const bool running =
      job.state == model::JobState::running || job.state == model::JobState::suspended;
  if (job.state == model::JobState::pending) {
    if (job.allocation) return wrong("pending with an allocation");
    if (job.start != 0 || job.end != 0) return wrong("pending with a start or an end");
    if (completing) return wrong("pending and completing");
  }
  if (running && !job.allocation) return wrong("running without an allocation");
  if (running && job.end != 0) return wrong("running with an end");
  if (running && !job.dependency.empty()) return wrong("running with an open dependency");
  if (running && job.array_rest) return wrong("the rest of an array runs");
  if (completing && !model::is_finished(job.state)) return wrong("completing without an end");
  if (job.array_rest && job.id != job.array_job) return wrong("a rest with an id of its own");
  if (job.array_rest && job.array_rest->runs.empty()) return wrong("a rest of no task");
  const bool stopped = job.state == model::JobState::suspended;
  if (stopped != (job.suspended_at != 0) && !(completing && !stopped)) {
    return wrong("suspended without a time, or the other way round");
  }
  return std::nullopt;
}

}  // namespace

// Looks at everything, one part at a time.
struct Cluster::State::Inspection {
  const State& s;

  [[nodiscard]] Violation active_job(const model::Job& job) const;
  [[nodiscard]] Violation waiting_job(const Entry& entry) const;
  [[nodiscard]] Violation component(const Entry& entry, bool unhindered) const;
  [[nodiscard]] Violation arrays() const;
  [[nodiscard]] Violation nodes() const;
};

Violation Cluster::State::Inspection::active_job(const model::Job& job) const {
  const auto wrong = [&](std::string_view what) {
    return fmt::format("job {}: {}", job.id.value, what);
  };
  const bool holds = job.state == model::JobState::running ||
                     job.state == model::JobState::suspended || is_completing(job);
  const auto held = s.active.find(job.id);
  if (holds != (held != s.active.end())) return wrong("state and held nodes disagree");
  if (!holds) return std::nullopt;
  const auto attempt = s.attempts.find(job.uid);
  if (attempt == s.attempts.end() || attempt->second != job.id) return wrong("attempt unknown");
  for (const NodeIndex node : held->second.nodes.list()) {
    if (!s.nodes[node.value].jobs.contains(job.id)) return wrong("its node doesn't know it");
  }
  if (!is_completing(job) && held->second.nodes.size() != job.allocation->shares.size()) {
    return wrong("runs on nodes that it doesn't hold");
  }
  const bool lost_all = held->second.nodes.empty() && !s.unreviewed.contains(job.id);
  if (is_completing(job) && lost_all) return wrong("completing on no node");
  return std::nullopt;
}

// The planner has what nothing but resources keeps back.
Violation Cluster::State::Inspection::waiting_job(const Entry& entry) const {
  const model::Job& job = *entry.job;
  const auto wrong = [&](std::string_view what) {
    return fmt::format("job {}: {}", job.id.value, what);
  };
  if (job.state != model::JobState::pending) {
    return entry.startable == 0 ? std::nullopt : Violation(wrong("queued though not pending"));
  }
  const auto spec = s.dependencies.find(job.id);
  DependencySpec now = spec == s.dependencies.end() ? DependencySpec{} : spec->second;
  for (DependencyClause& clause : now.clauses) {
    if (clause.kind == DependencyKind::singleton) {
      clause.state = s.alone(job) ? DependencyState::fulfilled : DependencyState::unfulfilled;
    }
  }
  const bool unhindered =
      now.state() == DependencyState::fulfilled && s.obstacle(job).reason == model::Reason::none;
  if (job.het_job.is_set()) return component(entry, unhindered);
  const bool free = unhindered;
  if (entry.startable != 0 && !free) return wrong("queued though something keeps it back");
  if (entry.startable == 0 && free) {
    const auto array = s.arrays.find(job.array_job);
    const bool full = array != s.arrays.end() && array->second.limit != 0 &&
                      array->second.in(Phase::active) >= array->second.limit;
    const bool others_first =
        array != s.arrays.end() && array->second.limit != 0 && !array->second.ready.empty();
    // Its time has come between two ticks.
    const bool rings_now = s.timers.of(job.id).wall <= s.last.wall;
    if (!full && !others_first && !rings_now) {
      return wrong("not queued though nothing keeps it back");
    }
  }
  return std::nullopt;
}

// The leader is queued if and only if the whole could start; no component runs before the others.
Violation Cluster::State::Inspection::component(const Entry& entry, bool unhindered) const {
  const model::Job& job = *entry.job;
  const auto wrong = [&](std::string_view what) {
    return fmt::format("job {}: {}", job.id.value, what);
  };
  const bool rings_now = s.timers.of(job.id).wall <= s.last.wall;
  if (entry.ready != unhindered && !rings_now) return wrong("wrongly taken as ready, or as not");
  if (s.is_led(job)) return entry.startable == 0 ? std::nullopt : Violation(wrong("queued alone"));
  if (s.whole_is_ready(job.id) != (entry.startable != 0)) return wrong("the whole is not queued");
  for (const JobId other : s.other_components(job.id)) {
    const model::Job& record = s.job(other);
    if (record.state == model::JobState::running) return wrong("a component runs before it");
  }
  return std::nullopt;
}

Violation Cluster::State::Inspection::arrays() const {
  for (const auto& [id, array] : s.arrays) {
    const auto wrong = [&, number = id.value](std::string_view what) {
      return fmt::format("array {}: {}", number, what);
    };
    std::uint32_t waiting = 0;
    std::uint32_t running = 0;
    for (const auto& [task, own] : array.own) {
      const model::Job* record = s.find(own);
      if (record == nullptr || record->array_task != task) return wrong("a task has no record");
      const Phase phase = tally_of(*record).phase;
      waiting += phase == Phase::waiting ? 1 : 0;
      running += phase == Phase::active ? 1 : 0;
    }
    const model::Job* rest = s.find(id);
    if (rest != nullptr && rest->array_rest) {
      for (const auto& [task, own] : array.own) {
        if (model::has_task(*rest->array_rest, task)) return wrong("a task stands twice");
      }
      if (rest->state == model::JobState::pending) waiting += model::task_count(*rest->array_rest);
    }
    if (waiting != array.in(Phase::waiting) || running != array.in(Phase::active)) {
      return wrong("its counts are wrong");
    }
    if (array.limit != 0 && running > std::max(array.limit, array.ceiling)) {
      return wrong("more tasks run than its limit allows");
    }
  }
  return std::nullopt;
}

Violation Cluster::State::Inspection::nodes() const {
  for (std::uint32_t n = 0; n < s.nodes.size(); ++n) {
    const NodeInfo& info = s.nodes[n];
    std::uint32_t completing = 0;
    for (const JobId id : info.jobs) {
      const auto held = s.active.find(id);
      if (held == s.active.end() || !held->second.holds(NodeIndex(n))) {
        return fmt::format("node {}: job {} is not there", info.record->name.view(), id.value);
      }
      completing += is_completing(s.job(id)) ? 1 : 0;
    }
    if (completing != info.completing) {
      return fmt::format("node {}: wrong count of completing jobs", info.record->name.view());
    }
    const NodeUse use = s.pool.use(NodeIndex(n));
    if (use.jobs != info.jobs.size() || use.cpus != info.record->allocated_cpus ||
        use.memory != info.record->allocated_memory) {
      return fmt::format("node {}: record and holders disagree", info.record->name.view());
    }
  }
  return s.pool.check();
}

std::optional<std::string> Cluster::check() const {
  const State& state = *state_;
  const State::Inspection look{state};
  std::set<Uid128> identities;
  for (const auto& [id, entry] : state.jobs) {
    if (auto wrong = check_record(*entry.job)) return wrong;
    if (!identities.insert(entry.job->uid).second) {
      return fmt::format("job {}: another has its identity", id.value);
    }
    if (auto wrong = look.active_job(*entry.job)) return wrong;
    if (!state.unreviewed.empty()) continue;
    if (auto wrong = look.waiting_job(entry)) return wrong;
  }
  if (state.active.size() != state.attempts.size()) return "attempts and active jobs disagree";
  if (auto wrong = look.arrays()) return wrong;
  if (auto wrong = state.licenses->check_totals()) return wrong;
  if (auto wrong = state.check_counts()) return wrong;
  return look.nodes();
}

std::string Cluster::fingerprint() const {
  std::string text = fmt::format("next {}\n", state_->next_job_id);
  for (const auto& [id, entry] : state_->jobs) text += "job " + field_text(*entry.job) + '\n';
  for (const auto& [key, step] : state_->steps) text += "step " + field_text(*step) + '\n';
  for (const model::NodeRelease& gone : state_->released()) {
    text += fmt::format("job {} attempt {} has left {}\n", gone.job.value, gone.attempt,
                        gone.node.view());
  }
  for (const NodeInfo& info : state_->nodes) {
    const model::Node& node = *info.record;
    constexpr std::uint32_t kKept =
        model::kNodeDrain | model::kNodeFail | model::kNodeMaint | model::kNodeInvalidRegistration;
    text += fmt::format(
        "node {} down={} flags={} reason={} by={} features={} weight={} cpus={} "
        "memory={} comment={} extra={} faults={}\n",
        node.name.view(), node.state == model::NodeState::down, node.flags & kKept,
        node.reason.view(), node.reason_uid, node.features.view(), node.weight, node.allocated_cpus,
        node.allocated_memory, node.comment.view(), node.extra.view(),
        model::faults_text(node.facts.gres));
  }
  for (const model::PartitionPtr& partition : state_->partitions) {
    text += "partition " + field_text(*partition) + '\n';
  }
  for (const auto& [id, entry] : state_->reservations.all()) {
    text += "reservation " + field_text(*entry.record) + '\n';
  }
  for (const model::UsageRecord& usage : state_->policies->usage.all()) {
    text += "usage " + field_text(usage) + '\n';
  }
  if (state_->money != nullptr) text += state_->money->fingerprint();
  return text + "accounts " + field_text(state_->tree->accounts()) + '\n';
}

}  // namespace sluice::core
