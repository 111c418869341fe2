// PlannerQueue: the eligible jobs, in groups, in order. Jobs that a priority rule and the start
// gates can't tell apart, but by how long they have waited, form a group; a group stands once per
// partition (and per QOS, where it may have several) in the order of the pass, with the key of its
// leader: such an entry is a lane.
//
// All lanes are ranked at one moment, rank()'s; a lane that changes later is ranked as of that
// moment too, so that priorities are always compared as of the same time.
//
// Invariants: a group has a leader (empty groups are dissolved at once); each lane of a live group
// stands in `order_` with its present key.
// Cost: 48 bytes a job and its entries in the id table and the group's heap.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/followers.hpp"
#include "core/id_table.hpp"
#include "core/planner.hpp"
#include "core/profile.hpp"

namespace sluice::core {

struct LaneWork;  // what the pass knows about a lane (planner_state.hpp)

struct QueuedJob {
  JobId id;
  std::uint32_t group = 0;
  std::uint32_t priority = 0;
  std::uint32_t startable = 0;
  std::uint64_t order = 0;
  model::WallTime accrue = 0;
  model::WallTime submit = 0;
  std::uint32_t heap_place = 0;
};

struct Lane {
  std::uint32_t group = 0;
  PartitionIndex partition;
  std::uint32_t association = 0;
  std::uint32_t qos = 0;
  std::uint32_t waived = 0;       // as in Guise
  std::uint32_t reservation = 0;  // 0: none
  LaneKey key;
  // Known to be blocked and explained so: until a node with at least `fewest_cores` idle cores is
  // released, or the group changes, a pass need not look at it again.
  bool settled = false;
  // With `settled`: a gate refuses it, and nothing but the gates' loosening changes that.
  bool gated = false;
  std::uint64_t gate_mark = 0;  // PlannerPass::gate_mark() at that time
  std::uint32_t fewest_cores = 0;
  std::unique_ptr<LaneWork> work;  // null until the pass has looked at it

  Lane();
  Lane(Lane&&) noexcept;
  Lane& operator=(Lane&&) noexcept;
  ~Lane();
};

// What the jobs of a group have in common.
struct GroupKey {
  const model::Request* request = nullptr;
  std::vector<Guise> guises;                // at least one
  std::vector<std::uint32_t> reservations;  // at least one; 0: outside
  std::uint32_t uid = 0;
  std::uint32_t time_limit = 0;
  std::int32_t nice = 0;
  std::int32_t site_factor = 0;
  bool fixed = false;
  std::uint32_t reservation = 0;
  std::uint64_t alone = 0;  // the job's submit order, where each is a group of its own

  auto operator<=>(const GroupKey&) const = default;
};

struct Group {
  model::RequestPtr request;
  GroupKey key;
  std::shared_ptr<const std::vector<Candidate>> companions;  // of a heterogeneous job: its only one
  std::vector<std::uint32_t> heap;       // positions in the job table; front: the leader
  std::vector<std::uint32_t> lanes;      // in order of preference
  std::vector<JobId> fresh;              // joined since the group was last explained
  std::unique_ptr<Followers> followers;  // null: none have ever been planned
};

class PlannerQueue {
 public:
  PlannerQueue();
  ~PlannerQueue();
  PlannerQueue(PlannerQueue&&) noexcept;
  PlannerQueue& operator=(PlannerQueue&&) noexcept;

  void add(const Candidate& candidate);  // replaces
  void remove(JobId id);
  // One task of the group's leader has started: it leaves if that was its last.
  void take_one(std::uint32_t group);
  void set_tiers(const std::vector<std::uint32_t>& tiers);  // by partition
  // QOS that stand before others in all partitions. True if they did not before.
  bool set_ranks(const PreemptRanks& ranks);
  void set_rule(const PriorityRule* rule);  // null: the jobs' own priorities
  void set_alone(bool each);                // for jobs to come: each is a group of its own
  // Ranks all lanes as of a moment. True if their order is another than before.
  bool rank(const Now& now);

  [[nodiscard]] std::size_t size() const { return ids_.size(); }
  [[nodiscard]] const QueuedJob* find(JobId id) const;
  [[nodiscard]] Group& group(std::uint32_t id) { return groups_[id]; }
  [[nodiscard]] const Group& group(std::uint32_t id) const { return groups_[id]; }
  [[nodiscard]] const QueuedJob& leader(std::uint32_t group) const {
    return jobs_[groups_[group].heap.front()];
  }
  // Where a member would stand in the order if it led, and which of two would lead (positions in
  // the job table).
  [[nodiscard]] LaneKey key_of(const Lane& lane, std::uint32_t id, const QueuedJob& head) const;
  [[nodiscard]] bool before(std::uint32_t a, std::uint32_t b) const;
  [[nodiscard]] RankedJob ranked(const QueuedJob& job, const Lane& lane) const;
  // In its first partition, as of the last ranking.
  [[nodiscard]] std::uint32_t priority_of(const QueuedJob& job) const;
  [[nodiscard]] const QueuedJob& member(std::uint32_t job) const { return jobs_[job]; }
  // For a lane that hasn't got one.
  [[nodiscard]] std::unique_ptr<LaneWork> fresh_work();
  [[nodiscard]] Lane& lane(std::uint32_t id) { return lanes_[id]; }
  [[nodiscard]] const Lane& lane(std::uint32_t id) const { return lanes_[id]; }
  // The first lane at or behind a key; null: none.
  [[nodiscard]] const LaneKey* at_or_after(const LaneKey& key) const;

  // The same, but for lanes that `skip(lane)` passes over.
  template <class Skip>
  [[nodiscard]] const LaneKey* next_but(const LaneKey& key, Skip&& skip) const {
    auto next = order_.lower_bound(key);
    while (next != order_.end() && skip(lanes_[next->lane])) ++next;
    return next == order_.end() ? nullptr : &*next;
  }

  // The earliest place in the order that changed since the last reset; empty: nothing changed.
  [[nodiscard]] const std::optional<LaneKey>& changed_from() const { return changed_from_; }
  void reset_changed() { changed_from_.reset(); }
  void note_changed(const LaneKey& key) { note_change(key); }

 private:
  [[nodiscard]] GroupKey key_for(const Candidate& candidate) const;
  void sift(std::vector<std::uint32_t>& heap, std::size_t at);
  void place(std::vector<std::uint32_t>& heap, std::size_t at, std::uint32_t job);
  std::uint32_t group_for(const Candidate& candidate);
  void leave_group(std::uint32_t job);
  void dissolve(std::uint32_t group);
  void refresh_keys(std::uint32_t group);
  [[nodiscard]] LaneKey key_of(const Lane& lane, std::uint32_t id) const {
    return key_of(lane, id, leader(lane.group));
  }
  void note_change(const LaneKey& key);

  IdTable ids_;
  std::vector<QueuedJob> jobs_;
  std::vector<std::uint32_t> free_jobs_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> free_groups_;
  std::map<GroupKey, std::uint32_t> group_ids_;  // looked up only, never walked
  std::vector<Lane> lanes_;
  std::vector<std::uint32_t> free_lanes_;
  std::vector<std::unique_ptr<LaneWork>> spare_works_;  // of lanes that are no more
  std::set<LaneKey> order_;
  std::vector<std::uint32_t> tiers_;
  PreemptRanks ranks_;
  const PriorityRule* rule_ = nullptr;
  Now ranked_at_;
  bool alone_ = false;
  std::optional<LaneKey> changed_from_;
};

}  // namespace sluice::core
