// Profile: the future as far as it is planned: a timeline for each node that was asked about, with
// the claims of planned starts taken off. Timelines are made when first needed and follow the node:
// where holds come and go as plain counts that is done step by step, else they are made anew.
// Work that depends on particular sockets, on who shares or on whose jobs run there can't be told
// from counts: it looks at the holds themselves and keeps clear of claims altogether.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/timeline.hpp"

namespace sluice::core {

class Profile {
 public:
  void reset(std::uint32_t nodes);
  // To be called when time has passed. Overdue jobs are taken to end at the next multiple of the
  // resolution, so that plans made with them don't change with every pass.
  void set_time(const NodePool::State& pool, std::int64_t now_ms, std::int64_t resolution_ms);

  void add(std::uint32_t node, Claim claim);
  // Drops the claims of `key` and of everything behind it.
  void drop_from(const LaneKey& key);
  // Drops the claims of these, which are in ascending order.
  void drop(const std::vector<LaneKey>& keys);
  // Drops those of one member of a lane's group, which are on these nodes.
  void drop_member(const LaneKey& key, std::uint32_t member,
                   const std::vector<std::uint32_t>& nodes);
  void clear();  // keeps the standing claims
  void drop_standing();
  // The lanes have new keys. `fresh(old)` tells them.
  template <class Fresh>
  void rekey(Fresh&& fresh) {
    loosen_all();
    for (const std::uint32_t node : claimed_) {
      for (Claim& claim : nodes_[node].claims) {
        if (claim.key.lane != kStandingLane) claim.key = fresh(claim.key);
      }
    }
  }
  // Whose claims on the node can no longer be kept; those ahead in the order are kept first.
  [[nodiscard]] std::vector<LaneKey> broken_claims(std::uint32_t node) const;

  [[nodiscard]] bool empty() const { return claimed_.empty(); }
  [[nodiscard]] std::size_t nodes() const { return nodes_.size(); }
  [[nodiscard]] const std::vector<Claim>& claims(std::uint32_t node) const {
    return nodes_[node].claims;
  }
  [[nodiscard]] const std::vector<std::uint32_t>& claimed_nodes() const { return claimed_; }
  [[nodiscard]] bool is_claimed(std::uint32_t node) const { return is_claimed_.test(node); }
  // Settled.
  [[nodiscard]] const Timeline& timeline(std::uint32_t node) const;
  // As seen from there, with claims of lanes before `before` only (null: all); until the next call.
  [[nodiscard]] const Timeline& timeline(std::uint32_t node, const Vantage& vantage,
                                         const LaneKey* before = nullptr) const;
  // The same, not settled: for view_span() alone.
  [[nodiscard]] const Timeline& outline(std::uint32_t node, const Vantage& vantage,
                                        const LaneKey* before) const {
    return seen_from(node, vantage, before);
  }
  // Whether so many cores may be had from now to then: false if there are fewer at a moment when a
  // claim holds.
  [[nodiscard]] bool claims_leave(std::uint32_t node, std::int64_t until_ms,
                                  std::uint32_t cores) const;
  [[nodiscard]] std::int64_t overdue_end_ms() const { return overdue_end_ms_; }
  [[nodiscard]] std::uint64_t edits() const { return edits_; }  // counts changes of claims
  // Where the log of nodes ends on which somebody may have been given more room. Who was kept back
  // when it ended at `since` is so still, unless a node after that can help: helps(node).
  [[nodiscard]] std::uint64_t loosened() const { return log_base_ + log_.size(); }
  template <class Helps>
  [[nodiscard]] bool still_tight(std::uint64_t since, Helps&& helps) const {
    if (since < log_base_ || loosened() - since > kMostLooked) return false;
    return std::none_of(log_.begin() + static_cast<std::ptrdiff_t>(since - log_base_), log_.end(),
                        helps);
  }

 private:
  struct NodeFuture;
  Timeline& up_to_date(std::uint32_t node) const;
  Timeline& seen_from(std::uint32_t node, const Vantage& vantage, const LaneKey* before) const;
  void forget_unclaimed();
  // Anybody may have been given more room.
  void loosen_all() {
    log_base_ += log_.size() + 1;
    log_.clear();
    ++edits_;
  }
  void note_loosened(std::uint32_t node) {
    if (log_.size() == kMostLogged) loosen_all();
    log_.push_back(node);
    ++edits_;
  }
  template <class Gone>
  static bool take_off(NodeFuture& future, Gone&& gone);  // true: there were some
  template <class Gone>
  static void take_off_in_full(NodeFuture& future, Gone&& gone);
  static void undo(NodeFuture& future, const Claim& claim);
  // False if the claim could not be taken off in full, or is one that put_back() can't undo.
  bool subtract(Timeline& timeline, const Claim& claim, const NodeSlot& slot) const;
  [[nodiscard]] bool has_overdue(const NodeSlot& slot) const;
  [[nodiscard]] static bool is_plain(const Claim& claim);
  // Brings the timeline up to the node's present holds; false: it has to be made anew.
  [[nodiscard]] bool follow(NodeFuture& future, const NodeSlot& slot) const;
  void follow_list(NodeFuture& future, const NodeSlot& slot) const;
  void follow_log(NodeFuture& future, const NodeSlot& slot) const;
  static void note_ends(NodeFuture& future, const NodeSlot& slot);
  struct Piece {
    std::int64_t from_ms = 0, until_ms = 0;
    std::uint32_t cores = 0;
  };
  // What the reservation's own jobs leave of its share.
  [[nodiscard]] std::vector<Piece> pieces(const Claim& claim, const NodeSlot& slot) const;
  void erase_claims(bool standing);
  struct NodeFuture {
    std::vector<Claim> claims;
    Timeline timeline;
    std::vector<HoldEnd> ends;  // slot.ends at that time, if `listed`: not where there are many
    bool listed = false;
    std::uint64_t ends_seen = 0;     // slot.end_log_end() at that time
    std::uint64_t changes = 0;       // slot.changes that it was made from; 0: none made
    std::int64_t good_until_ms = 0;  // then the next job is due
    bool plain = false;              // holds and claims add up, and all claims are there in full
  };

  const NodePool::State* pool_ = nullptr;
  std::int64_t now_ms_ = 0, overdue_end_ms_ = 0;
  static constexpr std::size_t kMostLogged = 4096;
  static constexpr std::size_t kMostLooked = 64;  // of the log; more: it is taken to be too long
  std::vector<std::uint32_t> log_;  // nodes from which claims went; i has number log_base_ + i
  std::uint64_t log_base_ = 0;
  mutable std::vector<NodeFuture> nodes_;
  // What the scratch timeline shows.
  struct Asked {
    std::uint32_t node = 0;
    std::uint64_t changes = 0;  // of the node
    std::uint64_t edits = 0;
    std::int64_t now_ms = 0;
    std::ptrdiff_t counted = -1;  // claims; -1: as seen from a reservation
    bool operator==(const Asked&) const = default;
  };
  mutable Timeline scratch_;
  mutable Asked asked_, left_asked_;  // the latter: what `left_` is of, for claims_leave()
  mutable std::uint32_t left_ = 0;
  std::uint64_t edits_ = 1;
  mutable std::vector<HoldEnd> come_;   // for follow()
  std::vector<std::uint32_t> claimed_;  // nodes with claims, in the order of their first
  base::Bitmap is_claimed_;             // the same as a set
};

}  // namespace sluice::core
