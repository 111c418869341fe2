// Reservations as time goes by: they begin, end, come again, and go away when nobody uses them.
// tend_reservations() brings all of that up to date; it is called in a turn that touched something
// which reservations depend on, and at reservations_due().
#include <algorithm>
#include <set>

#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

using model::kSecond;
using model::WallTime;

constexpr WallTime kFloatStep = 60 * kSecond;  // how far a floating start may lag behind
constexpr std::size_t kMostSpans = 100;        // of a repeating reservation, told to the planner

bool floats(const model::Reservation& r) { return has_flag(r, model::kResvTimeFloat); }

}  // namespace

void Cluster::State::keep_reservation(model::Reservation made) {
  ReservationEntry& entry = reservations.all()[made.id];
  entry.parts.clear();
  entry.nodes = base::Bitmap(nodes.size());
  for (const model::ReservedNode& part : made.parts) {
    const auto node = node_names.find(part.name.view());
    if (node == node_names.end()) continue;
    entry.parts.push_back({node->second, part.cores});
    entry.nodes.set(node->second);
  }
  std::sort(entry.parts.begin(), entry.parts.end(),
            [](const auto& a, const auto& b) { return a.node < b.node; });
  const std::uint32_t id = made.id;
  entry.record = std::make_shared<const model::Reservation>(std::move(made));
  turn.reservations.insert(id);
  turn.tend_reservations = true;
  reservations_moved = true;
}

void Cluster::State::drop_reservation(std::uint32_t id) {
  const auto found = reservations.all().find(id);
  if (found == reservations.all().end()) return;
  turn.changes.reservations_gone.push_back(found->second.record);
  turn.reservations.erase(id);
  const ReservationEntry gone = std::move(found->second);
  reservations.all().erase(found);
  reconsider_reserved(*gone.record);
  turn.tend_reservations = true;
  reservations_moved = true;
}

// An administrator changed it: whether it has begun, and until when its jobs may run, are open.
void Cluster::State::reservation_changed(std::uint32_t id) {
  ReservationEntry& entry = reservations.all().at(id);
  const model::Reservation& now = *entry.record;
  entry.begun = false;
  for (auto& [job_id, held] : active) {
    const model::Job& running = job(job_id);
    if (running.reservation != now.name || is_completing(running)) continue;
    held.limit_ms = limit_of(running);
    if (running.state != model::JobState::suspended) planner.job_extended(job_id, held.limit_ms);
    set_timers(job_id);
  }
  reconsider_reserved(now);
  plan_needed = true;
}

void Cluster::State::tend_reservations() {
  turn.tend_reservations = false;
  std::vector<std::uint32_t> ids;
  for (const auto& [id, entry] : reservations.all()) ids.push_back(id);
  for (const std::uint32_t id : ids) tend_one(id);
  if (reservations_moved) {
    refresh_reservation_marks();
    publish_reservations();
    reservations_moved = false;
  }
  turn.tend_reservations = false;  // what it did itself is done
}

void Cluster::State::tend_one(std::uint32_t id) {
  ReservationEntry& entry = reservations.all().at(id);
  const WallTime now = turn.now.wall;
  follow_partition(entry);
  if (floats(*entry.record)) {
    if (now - reservations_published >= kFloatStep) reservations_moved = true;
    return;
  }
  if (!entry.begun && entry.record->start <= now && now < entry.record->end) {
    entry.begun = true;
    reservations_moved = true;
    reconsider_reserved(*entry.record);
  }
  if (entry.record->end <= now) return end_occurrence(id);
  if (has_flag(*entry.record, model::kResvPurgeComp) && purge(entry)) return;
  replenish(entry);
}

// PURGE_COMP: over when it has been idle for long enough. True if it was ended.
bool Cluster::State::purge(ReservationEntry& entry) {
  const model::Reservation& r = *entry.record;
  const bool idle = entry.begun && !runs_in(r.name) && !waits_for(r.name);
  if (!idle || r.idle_since == 0) {
    if (idle == (r.idle_since != 0)) return false;
    model::Reservation made = r;
    made.idle_since = idle ? turn.now.wall : 0;
    keep_reservation(std::move(made));
    return false;
  }
  if (turn.now.wall - r.idle_since < WallTime{r.purge_s} * kSecond) return false;
  end_occurrence(r.id);
  return true;
}

