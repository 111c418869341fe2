// Charging jobs and counting them against limits.
//
// Whoever changes a job's record needn't think of either: before a turn ends, follow_job() compares
// the record with what is charged and counted for it. A job is charged from its start to its end,
// not while it is suspended; a COMPLETING job costs nothing and counts for no limit any more.
#include <algorithm>

#include <fmt/core.h>

#include "core/cluster_state.hpp"
#include "core/job_standing.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

bool runs(const model::Job& job) {
  return job.state == model::JobState::running || job.state == model::JobState::suspended;
}

std::string_view first_of(std::string_view list) { return list.substr(0, list.find(',')); }

// The seconds of each TRES that a job may still use.
model::TresCounts commitment(const Meter& meter, std::int64_t limit_us) {
  model::TresCounts seconds;
  const std::int64_t left_s =
      (std::max<std::int64_t>(limit_us - meter.charged_us, 0) + model::kSecond - 1) /
      model::kSecond;
  for (const model::TresCount& count : meter.tres) {
    constexpr std::int64_t kMillion = 1'000'000;
    if (count.count <= 0 || left_s == 0) continue;
    const Wide all = Wide(count.count) * Wide(left_s) *
                     Wide(std::max<std::int64_t>(meter.factor, 0)) / Wide(kMillion);
    constexpr Wide kMost = std::numeric_limits<std::int64_t>::max() / 4;
    if (all != 0) seconds.push_back({count.id, static_cast<std::int64_t>(std::min(all, kMost))});
  }
  return seconds;
}

// `a` without `b`.
model::TresCounts difference(model::TresCounts a, const model::TresCounts& b) {
  for (const model::TresCount& count : b) model::add_tres(a, count.id, -count.count);
  std::erase_if(a, [](const model::TresCount& count) { return count.count == 0; });
  return a;
}

}  // namespace

std::uint32_t Cluster::State::qos_id(std::string_view name) const {
  const model::Qos* qos = name.empty() ? nullptr : tree->qos(name);
  return qos == nullptr ? 0 : qos->id;
}

// Whom it counts for; nothing is counted yet.
LimitClaim Cluster::State::claimant(const model::Job& job) const {
  LimitClaim claim{.association = job.association, .qos = qos_id(job.qos), .uid = job.spec->uid};
  const std::string_view name = first_of(job.partition);
  for (std::size_t p = 0; p < partitions.size() && p < policies->limits.rules().partitions.size();
       ++p) {
    if (partitions[p]->name.view() != name) continue;
    claim.partition_qos = policies->limits.rules().partitions[p].qos;
  }
  return claim;
}

LimitClaim Cluster::State::claim_of(const model::Job& job) const {
  const bool pending = job.state == model::JobState::pending;
  if (!pending && !runs(job)) return {};
  LimitClaim claim = claimant(job);
  claim.submitted = is_rest(job) ? model::task_count(*job.array_rest) : 1;
  claim.running = pending ? 0 : 1;
  claim.accruing = pending && job.accrue != 0 ? 1 : 0;
  if (pending) {
    if (!has_choice_of_guise(*job.request)) return claim;
    for (const auto& [partition, other] : claims_at_submit(job)) {
      for (const std::uint32_t qos : {other.qos, other.partition_qos}) {
        if (qos != 0) claim.more_qos.push_back(qos);
      }
    }
    std::ranges::sort(claim.more_qos);
    const auto rest = std::ranges::unique(claim.more_qos);
    claim.more_qos.erase(rest.begin(), rest.end());
    return claim;
  }
  claim.in_use = job.tres;
  if (policies->limits.counts_nodes() && job.allocation != nullptr) {
    for (const model::NodeShare& share : job.allocation->shares) {
      claim.nodes.push_back(share.node.value);
    }
  }
  return claim;
}

