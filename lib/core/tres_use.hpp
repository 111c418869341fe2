// TRES of jobs: what a request asks for at least, what an allocation holds, and what is billed for
// it by a partition's TRESBillingWeights. The same weights' form serves PriorityWeightTRES.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/allocation.hpp"
#include "model/policy_settings.hpp"
#include "model/request.hpp"
#include "model/tres.hpp"

namespace sluice::core {

// A weight of millionths * times / per; the latter two come from a suffix ("0.25G" of memory, whose
// unit is the MiB: per 1024).
struct TresWeight {
  model::TresId id = 0;
  std::int64_t millionths = 0;
  std::int64_t times = 1;
  std::int64_t per = 1;

  bool operator==(const TresWeight&) const = default;
};
using TresWeights = std::vector<TresWeight>;  // ascending by id

// "CPU=1.0,Mem=0.25G,GRES/gpu=2.0". Kinds that the table lacks are errors.
[[nodiscard]] Result<TresWeights> parse_tres_weights(const model::TresTable& table,
                                                     std::string_view text);
// The same in the number's own unit: millionths, rounded towards 0.
[[nodiscard]] std::int64_t weighted_millionths(const TresWeight& weight, std::int64_t count);

// Cpu, mem, node, and the GRES and licences that the table has. Without billing.
[[nodiscard]] model::TresCounts allocated_tres(const model::Allocation& allocation,
                                               const model::TresTable& table);
// The CPUs that any allocation for the request holds at least; 1 and up.
[[nodiscard]] std::int64_t requested_cpus(const model::Request& request);
// What any allocation for the request holds at least. Without billing.
[[nodiscard]] model::TresCounts requested_tres(const model::Request& request,
                                               const model::TresTable& table);

// Billing units, whole ones. Without weights: the CPUs. `flags`: kPriorityMaxTres and
// kPriorityMaxTresGres.
[[nodiscard]] std::int64_t billed(const model::TresCounts& counts, const TresWeights& weights,
                                  const model::TresTable& table, std::uint32_t flags);

}  // namespace sluice::core
