// Preemption: a lane that finds no room looks for running jobs that must make it. Victims are taken
// away in thought (their expected end is now, or their CPUs are put to sleep), the lower standing
// first, until the job fits; then as many as possible are put back, the higher standing first. If
// that leaves several, those of equal standing that hold most are tried before the others, and the
// smaller set is taken. So few are displaced, and of those the least important.
//
// A victim that is to be suspended makes room at once, and the job starts in the same pass. Others
// need their grace time; until they are gone the job holds a reservation on their nodes.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "core/planner_pass.hpp"
#include "core/share.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kMaxVictims = 4096;  // looked at for one job
constexpr std::size_t kMaxPutBack = 64;    // placements tried to spare one more
constexpr std::uint32_t kMostOrders = 16;  // of victims that are tried
// How long displaced jobs may take to be gone, beyond their time, before others are looked for.
constexpr std::int64_t kLeaveMs = 120'000;

}  // namespace

// Whether a job makes room for the lane; notes when somebody may who is exempt now. A component of
// a heterogeneous job does so only if all of them do, and none of them is merely suspended.
bool PlannerPass::yields(const Lane& lane, JobId victim) {
  const PreemptRules& rules = *state_.preemption;
  const PreemptParty ahead{lane.partition, lane.qos};
  const std::uint32_t priority = ~lane.key.priority;
  const auto one_yields = [&](const Planner::State::Running& job) {
    const RunningFacts& facts = job.facts;
    const bool below =
        facts.priority < priority || !rules.needs_higher_priority(ahead, facts.party);
    const bool sleeps = rules.mode_of(facts.party) == model::PreemptMode::suspend;
    if (!below || rules.spares(facts.priority) || !rules.displaces(ahead, facts.party))
      return false;
    if (sleeps) return !facts.whole.is_set();
    const std::int64_t exempt_until = facts.start_ms + rules.exempt_ms(facts.party);
    if (now_.mono_ms >= exempt_until) return true;
    exempt_ms_ = std::min(exempt_ms_, exempt_until);
    return false;
  };
  const Planner::State::Running& job = state_.running.at(victim);
  if (state_.leaving.contains(victim) || job.asleep || job.expected_end_ms <= now_.mono_ms)
    return false;
  if (!job.facts.whole.is_set()) return one_yields(job);
  for (std::uint32_t i = 0; i < job.facts.components; ++i) {
    const auto part = state_.running.find(JobId(job.facts.whole.value + i));
    if (part != state_.running.end() && !one_yields(part->second)) return false;
  }
  return true;
}

std::vector<JobId> PlannerPass::victims_for(const Lane& lane) {
  const PreemptRules& rules = *state_.preemption;
  const PreemptParty ahead{lane.partition, lane.qos};
  std::vector<JobId> found;
  for (const auto& [party, jobs] : state_.parties) {
    if (!rules.displaces(ahead, party)) continue;
    std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(found),
                 [&](JobId id) { return yields(lane, id); });
  }
  state_.next_exempt_ms = std::min(state_.next_exempt_ms, exempt_ms_);
  const auto before = [&](JobId a, JobId b) {
    const RunningFacts& x = state_.running.at(a).facts;
    const RunningFacts& y = state_.running.at(b).facts;
    const std::uint32_t first = rules.standing(x.party);
    const std::uint32_t second = rules.standing(y.party);
    if (first != second) return first < second;
    if (!rules.youngest_first() && x.priority != y.priority) return x.priority < y.priority;
    if (x.start_ms != y.start_ms) return x.start_ms > y.start_ms;
    return a > b;
  };
  std::sort(found.begin(), found.end(), before);
  if (found.size() > kMaxVictims) found.resize(kMaxVictims);
  return found;
}

void PlannerPass::take_away(JobId victim) {
  const Planner::State::Running& job = state_.running.at(victim);
  const bool sleeps = state_.preemption->mode_of(job.facts.party) == model::PreemptMode::suspend;
  for (const model::NodeShare& share : job.allocation->shares) {
    if (sleeps) {
      pool_.sleep(share, {.job = victim});
      continue;
    }
    Hold* hold = find_hold(pool_.state().nodes[share.node.value], share, victim);
    if (hold != nullptr) pool_.state().set_expected_end(share.node.value, *hold, now_.mono_ms + 1);
  }
}

void PlannerPass::put_back(JobId victim) {
  const Planner::State::Running& job = state_.running.at(victim);
  const bool slept = state_.preemption->mode_of(job.facts.party) == model::PreemptMode::suspend;
  for (const model::NodeShare& share : job.allocation->shares) {
    if (slept) pool_.wake(share, {.job = victim});  // not somebody else who sleeps there
    Hold* hold = find_hold(pool_.state().nodes[share.node.value], share, victim);
    if (hold == nullptr) continue;
    pool_.state().set_expected_end(share.node.value, *hold, job.expected_end_ms);
  }
}

