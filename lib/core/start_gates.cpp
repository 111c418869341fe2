// See start_gates.hpp.
#include "core/start_gates.hpp"

namespace sluice::core {

std::optional<GateBlock> StartGates::refuse(const GateQuestion& question) const {
  if (limits_ != nullptr) {
    if (auto refused = limits_->refuses(question)) return refused;
  }
  for (const StartGate* gate : others_) {
    if (auto refused = gate->refuses(question)) return refused;
  }
  return std::nullopt;
}

void StartGates::started(JobId id, const GateQuestion& question) const {
  if (limits_ != nullptr) limits_->started(id, question);
  for (StartGate* gate : others_) gate->started(id, question);
}

void StartGates::taken_back(const GateQuestion& question) const {
  if (limits_ != nullptr) limits_->taken_back(question);
  for (StartGate* gate : others_) gate->taken_back(question);
}

std::uint32_t StartGates::count_allowed(JobId id, const GateQuestion& question,
                                        std::uint32_t most) const {
  if (none()) return most;
  std::uint32_t taken = 0;
  for (; taken < most && !refuse(question); ++taken) started(id, question);
  for (std::uint32_t i = 0; i < taken; ++i) taken_back(question);
  return taken;
}

std::uint64_t StartGates::loosened() const {
  std::uint64_t mark = limits_ == nullptr ? 0 : limits_->loosened();
  for (const StartGate* gate : others_) mark += gate->loosened();
  return mark;
}

bool StartGates::may_reserve(const GateQuestion& question, std::uint32_t priority) const {
  return limits_ == nullptr || limits_->may_reserve(question, priority);
}

std::optional<std::vector<std::uint32_t>> StartGates::nodes_within(const GateQuestion& question,
                                                                   const GateBlock& block) const {
  return limits_ == nullptr ? std::nullopt : limits_->nodes_within(question, block);
}

}  // namespace sluice::core
