// What becomes of displaced jobs. A job that is to be cancelled or requeued is told at once (its
// steps, with SIGCONT and SIGTERM; or by the signal that it asked for, with send_user_signal) and
// ends when its grace time is over. One that is suspended gives up its CPUs, keeps its memory and
// devices, and goes on as soon as its CPUs are idle again.
//
// Suspending by hand (scontrol suspend) gives up the CPUs in the same way, but lasts until somebody
// resumes the job.
#include <algorithm>

#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

// As Linux numbers them; this folder knows no system header.
constexpr std::uint32_t kSigTerm = 15;
constexpr std::uint32_t kSigCont = 18;

}  // namespace

void Cluster::State::refresh_preemption() {
  if (settings->preempt.type == model::PreemptType::none) {
    if (preempt_rules) planner.set_preemption(nullptr);
    preempt_rules = nullptr;
    return;
  }
  if (preempt_rules && preempt_settings == settings && preempt_tree == tree &&
      preempt_partitions == partitions) {
    return;
  }
  preempt_settings = settings;
  preempt_tree = tree;
  preempt_partitions = partitions;
  preempt_rules = std::make_shared<const PreemptRules>(*settings, partitions, *tree);
  planner.set_preemption(preempt_rules);
}

PreemptParty Cluster::State::party_of(const model::Job& job) const {
  PreemptParty party;
  for (const model::PartitionPtr& known : partitions) {
    if (known->name == job.partition) party.partition = known->index;
  }
  const model::Qos* qos = tree->qos(job.qos);
  party.qos = qos == nullptr ? 0 : qos->id;
  return party;
}

RunningFacts Cluster::State::facts_of(const model::Job& job) const {
  return {.party = party_of(job),
          .priority = job.priority,
          .start_ms = turn.now.mono_ms - (turn.now.wall - job.start) / 1000,
          .whole = job.het_job,
          .components = job.het_count,
          .leaving = job.preempted_at != 0 && job.state != model::JobState::suspended};
}

// When a displaced job's grace time is over.
std::int64_t Cluster::State::preempted_limit(const model::Job& job) const {
  if (job.preempted_at == 0 || job.state == model::JobState::suspended || !preempt_rules) {
    return DueTimes::kNone;
  }
  return turn.now.mono_ms + preempt_rules->grace_ms(party_of(job)) -
         (turn.now.wall - job.preempted_at) / 1000;
}

void Cluster::State::carry_out(const Preemption& preemption) {
  const JobId id = preemption.victim;
  const model::Job* now = find(id);
  if (now == nullptr || now->state != model::JobState::running) return;
  const bool known = now->preempted_at != 0;  // before a restart
  if (known && preemption.mode != model::PreemptMode::suspend) return;
  edit(id).preempted_at = turn.now.wall;
  if (preemption.mode == model::PreemptMode::suspend) {
    active.at(id).holder.asleep = true;  // the planner has put it to sleep already
    if (const Status done = suspend(id); done) displaced.insert(id);
    return;
  }
  const model::Job& told = job(id);
  const bool own_signal = settings->preempt.send_user_signal && told.spec->signal != 0 &&
                          (told.flags & model::kFlagTimeLimitSignalled) == 0;
  if (own_signal) warn(id);
  if (preemption.grace_ms <= 0) return end_preempted(id);
  Active& held = active.at(id);
  held.limit_ms = std::min(held.limit_ms, turn.now.mono_ms + preemption.grace_ms);
  for (const JobId other : other_components(id)) {
    Preemption theirs = preemption;
    theirs.victim = other;
    theirs.grace_ms = preempt_rules->grace_ms(party_of(job(other)));
    if (job(other).preempted_at == 0) carry_out(theirs);
  }
  if (own_signal || job(id).state != model::JobState::running) return;
  held.nodes.for_each([&](NodeIndex node) {
    for (const std::uint32_t signal : {kSigCont, kSigTerm}) {
      turn.changes.orders.emplace_back(
          SignalJob{{told.uid, told.attempt}, id, node, signal, false, false});
    }
  });
}

// A heterogeneous job is requeued if that is how any of its components is displaced.
void Cluster::State::end_preempted(JobId id) {
  const model::Job& now = job(id);
  std::vector<JobId> all = other_components(id);
  all.push_back(id);
  const bool requeues = std::any_of(all.begin(), all.end(), [&](JobId one) {
    return preempt_rules &&
           preempt_rules->mode_of(party_of(job(one))) == model::PreemptMode::requeue;
  });
  const bool again = requeues && requeueable(now);
  end(id, {.state = model::JobState::preempted, .requeue = again});
}

void Cluster::State::let_sleep(JobId id) {
  Active& held = active.at(id);
  for (const model::NodeShare& share : job(id).allocation->shares) {
    if (!held.holds(share.node)) continue;
    if (!held.holder.asleep) pool.sleep(share, held.holder);
    refresh_use(share.node);
  }
  held.holder.asleep = true;
  planner.job_asleep(id, true);
  plan_needed = true;
}

bool Cluster::State::may_wake(JobId id) const {
  const Active& held = active.at(id);
  const auto& shares = job(id).allocation->shares;
  return std::all_of(shares.begin(), shares.end(), [&](const model::NodeShare& share) {
    return !held.holds(share.node) || pool.can_wake(share);
  });
}

void Cluster::State::let_wake(JobId id) {
  Active& held = active.at(id);
  held.holder.asleep = false;
  for (const model::NodeShare& share : job(id).allocation->shares) {
    if (!held.holds(share.node)) continue;
    pool.wake(share, held.holder);
    refresh_use(share.node);
  }
  planner.job_asleep(id, false);
  plan_needed = true;  // it is known again when its CPUs will be free
}

// Those of higher standing first.
void Cluster::State::wake_displaced() {
  if (displaced.empty()) return;
  std::vector<JobId> sleepers(displaced.begin(), displaced.end());
  const auto standing = [&](JobId id) {
    return preempt_rules ? preempt_rules->standing(party_of(job(id))) : 0U;
  };
  std::stable_sort(sleepers.begin(), sleepers.end(),
                   [&](JobId a, JobId b) { return standing(a) > standing(b); });
  for (const JobId id : sleepers) {
    if (job(id).state != model::JobState::suspended) {
      displaced.erase(id);
      continue;
    }
    if (!may_wake(id)) continue;
    if (const Status done = resume(id); done) displaced.erase(id);
  }
  settle();
}

}  // namespace sluice::core
