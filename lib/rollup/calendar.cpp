// See calendar.hpp.
#include "rollup/calendar.hpp"

#include <algorithm>

#include "ledger/calendar.hpp"

namespace sluice::rollup {

namespace {

constexpr Seconds kHour = 3600;
constexpr Seconds kDay = 24 * kHour;

Seconds floor_div(Seconds value, Seconds by) {
  return value >= 0 ? value / by : -((-value + by - 1) / by);
}

}  // namespace

Period common(const Period& a, const Period& b) {
  const Seconds from = std::max(a.from, b.from);
  return {from, std::max(from, std::min(a.to, b.to))};
}

Seconds seconds_of(model::WallTime when) { return floor_div(when, model::kSecond); }

Seconds Calendar::offset(Seconds when) const { return clock_.offset_at(when * model::kSecond, 0); }

Seconds Calendar::moment(Seconds local) const {
  return clock_.moment_of(local * model::kSecond, 0) / model::kSecond;
}

Period Calendar::hour(Seconds when) const {
  const Seconds from = when - (when + offset(when) - floor_div(when + offset(when), kHour) * kHour);
  Period hour{from, from + kHour};
  const auto later = std::upper_bound(
      clock_.changes.begin(), clock_.changes.end(), when * model::kSecond,
      [](model::WallTime time, const model::ClockChange& change) { return time < change.at; });
  if (later != clock_.changes.end()) hour.to = std::min(hour.to, later->at / model::kSecond);
  if (later != clock_.changes.begin() && std::prev(later) != clock_.changes.begin()) {
    hour.from = std::max(hour.from, std::prev(later)->at / model::kSecond);
  }
  return hour;
}

Period Calendar::day(Seconds when) const {
  Seconds day = floor_div(when + offset(when), kDay);
  while (moment(day * kDay) > when) --day;
  while (moment((day + 1) * kDay) <= when) ++day;
  return {moment(day * kDay), moment((day + 1) * kDay)};
}

Period Calendar::month(Seconds when) const {
  const Seconds noon = day(when).from + kDay / 2;
  // Local time, read as if it were that of UTC.
  const ledger::Month month = ledger::month_of((noon + offset(noon)) * model::kSecond);
  const auto first = [&](ledger::Month of) {
    return moment(ledger::month_start(of) / model::kSecond);
  };
  return {first(month), first(ledger::next_month(month))};
}

Period Calendar::around(Level level, Seconds when) const {
  switch (level) {
    case Level::hour: return hour(when);
    case Level::day: return day(when);
    case Level::month: return month(when);
  }
  return {};
}

std::vector<Calendar::Run> Calendar::cover(const Period& period) const {
  std::vector<Run> runs;
  if (period.length() <= 0) return runs;
  const Seconds to = hour(period.to - 1).to;
  Seconds at = hour(period.from).from;
  while (at < to) {
    Run next;
    for (const Level level : {Level::month, Level::day, Level::hour}) {
      next = {level, around(level, at)};
      if (next.span.from == at && next.span.to <= to) break;
    }
    at = next.span.to;
    if (!runs.empty() && runs.back().level == next.level) {
      runs.back().span.to = at;
    } else {
      runs.push_back(next);
    }
  }
  return runs;
}

}  // namespace sluice::rollup
