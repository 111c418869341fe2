// See history.hpp. Events go to the cluster one by one; after each it plans, and the pictures of
// just before and after that are what the checks look at.
#include "test/histories/history.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace sluice::histories {

namespace {

std::uint32_t size_of(const auto& list) { return static_cast<std::uint32_t>(std::size(list)); }

}  // namespace

History::History(std::uint64_t seed, bool trace)
    : random_(seed), trace_(trace), site_(draw_site(random_)), world_(site_.settings) {
  world_.planning = false;
  count_site();
  if (trace_) {
    for (const auto& node : site_.settings.nodes) {
      std::printf("node %s: %u CPUs, %llu MiB, %zu GPUs, features %s\n", node.name.str().c_str(),
                  node.facts.cpus(), static_cast<unsigned long long>(node.facts.memory),
                  node.facts.gres.empty() ? 0 : static_cast<std::size_t>(node.facts.gres[0].count),
                  node.features.str().c_str());
    }
    for (const auto& one : site_.settings.partitions) {
      std::printf("partition %s: %s, tier %u, max %u min, QOS %s\n", one.name.str().c_str(),
                  one.nodes.str().c_str(), one.priority_tier, one.max_time, one.qos.str().c_str());
    }
  }
  apply(core::EditAccounts{draw_accounts(random_, site_, world_.cluster->accounts().accounts())},
        "accounts");
}

Problem History::play(int events) {
  for (int event = 0; event < events && problem_.empty(); ++event) step();
  return problem_;
}

void History::note(const std::string& what) {
  if (!trace_) return;
  std::printf("%8.1f %s\n", static_cast<double>(world_.now.mono_ms) / 1000.0, what.c_str());
  std::fflush(stdout);
}

void History::apply(const core::Event& event, const std::string& what) {
  if (!problem_.empty()) return;
  ++counts_.events;
  note(what);
  const core::Changes changes = world_.apply(event);
  if (!changes.outcome && trace_) note("  refused: " + changes.outcome.error().text);
  plan_and_check();
}

void History::plan_and_check() {
  const Picture before = picture_of(*world_.cluster, world_.settings, world_.now);
  const bool cut = random_.percent(site_.cuts);
  const bool ahead = !cut && random_.percent(12);
  core::StoredState state;
  if (ahead) state = stored_state(*world_.cluster);
  if (cut) {
    ++counts_.cuts;
    note("  the pass is cut");
    static_cast<void>(world_.plan_once(1 + random_.below(30)));
  } else {
    static_cast<void>(world_.plan(site_.slice));
  }
  Picture after = picture_of(*world_.cluster, world_.settings, world_.now);
  after.tells = trace_;
  count(std::exchange(last_, after), after);
  if (::testing::Test::HasFailure()) problem_ = "an invariant of the cluster (above)";
  if (problem_.empty()) problem_ = oversubscribed(after);
  if (problem_.empty()) problem_ = started_wrongly(before, after);
  if (problem_.empty()) problem_ = exceeded_limits(before, after);
  if (problem_.empty() && !cut) problem_ = untrue_reasons(after);
  if (problem_.empty()) problem_ = unfair(after);
  if (problem_.empty() && ahead) look_ahead(before, state, after);
}

void History::look_ahead(const Picture& before, const core::StoredState& state,
                         const Picture& after) {
  for (const model::NodePtr& node : before.nodes) {
    if (!world_.cluster->strangers_on(node->index).empty()) return;
  }
  std::vector<const model::Job*> blocked;
  for (const model::JobPtr& job : after.jobs) {
    if (job->state != model::JobState::pending) continue;
    const core::PlanEntry* entry = after.planned(*job);
    if (entry == nullptr) continue;
    const bool nodes =
        entry->reason == model::Reason::resources || entry->reason == model::Reason::priority;
    if (nodes && entry->planned_start != 0 && !job->het_job.is_set()) {
      blocked.push_back(job.get());
    }
  }
  if (!blocked.empty()) {
    ++counts_.delays;
    problem_ = delayed(before, state, after, *blocked[random_.below(size_of(blocked))]);
  }
  if (problem_.empty() && site_.steady) {
    ++counts_.futures;
    problem_ = unmet_plans(after, stored_state(*world_.cluster));
  }
}

namespace {

// A job that waits for nodes, and isn't one of a group whose first shows a start.
bool wants_a_start(const Picture& picture, const model::Job& job) {
  const core::PlanEntry* entry = picture.planned(job);
  if (entry == nullptr) return false;
  if (entry->reason != model::Reason::resources && entry->reason != model::Reason::priority) {
    return false;
  }
  return std::ranges::none_of(picture.plan, [&](const auto& other) {
    const model::Job* like = picture.find(other.first);
    return other.second.planned_start != 0 && like != nullptr && alike(*like, job);
  });
}

}  // namespace

