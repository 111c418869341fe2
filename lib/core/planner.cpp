// The planner's public door: keeping the queue and the running jobs, and the questions that don't
// change anything.
#include "core/planner.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "core/planner_pass.hpp"
#include "core/share.hpp"
#include "core/tres_use.hpp"

namespace sluice::core {

namespace {

// Where each job gets a planned start, none may hide behind the leader of its group.
bool each_alone(const Settings& settings) {
  return settings.backfill && settings.backfill_policy == model::BackfillPolicy::conservative;
}

}  // namespace

Planner::Planner(SettingsPtr settings) : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  state_->queue.set_alone(each_alone(*state_->settings));
}

Planner::~Planner() = default;
Planner::Planner(Planner&&) noexcept = default;
Planner& Planner::operator=(Planner&&) noexcept = default;

void Planner::configure(SettingsPtr settings) {
  state_->settings = std::move(settings);
  state_->queue.set_alone(each_alone(*state_->settings));
  state_->config_seen = 0;
  state_->pool_seen = 0;
  state_->possible.clear();
}

void Planner::set_rules(const PriorityRule* rule, StartGate* gate) {
  state_->gates.set_limits(gate);
  state_->rule = rule;
  state_->next_ranking_ms = std::numeric_limits<std::int64_t>::min();
  state_->queue.set_rule(rule);
  state_->config_seen = 0;  // what was settled before is open again
}

void Planner::add_gate(StartGate* gate) {
  state_->gates.add(gate);
  state_->config_seen = 0;
}

void Planner::add(const Candidate& candidate) { state_->queue.add(candidate); }
void Planner::remove(JobId id) { state_->queue.remove(id); }
std::size_t Planner::queued() const { return state_->queue.size(); }

void Planner::set_preemption(PreemptRulesPtr rules) {
  state_->preemption = std::move(rules);
  const bool moved =
      state_->queue.set_ranks(state_->preemption ? state_->preemption->ranks() : PreemptRanks{});
  if (moved) state_->config_seen = 0;
}

void Planner::job_started(JobId id, model::AllocationPtr allocation, std::int64_t expected_end_ms,
                          const RunningFacts& facts) {
  state_->running[id] = {std::move(allocation), expected_end_ms, facts};
  state_->parties[facts.party].insert(id);
  if (facts.leaving) state_->leaving.insert(id);
  state_->new_ends.push_back(id);
}

void Planner::job_extended(JobId id, std::int64_t expected_end_ms) {
  const auto job = state_->running.find(id);
  if (job == state_->running.end()) return;
  state_->shortened = state_->shortened || expected_end_ms < job->second.expected_end_ms;
  job->second.expected_end_ms = expected_end_ms;
  state_->new_ends.push_back(id);
}

void Planner::job_asleep(JobId id, bool asleep) {
  const auto job = state_->running.find(id);
  if (job == state_->running.end()) return;
  // Nobody knew when it would be over while it slept.
  state_->shortened = state_->shortened || (job->second.asleep && !asleep);
  job->second.asleep = asleep;
}

void Planner::job_shrunk(JobId id, model::AllocationPtr left) {
  const auto job = state_->running.find(id);
  if (job != state_->running.end()) job->second.allocation = std::move(left);
}

void Planner::job_ended(JobId id) {
  const auto job = state_->running.find(id);
  if (job == state_->running.end()) return;
  const auto party = state_->parties.find(job->second.facts.party);
  party->second.erase(id);
  if (party->second.empty()) state_->parties.erase(party);
  if (job->second.expected_end_ms != kNever) {
    state_->latest_gone_ms = std::max(state_->latest_gone_ms, job->second.expected_end_ms);
  } else {
    state_->shortened = true;
  }
  state_->running.erase(job);
  state_->leaving.erase(id);
}

PassResult Planner::pass(NodePool& pool, Now now, std::uint64_t budget) {
  state_->settle_profile(pool.size());
  return PlannerPass(*state_, pool, now).run(budget);
}

std::int64_t Planner::next_start_ms() const {
  return std::min(state_->next_planned_ms, state_->next_exempt_ms);
}

std::int64_t Planner::next_ranking_ms() const {
  if (state_->rule == nullptr || state_->queue.size() == 0) return kNever;
  return state_->rule->next_ranking_ms();
}

