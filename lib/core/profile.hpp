// Profile: the future as far as it is planned. Ends of running jobs stand in the pool's holds; the
// profile adds the claims of planned starts. A claim is counts on a node over a span of time: whole
// cores, threads, memory and GRES, not particular ones, because which cores a job gets is decided
// when it starts. Work on a node that depends on particular sockets or on sharing keeps clear of
// claims altogether.
#pragma once

#include <cstdint>
#include <vector>

#include "core/node_view.hpp"

namespace sluice::core {

// Position of a lane in the queue: the order of a pass. Smaller is earlier.
struct LaneKey {
  std::uint32_t tier = 0;       // inverted: higher tiers are smaller
  std::uint32_t priority = 0;   // inverted too
  std::uint64_t order = 0;
  std::uint32_t lane = 0;

  auto operator<=>(const LaneKey&) const = default;
};

struct Claim {
  std::int64_t from_ms = 0;
  std::int64_t until_ms = kNever;
  std::uint32_t cores = 0;
  std::uint32_t threads = 0;
  std::uint64_t memory = 0;
  bool whole = false;                       // nothing else may overlap
  std::vector<std::uint64_t> gres;          // parallel to the hardware's
  LaneKey key;                              // whose
};

class Profile {
 public:
  void reset(std::uint32_t nodes);
  void add(std::uint32_t node, Claim claim);
  // Drops the claims of `key` and of everything behind it.
  void drop_from(const LaneKey& key);
  void clear();
  [[nodiscard]] bool empty() const { return claimed_.empty(); }
  [[nodiscard]] std::size_t nodes() const { return claims_.size(); }
  [[nodiscard]] const std::vector<Claim>& claims(std::uint32_t node) const {
    return claims_[node];
  }
  [[nodiscard]] const std::vector<std::uint32_t>& claimed_nodes() const { return claimed_; }

 private:
  std::vector<std::vector<Claim>> claims_;  // by node
  std::vector<std::uint32_t> claimed_;      // nodes with claims, in the order of their first
};

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
  };
  [[nodiscard]] static Outlook span(const NodePool::State& pool, const Profile* profile,
                                    const Span& span);

  [[nodiscard]] const NodePool::State& pool() const { return *pool_; }
  [[nodiscard]] bool present() const { return mode_ == Mode::span && span_.from_ms <= span_.now_ms; }
  // Nodes of one class look alike: the first ones that serve are the ones to take.
  [[nodiscard]] bool all_alike() const { return mode_ == Mode::idle; }
  [[nodiscard]] bool counts(std::uint32_t node) const {
    return all_nodes_ || pool_->nodes[node].available;
  }
  [[nodiscard]] bool is_claimed(std::uint32_t node) const {
    return !profile_->claims(node).empty();
  }
  // Nodes with reservations, if those count here.
  [[nodiscard]] const std::vector<std::uint32_t>* claimed_nodes() const {
    return profile_ == nullptr || profile_->empty() ? nullptr : &profile_->claimed_nodes();
  }
  // Fills `view`. Counts one step.
  void look(std::uint32_t node, const Demand& demand, NodeView& view) const;
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  enum class Mode : std::uint8_t { idle, span };
  void view_base(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms,
                 NodeView& view) const;
  void subtract_claims(std::uint32_t node, const Demand& demand, NodeView& view) const;

  const NodePool::State* pool_ = nullptr;
  const Profile* profile_ = nullptr;
  Mode mode_ = Mode::idle;
  bool all_nodes_ = false;
  Span span_;
  mutable std::uint64_t steps_ = 0;
  mutable NodeView scratch_;
};

}  // namespace sluice::core
