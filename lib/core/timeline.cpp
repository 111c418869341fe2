// Building follows the ends of the node's holds in order. Where holds share cores (threads handed
// out one by one, or oversubscription), counts don't simply add up, and each step looks at the
// holds that are left.
#include "core/timeline.hpp"

#include <algorithm>
#include <span>

#include "core/demand.hpp"

namespace sluice::core {

namespace {

constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();

struct End {
  std::int64_t at_ms = 0;
  const Hold* hold = nullptr;
};

std::vector<End> ends_of(const NodeSlot& slot, std::int64_t now_ms, std::int64_t overdue_end_ms) {
  std::vector<End> ends;
  ends.reserve(slot.holds.size());
  for (const Hold& hold : slot.holds) {
    ends.push_back({hold.expected_end_ms <= now_ms ? overdue_end_ms : hold.expected_end_ms, &hold});
  }
  std::sort(ends.begin(), ends.end(), [](const End& a, const End& b) { return a.at_ms < b.at_ms; });
  return ends;
}

void give_back(const Hold& hold, const NodeSlot& slot, NodeView& view) {
  view.idle_cores += hold.cores;
  view.idle_threads += hold.threads;
  view.free_memory += hold.memory;
  --view.jobs;
  for (const model::GresShare& share : hold.gres) {
    for (std::size_t e = 0; e < view.free_gres.size(); ++e) {
      const GresEntry& entry = slot.hardware->gres[e];
      if (entry.name == share.name && entry.type == share.type) view.free_gres[e] += share.count;
    }
  }
}

// Whether the holds' counts add up to what is busy.
bool adds_up(const NodeSlot& slot) {
  if (!slot.faulty.empty()) return false;                // a device that is given back may be lost
  if (slot.hardware->shards_per_gpu != 0) return false;  // or have others' shards
  std::uint64_t cores = 0;
  std::uint64_t memory = 0;
  for (const Hold& hold : slot.holds) {
    if (hold.cpus->size() != slot.hardware->cpus()) return false;
    cores += hold.cores;
    memory += hold.memory;
  }
  return cores + slot.idle_cores == slot.hardware->job_cores() && memory <= slot.hardware->memory;
}

}  // namespace

void Timeline::add_step(std::int64_t from_ms, const NodeView& view) {
  steps_.push_back({.from_ms = from_ms,
                    .memory = view.free_memory,
                    .cores = view.idle_cores,
                    .threads = view.idle_threads,
                    .jobs = view.jobs});
  gres_.insert(gres_.end(), view.free_gres.begin(), view.free_gres.end());
}

bool Timeline::is_plain(const NodeSlot& slot) {
  return slot.disjoint && slot.gres.empty() && slot.faulty.empty() && !slot.changed_under_holds &&
         slot.user_holds == 0 && slot.used_memory <= slot.hardware->memory &&
         (slot.hardware->threads == 1 || adds_up(slot));  // cores may be shared by their threads
}

// Where nothing but cores and memory is handed out, and nothing twice, the ends are at hand in
// order. Those that are overdue come first there, and all end at one moment.
bool Timeline::build_plain(const NodeSlot& slot, const NodeView& now, std::int64_t now_ms,
                           std::int64_t overdue_end_ms) {
  if (!is_plain(slot)) return false;
  add_step(kAlways, now);
  Step step = steps_.back();
  const auto overdue = [&](const HoldEnd& end) { return end.at_ms <= now_ms; };
  const auto rest = std::find_if_not(slot.ends.begin(), slot.ends.end(), overdue);
  auto late = slot.ends.begin();
  const auto give = [&](const HoldEnd& end, std::int64_t at_ms) {
    step.from_ms = at_ms;
    step.cores += end.cores;
    step.threads += end.threads;
    step.memory += end.memory;
    --step.jobs;
    if (steps_.back().from_ms == at_ms) {
      steps_.back() = step;
    } else {
      steps_.push_back(step);
    }
  };
  for (auto end = rest; end != slot.ends.end() && end->at_ms != kNever; ++end) {
    for (; late != rest && overdue_end_ms <= end->at_ms; ++late) give(*late, overdue_end_ms);
    give(*end, end->at_ms);
  }
  for (; late != rest; ++late) give(*late, overdue_end_ms);
  return true;
}

void Timeline::build(const NodeSlot& slot, std::int64_t now_ms, std::int64_t overdue_end_ms) {
  steps_.clear();
  gres_.clear();
  aside_.reset();
  taken_off_ = 0;
  kinds_ = slot.gres.size();
  const Demand plain;
  NodeView view;
  view_present(slot, plain, view);
  plain_ = build_plain(slot, view, now_ms, overdue_end_ms);
  if (plain_) return;
  const std::vector<End> ends = ends_of(slot, now_ms, overdue_end_ms);
  const bool simple = adds_up(slot);
  std::uint32_t user_holds = slot.user_holds;
  const auto note = [&](std::int64_t at_ms) {
    add_step(at_ms, view);
    if (user_holds == 0) return;
    steps_.back().cores = 0;  // somebody has the node to himself
    steps_.back().threads = 0;
  };
  note(kAlways);
  for (std::size_t n = 0; n < ends.size(); ++n) {
    if (ends[n].at_ms == kNever) break;
    if (ends[n].hold->holder.sharing == model::Sharing::exclusive_user) --user_holds;
    if (simple) give_back(*ends[n].hold, slot, view);
    if (n + 1 < ends.size() && ends[n + 1].at_ms == ends[n].at_ms) continue;
    if (!simple) view_at(slot, plain, ends[n].at_ms, view);
    note(ends[n].at_ms);
  }
}

std::size_t Timeline::step_at(std::int64_t time_ms) const {
  const auto after =
      std::upper_bound(steps_.begin(), steps_.end(), time_ms,
                       [](std::int64_t time, const Step& step) { return time < step.from_ms; });
  return static_cast<std::size_t>(after - steps_.begin()) - 1;
}

// The step that begins at that moment.
std::size_t Timeline::split(std::int64_t at_ms) {
  const std::size_t step = step_at(at_ms);
  if (steps_[step].from_ms == at_ms) return step;
  Step second = steps_[step];
  second.from_ms = at_ms;
  steps_.insert(steps_.begin() + static_cast<std::ptrdiff_t>(step) + 1, second);
  if (kinds_ == 0) return step + 1;
  const std::vector<std::uint64_t> counts(
      gres_.begin() + static_cast<std::ptrdiff_t>(step * kinds_),
      gres_.begin() + static_cast<std::ptrdiff_t>((step + 1) * kinds_));
  gres_.insert(gres_.begin() + static_cast<std::ptrdiff_t>((step + 1) * kinds_), counts.begin(),
               counts.end());
  return step + 1;
}

bool Timeline::is_aside(const Claim& claim) const {
  return aside_ && aside_->from_ms == claim.from_ms && aside_->until_ms == claim.until_ms &&
         aside_->cores == claim.cores && aside_->threads == claim.threads &&
         aside_->memory == claim.memory;
}

bool Timeline::has_room(const Claim& claim) const {
  const Step& first = steps_[step_at(claim.from_ms)];
  return first.cores >= claim.cores && first.threads >= claim.threads &&
         first.memory >= claim.memory;
}

// False if it is to be taken off the steps instead.
bool Timeline::keep_aside(const Claim& claim) {
  if (!is_rising() || claim.whole || claim.from_ms >= claim.until_ms) return false;
  if (!has_room(claim)) return false;
  aside_ = claim;
  return true;
}

bool Timeline::subtract(const Claim& claim) {
  if (keep_aside(claim)) return true;
  settle();
  return take_off(claim);
}

void Timeline::settle_aside() {
  const Claim claim = *aside_;
  aside_.reset();
  static_cast<void>(take_off(claim));
}

bool Timeline::take_off(const Claim& claim) {
  ++taken_off_;
  bool fits = true;
  const std::size_t first = split(claim.from_ms);
  if (claim.until_ms != kNever) static_cast<void>(split(claim.until_ms));
  for (std::size_t s = first; s < steps_.size(); ++s) {
    Step& step = steps_[s];
    if (step.from_ms >= claim.until_ms) break;
    fits = fits && step.cores >= claim.cores && step.threads >= claim.threads &&
           step.memory >= claim.memory && (!claim.whole || step.jobs == 0);
    step.cores -= claim.whole ? step.cores : std::min(step.cores, claim.cores);
    step.threads -= claim.whole ? step.threads : std::min(step.threads, claim.threads);
    step.memory -= std::min(step.memory, claim.memory);
    ++step.jobs;
    for (std::size_t e = 0; e < kinds_ && e < claim.gres.size(); ++e) {
      std::uint64_t& free = gres_[s * kinds_ + e];
      fits = fits && free >= claim.gres[e];
      free -= std::min(free, claim.gres[e]);
    }
  }
  join(claim.from_ms);
  if (claim.until_ms != kNever) join(claim.until_ms);
  return fits;
}

void Timeline::cap(std::int64_t from_ms, std::int64_t until_ms, std::uint32_t cores,
                   std::uint32_t threads) {
  if (from_ms >= until_ms) return;
  settle();
  ++taken_off_;  // for good
  const std::size_t first = split(from_ms);
  if (until_ms != kNever) static_cast<void>(split(until_ms));
  for (std::size_t s = first; s < steps_.size(); ++s) {
    Step& step = steps_[s];
    if (step.from_ms >= until_ms) break;
    step.cores = std::min(step.cores, cores);
    step.threads = std::min(step.threads, threads);
  }
}

void Timeline::truncate(std::int64_t until_ms) {
  settle();
  while (steps_.size() > 1 && steps_.back().from_ms >= until_ms) {
    steps_.pop_back();
    gres_.resize(gres_.size() - kinds_);
  }
}

void Timeline::put_back(const Claim& claim) {
  if (is_aside(claim)) {
    aside_.reset();
    return;
  }
  settle();
  --taken_off_;
  const std::size_t first = split(claim.from_ms);
  if (claim.until_ms != kNever) static_cast<void>(split(claim.until_ms));
  for (std::size_t s = first; s < steps_.size(); ++s) {
    Step& step = steps_[s];
    if (step.from_ms >= claim.until_ms) break;
    step.cores += claim.cores;
    step.threads += claim.threads;
    step.memory += claim.memory;
    --step.jobs;
    for (std::size_t e = 0; e < kinds_ && e < claim.gres.size(); ++e) {
      gres_[s * kinds_ + e] += claim.gres[e];
    }
  }
  join(claim.from_ms);
  if (claim.until_ms != kNever) join(claim.until_ms);
}

namespace {

// As a claim on what has been there for ever.
Claim claim_of(const HoldEnd& hold) {
  Claim claim;
  claim.from_ms = kAlways;
  claim.until_ms = hold.at_ms;
  claim.cores = hold.cores;
  claim.threads = hold.threads;
  claim.memory = hold.memory;
  return claim;
}

}  // namespace

// If the first step has enough, all have.
bool Timeline::subtract(const HoldEnd& hold) {
  const bool rising = plain_ && taken_off_ == 0;
  if (!rising || !has_room(claim_of(hold))) {
    settle();
    return take_off(claim_of(hold));
  }
  const std::size_t end = hold.at_ms == kNever ? steps_.size() : split(hold.at_ms);
  for (Step& step : std::span(steps_).first(end)) {
    step.cores -= hold.cores;
    step.threads -= hold.threads;
    step.memory -= hold.memory;
    ++step.jobs;
  }
  if (hold.at_ms != kNever) join(hold.at_ms);
  if (!aside_ || has_room(*aside_)) return true;
  settle();
  return false;
}

void Timeline::put_back(const HoldEnd& hold) {
  const std::size_t end = hold.at_ms == kNever ? steps_.size() : split(hold.at_ms);
  for (Step& step : std::span(steps_).first(end)) {
    step.cores += hold.cores;
    step.threads += hold.threads;
    step.memory += hold.memory;
    --step.jobs;
  }
  if (hold.at_ms != kNever) join(hold.at_ms);
}

void Timeline::begin_at(std::int64_t now_ms) {
  const auto first = static_cast<std::ptrdiff_t>(step_at(now_ms));
  if (first == 0) return;
  steps_.erase(steps_.begin(), steps_.begin() + first);
  gres_.erase(gres_.begin(), gres_.begin() + first * static_cast<std::ptrdiff_t>(kinds_));
  steps_.front().from_ms = kAlways;
}

void Timeline::join(std::int64_t at_ms) {
  const std::size_t second = step_at(at_ms);
  if (second == 0 || steps_[second].from_ms != at_ms) return;
  const Step& a = steps_[second - 1];
  const Step& b = steps_[second];
  const auto first_gres = gres_.begin() + static_cast<std::ptrdiff_t>((second - 1) * kinds_);
  const auto second_gres = first_gres + static_cast<std::ptrdiff_t>(kinds_);
  const bool same = a.memory == b.memory && a.cores == b.cores && a.threads == b.threads &&
                    a.jobs == b.jobs && std::equal(first_gres, second_gres, second_gres);
  if (!same) return;
  steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(second));
  gres_.erase(second_gres, second_gres + static_cast<std::ptrdiff_t>(kinds_));
}