// How long the attempt has run by now, or ran in all.
std::int64_t Cluster::State::run_us(const model::Job& job) const {
  if (job.start == 0) return 0;
  const model::WallTime until = job.end != 0            ? job.end
                                : job.suspended_at != 0 ? job.suspended_at
                                                        : std::max(turn.now.wall, job.start);
  return std::max<std::int64_t>(until - job.start - job.suspended_us, 0);
}

std::int64_t Cluster::State::allowed_us(const model::Job& job) const {
  constexpr std::int64_t kYear = 365LL * 86'400 * model::kSecond;
  if (job.time_limit == model::kUnlimited) return kYear;
  return std::int64_t{job.time_limit} * settings->limit_unit_ms * 1000;
}

model::TresCounts Cluster::State::tres_of(const model::Job& job) const {
  const model::TresTable& table = tree->accounts().tres;
  model::TresCounts counts = allocated_tres(*job.allocation, table);
  static const TresWeights kNone;
  const TresWeights* weights = &kNone;
  for (std::size_t p = 0; p < partitions.size() && p < policies->limits.rules().partitions.size();
       ++p) {
    if (partitions[p]->name != job.partition) continue;
    weights = &policies->limits.rules().partitions[p].billing;
  }
  const std::int64_t bill = billed(counts, *weights, table, settings->priority.flags);
  model::set_tres(counts, model::kTresBilling, bill);
  return counts;
}

// Brings charges and counts into agreement with the record.
void Cluster::State::follow_job(JobId id) {
  const auto edit = turn.jobs.find(id);
  if (edit == turn.jobs.end()) return;
  follow_run(id);
  if (!policies->limits.counts()) return;
  LimitClaim claim = claim_of(*edit->second.fresh);
  if (claim == edit->second.claimed) return;
  policies->limits.count(claim);
  policies->limits.uncount(edit->second.claimed);
  edit->second.claimed = std::move(claim);
}

void Cluster::State::follow_run(JobId id) {
  const model::Job* now = find(id);
  const auto known = policies->charged.find(id);
  const bool is_known = known != policies->charged.end();
  const bool running = now != nullptr && runs(*now) && now->allocation != nullptr;
  if (is_known && (!running || known->second.attempt != now->attempt)) {
    policies->usage.charge(id, final_run_us(id, known->second.attempt));
    stop_charging(id);
    follow_run(id);
    return;
  }
  if (!running) return;
  if (!is_known) {
    const model::TresCounts counts = tres_of(*now);
    if (now->tres != counts) edit_quietly(id).tres = counts;
    charge_from(job(id), 0);
    return;
  }
  Charged& charged = known->second;
  if (charged.allocation != now->allocation.get()) {
    policies->usage.charge(id, run_us(*now));  // what it had until now
    charged.allocation = now->allocation.get();
    const model::TresCounts counts = tres_of(*now);
    policies->usage.meter(id)->tres = counts;
    edit_quietly(id).tres = counts;
    turn.charge_all = true;
  }
  const bool asleep = job(id).suspended_at != 0;
  if (asleep) policies->usage.charge(id, run_us(job(id)));
  // From now on it has run without a break: so it is found again after a restart.
  if (charged.asleep && !asleep) turn.charge_all = true;
  charged.asleep = asleep;
  commit(id);
}

// The run of an attempt that is over. If the next one waits already, the record of the last went
// out in this turn.
std::int64_t Cluster::State::final_run_us(JobId id, std::uint32_t attempt) const {
  const model::Job* now = find(id);
  if (now != nullptr && now->attempt == attempt) return run_us(*now);
  for (const model::JobPtr& ended : turn.changes.ended) {
    if (ended->id == id && ended->attempt == attempt) return run_us(*ended);
  }
  const Meter* meter = policies->usage.meter(id);
  return meter == nullptr ? 0 : meter->charged_us;
}

