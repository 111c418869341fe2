// Claims and timelines of nodes.
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
  Timeline& made = up_to_date(node);
  made.settle();
  return made;
}

const Timeline& Profile::timeline(std::uint32_t node, const Vantage& vantage,
                                  const LaneKey* before) const {
  Timeline& made = seen_from(node, vantage, before);
  made.settle();
  return made;
}

Timeline& Profile::up_to_date(std::uint32_t node) const {
  NodeFuture& future = nodes_[node];
  const NodeSlot& slot = pool_->nodes[node];
  if (future.changes == slot.changes && now_ms_ < future.good_until_ms) return future.timeline;
  if (future.changes != 0 && follow(future, slot)) return future.timeline;
  future.changes = slot.changes;
  future.timeline.build(slot, now_ms_, overdue_end_ms_);
  future.good_until_ms = future.timeline.end_of(0);
  future.plain = Timeline::is_plain(slot) && !has_overdue(slot);
  if (future.plain) note_ends(future, slot);
  for (Claim& claim : future.claims) {
    claim.full = Vantage{}.heeds_claim(claim) && subtract(future.timeline, claim, slot);
    future.plain = future.plain && is_plain(claim);
  }
  return future.timeline;
}

bool Profile::has_overdue(const NodeSlot& slot) const {
  return !slot.ends.empty() && slot.ends.front().at_ms <= now_ms_;
}

// Whether put_back() undoes what subtract() did.
bool Profile::is_plain(const Claim& claim) { return claim.full && !claim.whole && !claim.inside; }

// Of few ends all are remembered, of many the node's log tells what has changed.
void Profile::note_ends(NodeFuture& future, const NodeSlot& slot) {
  future.ends_seen = slot.end_log_end();
  future.listed = slot.ends.size() <= NodeSlot::kFewEnds;
  if (future.listed) {
    future.ends = slot.ends;
  } else {
    future.ends.clear();
  }
}

// Both lists of ends are in order: what stands in one of them only has gone, or has come.
void Profile::follow_list(NodeFuture& future, const NodeSlot& slot) const {
  auto old = future.ends.cbegin();
  auto fresh = slot.ends.cbegin();
  const auto same = [](const HoldEnd& a, const HoldEnd& b) {
    return a.at_ms == b.at_ms && a.job == b.job && a == b;
  };
  while (old != future.ends.cend() || fresh != slot.ends.cend()) {
    if (old != future.ends.cend() && fresh != slot.ends.cend() && same(*old, *fresh)) {
      ++old;
      ++fresh;
    } else if (old == future.ends.cend() || (fresh != slot.ends.cend() && *fresh < *old)) {
      come_.push_back(*fresh++);
    } else {
      if (old->at_ms > now_ms_) future.timeline.put_back(*old);
      ++old;
    }
  }
}

void Profile::follow_log(NodeFuture& future, const NodeSlot& slot) const {
  for (std::uint64_t n = future.ends_seen; n < slot.end_log_end(); ++n) {
    const EndChange& change = slot.end_log[n - slot.end_log_base];
    const auto known =
        change.came ? come_.end() : std::find(come_.begin(), come_.end(), change.end);
    if (change.came) {
      come_.push_back(change.end);
    } else if (known != come_.end()) {
      come_.erase(known);
    } else if (change.end.at_ms > now_ms_) {
      future.timeline.put_back(change.end);
    }
  }
}

bool Profile::follow(NodeFuture& future, const NodeSlot& slot) const {
  if (!future.plain || has_overdue(slot) || !Timeline::is_plain(slot)) return false;
  const bool logged = future.ends_seen >= slot.end_log_base;
  if (!logged && !future.listed) return false;
  future.timeline.begin_at(now_ms_);
  come_.clear();
  if (logged) {
    follow_log(future, slot);
  } else {
    follow_list(future, slot);
  }
  for (const HoldEnd& hold : come_) {
    if (!future.timeline.subtract(hold)) return false;
  }
  note_ends(future, slot);
  future.changes = slot.changes;
  future.good_until_ms = slot.ends.empty() ? kNever : slot.ends.front().at_ms;
  return true;
}