void Timeline::view_step(std::size_t step, const NodeSlot& slot, NodeView& view) const {
  const Step& from = steps_[step];
  view.slot = &slot;
  view.hardware = slot.hardware;
  view.idle_cores = from.cores;
  view.idle_threads = from.threads;
  view.free_memory = from.memory;
  view.jobs = from.jobs;
  view.partition_cpus = 0;
  view.user_conflict = false;
  view.free_gres.assign(gres_.begin() + static_cast<std::ptrdiff_t>(step * kinds_),
                        gres_.begin() + static_cast<std::ptrdiff_t>((step + 1) * kinds_));
}

std::int64_t Timeline::first_with(const NodeNeed& need, std::int64_t from_ms) const {
  const auto begin = steps_.begin() + static_cast<std::ptrdiff_t>(step_at(from_ms));
  const auto first = std::partition_point(begin, steps_.end(), [&](const Step& step) {
    return step.cores < need.cores || step.threads < need.threads || step.memory < need.memory;
  });
  if (first == steps_.end()) return kNever;
  return first == begin ? from_ms : first->from_ms;
}

Timeline::Step Timeline::at(std::int64_t time_ms) const {
  Step step = steps_[step_at(time_ms)];
  if (!aside_ || time_ms < aside_->from_ms || aside_->until_ms <= time_ms) return step;
  step.cores -= aside_->cores;
  step.threads -= aside_->threads;
  step.memory -= aside_->memory;
  ++step.jobs;
  return step;
}

void Timeline::view_span(std::int64_t from_ms, std::int64_t until_ms, const NodeSlot& slot,
                         NodeView& view) const {
  std::size_t s = step_at(from_ms);
  view_step(s, slot, view);
  const auto take = [&view](const Step& step) {
    view.idle_cores = std::min(view.idle_cores, step.cores);
    view.idle_threads = std::min(view.idle_threads, step.threads);
    view.free_memory = std::min(view.free_memory, step.memory);
    view.jobs = std::max(view.jobs, step.jobs);
  };
  if (plain_ && taken_off_ == 0) {
    if (!aside_) return;
    take(at(from_ms));
    if (aside_->from_ms > from_ms && aside_->from_ms < until_ms) take(at(aside_->from_ms));
    return;
  }
  for (++s; s < steps_.size() && steps_[s].from_ms < until_ms; ++s) {
    take(steps_[s]);
    for (std::size_t e = 0; e < kinds_; ++e) {
      view.free_gres[e] = std::min(view.free_gres[e], gres_[s * kinds_ + e]);
    }
  }
}

}  // namespace sluice::core