// A moment from now, when those taken away are gone; reservations of lanes ahead are kept.
std::optional<Selection> PlannerPass::without_victims(const Lane& lane, const LaneWork& work) {
  const std::int64_t from = now_.mono_ms + 1;
  const std::int64_t length = length_of(limit_minutes(lane), *state_.settings);
  const Outlook outlook = Outlook::span(pool_.state(), &state_.profile,
                                        {.now_ms = now_.mono_ms,
                                         .from_ms = from,
                                         .until_ms = end_after(from, length),
                                         .before = &lane.key});
  auto selection = choose_nodes(work.demand, work.eligibility, outlook);
  steps_ += outlook.steps();
  return selection;
}

// All of `victims` are there before; afterwards those left in it are taken away.
std::optional<Selection> PlannerPass::fewest_victims(const Lane& lane, const LaneWork& work,
                                                     std::vector<JobId>& victims) {
  std::optional<Selection> selection;
  std::size_t taken = 0;
  for (std::size_t more = 1; !selection && taken < victims.size(); more *= 2) {
    const std::size_t end = std::min(victims.size(), taken + more);
    for (; taken < end; ++taken) take_away(victims[taken]);
    selection = without_victims(lane, work);
  }
  victims.resize(taken);
  std::vector<JobId> needed;
  std::size_t tries = 0;
  while (!victims.empty()) {
    const JobId last = victims.back();
    victims.pop_back();
    put_back(last);
    if (!selection) continue;
    const auto on_chosen_node = [&](const model::NodeShare& share) {
      return std::any_of(selection->nodes.begin(), selection->nodes.end(),
                         [&](const Chosen& node) { return node.node == share.node.value; });
    };
    const auto& shares = state_.running.at(last).allocation->shares;
    if (std::none_of(shares.begin(), shares.end(), on_chosen_node)) continue;
    std::optional<Selection> spared;
    if (++tries <= kMaxPutBack) spared = without_victims(lane, work);
    if (spared) {
      selection = std::move(spared);
    } else {
      take_away(last);
      needed.push_back(last);
    }
  }
  victims = std::move(needed);
  return selection;
}

bool PlannerPass::try_order(const Lane& lane, const LaneWork& work, std::vector<JobId> order,
                            std::vector<JobId>& victims, Selection& selection) {
  std::for_each(victims.begin(), victims.end(), [&](JobId id) { put_back(id); });
  std::optional<Selection> other = fewest_victims(lane, work, order);
  if (other && order.size() < victims.size()) {
    victims = std::move(order);
    selection = std::move(*other);
    return true;
  }
  std::for_each(order.begin(), order.end(), [&](JobId id) { put_back(id); });
  std::for_each(victims.begin(), victims.end(), [&](JobId id) { take_away(id); });
  return false;
}

// Like fewest_victims(), with other orders tried as well: those that hold most first; then, as long
// as that helps, those found last in front. Higher standings are never displaced instead of lower.
std::optional<Selection> PlannerPass::choose_victims(const Lane& lane, const LaneWork& work,
                                                     std::vector<JobId>& victims) {
  std::vector<JobId> order = victims;
  std::optional<Selection> selection = fewest_victims(lane, work, victims);
  const PreemptRules& rules = *state_.preemption;
  if (!selection || rules.youngest_first()) return selection;
  const auto before = [&](JobId a, JobId b) {
    const Planner::State::Running& x = state_.running.at(a);
    const Planner::State::Running& y = state_.running.at(b);
    const std::uint32_t first = rules.standing(x.facts.party);
    const std::uint32_t second = rules.standing(y.facts.party);
    return first != second ? first < second : x.allocation->cpus > y.allocation->cpus;
  };
  std::stable_sort(order.begin(), order.end(), before);
  const std::uint32_t tries = std::min(rules.reorder_count(), kMostOrders);
  for (std::uint32_t tried = 0; tried < tries && victims.size() > 1; ++tried) {
    if (!try_order(lane, work, order, victims, *selection)) break;
    const std::set<JobId> found(victims.begin(), victims.end());
    std::stable_sort(order.begin(), order.end(), [&](JobId a, JobId b) {
      const std::uint32_t first = rules.standing(state_.running.at(a).facts.party);
      const std::uint32_t second = rules.standing(state_.running.at(b).facts.party);
      return first != second ? first < second : found.contains(a) && !found.contains(b);
    });
  }
  return selection;
}