// Its jobs are ended by their own limits; those that wait for it are let go.
void Cluster::State::end_occurrence(std::uint32_t id) {
  ReservationEntry& entry = reservations.all().at(id);
  const model::ReservationPtr over = entry.record;
  if (model::repeats(*over)) {
    model::Reservation made = *over;
    // The next one, even if this one was ended before its time; and none that is over already.
    const LocalClock& clock = settings->clock;
    set_occurrence(made, next_occurrence(made, {made.start, made.end}, clock), clock);
    set_occurrence(made, occurrence_after(made, turn.now.wall, clock), clock);
    made.idle_since = 0;
    entry.begun = false;
    keep_reservation(std::move(made));
    reconsider_reserved(*over);
    return;
  }
  if (entry.begun) reservations_moved = true;
  entry.begun = false;
  release_waiting(*over);
  if (!runs_in(over->name)) drop_reservation(id);
}

// The next moment on the wall clock at which tend_reservations() has something to do.
WallTime Cluster::State::reservations_due() const {
  WallTime due = DueTimes::kNone;
  for (const auto& [id, entry] : reservations.all()) {
    const model::Reservation& r = *entry.record;
    if (floats(r)) {
      due = std::min(due, reservations_published + kFloatStep);
      continue;
    }
    if (!entry.begun && r.end > last.wall) due = std::min(due, r.start);
    if (entry.begun) due = std::min(due, r.end);
    if (r.idle_since != 0) due = std::min(due, r.idle_since + WallTime{r.purge_s} * kSecond);
  }
  return due;
}

std::int64_t Cluster::State::reservation_tick_ms() const {
  const WallTime due = reservations_due();
  if (due == DueTimes::kNone) return DueTimes::kNone;
  return last.mono_ms + (std::max<WallTime>(0, due - last.wall) + 999) / 1000;
}

// What sinfo shows of the nodes.
void Cluster::State::refresh_reservation_marks() {
  constexpr std::uint32_t kMarks = model::kNodeReserved | model::kNodeMaint;
  std::vector<std::uint32_t> marks(nodes.size(), 0);
  for (const auto& [id, entry] : reservations.all()) {
    if (!entry.begun) continue;
    const bool maint = has_flag(*entry.record, model::kResvMaint);
    entry.nodes.for_each([&](std::size_t node) {
      marks[node] |= model::kNodeReserved;
      if (maint) marks[node] |= model::kNodeMaint;
    });
  }
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    if ((nodes[n].record->flags & kMarks) == marks[n]) continue;
    model::Node& node = edit_node(NodeIndex(n));
    node.flags = (node.flags & ~kMarks) | marks[n];
  }
}

// To the planner, and their licences to the book.
void Cluster::State::publish_reservations() {
  reservations_published = turn.now.wall;
  std::vector<StandingReservation> standing;
  std::vector<LicenseBook::Kept> kept;
  const WallTime window = std::int64_t{settings->backfill_window_min} * 60 * kSecond;
  const auto mono = [&](WallTime wall) { return turn.now.mono_ms + (wall - turn.now.wall) / 1000; };
  for (const auto& [id, entry] : reservations.all()) {
    const model::Reservation& r = *entry.record;
    StandingReservation made;
    made.id = id;
    made.maint = has_flag(r, model::kResvMaint);
    made.above = stands_above(r);
    made.any_nodes = has_flag(r, model::kResvAnyNodes);
    made.flex = has_flag(r, model::kResvFlex);
    made.nodes = entry.nodes;
    made.parts = entry.parts;
    made.all_partitions = r.partitions.empty();
    for (const model::PartitionPtr& partition : partitions) {
      made.partitions.push_back(allows_partition(r, partition->name, model::kNoTask));
    }
    if (floats(r)) {
      made.spans.push_back({mono(turn.now.wall + WallTime{r.float_s} * kSecond), kNever});
    } else {
      const WallTime until = turn.now.wall + window + (r.end - r.start);
      for (const TimeSpan& span :
           occurrences(r, {turn.now.wall, until}, settings->clock, kMostSpans)) {
        made.spans.push_back({mono(span.from), mono(span.until)});
      }
      // Beyond the window too: a long job must not run into it.
      if (made.spans.empty() && r.end > turn.now.wall) {
        made.spans.push_back({mono(r.start), mono(r.end)});
      }
    }
    if (made.confines() && !made.spans.empty() &&
        settings->resv_over_run_min != model::kUnlimited) {
      made.jobs_until_ms = made.spans.front().until_ms;
    }
    const Result<model::LicenseRequest> needs = model::parse_licenses(r.licenses);
    for (const StandingReservation::Span& span : made.spans) {
      if (needs && !needs->needs.empty()) {
        kept.push_back({id, span.from_ms, span.until_ms, needs->needs});
      }
    }
    standing.push_back(std::move(made));
  }
  planner.set_reservations(std::move(standing));
  licenses->set_kept(std::move(kept));
  plan_needed = true;
}

}  // namespace sluice::core
