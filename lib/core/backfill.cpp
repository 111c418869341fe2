// Two ways to the earliest start.
//
// By counts, from the nodes' timelines. What a node offers to a job that starts at a moment is the
// least of the steps that the job would run through, because needs are compared one by one: the
// offer rises only where a step begins (a job or a reservation ends there), and falls where the far
// end of the job would run into a poorer step. For one node that is a single sweep; for several
// nodes the rises and falls of all nodes are swept in order, and placement is asked only at moments
// where the sum of offers suffices.
//
// By looking at the holds, where counts don't tell enough: without reservations more and more
// becomes free, so the first good moment is found by bisection; from there on moment by moment.
#include "core/backfill.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace sluice::core {

namespace {

constexpr std::size_t kMaxTests = 1024;  // moments at which placement is asked, per job
constexpr std::size_t kRounds = 4;       // reaches into the future tried, each eight times the last
constexpr std::int64_t kFirstReach = 600'000;
constexpr std::int64_t kHorizon = std::int64_t{1} << 50;  // milliseconds; keeps sums in range

class Finder {
 public:
  Finder(const NodePool::State& pool, const Profile& profile, const StartQuery& query)
      : pool_(pool), profile_(profile), query_(query) {}

  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 protected:
  std::optional<Selection> test(std::int64_t at, const Profile* profile) {
    const Outlook outlook = Outlook::span(
        pool_, profile,
        {.now_ms = query_.now_ms,
         .from_ms = at,
         .until_ms = std::min(end_after(at, query_.length_ms), query_.vantage.until_ms),
         .vantage = query_.vantage});
    auto selection = choose_nodes(query_.demand, query_.eligibility, outlook);
    steps_ += outlook.steps();
    return selection;
  }

  template <class Visit>
  void for_each_node(Visit&& visit) {
    for (const ClassId id : query_.eligibility.classes) {
      pool_.classes.at(id).members.for_each([&](std::size_t n) {
        const auto node = static_cast<std::uint32_t>(n);
        if (!pool_.digests[node].available) return;
        if (query_.eligibility.excluded.size() == 0 || !query_.eligibility.excluded.test(node)) {
          visit(node);
        }
      });
    }
  }

  const NodePool::State& pool_;
  const Profile& profile_;
  const StartQuery& query_;
  std::uint64_t steps_ = 0;
};

class CountFinder : public Finder {
 public:
  using Finder::Finder;

  std::optional<PlannedStart> find() {
    for (const ClassId id : query_.eligibility.classes) {
      const Hardware& hardware = *pool_.classes.at(id).hardware;
      fewest_cores_ = std::min(fewest_cores_, least_cores(query_.demand, hardware, least()));
    }
    return query_.demand.single_node() ? find_on_one() : find_on_several();
  }

 private:
  struct Change {
    std::int64_t at_ms = 0;
    std::uint32_t node = 0;   // position among the nodes looked at
    std::uint32_t tasks = 0;  // offered from then on

    static bool later(const Change& a, const Change& b) {
      return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.node > b.node;
    }
  };

  [[nodiscard]] std::uint32_t want() const {
    return query_.demand.tasks == 0 ? query_.demand.tasks_each : query_.demand.tasks;
  }
  [[nodiscard]] std::uint32_t least() const {
    return query_.demand.tasks == 0 ? query_.demand.tasks_each : 1;
  }

  // Nodes of one kind with as much to give offer the same: what was found out is kept for a while.
  struct Known {
    const Hardware* hardware = nullptr;
    Timeline::Step of;
    std::uint32_t tasks = 0;
  };
  static constexpr std::size_t kKnown = 64;

  std::uint32_t offer(const Timeline& timeline, std::size_t step, const NodeSlot& slot) {
    const Timeline::Step& of = timeline.steps()[step];
    if (!query_.demand.gres.empty()) return evaluate_step(timeline, step, slot);
    const std::size_t place = (of.cores * 31 + of.threads * 7 + of.memory + of.jobs) % kKnown;
    Known& known = known_[place];
    const bool same = known.hardware == slot.hardware && known.of.cores == of.cores &&
                      known.of.threads == of.threads && known.of.memory == of.memory &&
                      known.of.jobs == of.jobs;
    if (!same) known = {slot.hardware, of, evaluate_step(timeline, step, slot)};
    return known.tasks;
  }
  std::uint32_t evaluate_step(const Timeline& timeline, std::size_t step, const NodeSlot& slot) {
    timeline.view_step(step, slot, view_);
    return evaluate(query_.demand, view_, want()).tasks;
  }

