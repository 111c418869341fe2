// The moments at which a start can become possible are the ends of jobs and of reservations. Without
// reservations more and more becomes free, so the first good moment is found by bisection; from
// there on reservations are honoured, moment by moment.
#include "core/backfill.hpp"

#include <algorithm>
#include <vector>

namespace sluice::core {

namespace {

constexpr std::size_t kMaxTests = 1024;  // moments tried with reservations, per job

class StartFinder {
 public:
  StartFinder(const NodePool::State& pool, const Profile& profile, const StartQuery& query)
      : pool_(pool), profile_(profile), query_(query) {}

  std::optional<PlannedStart> find() {
    collect_moments();
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

  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  void add_moment(std::int64_t at) {
    // A job that is overdue may end at any moment: planning with it goes by whole steps of the
    // resolution, so that the plan doesn't change with every pass.
    if (at <= query_.now_ms) {
      at = (query_.now_ms / query_.resolution_ms + 1) * query_.resolution_ms;
    }
    if (at <= query_.horizon_ms && at != kNever) moments_.push_back(at);
  }

  void collect_node(std::uint32_t node) {
    const NodeSlot& slot = pool_.nodes[node];
    if (!slot.available || !query_.eligibility.allows(node, pool_)) return;
    for (const Hold& hold : slot.holds) add_moment(hold.expected_end_ms);
    for (const Claim& claim : profile_.claims(node)) {
      claimed_ = true;
      if (claim.until_ms > query_.now_ms) add_moment(claim.until_ms);
    }
  }

  void collect_moments() {
    for (const ClassId id : query_.eligibility.classes) {
      pool_.classes.at(id).members.for_each(
          [&](std::size_t node) { collect_node(static_cast<std::uint32_t>(node)); });
    }
    std::sort(moments_.begin(), moments_.end());
    moments_.erase(std::unique(moments_.begin(), moments_.end()), moments_.end());
  }

  std::optional<Selection> test(std::int64_t at, const Profile* profile) {
    const Outlook outlook = Outlook::span(
        pool_, profile,
        {.now_ms = query_.now_ms, .from_ms = at, .until_ms = end_after(at, query_.length_ms)});
    auto selection = choose_nodes(query_.demand, query_.eligibility, outlook);
    steps_ += outlook.steps();
    return selection;
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

  const NodePool::State& pool_;
  const Profile& profile_;
  const StartQuery& query_;
  std::vector<std::int64_t> moments_;
  bool claimed_ = false;
  std::uint64_t steps_ = 0;
};

}  // namespace

std::optional<PlannedStart> find_start(const NodePool::State& pool, const Profile& profile,
                                       const StartQuery& query, std::uint64_t& steps) {
  StartFinder finder(pool, profile, query);
  auto found = finder.find();
  steps += finder.steps();
  return found;
}

}  // namespace sluice::core
