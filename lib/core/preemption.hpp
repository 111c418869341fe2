// PreemptRules: who may displace whom, and how, as configured: by partition tier
// (preempt/partition_prio) or by the QOS that a QOS names (preempt/qos). A value made from the
// settings, partitions and QOS; made anew when one of them changes.
//
// A job that does not say otherwise is displaced as its partition (or QOS) says, else as the
// cluster does (PreemptMode). Whoever ran for less than the exempt time is left alone, unless he
// would only be suspended.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/account_tree.hpp"
#include "core/settings.hpp"
#include "model/partition.hpp"

namespace sluice::core {

// A job as these rules see it.
struct PreemptParty {
  PartitionIndex partition;
  std::uint32_t qos = 0;  // id; 0: none

  auto operator<=>(const PreemptParty&) const = default;
};

using PreemptRanks = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // by QOS, ascending

class PreemptRules {
 public:
  PreemptRules(const Settings& settings, const std::vector<model::PartitionPtr>& partitions,
               const AccountTree& tree);

  [[nodiscard]] bool any() const { return type_ != model::PreemptType::none; }
  // `within`: of one QOS that preempts within itself; then the priorities decide as well.
  [[nodiscard]] bool displaces(const PreemptParty& ahead, const PreemptParty& victim) const;
  [[nodiscard]] bool needs_higher_priority(const PreemptParty& ahead,
                                           const PreemptParty& victim) const;
  [[nodiscard]] model::PreemptMode mode_of(const PreemptParty& victim) const;
  [[nodiscard]] std::int64_t grace_ms(const PreemptParty& victim) const;
  [[nodiscard]] std::int64_t exempt_ms(const PreemptParty& victim) const;
  // Those of lower standing are displaced first.
  [[nodiscard]] std::uint32_t standing(const PreemptParty& victim) const;
  [[nodiscard]] bool youngest_first() const { return youngest_first_; }
  // Further orders of victims that are tried, to displace fewer.
  [[nodiscard]] std::uint32_t reorder_count() const { return strict_order_ ? 0 : reorder_count_; }
  // QOS whose jobs stand before those whom they may displace: the longest chain of QOS of which
  // each displaces the next. By id; those that displace nobody are left out.
  [[nodiscard]] const PreemptRanks& ranks() const { return ranks_; }
  // Too important to be displaced by anybody (min_exempt_priority).
  [[nodiscard]] bool spares(std::uint32_t priority) const {
    return exempt_priority_ != 0 && priority >= exempt_priority_;
  }

 private:
  struct OfPartition {
    std::uint32_t tier = 0;
    model::PreemptMode mode = model::PreemptMode::off;
    std::int64_t grace_ms = 0;
  };
  struct OfQos {
    std::uint32_t id = 0;
    std::uint32_t priority = 0;
    std::vector<std::uint32_t> preempts;  // ascending ids
    model::PreemptMode mode = model::PreemptMode::off;
    bool within = false;
    std::int64_t grace_ms = 0;
    std::int64_t exempt_ms = 0;
  };
  [[nodiscard]] const OfQos* qos(std::uint32_t id) const;
  void rank_qos();

  model::PreemptType type_ = model::PreemptType::none;
  std::int64_t exempt_ms_ = 0;
  bool youngest_first_ = false;
  bool strict_order_ = false;
  std::uint32_t reorder_count_ = 1;
  std::uint32_t exempt_priority_ = 0;    // 0: nobody
  std::vector<OfPartition> partitions_;  // by index
  std::vector<OfQos> qos_;               // by id
  PreemptRanks ranks_;
};
using PreemptRulesPtr = std::shared_ptr<const PreemptRules>;

}  // namespace sluice::core