// Jobs that are on their way out leave it enough, and haven't been waited for too long. It doesn't
// matter for whom they make room: who stands before the lane has its claims in the profile. One of
// their nodes that is away, as all are after a restart, may come back.
bool PlannerPass::waits_for_leaving(const Lane& lane, LaneWork& work) {
  if (state_.leaving.empty()) return false;
  const JobId leader = state_.queue.leader(lane.group).id;
  const bool first = work.displacing_for != leader;
  if (!first && now_.mono_ms >= work.displacing_until_ms) return false;
  const NodePool::State& pool = pool_.state();
  const auto is_away = [&](const model::NodeShare& share) {
    const std::uint32_t node = share.node.value;
    return !pool.nodes[node].available && work.eligibility.allows(node, pool);
  };
  std::int64_t gone_ms = now_.mono_ms + 1;
  bool away = false;
  for (const JobId id : state_.leaving) {
    const Planner::State::Running& job = state_.running.at(id);
    const std::int64_t end = job.expected_end_ms;
    gone_ms = std::max(gone_ms, end <= now_.mono_ms ? state_.profile.overdue_end_ms() : end);
    const std::vector<model::NodeShare>& shares = job.allocation->shares;
    away = away || std::any_of(shares.begin(), shares.end(), is_away);
  }
  const std::int64_t length = length_of(limit_minutes(lane), *state_.settings);
  const Outlook then = Outlook::span(pool, &state_.profile,
                                     {.now_ms = now_.mono_ms,
                                      .from_ms = gone_ms,
                                      .until_ms = end_after(gone_ms, length),
                                      .before = &lane.key});
  const bool fits = away || choose_nodes(work.demand, work.eligibility, then).has_value();
  steps_ += then.steps();
  if (fits && first) {
    work.displacing_for = leader;
    work.displacing_until_ms = gone_ms + kLeaveMs;
  }
  return fits;
}

// A gate that may only be asked when nodes are known must not let anybody go in vain; as where it
// is asked without nodes, what the victims use counts.
std::optional<GateBlock> PlannerPass::refuses_after(const Lane& lane, const LaneWork& work,
                                                    const Selection& selection) const {
  if (state_.gates.none()) return std::nullopt;
  const model::Allocation then = sketch_allocation(pool_.state(), work.demand, selection);
  return ask_gates(lane, &then);
}

bool PlannerPass::displace(Lane& lane, LaneWork& work) {
  if (state_.preemption == nullptr || !state_.preemption->any()) return false;
  const JobId leader = state_.queue.leader(lane.group).id;
  if (waits_for_leaving(lane, work)) return false;
  work.displacing_until_ms = 0;
  std::vector<JobId> victims = victims_for(lane);
  if (victims.empty()) return false;
  const std::optional<Selection> selection = choose_victims(lane, work, victims);
  if (!selection || victims.empty()) return false;
  const auto sleeps = [&](JobId id) {
    return state_.preemption->mode_of(state_.running.at(id).facts.party) ==
           model::PreemptMode::suspend;
  };
  if (std::all_of(victims.begin(), victims.end(), sleeps)) {
    return start_beside_sleepers(lane, work, victims);
  }
  if (std::optional<GateBlock> refused = refuses_after(lane, work, *selection)) {
    for (const JobId id : victims) put_back(id);
    hold_back(lane, work, std::move(*refused));
    return true;
  }
  // Those that are only to sleep would wake up before the others are gone.
  for (const JobId id : victims) {
    if (sleeps(id)) put_back(id);
  }
  std::erase_if(victims, sleeps);
  std::int64_t longest = 0;
  for (const JobId id : victims) {
    Planner::State::Running& job = state_.running.at(id);
    const Preemption made = preemption_of(id, leader);
    result_.preemptions.push_back(made);
    state_.leaving.insert(id);
    longest = std::max(longest, made.grace_ms);
    job.expected_end_ms =
        std::min(job.expected_end_ms, now_.mono_ms + std::max<std::int64_t>(1, made.grace_ms));
    state_.new_ends.push_back(id);
  }
  note_ends();
  if (work.planned) drop_plans({lane.key});
  work.displacing_for = leader;
  work.displacing_until_ms = now_.mono_ms + longest + kLeaveMs;
  return false;
}

Preemption PlannerPass::preemption_of(JobId victim, JobId by) const {
  const Planner::State::Running& job = state_.running.at(victim);
  return {.victim = victim,
          .by = by,
          .mode = state_.preemption->mode_of(job.facts.party),
          .grace_ms = state_.preemption->grace_ms(job.facts.party)};
}

// The victims have been put to sleep in the pool. If the job doesn't start after all, because of
// plans ahead of it or a gate, they go on as if nothing had been: somebody who sleeps for nobody
// would be woken up at once, and displaced again.
bool PlannerPass::start_beside_sleepers(Lane& lane, LaneWork& work,
                                        const std::vector<JobId>& victims) {
  const JobId leader = state_.queue.leader(lane.group).id;
  for (const JobId id : victims) state_.running.at(id).asleep = true;
  const std::size_t before = result_.starts.size();
  const std::optional<Selection> now = try_now(lane, work);
  if (now) start(lane, work, *now);
  if (result_.starts.size() > before) {
    for (const JobId id : victims) result_.preemptions.push_back(preemption_of(id, leader));
    return true;
  }
  for (const JobId id : victims) {
    state_.running.at(id).asleep = false;
    put_back(id);
  }
  return now.has_value();  // then a gate refused it
}

}  // namespace sluice::core
