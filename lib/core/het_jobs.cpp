// Heterogeneous jobs: several jobs (components) with consecutive ids, each with a request of its
// own, that start together. The first one, the leader, stands for the whole: it alone is in the
// planner's queue, with the others as its companions, and only while nothing keeps any of them
// back; what is done to it is done to all, and its end is everybody's.
//
// A component may be held, updated and (while it runs) cancelled by itself, and has a time limit of
// its own; it can't be suspended, requeued or, while it waits, cancelled apart from the whole. When
// a node is lost the whole ends, and runs again together if it may.
//
// Steps of all components are made by the agent of the leader's first node; when a component ends
// before the others, that agent hears of it as of lost nodes.
#include <algorithm>

#include "base/assert.hpp"
#include "base/hostlist.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

using model::Reason;

constexpr std::size_t kMaxComponents = 128;  // as in Slurm

// Nodes that one component names can't serve another.
Status check_node_lists(const std::vector<SubmitJob>& parts) {
  std::set<std::string> named;
  for (const SubmitJob& part : parts) {
    Result<std::vector<std::string>> hosts = base::parse_hosts(part.request->node_list);
    if (!hosts) return tl::unexpected(hosts.error());
    for (const std::string& host : std::set<std::string>(hosts->begin(), hosts->end())) {
      if (!named.insert(host).second) return fail(ErrorCode::invalid_node_name);
    }
  }
  return {};
}

// They start together, so in one reservation or in none.
Status check_reservation(const std::vector<SubmitJob>& parts) {
  const Text& first = parts.front().request->reservation;
  const bool several = first.view().find(',') != std::string_view::npos;
  const bool same = std::ranges::all_of(
      parts, [&](const SubmitJob& part) { return part.request->reservation == first; });
  if (!same || several) {
    return fail(ErrorCode::unsupported,
                "all components of a heterogeneous job must name the same reservation, and one");
  }
  return {};
}

bool is_over(const model::Job& job) {
  return model::is_finished(job.state) && (job.flags & model::kFlagRequeued) == 0;
}

}  // namespace

void Cluster::State::on(const SubmitHetJob& event) {
  const auto refuse = [&](const Error& error) { turn.changes.outcome = tl::unexpected(error); };
  const std::vector<SubmitJob>& parts = event.parts;
  if (parts.size() < 2 || parts.size() > kMaxComponents) {
    return refuse({ErrorCode::invalid_argument, "a heterogeneous job has 2 to 128 components"});
  }
  if (jobs.size() + parts.size() > settings->max_job_count) {
    return refuse(fail(ErrorCode::max_jobs).value());
  }
  if (Status lists = check_node_lists(parts); !lists) return refuse(lists.error());
  if (Status one = check_reservation(parts); !one) return refuse(one.error());
  std::vector<Entrant> entrants;
  std::string wanted;  // licences of all components together
  for (const SubmitJob& part : parts) {
    if (!part.spec->array.empty()) return refuse(fail(ErrorCode::invalid_array).value());
    turn.past.insert(turn.past.end(), part.past.begin(), part.past.end());
    Result<Entrant> entrant = admit(part);
    if (!entrant) return refuse(entrant.error());
    const std::string_view needs = part.request->licenses;
    if (!needs.empty() && needs.find('|') == std::string_view::npos) {
      wanted += (wanted.empty() ? "" : ",") + std::string(needs);
    }
    // The whole waits with its leader: the same condition once more adds nothing, and `singleton`
    // would make the components wait for each other.
    const bool repeats = part.spec->dependency == parts.front().spec->dependency;
    if (!entrants.empty() && repeats) entrant->dependency = {};
    entrants.push_back(std::move(*entrant));
  }
  if (Status enough = licenses->check(wanted); !enough) return refuse(enough.error());
  if (parts.front().test_only) return test_whole(entrants);
  const JobId leader = take_job_ids(static_cast<std::uint32_t>(entrants.size()));
  turn.changes.job = leader;
  for (std::uint32_t i = 0; i < entrants.size(); ++i) {
    model::Job& job = entrants[i].job;
    job.het_job = leader;
    job.het_offset = i;
    job.het_count = static_cast<std::uint32_t>(entrants.size());
    enter(std::move(entrants[i]), JobId(leader.value + i));
  }
}

void Cluster::State::test_whole(const std::vector<Entrant>& entrants) {
  Candidate whole = tested_candidate(entrants.front().job);
  std::vector<Candidate> others;
  for (std::size_t i = 1; i < entrants.size(); ++i) {
    others.push_back(candidate(entrants[i].job, 1));
  }
  whole.companions = std::make_shared<const std::vector<Candidate>>(std::move(others));
  Result<PlanEntry> tested = planner.test(pool, whole, turn.now);
  if (tested) {
    turn.changes.tested = std::move(*tested);
  } else {
    turn.changes.outcome = tl::unexpected(tested.error());
  }
}

// The first of so many ids in a row.
JobId Cluster::State::take_job_ids(std::uint32_t count) {
  JobId first = take_job_id();
  for (std::uint32_t i = 1; i < count; ++i) {
    const JobId next = take_job_id();
    if (next.value == first.value + i) continue;
    first = next;
    i = 0;
  }
  return first;
}

std::vector<JobId> Cluster::State::other_components(JobId id) const {
  std::vector<JobId> others;
  const model::Job& one = job(id);
  for (std::uint32_t i = 0; i < one.het_count; ++i) {
    const JobId other(one.het_job.value + i);
    const model::Job* record = other == id ? nullptr : find(other);
    if (record != nullptr && record->het_job == one.het_job) others.push_back(other);
  }
  return others;
}

// Whether another component stands for it.
bool Cluster::State::is_led(const model::Job& job) const {
  return job.het_job.is_set() && job.het_job != job.id;
}