void Cluster::State::charge_from(const model::Job& job, std::int64_t charged_us) {
  Charged charged{.attempt = job.attempt,
                  .allocation = job.allocation.get(),
                  .asleep = job.suspended_at != 0,
                  .whose = claimant(job),
                  .committed = {}};
  Meter meter = meter_of(charged.whose);
  meter.tres = job.tres.empty() ? tres_of(job) : job.tres;
  meter.charged_us = charged_us;
  if (policies->usage.clock() == 0) policies->usage.set_clock(turn.now.wall);
  policies->usage.open(job.id, std::move(meter));
  policies->charged.emplace(job.id, std::move(charged));
  commit(job.id);
}

Meter Cluster::State::meter_of(const LimitClaim& whose) const {
  Meter meter;
  for (const AccountTree::Place place : tree->chain(tree->place_of(whose.association))) {
    meter.associations.push_back(tree->at(place).id);
  }
  if (whose.qos != 0) meter.qos.push_back(whose.qos);
  if (whose.partition_qos != 0 && whose.partition_qos != whose.qos) {
    meter.qos.push_back(whose.partition_qos);
  }
  if (const model::Qos* qos = tree->qos(whose.qos)) meter.factor = qos->usage_factor;
  return meter;
}

void Cluster::State::stop_charging(JobId id) {
  const auto found = policies->charged.find(id);
  if (policies->limits.counts()) {
    LimitClaim claim = found->second.whose;
    claim.run_seconds = std::move(found->second.committed);
    policies->limits.uncount(claim);
  }
  policies->usage.close(id);
  policies->charged.erase(found);
}

// Counts what a running job may still use, as its time limit and its charges have it now.
void Cluster::State::commit(JobId id) {
  if (!policies->limits.counts()) return;
  Charged& charged = policies->charged.at(id);
  model::TresCounts now = commitment(*policies->usage.meter(id), allowed_us(job(id)));
  if (now == charged.committed) return;
  LimitClaim claim = charged.whose;
  claim.run_seconds = difference(now, charged.committed);
  policies->limits.count(claim);
  // With a shorter time limit it leaves minutes to others.
  const bool leaves = std::ranges::any_of(
      claim.run_seconds, [](const model::TresCount& count) { return count.count < 0; });
  if (leaves) {
    policies->limits.loosen();
    plan_needed = true;
  }
  charged.committed = std::move(now);
}

// All running jobs up to now; with that the clock is set.
void Cluster::State::charge_all() {
  turn.charge_all = false;
  std::vector<std::pair<JobId, std::int64_t>> run;
  run.reserve(policies->charged.size());
  for (const auto& [id, charged] : policies->charged) run.emplace_back(id, run_us(job(id)));
  policies->usage.charge_all(run);
  policies->usage.set_clock(turn.now.wall);
  if (policies->limits.counts()) commit_all();
  policies->limits.loosen();
}

void Cluster::State::commit_all() {
  using Whose = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;
  std::map<Whose, LimitClaim> sums;
  for (auto& [id, charged] : policies->charged) {
    model::TresCounts now = commitment(*policies->usage.meter(id), allowed_us(job(id)));
    if (now == charged.committed) continue;
    const LimitClaim& whose = charged.whose;
    LimitClaim& sum =
        sums.try_emplace({whose.association, whose.qos, whose.partition_qos, whose.uid}, whose)
            .first->second;
    for (const model::TresCount& count : difference(now, charged.committed)) {
      model::add_tres(sum.run_seconds, count.id, count.count);
    }
    charged.committed = std::move(now);
  }
  for (const auto& [whose, sum] : sums) policies->limits.count(sum);
}

// After a restart: as it stood when the clock was set. A job that slept then was charged in full
// when it was suspended.
void Cluster::State::restore_charges() {
  const model::WallTime clock =
      policies->usage.clock() == 0 ? turn.now.wall : policies->usage.clock();
  for (const auto& [id, entry] : jobs) {
    const model::Job& job = *entry.job;
    if (policies->limits.counts()) policies->limits.count(claim_of(job));
    if (!runs(job) || job.allocation == nullptr) continue;
    const model::WallTime until = job.suspended_at != 0 ? job.suspended_at : clock;
    charge_from(job, std::max<std::int64_t>(until - job.start - job.suspended_us, 0));
  }
}

