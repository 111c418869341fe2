// Occurrences by arithmetic, access by lists.
#include "core/reservation_rules.hpp"

#include <algorithm>
#include <string>

#include "base/strings.hpp"

namespace sluice::core {

namespace {

using model::kSecond;
using model::WallTime;

constexpr WallTime kHour = 3600 * kSecond;
constexpr WallTime kDay = 24 * kHour;
constexpr WallTime kWeek = 7 * kDay;
constexpr int kDaysTried = 8;

WallTime period_of(const Reservation& r) {
  if (has_flag(r, model::kResvHourly)) return kHour;
  if (has_flag(r, model::kResvDaily) || has_flag(r, model::kResvWeekday) ||
      has_flag(r, model::kResvWeekend)) {
    return kDay;
  }
  return has_flag(r, model::kResvWeekly) ? kWeek : 0;
}

// What repeats by the clock on the wall, and not every 3,600 seconds.
bool by_clock(const Reservation& r, const LocalClock& clock) {
  return !clock.empty() && !has_flag(r, model::kResvHourly);
}

// 0: Sunday. 1970-01-01 was a Thursday.
int day_of_week(const Reservation& r, WallTime time, const LocalClock& clock) {
  const WallTime local = time + clock.offset_at(time, r.utc_offset_s) * kSecond;
  const WallTime days = local / kDay - (local % kDay < 0 ? 1 : 0);
  return static_cast<int>(((days + 4) % 7 + 7) % 7);
}

bool occurs_on(const Reservation& r, WallTime start, const LocalClock& clock) {
  if (has_flag(r, model::kResvHourly) || has_flag(r, model::kResvDaily)) return true;
  const int day = day_of_week(r, start, clock);
  const bool weekend = day == 0 || day == 6;
  if (has_flag(r, model::kResvWeekday)) return !weekend;
  if (has_flag(r, model::kResvWeekend)) return weekend;
  return true;
}

WallTime local_start(const Reservation& r) { return r.start + r.utc_offset_s * kSecond; }

// So many periods after the present one; on whichever day that is. Counted from the record each
// time, so that an hour which some day doesn't have is that hour again the day after.
TimeSpan nth(const Reservation& r, WallTime n, const LocalClock& clock) {
  const WallTime by = n * period_of(r);
  if (n == 0) return {r.start, r.end};
  if (!by_clock(r, clock)) return {r.start + by, r.end + by};
  const WallTime from = local_start(r) + by;
  const WallTime length = r.length_s == 0 ? r.end - r.start : r.length_s * kSecond;
  TimeSpan span{clock.moment_of(from, 0), clock.moment_of(from + length, 0)};
  if (span.until <= span.from) span.until = span.from + length;  // most of it is passed over
  return span;
}

WallTime floor_div(WallTime a, WallTime b) { return a / b - (a % b < 0 ? 1 : 0); }

// The inverse for an occurrence's beginning. Changes of the clock are far shorter than a day.
WallTime number_of(const Reservation& r, WallTime from, const LocalClock& clock) {
  const WallTime period = period_of(r);
  const WallTime shown = by_clock(r, clock)
                             ? from + clock.offset_at(from, 0) * kSecond - local_start(r)
                             : from - r.start;
  return floor_div(shown + period / 2, period);
}

TimeSpan on_right_day(const Reservation& r, WallTime n, const LocalClock& clock) {
  TimeSpan span = nth(r, n, clock);
  for (int tries = 0; tries < kDaysTried && !occurs_on(r, span.from, clock); ++tries) {
    span = nth(r, ++n, clock);
  }
  return span;
}

bool overlap(const TimeSpan& a, const TimeSpan& b) { return a.from < b.until && b.from < a.until; }

}  // namespace

TimeSpan next_occurrence(const Reservation& reservation, TimeSpan now, const LocalClock& clock) {
  if (period_of(reservation) == 0) return {};
  return on_right_day(reservation, number_of(reservation, now.from, clock) + 1, clock);
}

TimeSpan occurrence_after(const Reservation& reservation, WallTime time, const LocalClock& clock) {
  if (reservation.end > time) return {reservation.start, reservation.end};
  const WallTime period = period_of(reservation);
  if (period == 0) return {};
  WallTime n = std::max<WallTime>(1, (time - reservation.end) / period);
  while (nth(reservation, n, clock).until <= time) ++n;
  return on_right_day(reservation, n, clock);
}

TimeSpan occurrence_at(const Reservation& reservation, WallTime time, const LocalClock& clock) {
  const WallTime period = period_of(reservation);
  if (period == 0 || time >= reservation.start) return {reservation.start, reservation.end};
  WallTime n = -floor_div(reservation.start - time, period);
  while (nth(reservation, n, clock).from > time) --n;
  return nth(reservation, n, clock);
}

std::vector<TimeSpan> occurrences(const Reservation& reservation, TimeSpan within,
                                  const LocalClock& clock, std::size_t most) {
  std::vector<TimeSpan> found;
  TimeSpan span = occurrence_after(reservation, within.from, clock);
  while (span.until != 0 && span.from < within.until && found.size() < most) {
    found.push_back(span);
    span = next_occurrence(reservation, span, clock);
  }
  return found;
}

void set_occurrence(Reservation& reservation, TimeSpan occurrence, const LocalClock& clock) {
  if (by_clock(reservation, clock)) {
    const WallTime local = local_start(reservation) +
                           number_of(reservation, occurrence.from, clock) * period_of(reservation);
    reservation.utc_offset_s = static_cast<std::int32_t>((local - occurrence.from) / kSecond);
  }
  reservation.start = occurrence.from;
  reservation.end = occurrence.until;
}

bool meet_in_time(const Reservation& a, const Reservation& b, const LocalClock& clock) {
  const bool a_repeats = model::repeats(a);
  const bool b_repeats = model::repeats(b);
  if (!a_repeats && !b_repeats) return overlap({a.start, a.end}, {b.start, b.end});
  if (a_repeats != b_repeats) {
    const Reservation& again = a_repeats ? a : b;
    const Reservation& once = a_repeats ? b : a;
    const TimeSpan span = occurrence_after(again, once.start, clock);
    return span.until != 0 && span.from < once.end;
  }
  // Both come again: all weeks are alike from the later start on.
  const WallTime from = std::max(a.start, b.start);
  constexpr std::size_t kHoursOfTwoWeeks = 14 * 24 + 2;
  for (const TimeSpan& span : occurrences(a, {from, from + 2 * kWeek}, clock, kHoursOfTwoWeeks)) {
    const TimeSpan other = occurrence_after(b, span.from, clock);
    if (other.until != 0 && other.from < span.until) return true;
  }
  return false;
}

namespace {

bool passes(const Text& list, std::string_view name) {
  return model::judge_list(list, name) != model::ListVerdict::denied;
}

bool account_passes(const Text& list, const ReservationUser& who) {
  if (list.empty()) return true;
  const bool denies = list.view().front() == '-';
  if (denies) {
    return passes(list, who.account) &&
           std::all_of(who.ancestors.begin(), who.ancestors.end(),
                       [&](std::string_view account) { return passes(list, account); });
  }
  return passes(list, who.account) ||
         std::any_of(who.ancestors.begin(), who.ancestors.end(),
                     [&](std::string_view account) { return passes(list, account); });
}

bool group_passes(const Text& list, const ReservationUser& who) {
  if (list.empty() || passes(list, who.group)) return true;
  if (who.groups == nullptr) return true;
  return std::any_of(who.groups->begin(), who.groups->end(),
                     [&](const Text& group) { return passes(list, group); });
}

bool qos_passes(const Text& list, const ReservationUser& who) {
  if (list.empty() || who.uid == 0) return true;
  for (const std::string_view qos : base::split(who.qos, ',')) {
    if (passes(list, qos)) return true;
  }
  return false;
}

}  // namespace

bool may_use_reservation(const Reservation& r, const ReservationUser& who) {
  return passes(r.users, who.user) && group_passes(r.groups, who) &&
         account_passes(r.accounts, who) && qos_passes(r.qos, who);
}

bool allows_partition(const Reservation& r, std::string_view partition, std::uint32_t uid) {
  return r.partitions.empty() || uid == 0 || passes(r.partitions, partition);
}

Result<Text> edited_list(const Text& list, const model::ListEdit& edit) {
  std::vector<std::string> entries;
  const auto known = [&](std::string_view name) {
    return std::find(entries.begin(), entries.end(), name) != entries.end();
  };
  if (edit.mode != 0) {
    for (const std::string_view entry : base::split_nonempty(list, ',')) {
      entries.emplace_back(entry);
    }
  }
  const bool was_empty = entries.empty();
  for (const std::string_view raw : base::split_nonempty(edit.list, ',')) {
    std::string entry(base::trim(raw));
    if (entry.empty()) continue;
    if (entry == "-") return fail(ErrorCode::invalid_argument);
    if (edit.mode != 2) {
      if (!known(entry)) entries.push_back(std::move(entry));
      continue;
    }
    // Taking away from a list that allows; else it denies.
    const bool denies = was_empty || entries.empty() || entries.front().front() == '-';
    if (!denies) {
      std::erase(entries, entry);
    } else if (!known("-" + entry)) {
      entries.push_back("-" + entry);
    }
  }
  const auto denying = std::count_if(entries.begin(), entries.end(),
                                     [](const std::string& entry) { return entry.front() == '-'; });
  if (denying != 0 && static_cast<std::size_t>(denying) != entries.size()) {
    return fail(ErrorCode::invalid_argument);
  }
  return Text(base::join(entries, ","));
}

}  // namespace sluice::core