  // Without a reservation on it and before the first of its jobs ends, a node is what it is now.
  [[nodiscard]] bool unchanged_before(std::uint32_t node, std::int64_t time_ms) const {
    const std::int64_t end = pool_.digests[node].first_end_ms;
    const std::int64_t changes = end <= query_.now_ms ? profile_.overdue_end_ms() : end;
    return changes >= time_ms && !profile_.is_claimed(node);
  }

  // Nodes as they are now don't serve, or the job would have started.
  std::optional<PlannedStart> find_on_one() {
    std::int64_t best = end_after(query_.horizon_ms, 1);
    const bool named = !query_.eligibility.required.empty();
    for_each_node([&](std::uint32_t node) {
      if (named && node != query_.eligibility.required.front()) return;
      if (!unchanged_before(node, best)) earliest_on(node, best);
    });
    if (best > query_.horizon_ms || best == kNever) return std::nullopt;
    auto selection = test(best, &profile_);
    if (!selection) return std::nullopt;
    return PlannedStart{best, std::move(*selection)};
  }

  // Lowers `best` if the node serves earlier.
  void earliest_on(std::uint32_t node, std::int64_t& best) {
    const NodeSlot& slot = pool_.nodes[node];
    const std::uint32_t cores = least_cores(query_.demand, *slot.hardware, want());
    if (cores > slot.hardware->cores()) return;
    const Timeline& timeline = profile_.timeline(node, query_.vantage);
    steps_ += timeline.steps().size();
    const std::optional<NodeNeed> need = plain_need(query_.demand, *slot.hardware, want());
    if (need && timeline.is_rising()) {
      best = std::min(best, timeline.first_with(*need, query_.now_ms));
      return;
    }
    const auto serves = [&](std::size_t s) {
      if (need) return timeline.has(s, *need);
      return timeline.steps()[s].cores >= cores && offer(timeline, s, slot) >= want();
    };
    std::int64_t start = query_.now_ms;
    for (std::size_t s = timeline.step_at(start); s < timeline.steps().size(); ++s) {
      const Timeline::Step& step = timeline.steps()[s];
      if (start >= best) return;
      if (step.from_ms >= end_after(start, query_.length_ms)) break;
      if (!serves(s)) start = timeline.end_of(s);
    }
    best = std::min(best, start);
  }

  // First in the near future; further only if that is not enough.
  std::optional<PlannedStart> find_on_several() {
    std::int64_t reach = std::min(query_.horizon_ms, kHorizon) - query_.now_ms;
    std::vector<std::int64_t> limits{query_.horizon_ms};
    for (; reach > kFirstReach && limits.size() < kRounds; reach /= 8) {
      limits.push_back(query_.now_ms + reach / 8);
    }
    for (auto limit = limits.rbegin(); limit != limits.rend(); ++limit) {
      if (auto found = find_until(*limit)) return found;
    }
    return std::nullopt;
  }

  std::optional<PlannedStart> find_until(std::int64_t limit_ms) {
    std::uint32_t nodes = 0;
    changes_.clear();
    for_each_node([&](std::uint32_t node) {
      const bool idle = pool_.digests[node].idle_cores >= fewest_cores_;
      if (idle || !unchanged_before(node, limit_ms)) collect(node, nodes++, limit_ms);
    });
    // A heap, because the answer mostly lies near the front.
    std::make_heap(changes_.begin(), changes_.end(), Change::later);
    std::vector<std::uint32_t> offers(nodes, 0);
    std::uint64_t sum = 0;
    std::uint32_t serving = 0;
    std::size_t tests = 0;
    while (!changes_.empty()) {
      const std::int64_t at = changes_.front().at_ms;
      bool rises = false;
      while (!changes_.empty() && changes_.front().at_ms == at) {
        const Change& change = changes_.front();
        std::uint32_t& current = offers[change.node];
        sum += change.tasks;
        sum -= current;
        serving += change.tasks >= least() ? 1U : 0U;
        serving -= current >= least() ? 1U : 0U;
        rises = rises || change.tasks > current;
        current = change.tasks;
        std::pop_heap(changes_.begin(), changes_.end(), Change::later);
        changes_.pop_back();
      }
      if (!rises || serving < query_.demand.min_nodes || sum < query_.demand.tasks) continue;
      if (auto selection = test(at, &profile_)) return PlannedStart{at, std::move(*selection)};
      if (++tests == kMaxTests) return std::nullopt;
    }
    return std::nullopt;
  }

