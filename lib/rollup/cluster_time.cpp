// See cluster_time.hpp.
#include "rollup/cluster_time.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "rollup/attempt.hpp"

namespace sluice::rollup {

namespace {

using model::TresCounts;
using Amounts = std::map<model::TresId, std::int64_t>;

void add(Amounts& sum, const TresCounts& counts, Seconds seconds) {
  for (const model::TresCount& one : counts) sum[one.id] += one.count * seconds;
}

Period span_of(const model::NodeSpan& span, Seconds now) {
  const Seconds from = seconds_of(span.from);
  return {from, std::max(from, span.to == 0 ? now : std::min(now, seconds_of(span.to)))};
}

// What is added up for one hour.
struct Hour {
  Seconds known = 0;
  Amounts total, used, down, planned_down, waited;
  std::map<Text, Amounts> inside;  // jobs in reservations, by its name
};

class Book {
 public:
  Book(const Period& period, Seconds now) : period_(period), now_(now) {}

  void note(const HourUse& use);
  void note(const model::NodeSpan& span);
  void note(const model::Reservation& reservation);
  [[nodiscard]] model::ClusterUse close();

 private:
  // The hours that a stretch touches, with how much of each.
  template <class Visit>
  void over_hours(const Period& stretch, const Visit& visit);
  void reserve(Hour& hour, const model::Reservation& reservation, Seconds seconds);
  static void close_hour(const Hour& hour, model::ClusterUse& sum);

  Period period_;
  Seconds now_;
  std::map<Seconds, Hour> hours_;  // by begin, on a grid of 3600 s from the period's begin
};

template <class Visit>
void Book::over_hours(const Period& stretch, const Visit& visit) {
  constexpr Seconds kHour = 3600;
  const Period part = common(stretch, {period_.from, std::min(period_.to, now_)});
  Seconds at = part.from - (part.from - period_.from) % kHour;
  for (; part.length() > 0 && at < part.to; at += kHour) {
    visit(hours_[at], common(part, {at, at + kHour}).length());
  }
}

void Book::note(const HourUse& use) {
  over_hours({use.hour.from, use.hour.from + 1}, [&](Hour& hour, Seconds) {
    if (use.reservation.empty()) {
      add(hour.used, use.used, 1);
      add(hour.waited, use.waited, 1);
    } else {
      add(hour.inside[use.reservation], use.used, 1);
    }
  });
}

void Book::note(const model::NodeSpan& span) {
  const bool future = span.state == static_cast<std::uint32_t>(model::NodeState::future);
  over_hours(span_of(span, now_), [&](Hour& hour, Seconds seconds) {
    if (span.node.empty()) hour.known += seconds;
    add(span.node.empty() ? hour.total : (future ? hour.planned_down : hour.down), span.tres,
        seconds);
  });
}

void Book::note(const model::Reservation& reservation) {
  if (model::has_flag(reservation, model::kResvIgnoreJobs)) return;
  const Period stretch{seconds_of(reservation.start), seconds_of(reservation.end)};
  over_hours(stretch, [&](Hour& hour, Seconds seconds) { reserve(hour, reservation, seconds); });
}

// Jobs in it are among those of the cluster already: only what they left is added.
void Book::reserve(Hour& hour, const model::Reservation& reservation, Seconds seconds) {
  const bool maintenance = model::has_flag(reservation, model::kResvMaint);
  const auto inside = hour.inside.find(reservation.name);
  for (const model::TresCount& one : reserved_tres(reservation)) {
    std::int64_t left = one.count * seconds;
    if (inside != hour.inside.end()) left -= inside->second[one.id];
    if (left > 0) (maintenance ? hour.planned_down : hour.used)[one.id] += left;
  }
}

void Book::close_hour(const Hour& hour, model::ClusterUse& sum) {
  const auto of = [](const Amounts& amounts, model::TresId id) {
    const auto found = amounts.find(id);
    return found == amounts.end() ? std::int64_t{0} : found->second;
  };
  for (const auto& [id, total] : hour.total) {
    std::int64_t rest = total;
    const auto take = [&](model::TresCounts& to, std::int64_t wanted) {
      const std::int64_t taken = std::clamp<std::int64_t>(wanted, 0, rest);
      rest -= taken;
      model::add_tres(to, id, taken);
      return taken;
    };
    model::add_tres(sum.reported, id, total);
    take(sum.down, of(hour.down, id));
    take(sum.planned_down, of(hour.planned_down, id));
    take(sum.allocated, of(hour.used, id));
    const std::int64_t waited = of(hour.waited, id);
    model::add_tres(sum.over_committed, id, waited - take(sum.planned, waited));
    model::add_tres(sum.idle, id, rest);
  }
}

model::ClusterUse Book::close() {
  model::ClusterUse sum;
  Seconds known = 0;
  for (const auto& [begin, hour] : hours_) {
    close_hour(hour, sum);
    known += hour.known;
  }
  if (known == 0) return sum;
  for (const model::TresCount& one : sum.reported) {
    model::add_tres(sum.counts, one.id, (one.count + known / 2) / known);
  }
  return sum;
}

}  // namespace

model::ClusterUse cluster_use(const ClusterHistory& history, const Period& period, Seconds now) {
  Book book(period, now);
  for (const HourUse& hour : history.hours) book.note(hour);
  for (const model::NodeSpan& span : history.spans) book.note(span);
  for (const model::Reservation& reservation : history.reservations) book.note(reservation);
  return book.close();
}

TresCounts reserved_tres(const model::Reservation& reservation) {
  TresCounts counts;
  if (reservation.cpu_count != 0) model::add_tres(counts, model::kTresCpu, reservation.cpu_count);
  return counts;
}

model::ReservationUse reservation_use(const model::Reservation& reservation,
                                      const std::vector<HourUse>& hours) {
  model::ReservationUse use;
  use.id = reservation.id;
  use.name = reservation.name;
  use.start = reservation.start;
  use.end = reservation.end;
  use.flags = reservation.flags;
  use.nodes = reservation.nodes;
  use.users = reservation.users;
  use.accounts = reservation.accounts;
  use.counts = reserved_tres(reservation);
  const Period stretch{seconds_of(reservation.start), seconds_of(reservation.end)};
  for (const HourUse& hour : hours) {
    if (hour.reservation != reservation.name) continue;
    if (common(hour.hour, stretch).length() > 0) add_use(use.seconds, hour.used);
  }
  return use;
}

}  // namespace sluice::rollup
