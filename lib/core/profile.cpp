// Claims and timelines of nodes, and the outlooks on them.
#include "core/profile.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

void Profile::reset(std::uint32_t nodes) {
  nodes_.clear();
  nodes_.resize(nodes);
  claimed_.clear();
  is_claimed_ = base::Bitmap(nodes);
}

void Profile::forget_unclaimed() {
  std::erase_if(claimed_, [&](std::uint32_t node) {
    if (!nodes_[node].claims.empty()) return false;
    is_claimed_.reset(node);
    return true;
  });
}

void Profile::set_time(const NodePool::State& pool, std::int64_t now_ms,
                       std::int64_t resolution_ms) {
  pool_ = &pool;
  now_ms_ = now_ms;
  overdue_end_ms_ = (now_ms / resolution_ms + 1) * resolution_ms;
}

const Timeline& Profile::timeline(std::uint32_t node) const {
  NodeFuture& future = nodes_[node];
  const NodeSlot& slot = pool_->nodes[node];
  if (future.changes == slot.changes && now_ms_ < future.good_until_ms) return future.timeline;
  future.changes = slot.changes;
  future.timeline.build(slot, now_ms_, overdue_end_ms_);
  future.good_until_ms = future.timeline.end_of(0);
  for (const Claim& claim : future.claims) future.timeline.subtract(claim);
  return future.timeline;
}

void Profile::add(std::uint32_t node, Claim claim) {
  NodeFuture& future = nodes_[node];
  if (future.claims.empty()) {
    claimed_.push_back(node);
    is_claimed_.set(node);
  }
  if (future.changes != 0) future.timeline.subtract(claim);
  future.claims.push_back(std::move(claim));
}

void Profile::drop_from(const LaneKey& key) {
  for (const std::uint32_t node : claimed_) {
    NodeFuture& future = nodes_[node];
    const auto dropped =
        std::erase_if(future.claims, [&](const Claim& claim) { return !(claim.key < key); });
    if (dropped != 0) future.changes = 0;
  }
  forget_unclaimed();
}

void Profile::drop(const std::vector<LaneKey>& keys) {
  if (keys.empty()) return;
  for (const std::uint32_t node : claimed_) {
    NodeFuture& future = nodes_[node];
    const auto dropped = std::erase_if(future.claims, [&](const Claim& claim) {
      return std::binary_search(keys.begin(), keys.end(), claim.key);
    });
    if (dropped != 0) future.changes = 0;
  }
  forget_unclaimed();
}

std::vector<LaneKey> Profile::broken_claims(std::uint32_t node) const {
  std::vector<const Claim*> claims;
  for (const Claim& claim : nodes_[node].claims) claims.push_back(&claim);
  std::sort(claims.begin(), claims.end(),
            [](const Claim* a, const Claim* b) { return a->key < b->key; });
  std::vector<LaneKey> broken;
  Timeline timeline;
  timeline.build(pool_->nodes[node], now_ms_, overdue_end_ms_);
  for (const Claim* claim : claims) {
    Timeline with = timeline;
    if (with.subtract(*claim)) {
      timeline = std::move(with);
    } else {
      broken.push_back(claim->key);
    }
  }
  return broken;
}

const Timeline& Profile::timeline_before(std::uint32_t node, const LaneKey& key) const {
  const NodeFuture& future = nodes_[node];
  if (std::all_of(future.claims.begin(), future.claims.end(),
                  [&](const Claim& claim) { return claim.key < key; })) {
    return timeline(node);
  }
  scratch_.build(pool_->nodes[node], now_ms_, overdue_end_ms_);
  for (const Claim& claim : future.claims) {
    if (claim.key < key) scratch_.subtract(claim);
  }
  return scratch_;
}

void Profile::clear() {
  for (const std::uint32_t node : claimed_) {
    nodes_[node].claims.clear();
    nodes_[node].changes = 0;
    is_claimed_.reset(node);
  }
  claimed_.clear();
}

Outlook Outlook::idle(const NodePool::State& pool, Nodes nodes) {
  Outlook made;
  made.pool_ = &pool;
  made.all_nodes_ = nodes == Nodes::all;
  return made;
}

Outlook Outlook::span(const NodePool::State& pool, const Profile* profile, const Span& span) {
  Outlook made;
  made.pool_ = &pool;
  made.profile_ = profile;
  made.mode_ = Mode::span;
  made.span_ = span;
  return made;
}

bool Outlook::claim_overlaps(std::uint32_t node) const {
  if (profile_ == nullptr) return false;
  const std::int64_t from = std::max(span_.from_ms, span_.now_ms);
  const std::vector<Claim>& claims = profile_->claims(node);
  return std::any_of(claims.begin(), claims.end(), [&](const Claim& claim) {
    return claim.from_ms < span_.until_ms && claim.until_ms > from &&
           (span_.before == nullptr || claim.key < *span_.before);
  });
}

void Outlook::look(std::uint32_t node, const Demand& demand, NodeView& view) const {
  ++steps_;
  const NodeSlot& slot = pool_->nodes[node];
  if (mode_ == Mode::idle) {
    view_idle(slot, demand, view);
    return;
  }
  if (demand.plans_by_counts() && profile_ != nullptr && (!present() || is_claimed(node))) {
    const Timeline& timeline = span_.before == nullptr
                                   ? profile_->timeline(node)
                                   : profile_->timeline_before(node, *span_.before);
    timeline.view_span(std::max(span_.from_ms, span_.now_ms), span_.until_ms, slot, view);
    return;
  }
  if (present()) {
    view_present(slot, demand, view);
  } else {
    view_at(slot, demand, span_.from_ms, view);
  }
  if (!demand.plans_by_counts() && claim_overlaps(node)) {
    view.idle_cores = 0;
    view.idle_threads = 0;
    view.busy = base::Bitmap(slot.hardware->cpus());
    view.busy.set_all();
    ++view.jobs;
  }
}

}  // namespace sluice::core
