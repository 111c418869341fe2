// Groups are binary heaps of positions in the job table; each job knows its place in the heap, so
// that it can leave from the middle.
#include "core/planner_queue.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "core/planner_state.hpp"

namespace sluice::core {

Lane::Lane() = default;
Lane::Lane(Lane&&) noexcept = default;
Lane& Lane::operator=(Lane&&) noexcept = default;
Lane::~Lane() = default;

PlannerQueue::PlannerQueue() = default;
PlannerQueue::~PlannerQueue() = default;
PlannerQueue::PlannerQueue(PlannerQueue&&) noexcept = default;
PlannerQueue& PlannerQueue::operator=(PlannerQueue&&) noexcept = default;

namespace {

constexpr std::uint32_t kMostTier = 0xffff;  // half of the key's first word
constexpr std::size_t kMostSpare = 64;

template <class T>
std::uint32_t take_place(std::vector<T>& items, std::vector<std::uint32_t>& free) {
  if (!free.empty()) {
    const std::uint32_t place = free.back();
    free.pop_back();
    return place;
  }
  items.emplace_back();
  return static_cast<std::uint32_t>(items.size() - 1);
}

}  // namespace

bool PlannerQueue::before(std::uint32_t a, std::uint32_t b) const {
  const QueuedJob& x = jobs_[a];
  const QueuedJob& y = jobs_[b];
  if (rule_ != nullptr && !groups_[x.group].key.fixed) {
    // Who has aged longest; who doesn't age yet comes last.
    const auto since = [](const QueuedJob& job) {
      return job.accrue == 0 ? std::numeric_limits<model::WallTime>::max() : job.accrue;
    };
    if (since(x) != since(y)) return since(x) < since(y);
  } else if (x.priority != y.priority) {
    return x.priority > y.priority;
  }
  if (x.order != y.order) return x.order < y.order;
  return x.id < y.id;
}

void PlannerQueue::place(std::vector<std::uint32_t>& heap, std::size_t at, std::uint32_t job) {
  heap[at] = job;
  jobs_[job].heap_place = static_cast<std::uint32_t>(at);
}

void PlannerQueue::sift(std::vector<std::uint32_t>& heap, std::size_t at) {
  const std::uint32_t job = heap[at];
  while (at > 0 && before(job, heap[(at - 1) / 2])) {
    place(heap, at, heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  while (2 * at + 1 < heap.size()) {
    std::size_t child = 2 * at + 1;
    if (child + 1 < heap.size() && before(heap[child + 1], heap[child])) ++child;
    if (!before(heap[child], job)) break;
    place(heap, at, heap[child]);
    at = child;
  }
  place(heap, at, job);
}

LaneKey PlannerQueue::key_of(const Lane& lane, std::uint32_t id, const QueuedJob& head) const {
  const std::uint32_t partition = lane.partition.value;
  const auto rank = std::lower_bound(ranks_.begin(), ranks_.end(), std::pair{lane.qos, 0U});
  const bool ranked_qos = rank != ranks_.end() && rank->first == lane.qos;
  const std::uint32_t tier =
      std::min(partition < tiers_.size() ? tiers_[partition] : 1, kMostTier) |
      (ranked_qos ? std::min(rank->second, kMostTier) << 16U : 0U);
  const std::uint32_t priority =
      rule_ == nullptr ? head.priority
                       : rule_->priority_of(ranked(head, lane), lane.partition, ranked_at_);
  return {.tier = ~tier, .priority = ~priority, .order = head.order, .lane = id};
}

std::uint32_t PlannerQueue::priority_of(const QueuedJob& job) const {
  const Lane& first = lanes_[groups_[job.group].lanes.front()];
  return rule_ == nullptr ? job.priority
                          : rule_->priority_of(ranked(job, first), first.partition, ranked_at_);
}

RankedJob PlannerQueue::ranked(const QueuedJob& job, const Lane& lane) const {
  const GroupKey& key = groups_[job.group].key;
  return {.request = key.request,
          .uid = key.uid,
          .association = lane.association,
          .qos = lane.qos,
          .time_limit = key.time_limit,
          .nice = key.nice,
          .site_factor = key.site_factor,
          .fixed = key.fixed,
          .priority = job.priority,
          .accrue = job.accrue,
          .submit = job.submit,
          .reservation = key.reservation};
}

void PlannerQueue::note_change(const LaneKey& key) {
  if (!changed_from_ || key < *changed_from_) changed_from_ = key;
}

void PlannerQueue::refresh_keys(std::uint32_t group) {
  for (const std::uint32_t id : groups_[group].lanes) {
    Lane& lane = lanes_[id];
    const LaneKey key = key_of(lane, id);
    if (key == lane.key) continue;
    lane.settled = false;
    order_.erase(lane.key);
    note_change(lane.key);
    note_change(key);
    lane.key = key;
    order_.insert(key);
  }
}

GroupKey PlannerQueue::key_for(const Candidate& candidate) const {
  GroupKey key{.request = candidate.request.get(),
               .guises = candidate.guises,
               .reservations = candidate.reservations,
               .uid = candidate.uid,
               .time_limit = candidate.time_limit,
               .nice = candidate.nice,
               .site_factor = candidate.site_factor,
               .fixed = candidate.fixed,
               .reservation = candidate.reservation,
               .alone = alone_ || candidate.companions ? candidate.order : 0};
  for (const PartitionIndex partition : candidate.partitions) {
    if (!candidate.guises.empty()) break;
    key.guises.push_back({partition, candidate.association, candidate.qos, candidate.waived});
  }
  if (key.reservations.empty()) key.reservations.push_back(0);
  return key;
}

std::uint32_t PlannerQueue::group_for(const Candidate& candidate) {
  const auto [place, added] = group_ids_.try_emplace(key_for(candidate), 0U);
  if (!added) return place->second;
  const std::uint32_t id = take_place(groups_, free_groups_);
  place->second = id;
  Group& made = groups_[id];
  made.request = candidate.request;
  made.companions = candidate.companions;
  made.key = place->first;
  const std::size_t count = made.key.guises.size() * made.key.reservations.size();
  while (made.lanes.size() < count) made.lanes.push_back(take_place(lanes_, free_lanes_));
  std::sort(made.lanes.begin(), made.lanes.end());  // those of one rank stand by their numbers
  std::size_t next = 0;
  for (const std::uint32_t reservation : made.key.reservations) {
    for (const Guise& guise : made.key.guises) {
      const std::uint32_t lane = made.lanes[next++];
      lanes_[lane].group = id;
      lanes_[lane].partition = guise.partition;
      lanes_[lane].association = guise.association;
      lanes_[lane].qos = guise.qos;
      lanes_[lane].waived = guise.waived;
      lanes_[lane].reservation = reservation;
      lanes_[lane].key = LaneKey{.lane = lane};
    }
  }
  return id;
}

void PlannerQueue::add(const Candidate& candidate) {
  SLUICE_ASSERT(candidate.request != nullptr, "job {}", candidate.id.value);
  if (const QueuedJob* known = find(candidate.id)) {
    const bool same = !candidate.companions && known->priority == candidate.priority &&
                      known->order == candidate.order && known->accrue == candidate.accrue &&
                      known->submit == candidate.submit &&
                      groups_[known->group].key == key_for(candidate);
    if (same) {
      jobs_[*ids_.find(candidate.id)].startable = candidate.startable;
      if (candidate.startable == 0) remove(candidate.id);
      return;
    }
    remove(candidate.id);
  }
  if (candidate.startable == 0 || candidate.partitions.empty()) return;
  const std::uint32_t id = group_for(candidate);
  const std::uint32_t job = take_place(jobs_, free_jobs_);
  jobs_[job] = {.id = candidate.id,
                .group = id,
                .priority = candidate.priority,
                .startable = candidate.startable,
                .order = candidate.order,
                .accrue = candidate.accrue,
                .submit = candidate.submit};
  ids_.set(candidate.id, job);
  Group& group = groups_[id];
  group.heap.push_back(job);
  sift(group.heap, group.heap.size() - 1);
  group.fresh.push_back(candidate.id);
  if (group.heap.size() == 1) {
    for (const std::uint32_t lane : group.lanes) {
      lanes_[lane].key = key_of(lanes_[lane], lane);
      order_.insert(lanes_[lane].key);
    }
  } else {
    refresh_keys(id);
  }
  // Even if the leader stays, the new member has to be explained.
  for (const std::uint32_t lane : group.lanes) {
    lanes_[lane].settled = false;
    note_change(lanes_[lane].key);
  }
}

void PlannerQueue::leave_group(std::uint32_t job) {
  const std::uint32_t id = jobs_[job].group;
  std::vector<std::uint32_t>& heap = groups_[id].heap;
  const std::size_t hole = jobs_[job].heap_place;
  const std::uint32_t last = heap.back();
  heap.pop_back();
  if (hole < heap.size()) {
    place(heap, hole, last);
    sift(heap, hole);
  }
  ids_.erase(jobs_[job].id);
  jobs_[job] = {};
  free_jobs_.push_back(job);
  if (heap.empty()) {
    dissolve(id);
  } else {
    refresh_keys(id);
  }
}

namespace {

// What the next group in its place fills again keeps its room, unless that is much.
template <class T>
void empty_list(std::vector<T>& list) {
  constexpr std::size_t kMostKept = 16;
  if (list.capacity() > kMostKept) std::vector<T>().swap(list);
  list.clear();
}

void make_empty(Group& group) {
  group.request = nullptr;
  group.companions = nullptr;
  group.followers = nullptr;
  empty_list(group.key.guises);
  empty_list(group.key.reservations);
  empty_list(group.heap);
  empty_list(group.lanes);
  empty_list(group.fresh);
}

}  // namespace

void PlannerQueue::dissolve(std::uint32_t id) {
  Group& group = groups_[id];
  for (const std::uint32_t lane : group.lanes) {
    order_.erase(lanes_[lane].key);
    note_change(lanes_[lane].key);
    if (lanes_[lane].work != nullptr && spare_works_.size() < kMostSpare) {
      spare_works_.push_back(std::move(lanes_[lane].work));
    }
    lanes_[lane] = Lane();
    free_lanes_.push_back(lane);
  }
  group_ids_.erase(group.key);
  make_empty(group);
  free_groups_.push_back(id);
}

std::unique_ptr<LaneWork> PlannerQueue::fresh_work() {
  if (spare_works_.empty()) return std::make_unique<LaneWork>();
  std::unique_ptr<LaneWork> work = std::move(spare_works_.back());
  spare_works_.pop_back();
  std::destroy_at(work.get());
  return std::unique_ptr<LaneWork>(std::construct_at(work.release()));
}

void PlannerQueue::remove(JobId id) {
  const auto job = ids_.find(id);
  if (job) leave_group(*job);
}

void PlannerQueue::take_one(std::uint32_t group) {
  const std::uint32_t job = groups_[group].heap.front();
  if (--jobs_[job].startable == 0) leave_group(job);
}

void PlannerQueue::set_tiers(const std::vector<std::uint32_t>& tiers) {
  if (tiers == tiers_) return;
  tiers_ = tiers;
  for (std::uint32_t id = 0; id < groups_.size(); ++id) {
    if (!groups_[id].heap.empty()) refresh_keys(id);
  }
}

bool PlannerQueue::set_ranks(const PreemptRanks& ranks) {
  if (ranks == ranks_) return false;
  ranks_ = ranks;
  for (std::uint32_t id = 0; id < groups_.size(); ++id) {
    if (!groups_[id].heap.empty()) refresh_keys(id);
  }
  return true;
}

void PlannerQueue::set_rule(const PriorityRule* rule) {
  const bool other_order = (rule == nullptr) != (rule_ == nullptr);
  rule_ = rule;
  for (std::uint32_t id = 0; id < groups_.size(); ++id) {
    std::vector<std::uint32_t>& heap = groups_[id].heap;
    if (heap.empty()) continue;
    if (other_order) {
      for (std::size_t at = heap.size(); at-- > 0;) sift(heap, at);
    }
    refresh_keys(id);
  }
}

void PlannerQueue::set_alone(bool each) { alone_ = each; }

bool PlannerQueue::rank(const Now& now) {
  ranked_at_ = now;
  std::vector<LaneKey> fresh;
  fresh.reserve(order_.size());
  bool same = true;
  for (const LaneKey& old : order_) {
    Lane& lane = lanes_[old.lane];
    lane.key = key_of(lane, old.lane);
    same = same && (fresh.empty() || fresh.back() < lane.key);
    fresh.push_back(lane.key);
  }
  if (!same) std::sort(fresh.begin(), fresh.end());
  // The set keeps its nodes, which take the new keys in their order.
  auto next = fresh.begin();
  for (const LaneKey& key : order_) const_cast<LaneKey&>(key) = *next++;  // NOLINT
  const bool had_changes = changed_from_.has_value();
  if (!same) {
    // Who has no room has none wherever it stands; who was blocked may be kept back by others now.
    for (const LaneKey& key : fresh) {
      LaneWork* work = lanes_[key.lane].work.get();
      if (work != nullptr) work->known_blocked = false;
    }
  }
  if (!same || had_changes) changed_from_ = LaneKey{};
  return !same;
}

const QueuedJob* PlannerQueue::find(JobId id) const {
  const auto job = ids_.find(id);
  return job ? &jobs_[*job] : nullptr;
}

const LaneKey* PlannerQueue::at_or_after(const LaneKey& key) const {
  const auto next = order_.lower_bound(key);
  return next == order_.end() ? nullptr : &*next;
}

}  // namespace sluice::core
