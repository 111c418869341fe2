// Picker: from nodes that serve to those that a job takes, as few as suffice, in the order of the
// rule of placement (placement.hpp). It knows of numbers, weights and fit only; which nodes may be
// taken together (features, topology, neighbours) is for its callers to say.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/prospects.hpp"

namespace sluice::core {

// What several nodes offer together.
struct OfferSum {
  std::uint64_t tasks = 0;
  std::array<std::uint64_t, kMaxJobGres> job_gres{};

  void add(const Offer& offer);
  void take_off(const Offer& offer);
};

class Picker {
 public:
  Picker(const Demand& demand, const Prospects& limits) : demand_(demand), limits_(limits) {}

  // The nodes to take; none: they don't suffice.
  [[nodiscard]] std::optional<std::vector<Prospect>> pick(std::vector<Prospect> candidates) const;
  [[nodiscard]] bool suffices(std::span<const Prospect> candidates) const;
  // Whether so many nodes with that sum do.
  [[nodiscard]] bool suffices(std::size_t nodes, const OfferSum& sum) const;

  enum class By : std::uint8_t { weight, tasks, gres };
  // Whether `a` is to be taken before `b` if a node takes at most `share` tasks.
  [[nodiscard]] static bool better(const Prospect& a, const Prospect& b, std::uint32_t share,
                                   By by);

 private:
  [[nodiscard]] std::optional<std::vector<Prospect>> pick_one(
      const std::vector<Prospect>& candidates) const;
  void sort(std::vector<Prospect>& candidates, std::uint32_t share, By by, std::size_t count) const;
  [[nodiscard]] std::uint32_t rank(std::vector<Prospect>& candidates, std::uint32_t share,
                                   By by) const;
  [[nodiscard]] std::uint32_t least_prefix(std::span<const Prospect> candidates) const;
  [[nodiscard]] bool extend(const std::vector<Prospect>& candidates, std::uint32_t& nodes) const;
  void tighten_last(std::vector<Prospect>& candidates, std::uint32_t nodes) const;

  const Demand& demand_;
  const Prospects& limits_;
};

}  // namespace sluice::core