void Profile::add(std::uint32_t node, Claim claim) {
  NodeFuture& future = nodes_[node];
  ++edits_;
  if (future.claims.empty()) {
    claimed_.push_back(node);
    is_claimed_.set(node);
  }
  if (claim.key.lane == kStandingLane) {
    future.changes = 0;
  } else if (future.changes != 0 && !claim.inside) {
    claim.full = future.timeline.subtract(claim);
  }
  future.plain = future.plain && is_plain(claim);
  future.claims.push_back(std::move(claim));
}

// The claim goes: its node's timeline has what it took, or is to be made anew.
void Profile::undo(NodeFuture& future, const Claim& claim) {
  if (!is_plain(claim)) {
    future.changes = 0;
  } else if (future.changes != 0) {
    future.timeline.put_back(claim);
  }
}

template <class Gone>
bool Profile::take_off(NodeFuture& future, Gone&& gone) {
  const auto number = std::erase_if(future.claims, [&](const Claim& claim) {
    if (!gone(claim)) return false;
    undo(future, claim);
    return true;
  });
  return number != 0;
}

void Profile::drop_from(const LaneKey& key) {
  loosen_all();
  const auto gone = [&](const Claim& claim) {
    return claim.key.lane != kStandingLane && !(claim.key < key);
  };
  for (const std::uint32_t node : claimed_) take_off_in_full(nodes_[node], gone);
  forget_unclaimed();
}

// Where a claim has less than it asked for, those that stay may get what this one leaves.
template <class Gone>
void Profile::take_off_in_full(NodeFuture& future, Gone&& gone) {
  if (take_off(future, gone) && !future.plain) future.changes = 0;
}

void Profile::drop(const std::vector<LaneKey>& keys) {
  if (keys.empty()) return;
  const auto gone = [&](const Claim& claim) {
    return keys.size() == 1 ? claim.key == keys.front()
                            : std::binary_search(keys.begin(), keys.end(), claim.key);
  };
  for (const std::uint32_t node : claimed_) {
    if (take_off(nodes_[node], gone)) note_loosened(node);
  }
  forget_unclaimed();
}

void Profile::drop_member(const LaneKey& key, std::uint32_t member,
                          const std::vector<std::uint32_t>& nodes) {
  const auto gone = [&](const Claim& claim) { return claim.key == key && claim.member == member; };
  for (const std::uint32_t node : nodes) {
    if (take_off(nodes_[node], gone)) note_loosened(node);
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
    if (claim->inside) continue;  // of what its reservation has
    if (claim->key.lane == kStandingLane) {
      static_cast<void>(subtract(timeline, *claim, pool_->nodes[node]));
      continue;
    }
    Timeline with = timeline;
    if (with.subtract(*claim)) {
      timeline = std::move(with);
    } else {
      broken.push_back(claim->key);
    }
  }
  return broken;
}

std::vector<Profile::Piece> Profile::pieces(const Claim& claim, const NodeSlot& slot) const {
  struct Own {
    std::int64_t end_ms = 0;
    std::uint32_t cores = 0;
  };
  std::vector<Own> own;
  std::uint32_t used = 0;
  for (const Hold& hold : slot.holds) {
    if (hold.holder.reservation != claim.reservation) continue;
    const std::int64_t end =
        hold.expected_end_ms <= now_ms_ ? overdue_end_ms_ : hold.expected_end_ms;
    own.push_back({end, hold.cores});
    used += hold.cores;
  }
  std::sort(own.begin(), own.end(), [](const Own& a, const Own& b) { return a.end_ms < b.end_ms; });
  std::vector<Piece> found;
  std::int64_t from = claim.from_ms;
  const auto note = [&](std::int64_t until) {
    if (until <= from) return;
    found.push_back({from, until, claim.share - std::min(claim.share, used)});
    from = until;
  };
  for (const Own& hold : own) {
    note(std::min(hold.end_ms, claim.until_ms));
    used -= hold.cores;
  }
  note(claim.until_ms);
  return found;
}