// What keeps the component back stands in its record; one that nothing keeps back, but that waits
// for another, has no reason of its own.
void Cluster::State::review_component(JobId id, const Obstacle& keeps) {
  jobs.find(id)->second.ready = keeps.reason == Reason::none;
  const JobId leader = job(id).het_job;
  if (keeps.reason != Reason::none) {
    set_reason(id, keeps);
  } else if (job(id).eligible == 0 || job(id).eligible > turn.now.wall) {
    edit_quietly(id).eligible = turn.now.wall;
  }
  if (id != leader) {
    if (find(leader) != nullptr) turn.unsettled.insert(leader);
    return;
  }
  if (whole_is_ready(leader)) return queue_whole(leader);
  unqueue(leader);
  std::vector<JobId> all = other_components(leader);
  all.push_back(leader);
  for (const JobId one : all) {
    if (jobs.find(one)->second.ready) set_reason(one, {Reason::none, {}});
  }
}

bool Cluster::State::whole_is_ready(JobId leader) const {
  const std::vector<JobId> others = other_components(leader);
  if (others.size() + 1 != job(leader).het_count) return false;
  const auto ready = [&](JobId id) {
    const Entry& entry = jobs.find(id)->second;
    return entry.ready && entry.job->state == model::JobState::pending;
  };
  return ready(leader) && std::all_of(others.begin(), others.end(), ready);
}

void Cluster::State::queue_whole(JobId leader) {
  Entry& entry = jobs.find(leader)->second;
  const std::vector<JobId> others = other_components(leader);
  const auto is_edited = [&](JobId id) { return edited(id); };
  const bool fresh = entry.startable == 0 || edited(leader) ||
                     std::any_of(others.begin(), others.end(), is_edited);
  if (!fresh) return;
  planner.add(candidate(*entry.job, 1));
  entry.startable = 1;
  plan_needed = true;
  const auto waits_for_plan = [&](JobId id) {
    const model::Reason reason = job(id).reason;
    if (!is_from_plan(reason) || reason == Reason::none) set_reason(id, {Reason::priority, {}});
  };
  waits_for_plan(leader);
  for (const JobId id : others) waits_for_plan(id);
}

std::vector<Candidate> Cluster::State::companions_of(const model::Job& leader) const {
  std::vector<Candidate> companions;
  for (const JobId id : other_components(leader.id)) companions.push_back(candidate(job(id), 1));
  return companions;
}

// What the plan says of the whole is true of each.
void Cluster::State::mirror_reason(JobId leader) {
  const model::Job whole = job(leader);
  for (const JobId id : other_components(leader)) {
    const model::Job& now = job(id);
    if (now.reason == whole.reason && now.reason_detail == whole.reason_detail &&
        now.planned_start == whole.planned_start) {
      continue;
    }
    model::Job& changed = edit_quietly(id);
    changed.reason = whole.reason;
    changed.reason_detail = whole.reason_detail;
    changed.planned_start = whole.planned_start;
  }
}

// Before one component ends: do the others end with it, and in the same way?
void Cluster::State::end_others(JobId id, const Ending& ending) {
  const model::Job& one = job(id);
  if (!one.het_job.is_set() || ending.alone) return;
  const bool runs = one.state != model::JobState::pending;
  const bool by_itself =
      ending.state == model::JobState::timeout ||
      (ending.state == model::JobState::cancelled && ending.reason == Reason::none);
  const model::Job* leader = find(one.het_job);
  if (is_led(one) && runs && by_itself) {
    const bool leader_runs = leader != nullptr && active.contains(leader->id) &&
                             !is_completing(*leader) && one.allocation != nullptr;
    if (!leader_runs) return;
    const StepManager manager = step_manager(one);
    for (const model::NodeShare& share : one.allocation->shares) {
      turn.changes.orders.emplace_back(
          LoseNode{manager.attempt, manager.job, manager.node, share.name});
    }
    return;
  }
  Ending theirs = ending;
  theirs.alone = true;
  theirs.clean.reset();
  for (const JobId other : other_components(id)) {
    if (!model::is_finished(job(other).state)) {
      end(other, theirs);
    } else if (ending.requeue) {
      run_again(other, ending);
    }
  }
}

Status Cluster::State::may_act(const ActOnJob& event, JobId id) const {
  const model::Job& one = job(id);
  if (!is_led(one)) return {};
  switch (event.verb) {
    case JobVerb::cancel:
      if (one.state != model::JobState::pending) return {};
      return fail(ErrorCode::het_component);
    case JobVerb::suspend:
    case JobVerb::resume: return fail(ErrorCode::het_component);
    case JobVerb::requeue:
    case JobVerb::requeue_hold: return fail(ErrorCode::het_not_leader);
    default: return {};
  }
}

// What was done to the leader, done to the others; those that it doesn't fit stay as they are.
void Cluster::State::follow(const ActOnJob& event, JobId leader) {
  for (const JobId id : other_components(leader)) {
    const bool requeues = event.verb == JobVerb::requeue || event.verb == JobVerb::requeue_hold;
    if (requeues && model::is_finished(job(id).state)) {
      static_cast<void>(requeue(event, id));
    } else if (!is_over(job(id))) {
      static_cast<void>(act_on_one(event, id));
    }
  }
}

// The agent that makes the steps of a running job.
Cluster::State::StepManager Cluster::State::step_manager(const model::Job& job) const {
  const model::Job* leader = is_led(job) ? find(job.het_job) : nullptr;
  const model::Job& of = leader != nullptr && leader->allocation != nullptr ? *leader : job;
  return {{of.uid, of.attempt}, of.id, of.allocation->shares.front().node};
}

}  // namespace sluice::core
