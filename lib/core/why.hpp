// Changed requests that may start sooner: what `sluice why` plans to find out what would help.
#pragma once

#include <string>
#include <vector>

#include "core/planner.hpp"
#include "model/explanation.hpp"
#include "model/request.hpp"

namespace sluice::core {

struct ChangedRequest {
  std::string change;  // the option that makes it so: "--time=00:30:00"
  model::Request request;
};

// What is worth trying, the smaller changes first: less time, fewer nodes, less memory, other
// partitions and GPU types. `minutes` is the time limit in force; at most kMaxChanges.
inline constexpr std::size_t kMaxChanges = 32;
struct ChangeHints {
  std::uint32_t minutes = 0;
  std::vector<Text> partitions;  // others that would let the user in
  std::vector<Text> gpu_types;   // that the cluster has
  std::vector<Text> qos;         // others that the user may use
  std::vector<Text> accounts;    // others that the user is in
};
[[nodiscard]] std::vector<ChangedRequest> changed_requests(const model::Request& request,
                                                           const ChangeHints& hints);
// Two of them at once, of different kinds (partition, account, QOS, GPU type, time): for a job that
// no single one lets start at once. At most kMaxChanges.
[[nodiscard]] std::vector<ChangedRequest> paired_changes(const model::Request& request,
                                                         const ChangeHints& hints);

}  // namespace sluice::core