// Everything is counted anew: accounts have moved, or partitions have other QOS.
void Cluster::State::recount() {
  policies->limits.drop_counts();
  const bool counts = policies->limits.counts();
  for (const auto& [id, entry] : jobs) {
    if (!counts) break;
    const auto edit = turn.jobs.find(id);
    if (edit == turn.jobs.end()) {
      policies->limits.count(claim_of(*entry.job));
    } else {
      edit->second.claimed = claim_of(*entry.job);
      policies->limits.count(edit->second.claimed);
    }
  }
  for (auto& [id, charged] : policies->charged) {
    charged.whose = claimant(job(id));
    Meter& meter = *policies->usage.meter(id);
    Meter moved = meter_of(charged.whose);
    meter.associations = std::move(moved.associations);
    meter.qos = std::move(moved.qos);
    charged.committed.clear();
    if (!counts) continue;
    charged.committed = commitment(meter, allowed_us(job(id)));
    LimitClaim claim = charged.whose;
    claim.run_seconds = charged.committed;
    policies->limits.count(claim);
  }
}

// As it would be counted now, whether limits are enforced or not.
void Cluster::State::count_apart(Limits& fresh) const {
  fresh.count_always();
  fresh.configure(policies->limits.rules());
  for (const auto& [id, entry] : jobs) fresh.count(claim_of(*entry.job));
  for (const auto& [id, charged] : policies->charged) {
    LimitClaim claim = charged.whose;
    claim.run_seconds = policies->limits.counts()
                            ? charged.committed
                            : commitment(*policies->usage.meter(id), allowed_us(job(id)));
    fresh.count(claim);
  }
}

// For check(): what the counts should be.
std::optional<std::string> Cluster::State::check_counts() const {
  for (const auto& [id, entry] : jobs) {
    const bool running = runs(*entry.job) && entry.job->allocation != nullptr;
    if (running != policies->charged.contains(id)) return "a job is charged, or not, by mistake";
    if (running && policies->usage.meter(id) == nullptr) return "a running job has no meter";
  }
  if (!policies->limits.counts()) return std::nullopt;
  Limits fresh(policies->usage);
  count_apart(fresh);
  for (const auto& [holder, use] : fresh.uses()) {
    const LimitUse& counted = policies->limits.use(holder);
    if (counted == use) continue;
    return fmt::format("limits count {} submitted, {} running, {} ageing where {}, {} and {} are",
                       counted.submitted, counted.running, counted.accruing, use.submitted,
                       use.running, use.accruing);
  }
  if (fresh.uses() != policies->limits.uses()) return "limits count where there is no job";
  return std::nullopt;
}

// From when on a waiting job ages: not while it is held, depends on others, or is to begin later.
void Cluster::State::set_accrue(JobId id, const Obstacle& keeps) {
  const model::Job& waiting = job(id);
  const bool always = (settings->priority.flags & model::kPriorityAccrueAlways) != 0;
  bool ages = always;
  switch (keeps.reason) {
    case model::Reason::job_held_user:
    case model::Reason::job_held_admin:
    case model::Reason::job_requeued_in_held_state:
    case model::Reason::dependency:
    case model::Reason::dependency_never_satisfied:
    case model::Reason::begin_time: break;
    default: ages = true;
  }
  policies->waiting_to_age.drop(id);
  if (!ages) {
    if (waiting.accrue != 0) edit_quietly(id).accrue = 0;
    return;
  }
  if (waiting.accrue != 0) return;
  const bool limited = !always && policies->limits.limits_accrual();
  if (limited && policies->limits.refuses_accrual(claimant(waiting))) {
    policies->waiting_to_age.put(id, claimant(waiting));
    return;
  }
  edit_quietly(id).accrue = always ? waiting.submit : turn.now.wall;
  follow_job(id);
}

}  // namespace sluice::core
