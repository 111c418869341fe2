// KnownRequests: what requests came to when they were last resolved for a partition, since most
// jobs ask for what others have asked for before them. A memory of limited size, by address: what
// is not in it is resolved anew, so it decides nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/demand.hpp"
#include "core/eligibility.hpp"
#include "model/request.hpp"

namespace sluice::core {

struct KnownRequest {
  struct Key {
    model::RequestPtr request;
    PartitionIndex partition;
    std::uint32_t waived = 0;
    std::uint32_t uid = 0;
    std::uint64_t config_number = 0;  // Planner::State::config_number

    bool operator==(const Key&) const = default;
  };
  Key key;
  Demand demand;
  Eligibility eligibility;
  std::shared_ptr<const model::Request> counted;
  std::uint32_t fewest_cores = 0;
  std::uint64_t possible_at = 0;  // pool.state_generation with which it could be served; 0: unknown
};

class KnownRequests {
 public:
  // Where it would be kept.
  [[nodiscard]] KnownRequest& at(const KnownRequest::Key& key) {
    constexpr std::size_t kMost = 1021;
    if (known_.empty()) known_.resize(kMost);
    const std::size_t address = std::hash<const void*>()(key.request.get());
    return known_[(address / alignof(std::max_align_t) + key.uid) % kMost];
  }

 private:
  std::vector<KnownRequest> known_;
};

}  // namespace sluice::core