void History::count(const Picture& before, const Picture& after) {
  for (const model::ReservationPtr& one : after.reservations) {
    if (!trace_) break;
    note(fmt::format("    {} has {} from {} s to {} s, flags {:x}", one->name.view(),
                     one->nodes.view(), (one->start - after.now.wall) / model::kSecond,
                     (one->end - after.now.wall) / model::kSecond, one->flags));
  }
  for (const model::JobPtr& job : after.jobs) {
    const model::Job* was = before.find(job->id);
    count_job(was, *job);
    const bool ran = was != nullptr && runs(*was);
    if (runs(*job) && !ran) {
      ++counts_.starts;
      note(fmt::format("  starts: {} on {}", name(*job), job->allocation->nodes.view()));
    }
    if (ran && job->preempted_at != 0 && was->preempted_at == 0) {
      ++counts_.preemptions;
      note(fmt::format("  displaced: {}", name(*job)));
    }
    if (job->state != model::JobState::pending) continue;
    ++counts_.reasons;
    const model::Reason reason = after.reason(*job);
    if (reason == model::Reason::association_limit || reason == model::Reason::qos_limit) {
      ++counts_.refusals;
    }
    const auto entry = after.plan.find(job->id);
    const bool shown = entry != after.plan.end() && entry->second.planned_start != 0;
    saw(Seen::planned_starts, shown);
    saw(Seen::starts_to_plan, shown || wants_a_start(after, *job));
    if (!trace_) continue;
    const model::WallTime at = entry == after.plan.end() ? 0 : entry->second.planned_start;
    note(fmt::format("    waits: {} for {} {} priority {} planned in {} on {}", name(*job),
                     model::reason_name(reason), after.detail(*job), job->priority,
                     at == 0 ? -1 : (at - after.now.wall) / model::kSecond,
                     at == 0 ? "" : entry->second.planned_nodes.view()));
  }
}

const char* seen_name(std::size_t seen) {
  static constexpr std::array<const char*, kSeen> kNames = {
      "steady sites",
      "with passes in pieces",
      "with limits",
      "with multifactor priorities",
      "with preemption",
      "with reservations",
      "with licences",
      "jobs",
      "tasks of arrays",
      "components",
      "jobs with GPUs",
      "jobs of whole nodes",
      "jobs in several partitions",
      "jobs with licences",
      "jobs with dependencies",
      "jobs in reservations",
      "starts in reservations",
      "starts of components",
      "suspensions",
      "requeues",
      "node failures",
      "changes of limits or shares",
      "planned starts shown",
      "starts that could be planned",
  };
  return kNames[seen];
}

void History::count_site() {
  const model::Settings& settings = site_.settings;
  saw(Seen::steady_sites, site_.steady);
  saw(Seen::sites_with_pieces, site_.slice != kWholePass);
  saw(Seen::sites_with_limits, site_.limits);
  saw(Seen::sites_with_priorities, settings.priority.type == model::PriorityType::multifactor);
  saw(Seen::sites_with_preemption, settings.preempt.type != model::PreemptType::none);
  saw(Seen::sites_with_reservations, site_.reservations);
  saw(Seen::sites_with_licenses, !settings.licenses.empty());
}

void History::count_job(const model::Job* was, const model::Job& job) {
  const model::Request& request = *job.request;
  if (last_seen_ < job.id) {
    last_seen_ = job.id;
    saw(Seen::jobs);
    saw(Seen::arrays, job.array_job.is_set());
    saw(Seen::components, job.het_job.is_set());
    saw(Seen::gpu_jobs, !request.gres.empty());
    saw(Seen::whole_node_jobs, request.sharing == model::Sharing::exclusive);
    saw(Seen::jobs_in_several_partitions,
        request.partitions.view().find(',') != std::string_view::npos);
    saw(Seen::jobs_with_licenses, !request.licenses.empty());
    saw(Seen::jobs_with_dependencies, !job.spec->dependency.empty());
    saw(Seen::jobs_in_reservations, !request.reservation.empty());
  }
  const bool starts = runs(job) && (was == nullptr || !runs(*was));
  saw(Seen::starts_in_reservations, starts && !job.reservation.empty());
  saw(Seen::starts_of_components, starts && job.het_job.is_set());
  saw(Seen::suspensions, was != nullptr && was->suspended_at == 0 && job.suspended_at != 0);
  saw(Seen::requeues, was != nullptr && was->attempt != job.attempt);
}

model::JobPtr History::some_job(bool running) {
  std::vector<model::JobPtr> found;
  for (const model::JobPtr& job : world_.cluster->all_jobs()) {
    if (!running || runs(*job)) found.push_back(job);
  }
  return found.empty() ? nullptr : found[random_.below(size_of(found))];
}

// As World::pass(), with checks after each tick.
void History::pass(std::int64_t seconds) {
  const std::int64_t until = world_.now.mono_ms + seconds * 1000;
  const auto move_to = [&](std::int64_t mono_ms) {
    if (mono_ms <= world_.now.mono_ms) return;
    world_.now.wall += (mono_ms - world_.now.mono_ms) * 1000;
    world_.now.mono_ms = mono_ms;
  };
  for (int ticks = 0; ticks < 1000 && problem_.empty(); ++ticks) {
    const std::int64_t next = world_.cluster->next_tick_ms();
    move_to(std::min(next, until));
    apply(core::Tick{}, "tick");
    if (next > until) return;
  }
}

void History::restart() {
  ++counts_.restarts;
  note("restart");
  world_.restart();
  plan_and_check();
  apply(core::Tick{}, "tick");
}

void History::release_all() {
  for (const model::JobPtr& job : world_.cluster->all_jobs()) {
    if (!is_completing(*job) || !job->allocation) continue;
    for (const model::NodeShare& share : job->allocation->shares) {
      const model::JobPtr still = world_.cluster->find_job(job->id);
      if (!still || still->attempt != job->attempt || !is_completing(*still)) break;
      const std::vector<model::JobPtr> there = world_.cluster->jobs_on(share.node);
      if (std::ranges::find(there, still) == there.end()) continue;
      apply(core::NodeReleased{{job->uid, job->attempt}, share.node, false},
            fmt::format("job {} has left {}", job->id.value, share.name.view()));
    }
  }
}

}  // namespace sluice::histories
