// Timeline: what one node has free, from now on, as steps: after the end of each running job, less
// what reservations claim meanwhile. Counts only: idle cores, threads, memory, GRES, jobs present.
// Steps are ascending and the first one reaches back for ever, so every moment has a step.
//
// Without claims there is never less at a later moment, so the earliest moment of a span tells the
// least of it. Mostly there is no more than one claim, of the first in line, which comes and goes
// with each pass: a single one is kept beside the steps, and taken off them only for those who
// want to see the steps: settle().
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/node_view.hpp"

namespace sluice::core {

// Position of a lane in the queue: the order of a pass. Smaller is earlier.
struct LaneKey {
  std::uint32_t tier = 0;      // inverted: higher tiers are smaller
  std::uint32_t priority = 0;  // inverted too
  std::uint64_t order = 0;
  std::uint32_t lane = 0;

  auto operator<=>(const LaneKey&) const = default;
};

// The key of claims that stand before all lanes, and that only their owner drops: reservations'.
inline constexpr std::uint32_t kStandingLane = 0xffffffff;
inline constexpr LaneKey kStandingKey{.tier = 0, .priority = 0, .order = 0, .lane = kStandingLane};

// What a planned start takes of a node: counts over a span of time, not particular cores, because
// which cores a job gets is decided when it starts.
struct Claim {
  std::int64_t from_ms = 0;
  std::int64_t until_ms = kNever;
  std::uint32_t cores = 0;
  std::uint32_t threads = 0;
  std::uint64_t memory = 0;
  bool whole = false;               // nothing else may overlap
  std::vector<std::uint64_t> gres;  // parallel to the hardware's; empty: none
  std::uint32_t reservation = 0;    // standing: whose it is; planned: in which; 0: none
  // Standing: so many cores are set aside, less what the reservation's own jobs have; 0: `whole`.
  std::uint32_t share = 0;
  bool above = false;   // standing: heeded by jobs of other reservations too
  bool inside = false;  // planned: of what its reservation has here
  LaneKey key;          // whose
  // Planned: for the leader of the lane's group (0), or for which of those behind it.
  std::uint32_t member = 0;
  bool full = true;  // its node's timeline had all that it takes
};

// From where the claims are looked at: by a job outside of all reservations, or one inside.
struct Vantage {
  enum class Heeds : std::uint8_t { all, above, none };  // which reservations of others
  std::uint32_t reservation = 0;                         // 0: outside
  Heeds heeds = Heeds::all;
  std::int64_t from_ms = 0;        // its jobs may not begin before
  std::int64_t until_ms = kNever;  // then they are ended: what comes later doesn't matter

  [[nodiscard]] bool outside() const { return reservation == 0; }
  // Whether the claim counts, own parts of the reservation aside.
  [[nodiscard]] bool heeds_claim(const Claim& claim) const {
    if (claim.key.lane != kStandingLane) return !claim.inside || claim.reservation == reservation;
    if (claim.reservation == reservation) return false;
    return heeds == Heeds::all || (heeds == Heeds::above && claim.above);
  }
};

class Timeline {
 public:
  struct Step {
    std::int64_t from_ms = 0;
    std::uint64_t memory = 0;
    std::uint32_t cores = 0;
    std::uint32_t threads = 0;
    std::uint32_t jobs = 0;
  };

  // From the node's holds. Jobs that are overdue are taken to end at `overdue_end_ms`.
  void build(const NodeSlot& slot, std::int64_t now_ms, std::int64_t overdue_end_ms);
  // False if there was less than the claim takes; what there was is then taken.
  bool subtract(const Claim& claim);
  // The opposite, of a claim that was there in full.
  void put_back(const Claim& claim);
  // The same for a hold, which is there from the beginning.
  bool subtract(const HoldEnd& hold);
  void put_back(const HoldEnd& hold);
  // What is before that moment is of no interest: the step there reaches back for ever.
  void begin_at(std::int64_t now_ms);

  // No more than that in [from, until).
  void cap(std::int64_t from_ms, std::int64_t until_ms, std::uint32_t cores, std::uint32_t threads);
  // What is after that moment is of no interest: the last step before it lasts for ever.
  void truncate(std::int64_t until_ms);

  // Takes the claim that is kept beside the steps off them.
  void settle() {
    if (aside_) settle_aside();
  }
  [[nodiscard]] std::uint32_t cores_at(std::int64_t time_ms) const { return at(time_ms).cores; }
  // The least that there is at any moment of [from, until).
  void view_span(std::int64_t from_ms, std::int64_t until_ms, const NodeSlot& slot,
                 NodeView& view) const;

  // What follows is told of a timeline that is settled.
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  // Whether there is never less later than there was before.
  [[nodiscard]] bool is_rising() const { return plain_ && taken_off_ == 0 && !aside_; }
  // If it is rising: the first moment from then on with so much; kNever: none.
  [[nodiscard]] std::int64_t first_with(const NodeNeed& need, std::int64_t from_ms) const;
  // Where a step ends; kNever for the last.
  [[nodiscard]] std::int64_t end_of(std::size_t step) const {
    return step + 1 < steps_.size() ? steps_[step + 1].from_ms : kNever;
  }
  [[nodiscard]] std::size_t step_at(std::int64_t time_ms) const;
  [[nodiscard]] bool has(std::size_t step, const NodeNeed& need) const {
    const Step& of = steps_[step];
    return of.cores >= need.cores && of.threads >= need.threads && of.memory >= need.memory;
  }
  // The step's counts as a view of the node.
  void view_step(std::size_t step, const NodeSlot& slot, NodeView& view) const;

  // Whether the ends of its holds tell all that there is to know of the node.
  [[nodiscard]] static bool is_plain(const NodeSlot& slot);

 private:
  bool build_plain(const NodeSlot& slot, const NodeView& now, std::int64_t now_ms,
                   std::int64_t overdue_end_ms);
  void add_step(std::int64_t from_ms, const NodeView& view);
  std::size_t split(std::int64_t at_ms);
  void join(std::int64_t at_ms);  // undoes a split that divides nothing any more
  bool take_off(const Claim& claim);
  [[nodiscard]] bool keep_aside(const Claim& claim);
  [[nodiscard]] bool is_aside(const Claim& claim) const;
  [[nodiscard]] bool has_room(const Claim& claim) const;  // where it rises
  void settle_aside();
  [[nodiscard]] Step at(std::int64_t time_ms) const;  // without the claim that is aside

  std::vector<Step> steps_;
  std::vector<std::uint64_t> gres_;  // kinds_ for each step
  std::size_t kinds_ = 0;
  // Nothing but cores and memory is handed out: without claims it rises, from the present on.
  bool plain_ = false;
  std::uint32_t taken_off_ = 0;  // claims that the steps are without
  std::optional<Claim> aside_;   // a claim that is there in full; only if it would rise without
};

}  // namespace sluice::core