// Until a restart has been followed by a whole pass, those who were not looked at count as well.
std::vector<Planner::Overdue> Planner::overdue(model::WallTime since) const {
  const PlannerQueue& queue = state_->queue;
  const bool all_seen = state_->full_number > 1;
  std::vector<Overdue> made;
  const auto waits_for_nodes = [&](const Lane& lane) {
    if (lane.work == nullptr) return !all_seen;
    const LaneWork& work = *lane.work;
    return !lane.gated && !work.leader.gate && work.verdict == LaneWork::Verdict::possible;
  };
  const auto count = [&](const Lane& lane) {
    const QueuedJob& leader = queue.leader(lane.group);
    if (leader.accrue == 0 || leader.accrue > since || !waits_for_nodes(lane)) return;
    if (lane.partition.value >= made.size()) made.resize(lane.partition.value + 1);
    Overdue& overdue = made[lane.partition.value];
    overdue.cpus += static_cast<std::uint64_t>(requested_cpus(*queue.group(lane.group).request));
    if (overdue.oldest == 0 || leader.accrue < overdue.oldest) overdue.oldest = leader.accrue;
  };
  (void)queue.next_but({}, [&](const Lane& lane) {
    count(lane);
    return true;
  });
  return made;
}

std::uint32_t Planner::priority_of(JobId id) const {
  const QueuedJob* job = state_->queue.find(id);
  return job == nullptr ? 0 : state_->queue.priority_of(*job);
}

namespace {

// How much a lane has to say about when the job starts: a plan, more than that it waits, and that
// more than that this partition doesn't take it; least that it can't. So BadConstraints is shown
// only if no partition could ever serve.
int weight_of(const LaneWork& work) {
  if (work.planned) return 3;
  switch (work.leader.reason) {
    case model::Reason::bad_constraints: return 0;
    case model::Reason::partition_node_limit:
    case model::Reason::partition_time_limit: return 1;
    default: return 2;
  }
}

// The lane to show for a group; of those with equally much to say the first.
LaneWork* shown_lane(const PlannerQueue& queue, std::uint32_t group) {
  LaneWork* best = nullptr;
  for (const std::uint32_t id : queue.group(group).lanes) {
    LaneWork* work = queue.lane(id).work.get();
    if (work == nullptr || work->leader.reason == model::Reason::none) continue;
    if (best == nullptr || weight_of(*work) > weight_of(*best)) best = work;
  }
  return best;
}

}  // namespace

// Whom a job waits behind is looked up when somebody asks: it changes with every start at the front
// of the queue, and for all lanes at once.
const PlanEntry* Planner::explain(JobId id) const {
  const QueuedJob* job = state_->queue.find(id);
  if (job == nullptr) return nullptr;
  LaneWork* work = shown_lane(state_->queue, job->group);
  if (work == nullptr) return nullptr;
  const JobId leader = state_->queue.leader(job->group).id;
  PlanEntry& shown = leader == id ? work->leader : work->follower;
  shown.behind = {};
  if (shown.reason != model::Reason::priority) return &shown;
  const std::size_t partition = shown.partition.value;
  if (leader != id) {
    shown.behind = leader;
  } else if (partition < state_->first_blocked.size()) {
    shown.behind = state_->first_blocked[partition].job;
  }
  return &shown;
}

Planner::State::Possible& Planner::State::possible_at(const model::RequestPtr& request) const {
  constexpr std::size_t kMostPossible = 1021;
  if (possible.empty()) possible.resize(kMostPossible);
  const auto address = std::hash<const void*>()(request.get());
  return possible[address / alignof(std::max_align_t) % kMostPossible];
}

// Most jobs ask for what others have asked for before them.
Status Planner::can_ever_run(const NodePool& pool, const Candidate& candidate) const {
  const bool plain = candidate.partitions.size() == 1 &&
                     std::ranges::all_of(candidate.reservations, [](auto id) { return id == 0; });
  if (!plain) return try_ever(pool, candidate);
  const PartitionIndex partition = candidate.partitions.front();
  const std::uint32_t waived = waived_in(candidate, partition);
  if (is_known_possible(pool, candidate.request, partition, waived)) return {};
  Status done = try_ever(pool, candidate);
  if (done) {
    state_->possible_at(candidate.request) = {candidate.request, partition, waived,
                                              pool.state().config_generation};
  }
  return done;
}

bool Planner::is_known_possible(const NodePool& pool, const model::RequestPtr& request,
                                PartitionIndex partition, std::uint32_t waived) const {
  const State::Possible& one = state_->possible_at(request);
  return one.request == request && one.partition == partition && one.waived == waived &&
         one.generation == pool.state().config_generation;
}

