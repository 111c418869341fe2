// See usage.hpp.
#include "core/usage.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace sluice::core {

namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::uint64_t kOne = std::uint64_t{1} << 63U;

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>((Wide{a} * b) >> 63U);
}

Wide& entry(std::vector<std::pair<model::TresId, Wide>>& list, model::TresId id) {
  const auto place = std::ranges::lower_bound(list, id, {}, &std::pair<model::TresId, Wide>::first);
  if (place != list.end() && place->first == id) return place->second;
  return list.insert(place, {id, Wide{0}})->second;
}

__extension__ using Signed = __int128;

// TRES micro-seconds of a run, with the factor.
Signed used(std::int64_t count, std::int64_t run_us, std::int64_t factor) {
  if (count <= 0 || run_us <= 0 || factor <= 0) return 0;
  const Signed plain = Signed{count} * run_us;
  return factor == kMillion ? plain : plain * factor / kMillion;
}

void move(Wide& sum, Signed by) {
  if (by >= 0) {
    sum += static_cast<Wide>(by);
  } else {
    sum -= std::min(sum, static_cast<Wide>(-by));
  }
}

struct Split {
  std::int64_t whole = 0;
  std::uint32_t rest = 0;
};

Split split(Wide sum) {
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
  return {static_cast<std::int64_t>(std::min<Wide>(sum / kMillion, kMost)),
          static_cast<std::uint32_t>(sum % kMillion)};
}

Wide joined(std::int64_t whole, std::int64_t rest) {
  return Wide(std::max<std::int64_t>(whole, 0)) * kMillion + Wide(std::max<std::int64_t>(rest, 0));
}

struct Date {
  std::int64_t year = 0;
  std::int64_t month = 1;  // from 1
};