bool Profile::subtract(Timeline& timeline, const Claim& claim, const NodeSlot& slot) const {
  if (claim.share == 0) {
    return timeline.subtract(claim);
  }
  for (const Piece& piece : pieces(claim, slot)) {
    Claim part;
    part.from_ms = piece.from_ms;
    part.until_ms = piece.until_ms;
    part.cores = piece.cores;
    part.threads = piece.cores * slot.hardware->threads;
    static_cast<void>(timeline.subtract(part));
  }
  return false;
}

Timeline& Profile::seen_from(std::uint32_t node, const Vantage& vantage,
                             const LaneKey* before) const {
  const NodeFuture& future = nodes_[node];
  const auto counts = [&](const Claim& claim) { return before == nullptr || claim.key < *before; };
  const auto counted = std::count_if(future.claims.begin(), future.claims.end(), counts);
  if (vantage.outside() && counted == std::ssize(future.claims)) return up_to_date(node);
  const NodeSlot& slot = pool_->nodes[node];
  // Lane after lane asks for the same: which claims count follows from how many of them do.
  const Asked asked{node, slot.changes, edits_, now_ms_, vantage.outside() ? counted : -1};
  if (asked == asked_ && vantage.outside()) return scratch_;
  asked_ = asked;
  scratch_.build(slot, now_ms_, overdue_end_ms_);
  for (const Claim& claim : future.claims) {
    if (!claim.inside && counts(claim) && vantage.heeds_claim(claim)) {
      static_cast<void>(subtract(scratch_, claim, slot));
    }
  }
  if (vantage.outside()) return scratch_;
  // Its own part of the node, and what is planned there already.
  for (const Claim& claim : future.claims) {
    const bool own = claim.key.lane == kStandingLane && claim.reservation == vantage.reservation;
    if (!own || claim.share == 0) continue;
    for (const Piece& piece : pieces(claim, slot)) {
      scratch_.cap(piece.from_ms, piece.until_ms, piece.cores,
                   piece.cores * slot.hardware->threads);
    }
  }
  for (const Claim& claim : future.claims) {
    if (claim.inside && counts(claim) && claim.reservation == vantage.reservation) {
      scratch_.subtract(claim);
    }
  }
  scratch_.cap(now_ms_, std::max(now_ms_, vantage.from_ms), 0, 0);
  if (vantage.until_ms != kNever) scratch_.truncate(vantage.until_ms);
  return scratch_;
}

bool Profile::claims_leave(std::uint32_t node, std::int64_t until_ms, std::uint32_t cores) const {
  const std::vector<Claim>& claims = nodes_[node].claims;
  const auto left_at = [&](std::int64_t at_ms) { return up_to_date(node).cores_at(at_ms); };
  for (const Claim& claim : claims) {
    const std::int64_t at = std::max(claim.from_ms, now_ms_);
    if (at >= until_ms || claim.until_ms <= at) continue;
    if (claims.size() != 1) {
      if (left_at(at) < cores) return false;
      continue;
    }
    // Lane after lane asks.
    const Asked asked{node, pool_->nodes[node].changes, edits_, now_ms_, 1};
    if (left_asked_ != asked) left_ = left_at(at);
    left_asked_ = asked;
    if (left_ < cores) return false;
  }
  return true;
}

void Profile::erase_claims(bool standing) {
  loosen_all();
  const auto gone = [&](const Claim& claim) {
    return (claim.key.lane == kStandingLane) == standing;
  };
  for (const std::uint32_t node : claimed_) take_off_in_full(nodes_[node], gone);
  forget_unclaimed();
}

void Profile::clear() { erase_claims(false); }
void Profile::drop_standing() { erase_claims(true); }

}  // namespace sluice::core
