// Jobs and reservations: which ones a job may be planned in, how long it may run there, and what
// becomes of jobs that wait for one that is gone.
#include <algorithm>
#include <string>

#include "base/strings.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

bool is_pending(const model::Job& job) { return job.state == model::JobState::pending; }

}  // namespace

void Cluster::State::fill_ancestors(ReservationUser& who) const {
  who.ancestors.clear();
  const AccountTree::Place place = tree->find_account(who.account);
  if (place == AccountTree::kNoPlace) return;
  for (const AccountTree::Place above : tree->chain(place)) {
    who.ancestors.push_back(tree->at(above).account.view());
  }
}

ReservationUser Cluster::State::reservation_user(const model::JobSpec& spec,
                                                 const model::Request& request,
                                                 const Text& qos) const {
  ReservationUser who{.user = spec.user,
                      .group = spec.group,
                      .account = request.account,
                      .ancestors = {},
                      .qos = qos.empty() ? request.qos : qos,
                      .uid = spec.uid,
                      .groups = nullptr};
  const auto groups = known_groups.find(spec.uid);
  if (groups != known_groups.end()) who.groups = &groups->second;
  fill_ancestors(who);
  return who;
}

// At submit and update: each of them must be there and let the job in.
Status Cluster::State::check_reservations(const model::JobSpec& spec,
                                          const model::Request& request) const {
  for (const std::string_view name : reservation_names(request.reservation)) {
    const ReservationEntry* entry = reservations.find(name);
    if (entry == nullptr) return fail(ErrorCode::invalid_reservation);
    if (!may_use_reservation(*entry->record, reservation_user(spec, request, {}))) {
      return fail(ErrorCode::invalid_reservation, "Access denied to requested reservation");
    }
  }
  return {};
}

// Where the job may be planned now: ids of reservations in order, 0 for none. Empty: it has to wait
// for one.
std::vector<std::uint32_t> Cluster::State::open_reservations(const model::Job& job) const {
  std::vector<std::uint32_t> open;
  const ReservationUser who = reservation_user(*job.spec, *job.request, job.qos);
  const auto is_open = [&](const ReservationEntry& entry) {
    return has_flag(*entry.record, model::kResvFlex) || entry.begun;
  };
  for (const std::string_view name : reservation_names(job.request->reservation)) {
    const ReservationEntry* entry = reservations.find(name);
    if (entry == nullptr || !is_open(*entry) || !may_use_reservation(*entry->record, who)) continue;
    open.push_back(entry->record->id);
  }
  if (!job.request->reservation.empty()) return open;
  for (const auto& [id, entry] : reservations.all()) {
    const model::Reservation& r = *entry.record;
    if (!has_flag(r, model::kResvMagnetic) || !is_open(entry)) continue;
    const bool unknown = !r.groups.empty() && who.groups == nullptr &&
                         model::judge_list(r.groups, who.group) == model::ListVerdict::denied;
    if (!unknown && may_use_reservation(r, who)) open.push_back(id);
  }
  open.push_back(0);
  return open;
}

// What the planner is told: nothing where there is no choice. Heterogeneous jobs stay outside
// unless they name a reservation: what draws jobs in doesn't draw in a part of one.
std::vector<std::uint32_t> Cluster::State::lanes_of(const model::Job& job) const {
  if (reservations.empty()) return {};
  if (job.het_job.is_set() && job.request->reservation.empty()) return {};
  return open_reservations(job);
}

// The book is asked only where there are licences at all.
void Cluster::State::gate_licenses() {
  licenses->configure(*settings);
  if (licenses_gated || settings->licenses.empty()) return;
  planner.add_gate(licenses.get());
  licenses_gated = true;
}

// For a test of when it would start: reservations that have yet to begin are good as well.
Candidate Cluster::State::tested_candidate(const model::Job& job) const {
  Candidate tested = candidate(job, 1);
  if (job.request->reservation.empty()) return tested;
  tested.reservations.clear();
  for (const std::string_view name : reservation_names(job.request->reservation)) {
    const ReservationEntry* entry = reservations.find(name);
    if (entry != nullptr) tested.reservations.push_back(entry->record->id);
  }
  return tested;
}

// When the reservation that the job runs in ends it; kNone: never.
std::int64_t Cluster::State::reservation_limit_of(const model::Job& job) const {
  if (job.reservation.empty() || settings->resv_over_run_min == model::kUnlimited) {
    return DueTimes::kNone;
  }
  const ReservationEntry* entry = reservations.find(job.reservation);
  if (entry == nullptr || has_flag(*entry->record, model::kResvFlex)) return DueTimes::kNone;
  const model::WallTime end = occurrence_at(*entry->record, job.start, settings->clock).until +
                              model::WallTime{settings->resv_over_run_min} * 60 * model::kSecond;
  return turn.now.mono_ms + std::max<model::WallTime>(0, end - turn.now.wall) / 1000;
}

bool Cluster::State::runs_in(const Text& name) const {
  return std::any_of(active.begin(), active.end(),
                     [&](const auto& held) { return job(held.first).reservation == name; });
}

bool Cluster::State::waits_for(const Text& name) const {
  return std::any_of(jobs.begin(), jobs.end(), [&](const auto& known) {
    const model::Job& job = *known.second.job;
    return is_pending(job) && names_reservation(job.request->reservation, name);
  });
}

// Jobs that may be let through or kept back by what happened to the reservation.
void Cluster::State::reconsider_reserved(const model::Reservation& reservation) {
  const bool magnetic = has_flag(reservation, model::kResvMagnetic);
  for (auto& [id, entry] : jobs) {
    const model::Job& job = *entry.job;
    if (!is_pending(job)) continue;
    const bool named = names_reservation(job.request->reservation, reservation.name);
    const bool drawn =
        magnetic && job.request->reservation.empty() &&
        may_use_reservation(reservation, reservation_user(*job.spec, *job.request, job.qos));
    if (!named && !drawn) continue;
    unqueue(id);
    turn.unsettled.insert(id);
  }
}

// It is over: jobs that asked for it lose their request and are held, unless it says otherwise or
// they have asked for others too.
void Cluster::State::release_waiting(const model::Reservation& gone) {
  std::vector<JobId> waiting;
  for (const auto& [id, entry] : jobs) {
    const model::Job& job = *entry.job;
    if (is_pending(job) && names_reservation(job.request->reservation, gone.name)) {
      waiting.push_back(id);
    }
  }
  for (const JobId id : waiting) {
    unqueue(id);
    model::Job& job = edit(id);
    model::Request request = *job.request;
    std::vector<std::string> others;
    for (const std::string_view name : reservation_names(request.reservation)) {
      if (name != gone.name.view()) others.emplace_back(name);
    }
    request.reservation = Text(base::join(others, ","));
    job.request = requests.intern(std::move(request));
    if (!others.empty() || has_flag(gone, model::kResvNoHoldJobs)) continue;
    job.priority = 0;
    job.flags |= model::kFlagResvDelHold;
    job.reason = model::Reason::job_held_admin;
    job.reason_detail = Text("Reservation " + gone.name.str() + " was deleted");
  }
}

void Cluster::State::restore_reservations(const std::vector<model::ReservationPtr>& stored) {
  for (const model::ReservationPtr& kept : stored) {
    reservations.next_id = std::max(reservations.next_id, kept->id + 1);
    keep_reservation(*kept);
  }
  turn.reservations.clear();
}

}  // namespace sluice::core