// Days since 1970 and the calendar (the proleptic Gregorian one), counted from 1 March of year 0.
std::int64_t days_of(Date date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year =
      (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

Date date_of(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day = days - era * 146097;
  const std::int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  const std::int64_t day_of_year = day - (365 * year + year / 4 - year / 100);
  const std::int64_t shifted = (5 * day_of_year + 2) / 153;
  const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year + era * 400 + (month <= 2 ? 1 : 0), month};
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

}  // namespace

struct Usage::Delta {
  Signed raw = 0;
  Signed wall = 0;
  std::vector<std::pair<model::TresId, Signed>> tres;
};

bool UsageSums::nothing() const {
  return raw == 0 && wall == 0 &&
         std::ranges::all_of(tres, [](const auto& one) { return one.second == 0; });
}

std::uint64_t decay_factor(std::int64_t seconds, std::uint32_t half_life_s) {
  if (half_life_s == 0 || seconds <= 0) return kOne;
  // 0.693 / half-life, rounded up; a half-life below a second decays all at once.
  const Wide per_second =
      (Wide{kOne} * 693 + Wide{half_life_s} * 1000 - 1) / (Wide{half_life_s} * 1000);
  std::uint64_t base = static_cast<std::uint64_t>(Wide{kOne} - std::min<Wide>(kOne, per_second));
  std::uint64_t factor = kOne;
  for (auto left = static_cast<std::uint64_t>(seconds); left != 0; left >>= 1U) {
    if ((left & 1U) != 0) factor = times(factor, base);
    base = times(base, base);
  }
  return factor;
}

Wide decayed(Wide value, std::uint64_t factor) {
  const Wide high = value >> 64U;
  const Wide low = value & ~std::uint64_t{0};
  return ((high * factor) << 1U) + ((low * factor) >> 63U);
}

void Usage::restore(const std::vector<model::UsageRecord>& records) {
  for (const model::UsageRecord& stored : records) {
    UsageSums sums;
    sums.raw = joined(stored.raw, stored.raw_micro);
    sums.wall = joined(stored.wall, stored.wall_micro);
    for (const model::TresCount& count : stored.tres) {
      entry(sums.tres, count.id) += joined(count.count, 0);
    }
    for (const model::TresCount& count : stored.tres_micro) {
      entry(sums.tres, count.id) += joined(0, count.count);
    }
    if (stored.association != 0) {
      associations_[stored.association] = std::move(sums);
    } else if (stored.qos != 0) {
      qos_[stored.qos] = std::move(sums);
    } else {
      clock_ = static_cast<model::WallTime>(sums.wall);
    }
  }
}

void Usage::open(JobId job, Meter meter) {
  const bool added = meters_.emplace(job, std::move(meter)).second;
  SLUICE_ASSERT(added, "job {} is charged already", job.value);
}

Usage::Delta Usage::delta_of(const Meter& meter, std::int64_t run_us) {
  const std::int64_t before = meter.charged_us;
  const auto more = [&](std::int64_t count) {
    return used(count, run_us, meter.factor) - used(count, before, meter.factor);
  };
  Delta delta;
  delta.raw = more(model::tres_count(meter.tres, model::kTresBilling));
  delta.wall = std::max<std::int64_t>(run_us, 0) - std::max<std::int64_t>(before, 0);
  delta.tres.reserve(meter.tres.size());
  for (const model::TresCount& count : meter.tres)
    delta.tres.emplace_back(count.id, more(count.count));
  return delta;
}

void Usage::apply(const Meter& whom, const Delta& delta) {
  const auto add = [&delta](UsageSums& sums) {
    move(sums.raw, delta.raw);
    move(sums.wall, delta.wall);
    for (const auto& [id, by] : delta.tres) move(entry(sums.tres, id), by);
  };
  for (const std::uint32_t id : whom.associations) {
    add(associations_[id]);
    changed_associations_.insert(id);
  }
  for (const std::uint32_t id : whom.qos) {
    add(qos_[id]);
    changed_qos_.insert(id);
  }
}

void Usage::charge(JobId job, std::int64_t run_us) {
  const auto found = meters_.find(job);
  if (found == meters_.end()) return;
  Meter& meter = found->second;
  if (run_us == meter.charged_us) return;
  apply(meter, delta_of(meter, run_us));
  meter.charged_us = run_us;
}

void Usage::charge_all(const std::vector<std::pair<JobId, std::int64_t>>& runs) {
  using Key = std::pair<std::vector<std::uint32_t>, std::vector<std::uint32_t>>;
  struct Group {
    const Meter* whom = nullptr;
    Delta delta;
  };
  std::map<Key, Group> groups;
  auto at = meters_.begin();
  for (const auto& [job, run_us] : runs) {
    while (at != meters_.end() && at->first < job) ++at;
    if (at == meters_.end()) break;
    Meter& meter = at->second;
    if (at->first != job || run_us == meter.charged_us) continue;
    Group& group = groups[{meter.associations, meter.qos}];
    group.whom = &meter;
    const Delta delta = delta_of(meter, run_us);
    group.delta.raw += delta.raw;
    group.delta.wall += delta.wall;
    for (const auto& [id, by] : delta.tres) {
      auto& sums = group.delta.tres;
      const auto place =
          std::ranges::lower_bound(sums, id, {}, &std::pair<model::TresId, Signed>::first);
      if (place != sums.end() && place->first == id) {
        place->second += by;
      } else {
        sums.insert(place, {id, by});
      }
    }
    meter.charged_us = run_us;
  }
  for (const auto& [key, group] : groups) apply(*group.whom, group.delta);
}

void Usage::close(JobId job) { meters_.erase(job); }

const Meter* Usage::meter(JobId job) const {
  const auto found = meters_.find(job);
  return found == meters_.end() ? nullptr : &found->second;
}

Meter* Usage::meter(JobId job) {
  const auto found = meters_.find(job);
  return found == meters_.end() ? nullptr : &found->second;
}

void Usage::decay(std::int64_t seconds, std::uint32_t half_life_s) {
  const std::uint64_t factor = decay_factor(seconds, half_life_s);
  if (factor == kOne) return;
  const auto shrink = [factor](UsageSums& sums) {
    sums.raw = decayed(sums.raw, factor);
    sums.wall = decayed(sums.wall, factor);
    for (auto& [id, sum] : sums.tres) sum = decayed(sum, factor);
  };
  for (auto& [id, sums] : associations_) {
    if (sums.nothing()) continue;
    shrink(sums);
    changed_associations_.insert(id);
  }
  for (auto& [id, sums] : qos_) {
    if (no_decay_.contains(id) || sums.nothing()) continue;
    shrink(sums);
    changed_qos_.insert(id);
  }
}

void Usage::reset_association(std::uint32_t id, const std::vector<std::uint32_t>& above) {
  const UsageSums gone = std::exchange(associations_[id], {});
  changed_associations_.insert(id);
  for (const std::uint32_t other : above) {
    UsageSums& sums = associations_[other];
    move(sums.raw, -static_cast<Signed>(gone.raw));
    move(sums.wall, -static_cast<Signed>(gone.wall));
    for (const auto& [tres, sum] : gone.tres) {
      move(entry(sums.tres, tres), -static_cast<Signed>(sum));
    }
    changed_associations_.insert(other);
  }
}

void Usage::reset_qos(std::uint32_t id) {
  qos_[id] = {};
  changed_qos_.insert(id);
}

void Usage::reset_all() {
  for (const auto& [id, sums] : associations_) changed_associations_.insert(id);
  associations_.clear();
  for (auto& [id, sums] : qos_) {
    if (no_decay_.contains(id)) continue;
    sums = {};
    changed_qos_.insert(id);
  }
}

void Usage::forget_association(std::uint32_t id) {
  if (associations_.erase(id) != 0) changed_associations_.insert(id);
}

void Usage::forget_qos(std::uint32_t id) {
  if (qos_.erase(id) != 0) changed_qos_.insert(id);
}

const UsageSums& Usage::association(std::uint32_t id) const {
  static const UsageSums kNothing;
  const auto found = associations_.find(id);
  return found == associations_.end() ? kNothing : found->second;
}

const UsageSums& Usage::qos(std::uint32_t id) const {
  static const UsageSums kNothing;
  const auto found = qos_.find(id);
  return found == qos_.end() ? kNothing : found->second;
}

void Usage::set_clock(model::WallTime when) {
  clock_changed_ |= clock_ != when;
  clock_ = when;
}

model::UsageRecord Usage::record(const UsageSums& sums) {
  model::UsageRecord made;
  const Split raw = split(sums.raw);
  made.raw = raw.whole;
  made.raw_micro = raw.rest;
  const Split wall = split(sums.wall);
  made.wall = wall.whole;
  made.wall_micro = wall.rest;
  made.tres.reserve(sums.tres.size());
  made.tres_micro.reserve(sums.tres.size());
  for (const auto& [id, sum] : sums.tres) {
    const Split tres = split(sum);
    if (tres.whole != 0) made.tres.push_back({id, tres.whole});
    if (tres.rest != 0) made.tres_micro.push_back({id, tres.rest});
  }
  return made;
}

model::UsageRecord Usage::clock_record() const {
  UsageSums sums;
  sums.wall = Wide(std::max<model::WallTime>(clock_, 0));
  return record(sums);
}

std::vector<model::UsageRecord> Usage::take_changed() {
  std::vector<model::UsageRecord> changed;
  if (changed_associations_.empty() && changed_qos_.empty() && !clock_changed_) return changed;
  changed.reserve(changed_associations_.size() + changed_qos_.size() + 1);
  for (const std::uint32_t id : changed_associations_) {
    changed.push_back(record(association(id)));
    changed.back().association = id;
  }
  for (const std::uint32_t id : changed_qos_) {
    changed.push_back(record(qos(id)));
    changed.back().qos = id;
  }
  if (clock_changed_) changed.push_back(clock_record());
  changed_associations_.clear();
  changed_qos_.clear();
  clock_changed_ = false;
  return changed;
}

std::vector<model::UsageRecord> Usage::all() const {
  std::vector<model::UsageRecord> records;
  for (const auto& [id, sums] : associations_) {
    if (sums.nothing()) continue;
    records.push_back(record(sums));
    records.back().association = id;
  }
  for (const auto& [id, sums] : qos_) {
    if (sums.nothing()) continue;
    records.push_back(record(sums));
    records.back().qos = id;
  }
  records.push_back(clock_record());
  return records;
}

model::WallTime period_start(model::WallTime when, model::UsageReset period,
                             std::int32_t utc_offset_s) {
  constexpr std::int64_t kDay = 86'400;
  const std::int64_t local = floor_div(when, model::kSecond) + utc_offset_s;
  std::int64_t day = floor_div(local, kDay);
  const Date today = date_of(day);
  switch (period) {
    case model::UsageReset::none:
    case model::UsageReset::now: return 0;
    case model::UsageReset::daily: break;
    case model::UsageReset::weekly:
      day -= (day + 4) - floor_div(day + 4, 7) * 7;  // 1 January 1970 was a Thursday
      break;
    case model::UsageReset::monthly: day = days_of(today); break;
    case model::UsageReset::quarterly:
      day = days_of({today.year, (today.month - 1) / 3 * 3 + 1});
      break;
    case model::UsageReset::yearly: day = days_of({today.year, 1}); break;
  }
  return (day * kDay - utc_offset_s) * model::kSecond;
}

}  // namespace sluice::core
