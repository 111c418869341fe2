// StartGates: all gates together. A start has to pass each of them, in their order; what one of
// them counts for a start, all count.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/start_gate.hpp"

namespace sluice::core {

class StartGates {
 public:
  // The limits, asked first; null: there are none. All gates are the caller's.
  void set_limits(StartGate* limits) { limits_ = limits; }
  void add(StartGate* gate) { others_.push_back(gate); }

  [[nodiscard]] bool none() const { return limits_ == nullptr && others_.empty(); }
  // The first refusal.
  [[nodiscard]] std::optional<GateBlock> refuse(const GateQuestion& question) const;
  void started(JobId id, const GateQuestion& question) const;
  void taken_back(const GateQuestion& question) const;
  // How many starts of the job would be allowed beside each other; `most` at most.
  [[nodiscard]] std::uint32_t count_allowed(JobId id, const GateQuestion& question,
                                            std::uint32_t most) const;
  // Rises when something that had been refused may be allowed.
  [[nodiscard]] std::uint64_t loosened() const;
  // As StartGate's, of the limits.
  [[nodiscard]] bool may_reserve(const GateQuestion& question, std::uint32_t priority) const;
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> nodes_within(
      const GateQuestion& question, const GateBlock& block) const;

 private:
  StartGate* limits_ = nullptr;
  std::vector<StartGate*> others_;
};

}  // namespace sluice::core
