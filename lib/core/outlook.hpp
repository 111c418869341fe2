// Outlook: what placement sees of the nodes: the present, a span of time to come with what is
// planned in it, or a cluster without jobs.
#pragma once

#include <cstdint>
#include <vector>

#include "core/profile.hpp"

namespace sluice::core {

// A way to look at the nodes.
class Outlook {
 public:
  // No job runs anywhere. With `available` only nodes that take jobs now, else all.
  enum class Nodes : std::uint8_t { available, all };
  [[nodiscard]] static Outlook idle(const NodePool::State& pool, Nodes nodes);
  // From a moment on, for a while. `profile` may be null: then reservations don't count.
  // `from_ms` at or before `now_ms` means the present.
  struct Span {
    std::int64_t now_ms = 0;
    std::int64_t from_ms = 0;
    std::int64_t until_ms = kNever;
    const LaneKey* before = nullptr;  // only reservations of lanes before it count; null: all
    Vantage vantage = {};
  };
  [[nodiscard]] static Outlook span(const NodePool::State& pool, const Profile* profile,
                                    const Span& span);

  [[nodiscard]] const NodePool::State& pool() const { return *pool_; }
  [[nodiscard]] bool present() const {
    return mode_ == Mode::span && span_.from_ms <= span_.now_ms;
  }
  // Nodes of one class look alike: the first ones that serve are the ones to take.
  [[nodiscard]] bool all_alike() const { return mode_ == Mode::idle; }
  [[nodiscard]] bool counts(std::uint32_t node) const {
    return all_nodes_ || pool_->nodes[node].available;
  }
  [[nodiscard]] bool is_claimed(std::uint32_t node) const {
    return profile_ != nullptr && profile_->is_claimed(node);
  }
  // Nodes with reservations, if those count here; may be null.
  [[nodiscard]] const std::vector<std::uint32_t>* claimed_nodes() const {
    return profile_ == nullptr || profile_->empty() ? nullptr : &profile_->claimed_nodes();
  }
  // False if the node certainly has fewer idle cores than that.
  [[nodiscard]] bool may_have(std::uint32_t node, std::uint32_t cores) const {
    const NodeDigest& digest = pool_->digests[node];
    return mode_ == Mode::idle || digest.idle_cores >= cores ||
           digest.first_end_ms <= span_.from_ms;
  }
  // Fills `view`. Counts one step.
  void look(std::uint32_t node, const Demand& demand, NodeView& view) const;
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  enum class Mode : std::uint8_t { idle, span };
  [[nodiscard]] bool claim_overlaps(std::uint32_t node) const;

  const NodePool::State* pool_ = nullptr;
  const Profile* profile_ = nullptr;
  Mode mode_ = Mode::idle;
  bool all_nodes_ = false;
  Span span_;
  mutable std::uint64_t steps_ = 0;
};

}  // namespace sluice::core
