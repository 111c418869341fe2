// Making, changing and removing reservations. Each is checked as a whole on a copy before it takes
// effect; the texts of what is refused are Slurm's.
#include <algorithm>
#include <string>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "core/cluster_state.hpp"
#include "core/constraint.hpp"

namespace sluice::core {

namespace {

using model::kSecond;
using model::ReservationPatch;
using model::WallTime;

constexpr WallTime kYear = 365 * 86'400 * kSecond;
constexpr WallTime kLate = 60 * kSecond;  // a start so long ago is still "now"
constexpr std::uint32_t kFlagsForNodes = model::kResvMaint | model::kResvOverlap;

tl::unexpected<Error> wrong_time() {
  return fail(ErrorCode::invalid_time, "Invalid time specified");
}

// Without its minus sign; empty: the list has none.
std::string_view first_name(const Text& list) {
  const std::vector<std::string_view> names = base::split_nonempty(list, ',');
  if (names.empty()) return {};
  return names.front().front() == '-' ? names.front().substr(1) : names.front();
}

std::string made_name(const model::Reservation& made) {
  for (const Text* list : {&made.users, &made.accounts, &made.groups, &made.qos}) {
    const std::string_view first = first_name(*list);
    if (!first.empty()) return fmt::format("{}_{}", first, made.id);
  }
  return fmt::format("resv_{}", made.id);
}

// Lists of who may use it.
Status arrange_access(model::Reservation& made, const ReservationPatch& patch) {
  struct List {
    Text model::Reservation::*list;
    const std::optional<model::ListEdit>& edit;
    ErrorCode code;
    std::string_view text;
  };
  const List lists[] = {
      {&model::Reservation::users, patch.users, ErrorCode::invalid_argument, "Invalid user id"},
      {&model::Reservation::groups, patch.groups, ErrorCode::invalid_argument, "Invalid group id"},
      {&model::Reservation::accounts, patch.accounts, ErrorCode::invalid_account,
       "Invalid account or account/partition combination specified"},
      {&model::Reservation::qos, patch.qos, ErrorCode::invalid_qos, "Invalid qos specification"},
      {&model::Reservation::partitions, patch.partitions, ErrorCode::invalid_partition,
       "Invalid partition name specified"}};
  for (const List& list : lists) {
    if (!list.edit) continue;
    Result<Text> edited = edited_list(made.*list.list, *list.edit);
    if (!edited) return fail(list.code, std::string(list.text));
    made.*list.list = std::move(*edited);
  }
  if (!made.users.empty() && !made.groups.empty()) {
    return fail(ErrorCode::invalid_argument,
                "Users and Groups are mutually exclusive.  You can have one or the other, but not "
                "both");
  }
  const bool somebody = !made.users.empty() || !made.groups.empty() || !made.accounts.empty() ||
                        !made.qos.empty() || !made.partitions.empty();
  if (!somebody) {
    return fail(ErrorCode::invalid_argument, "Reservation request lacks users, groups or accounts");
  }
  return {};
}

Status arrange_flags(model::Reservation& made, const ReservationPatch& patch, bool is_new) {
  constexpr std::uint32_t kForEver = model::kResvTimeFloat;
  if (!is_new && ((patch.set_flags | patch.clear_flags) & kForEver) != 0) {
    return fail(ErrorCode::unsupported, "Requested operation not supported on this system");
  }
  made.flags = (made.flags | patch.set_flags) & ~patch.clear_flags;
  if (patch.purge_s) made.purge_s = *patch.purge_s;
  if (has_flag(made, model::kResvPurgeComp) && made.purge_s == 0) made.purge_s = 300;
  if (!has_flag(made, model::kResvPurgeComp)) made.purge_s = 0, made.idle_since = 0;
  if (has_flag(made, model::kResvTimeFloat) && model::repeats(made)) {
    return fail(ErrorCode::unsupported, "Requested operation not supported on this system");
  }
  if (has_flag(made, model::kResvForceStart) && !model::repeats(made)) {
    return fail(ErrorCode::invalid_argument, "FORCE_START is for reservations that repeat");
  }
  return {};
}

// An end that was named is an hour on the clock; a duration is that many minutes.
void read_by_clock(model::Reservation& made, const ReservationPatch& patch,
                   const model::Reservation* before, const LocalClock& clock) {
  if (clock.empty()) return;
  const bool moved = before == nullptr || made.start != before->start || made.end != before->end ||
                     !model::repeats(*before);
  if (!moved) return;
  // What lies before the table begins was read by the clock of whoever named it.
  const bool known = made.start >= clock.changes.front().at;
  const std::int32_t offset = known ? clock.offset_at(made.start, 0) : patch.utc_offset_s;
  made.utc_offset_s = offset;
  WallTime length = made.end - made.start;
  if (patch.end) length += (clock.offset_at(made.end, 0) - offset) * kSecond;
  made.length_s = static_cast<std::uint32_t>(std::max<WallTime>(length / kSecond, 1));
}

}  // namespace

void Cluster::State::on(const EditReservation& event) {
  switch (event.verb) {
    case model::ReservationVerb::create: turn.changes.outcome = create_reservation(event); break;
    case model::ReservationVerb::update: turn.changes.outcome = update_reservation(event); break;
    case model::ReservationVerb::remove: turn.changes.outcome = remove_reservation(event); break;
  }
}

Status Cluster::State::create_reservation(const EditReservation& event) {
  if (!event.by_operator) return fail(ErrorCode::access_denied);
  if (!event.name.empty() && reservations.find(event.name) != nullptr) {
    return fail(ErrorCode::already_exists, "Duplicate reservation name");
  }
  model::Reservation made;
  made.id = reservations.next_id;
  made.name = event.name;
  made.creator = event.by_uid;
  made.utc_offset_s = event.patch.utc_offset_s;
  if (Status done = arrange(made, event.patch, nullptr); !done) return done;
  for (; made.name.empty() || reservations.find(made.name) != nullptr; ++made.id) {
    made.name = made_name(made);
    if (reservations.find(made.name) == nullptr) break;
  }
  reservations.next_id = made.id + 1;
  turn.changes.reservation = made.name;
  keep_reservation(std::move(made));
  return {};
}

Status Cluster::State::update_reservation(const EditReservation& event) {
  const ReservationEntry* entry = reservations.find(event.name);
  if (entry == nullptr) return fail(ErrorCode::invalid_reservation);
  const model::Reservation before = *entry->record;
  if (event.patch.skip) {
    if (!event.by_operator && !may_remove(event, before)) return fail(ErrorCode::access_denied);
    return skip_occurrence(before);
  }
  if (!event.by_operator) return fail(ErrorCode::access_denied);
  model::Reservation made = before;
  if (Status done = arrange(made, event.patch, &before); !done) return done;
  turn.changes.reservation = made.name;
  keep_reservation(std::move(made));
  reservation_changed(before.id);
  return {};
}

Status Cluster::State::remove_reservation(const EditReservation& event) {
  const ReservationEntry* entry = reservations.find(event.name);
  if (entry == nullptr) return fail(ErrorCode::invalid_reservation);
  const model::Reservation gone = *entry->record;
  if (!event.by_operator && !may_remove(event, gone)) return fail(ErrorCode::access_denied);
  if (runs_in(gone.name) || waits_for(gone.name)) {
    return fail(ErrorCode::busy, "Requested reservation is in use");
  }
  drop_reservation(gone.id);
  return {};
}

// USER_DELETE: whoever may run in it, QOS and partitions aside.
bool Cluster::State::may_remove(const EditReservation& event,
                                const model::Reservation& reservation) const {
  if (!has_flag(reservation, model::kResvUserDelete)) return false;
  model::Reservation plain = reservation;
  plain.qos = Text();
  ReservationUser who{
      .user = event.by_user,
      .group = event.by_groups.empty() ? std::string_view() : event.by_groups[0].view(),
      .account = {},
      .ancestors = {},
      .qos = {},
      .uid = event.by_uid,
      .groups = &event.by_groups};
  if (plain.accounts.empty()) return may_use_reservation(plain, who);
  for (const auto place : tree->of_user(event.by_user)) {
    who.account = tree->at(place).account;
    fill_ancestors(who);
    if (may_use_reservation(plain, who)) return true;
  }
  return false;
}

Status Cluster::State::skip_occurrence(const model::Reservation& before) {
  if (!model::repeats(before)) {
    return fail(ErrorCode::invalid_reservation,
                "Reservation given is not skipable, try deleting instead");
  }
  if (runs_in(before.name)) return fail(ErrorCode::busy, "Requested reservation is in use");
  model::Reservation next = before;
  set_occurrence(next, next_occurrence(before, {before.start, before.end}, settings->clock),
                 settings->clock);
  next.idle_since = 0;
  keep_reservation(std::move(next));
  reservation_changed(before.id);
  return {};
}

// Fills in what the patch says; `before` is null for a new one.
Status Cluster::State::arrange(model::Reservation& made, const ReservationPatch& patch,
                               const model::Reservation* before) {
  if (Status flags = arrange_flags(made, patch, before == nullptr); !flags) return flags;
  if (Status times = arrange_times(made, patch, before); !times) return times;
  if (Status access = arrange_access(made, patch); !access) return access;
  if (patch.comment) made.comment = *patch.comment;
  if (patch.start_delay_s) made.start_delay_s = *patch.start_delay_s;
  if (Status named = arrange_names(made, patch); !named) return named;
  if (Status held = arrange_licenses(made, patch); !held) return held;
  const std::uint32_t flags_before = before == nullptr ? 0 : before->flags;
  const bool other_times = before == nullptr || before->start != made.start ||
                           before->end != made.end ||
                           ((before->flags ^ made.flags) & model::kResvRepeats) != 0;
  const bool other_rank = ((flags_before ^ made.flags) & kFlagsForNodes) != 0;
  const bool other_nodes = patch.nodes || patch.node_count || !patch.core_counts.empty() ||
                           patch.partition || patch.features;
  if (before != nullptr && !other_times && !other_rank && !other_nodes) return {};
  return arrange_nodes(made, patch, before);
}

Status Cluster::State::arrange_times(model::Reservation& made, const ReservationPatch& patch,
                                     const model::Reservation* before) {
  const WallTime now = turn.now.wall;
  const bool floats = has_flag(made, model::kResvTimeFloat);
  const bool begun = before != nullptr && !floats && before->start <= now;
  if (patch.start) {
    if (begun && *patch.start != before->start) {
      return fail(ErrorCode::invalid_reservation, "Reservation already started");
    }
    const bool may_be_past = has_flag(made, model::kResvForceStart);
    if (!begun && *patch.start < now - kLate && !may_be_past) return wrong_time();
    made.start = *patch.start;
    if (floats) {
      made.float_s =
          static_cast<std::uint32_t>(std::max<WallTime>(0, (*patch.start - now) / kSecond));
    }
  }
  if (patch.end) made.end = *patch.end;
  if (patch.duration_min) {
    const WallTime by = *patch.duration_min == model::kUnlimited
                            ? kYear
                            : WallTime{*patch.duration_min} * 60 * kSecond;
    if (patch.duration_mode == 0) made.end = made.start + by;
    if (patch.duration_mode == 1) made.end += by;
    if (patch.duration_mode == 2) made.end -= by;
  }
  if (made.start == 0 || made.end <= made.start) return wrong_time();
  if (made.end <= now && !has_flag(made, model::kResvForceStart)) return wrong_time();
  if (!model::repeats(made)) return {};
  read_by_clock(made, patch, before, settings->clock);
  const LocalClock& clock = settings->clock;
  if (next_occurrence(made, {made.start, made.end}, clock).from < made.end) return wrong_time();
  const TimeSpan span = occurrence_after(made, now, clock);
  if (span.from != made.start && has_flag(made, model::kResvForceStart)) {
    set_occurrence(made, span, clock);
  }
  return {};
}

Status Cluster::State::arrange_names(model::Reservation& made, const ReservationPatch& patch) {
  const auto known_partition = [&](std::string_view name) {
    return std::any_of(partitions.begin(), partitions.end(),
                       [&](const auto& partition) { return partition->name.view() == name; });
  };
  if (patch.partition) made.partition = *patch.partition;
  if (!made.partition.empty() && !known_partition(made.partition)) {
    return fail(ErrorCode::invalid_partition, "Invalid partition name specified");
  }
  for (const std::string_view entry : base::split_nonempty(made.partitions, ',')) {
    const std::string_view name = entry.front() == '-' ? entry.substr(1) : entry;
    if (!known_partition(name)) {
      return fail(ErrorCode::invalid_partition, "Invalid partition name specified");
    }
  }
  if (patch.accounts) {
    for (const std::string_view entry : base::split_nonempty(made.accounts, ',')) {
      const std::string_view name = entry.front() == '-' ? entry.substr(1) : entry;
      if (tree->account(name) == nullptr) {
        return fail(ErrorCode::invalid_account,
                    "Invalid account or account/partition combination specified");
      }
    }
  }
  if (patch.qos) {
    for (const std::string_view entry : base::split_nonempty(made.qos, ',')) {
      const std::string_view name = entry.front() == '-' ? entry.substr(1) : entry;
      if (tree->qos(name) == nullptr) {
        return fail(ErrorCode::invalid_qos, "Invalid qos specification");
      }
    }
  }
  if (patch.features) made.features = *patch.features;
  if (made.features.empty()) return {};
  const Result<Constraint> constraint = Constraint::parse(made.features);
  if (!constraint) return fail(ErrorCode::invalid_feature, "Invalid feature specification");
  return {};
}

// Known, and not more than others leave at any time.
Status Cluster::State::arrange_licenses(model::Reservation& made, const ReservationPatch& patch) {
  if (patch.licenses) made.licenses = *patch.licenses;
  if (made.licenses.empty()) return {};
  const Result<model::LicenseRequest> wanted = model::parse_licenses(made.licenses);
  if (!wanted || wanted->any) return fail(ErrorCode::invalid_licenses);
  if (Status known = licenses->check(made.licenses); !known) return known;
  for (const model::LicenseNeed& need : wanted->needs) {
    std::uint64_t sum = need.count;
    for (const auto& [id, entry] : reservations.all()) {
      if (id == made.id || !meet_in_time(made, *entry.record, settings->clock)) continue;
      const Result<model::LicenseRequest> theirs = model::parse_licenses(entry.record->licenses);
      if (!theirs) continue;
      for (const model::LicenseNeed& other : theirs->needs) {
        if (other.name == need.name) sum += other.count;
      }
    }
    for (const LicenseUse& use : licenses->use()) {
      if (use.name == need.name && sum > use.total) return fail(ErrorCode::invalid_licenses);
    }
  }
  return {};
}

}  // namespace sluice::core
