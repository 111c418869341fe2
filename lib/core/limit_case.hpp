// One question to the limits, resolved: who asks, whose limits count, what is wanted. For
// limits.cpp and limit_counts.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/limits.hpp"

namespace sluice::core {

inline constexpr std::int64_t kUnlimitedSeconds = 365LL * 86'400;  // what no time limit counts as

// A holder of limits, with what is in use there.
struct Holding {
  const LimitUse* use = nullptr;
  const UsageSums* used = nullptr;
  const model::Association* association = nullptr;  // or
  const model::Qos* qos = nullptr;
  bool is_root = false;
  std::uint32_t uid = model::kNoTask;           // of a QOS: for this user alone
  const model::Association* account = nullptr;  // of a QOS: for this account alone

  // How many of the allocation's nodes are not in use there.
  [[nodiscard]] std::int64_t more_nodes(const model::Allocation& allocation) const;
  // `figures` with the reason and whose limit it is.
  [[nodiscard]] GateBlock block(GateBlock figures) const;
  [[nodiscard]] std::int64_t used_seconds(model::TresId id) const;
  [[nodiscard]] std::int64_t used_wall() const;
};

struct Limits::Case {
  const Limits& limits;
  std::vector<const model::Qos*> qos;             // in order of precedence
  std::vector<AccountTree::Place> chain;          // from the user's association up; empty: none
  const model::AssociationLimits* own = nullptr;  // Max* in force at the user's; null: none
  std::uint32_t uid = 0;
  std::int64_t tasks = 1;
  std::int64_t seconds = 0;  // that it may run
  std::int64_t limit_factor = -1;
  std::int64_t usage_factor = 1'000'000;
  bool factor_is_safe = false;  // `safe` counts with it
  model::TresCounts wanted;
  model::TresCounts per_node;
  const model::Allocation* allocation = nullptr;  // null: it isn't chosen yet
  bool by_request = false;                        // `wanted` is what any allocation has at least
  bool whole_nodes = false;                       // which nobody else has jobs on
  bool alone = false;                             // nobody else counts
  bool safe = false;
  mutable model::TresId tres_id = 0;  // that is being tested

  [[nodiscard]] const model::Association& at(std::size_t level) const;
  [[nodiscard]] Holding of_association(std::size_t level) const;
  [[nodiscard]] Holding of_qos(std::size_t which, LimitScope scope) const;
  [[nodiscard]] const model::TresKind* kind_of(model::TresId id) const;  // null: unknown
  [[nodiscard]] std::int64_t seconds_wanted(model::TresId id, std::int64_t factor) const;
  [[nodiscard]] std::optional<GateBlock> below_threshold(const PriorityInputs* inputs) const;
};

// count * seconds * factor in millionths; no sum of minutes comes near the most that this gives.
[[nodiscard]] std::int64_t tres_seconds(std::int64_t count, std::int64_t seconds,
                                        std::int64_t factor);

}  // namespace sluice::core