  void collect(std::uint32_t node, std::uint32_t position, std::int64_t limit_ms) {
    const NodeSlot& slot = pool_.nodes[node];
    const Timeline& timeline = profile_.timeline(node, query_.vantage);
    const std::size_t first = timeline.step_at(query_.now_ms);
    const std::size_t count = timeline.steps().size();
    const std::uint32_t cores = least_cores(query_.demand, *slot.hardware, least());
    steps_ += count;
    step_offers_.assign(count, 0);
    for (std::size_t s = first; s < count; ++s) {
      if (timeline.steps()[s].cores >= cores) step_offers_[s] = offer(timeline, s, slot);
    }
    for (std::size_t s = first; s < count; ++s) {
      const std::int64_t from = std::max(query_.now_ms, timeline.steps()[s].from_ms);
      if (from > limit_ms) return;
      std::uint32_t least_offer = step_offers_[s];
      std::size_t far = s + 1;
      const auto begins_before = [&](std::int64_t start) {
        return far < count && timeline.steps()[far].from_ms < end_after(start, query_.length_ms);
      };
      for (; begins_before(from); ++far) least_offer = std::min(least_offer, step_offers_[far]);
      changes_.push_back({.at_ms = from, .node = position, .tasks = least_offer});
      // The far end runs into poorer steps before the near end reaches the next step.
      const std::int64_t next = timeline.end_of(s);
      for (; next != kNever && begins_before(next - 1); ++far) {
        if (step_offers_[far] >= least_offer) continue;
        least_offer = step_offers_[far];
        changes_.push_back({.at_ms = timeline.steps()[far].from_ms - query_.length_ms + 1,
                            .node = position,
                            .tasks = least_offer});
      }
    }
  }

  std::uint32_t fewest_cores_ = model::kUnlimited;
  std::array<Known, kKnown> known_;
  std::vector<Change> changes_;
  std::vector<std::uint32_t> step_offers_;
  NodeView view_;
};

class HoldFinder : public Finder {
 public:
  using Finder::Finder;

  std::optional<PlannedStart> find() {
    for_each_node([&](std::uint32_t node) { collect(node); });
    std::sort(moments_.begin(), moments_.end());
    moments_.erase(std::unique(moments_.begin(), moments_.end()), moments_.end());
    const std::size_t first = first_without_claims();
    const std::size_t end = std::min(moments_.size(), first + kMaxTests);
    for (std::size_t m = first; m < end; ++m) {
      if (auto selection = test(moments_[m], &profile_)) {
        return PlannedStart{moments_[m], std::move(*selection)};
      }
      if (!claimed_) return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  void add_moment(std::int64_t at) {
    if (at <= query_.now_ms) at = profile_.overdue_end_ms();
    if (at <= query_.horizon_ms && at != kNever) moments_.push_back(at);
  }

  void collect(std::uint32_t node) {
    for (const Hold& hold : pool_.nodes[node].holds) add_moment(hold.expected_end_ms);
    for (const Claim& claim : profile_.claims(node)) {
      claimed_ = true;
      if (claim.until_ms > query_.now_ms) add_moment(claim.until_ms);
    }
  }

  // The first moment at which it would fit if there were no reservations.
  std::size_t first_without_claims() {
    std::size_t low = 0;
    std::size_t high = moments_.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (test(moments_[middle], nullptr)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  std::vector<std::int64_t> moments_;
  bool claimed_ = false;
};

template <class With>
std::optional<PlannedStart> find_with(With finder, std::uint64_t& steps) {
  auto found = finder.find();
  steps += finder.steps();
  return found;
}

}  // namespace

bool still_serves(const Demand& asked, const Eligibility& eligibility, const Selection& selection,
                  const Outlook& outlook) {
  const Demand demand = bound_to(asked, selection.accelerator);
  NodeView view;
  return std::all_of(selection.nodes.begin(), selection.nodes.end(), [&](const Chosen& chosen) {
    if (!outlook.counts(chosen.node) || !eligibility.allows(chosen.node, outlook.pool())) {
      return false;
    }
    outlook.look(chosen.node, demand, view);
    const Offer offer = evaluate(demand, view, chosen.sized_for);
    bool enough = offer.tasks >= chosen.sized_for;
    for (std::size_t g = 0; g < kMaxJobGres; ++g) {
      enough = enough && offer.job_gres[g] >= chosen.job_gres[g];
    }
    return enough;
  });
}

std::optional<PlannedStart> find_start(const NodePool::State& pool, const Profile& profile,
                                       const StartQuery& query, std::uint64_t& steps) {
  return query.demand.plans_by_counts() ? find_with(CountFinder(pool, profile, query), steps)
                                        : find_with(HoldFinder(pool, profile, query), steps);
}

}  // namespace sluice::core