Status Planner::try_ever(const NodePool& pool, const Candidate& candidate) const {
  Status first = fail(ErrorCode::invalid_partition);
  bool tried = false;
  for (const PartitionIndex partition : candidate.partitions) {
    if (partition.value >= pool.state().partitions.size()) continue;
    const PartitionRules rules(pool.state().partitions[partition.value].config,
                               waived_in(candidate, partition));
    const Result<Demand> demand =
        make_demand(*candidate.request, candidate.uid, rules.partition(), *state_->settings);
    Status done = demand ? could_ever_run(pool.state(), *candidate.request, *demand)
                         : Status(tl::unexpected(demand.error()));
    if (done) done = state_->could_run_reserved(pool.state(), candidate, *demand);
    if (done) return done;
    if (!tried) first = done;
    tried = true;
  }
  return first;
}

// Of a heterogeneous job.
Result<PlanEntry> Planner::test_whole(const NodePool& pool, const Candidate& leader,
                                      Now now) const {
  Profile& profile = state_->profile;
  state_->settle_profile(pool.size());
  profile.set_time(pool.state(), now.mono_ms,
                   std::max<std::int64_t>(1, state_->settings->backfill_resolution_s) * 1000);
  std::vector<MeetingPart> parts;
  std::vector<Candidate> all{leader};
  all.insert(all.end(), leader.companions->begin(), leader.companions->end());
  for (const Candidate& one : all) {
    Result<MeetingPart> part = make_part(pool.state(), *state_->settings, one);
    if (!part) return tl::unexpected(part.error());
    parts.push_back(std::move(*part));
  }
  // All components name one reservation, or none does (het_jobs.cpp).
  const std::uint32_t reservation = leader.reservations.empty() ? 0 : leader.reservations.front();
  for (MeetingPart& part : parts) {
    part.ranked.reservation = reservation;
    state_->confine(reservation, pool.state(), part.eligibility);
  }
  return test_meeting(
      {pool.state(), &profile, parts, now.mono_ms, nullptr, state_->vantage(reservation)}, now,
      state_->last_start_ms(reservation));
}

Result<PlanEntry> Planner::test(const NodePool& pool, const Candidate& candidate, Now now) const {
  if (candidate.companions) return test_whole(pool, candidate, now);
  if (Status done = can_ever_run(pool, candidate); !done) return tl::unexpected(done.error());
  const NodePool::State& nodes = pool.state();
  Profile& profile = state_->profile;
  state_->settle_profile(pool.size());
  profile.set_time(nodes, now.mono_ms,
                   std::max<std::int64_t>(1, state_->settings->backfill_resolution_s) * 1000);
  PlanEntry best;
  best.reason = model::Reason::resources;
  for (const PartitionIndex partition : candidate.partitions) {
    if (partition.value >= nodes.partitions.size()) continue;
    const model::Partition& config = nodes.partitions[partition.value].config;
    const PartitionRules rules(config, waived_in(candidate, partition));
    Result<Demand> demand =
        make_demand(*candidate.request, candidate.uid, rules.partition(), *state_->settings);
    if (!demand) continue;
    Result<Eligibility> eligibility = make_eligibility(nodes, *candidate.request, *demand);
    if (!eligibility) continue;
    const StartQuery query{
        .demand = *demand,
        .eligibility = *eligibility,
        .now_ms = now.mono_ms,
        .length_ms = length_of(minutes_in_force(candidate.time_limit, config), *state_->settings),
        .horizon_ms = kNever};
    std::optional<PlannedStart> found = state_->earliest(nodes, candidate, query);
    if (!found) continue;
    const model::WallTime start = now.wall + (found->at_ms - now.mono_ms) * 1000;
    if (best.planned_start != 0 && best.planned_start <= start) continue;
    std::vector<std::uint32_t> chosen;
    best.planned_cpus = 0;
    for (const Chosen& node : found->selection.nodes) {
      chosen.push_back(node.node);
      best.planned_cpus += make_claim(nodes, *demand, node).threads;
    }
    best.reason = found->at_ms == now.mono_ms ? model::Reason::none : model::Reason::resources;
    best.partition = partition;
    best.planned_start = start;
    best.planned_nodes = names_of(nodes, chosen);
    best.nodes_wanted = demand->min_nodes;
    best.nodes_usable = eligibility->nodes;
    best.filters = eligibility->filters;
  }
  return best;
}

}  // namespace sluice::core
