// See preemption.hpp.
#include "core/preemption.hpp"

#include <algorithm>

namespace sluice::core {

namespace {

using model::PreemptMode;
using model::PreemptType;

PreemptMode in_force(PreemptMode own, PreemptMode of_cluster) {
  return own == PreemptMode::cluster_default || own == PreemptMode::within ? of_cluster : own;
}

}  // namespace

PreemptRules::PreemptRules(const Settings& settings,
                           const std::vector<model::PartitionPtr>& partitions,
                           const AccountTree& tree)
    : type_(settings.preempt.type),
      exempt_ms_(std::int64_t{settings.preempt.exempt_time_s} * 1000),
      youngest_first_(settings.preempt.reorder_by_youngest),
      strict_order_(settings.preempt.strict_order),
      reorder_count_(settings.preempt.reorder_count),
      exempt_priority_(settings.preempt.min_exempt_priority) {
  for (const model::PartitionPtr& partition : partitions) {
    partitions_.push_back({.tier = partition->priority_tier,
                           .mode = in_force(partition->preempt_mode, settings.preempt.mode),
                           .grace_ms = std::int64_t{partition->grace_time} * 1000});
  }
  for (const model::Qos& known : tree.accounts().qos) {
    OfQos made{.id = known.id,
               .priority = known.priority,
               .preempts = {},
               .mode = in_force(known.preempt_mode, settings.preempt.mode),
               .within = known.preempt_mode == PreemptMode::within,
               .grace_ms = std::int64_t{known.grace_time} * 1000,
               .exempt_ms = known.exempt_time == model::kNoLimit
                                ? exempt_ms_
                                : std::int64_t{known.exempt_time} * 1000};
    for (const Text& name : known.preempt) {
      if (const model::Qos* other = tree.qos(name)) made.preempts.push_back(other->id);
    }
    std::sort(made.preempts.begin(), made.preempts.end());
    qos_.push_back(std::move(made));
  }
  std::sort(qos_.begin(), qos_.end(), [](const OfQos& a, const OfQos& b) { return a.id < b.id; });
  if (type_ == PreemptType::qos) rank_qos();
}

// Where QOS displace each other in a circle, the chains are cut off at the number of QOS.
void PreemptRules::rank_qos() {
  std::vector<std::uint32_t> rank(qos_.size(), 0);
  const auto rank_of = [&](std::uint32_t id) {
    const OfQos* known = qos(id);
    return known == nullptr ? 0 : rank[static_cast<std::size_t>(known - qos_.data())];
  };
  bool changed = true;
  for (std::size_t round = 0; changed && round < qos_.size(); ++round) {
    changed = false;
    for (std::size_t at = 0; at < qos_.size(); ++at) {
      for (const std::uint32_t other : qos_[at].preempts) {
        if (other == qos_[at].id || rank_of(other) < rank[at]) continue;
        rank[at] = rank_of(other) + 1;
        changed = true;
      }
    }
  }
  for (std::size_t at = 0; at < qos_.size(); ++at) {
    if (rank[at] != 0) ranks_.emplace_back(qos_[at].id, rank[at]);
  }
}

const PreemptRules::OfQos* PreemptRules::qos(std::uint32_t id) const {
  const auto found = std::lower_bound(qos_.begin(), qos_.end(), id,
                                      [](const OfQos& a, std::uint32_t b) { return a.id < b; });
  return found != qos_.end() && found->id == id ? &*found : nullptr;
}

bool PreemptRules::needs_higher_priority(const PreemptParty& ahead,
                                         const PreemptParty& victim) const {
  return type_ == PreemptType::qos && ahead.qos == victim.qos;
}

bool PreemptRules::displaces(const PreemptParty& ahead, const PreemptParty& victim) const {
  if (type_ == PreemptType::none || mode_of(victim) == PreemptMode::off) return false;
  if (type_ == PreemptType::qos) {
    const OfQos* own = qos(ahead.qos);
    if (own == nullptr) return false;
    if (ahead.qos == victim.qos) return own->within;
    return std::binary_search(own->preempts.begin(), own->preempts.end(), victim.qos);
  }
  if (ahead.partition.value >= partitions_.size() || victim.partition.value >= partitions_.size()) {
    return false;
  }
  return partitions_[ahead.partition.value].tier > partitions_[victim.partition.value].tier;
}

PreemptMode PreemptRules::mode_of(const PreemptParty& victim) const {
  if (type_ == PreemptType::qos) {
    const OfQos* own = qos(victim.qos);
    return own == nullptr ? PreemptMode::off : own->mode;
  }
  return victim.partition.value < partitions_.size() ? partitions_[victim.partition.value].mode
                                                     : PreemptMode::off;
}

std::int64_t PreemptRules::grace_ms(const PreemptParty& victim) const {
  if (type_ == PreemptType::qos) {
    const OfQos* own = qos(victim.qos);
    return own == nullptr ? 0 : own->grace_ms;
  }
  return victim.partition.value < partitions_.size() ? partitions_[victim.partition.value].grace_ms
                                                     : 0;
}

std::int64_t PreemptRules::exempt_ms(const PreemptParty& victim) const {
  const OfQos* own = qos(victim.qos);
  return own == nullptr ? exempt_ms_ : own->exempt_ms;
}

std::uint32_t PreemptRules::standing(const PreemptParty& victim) const {
  if (type_ == PreemptType::qos) {
    const OfQos* own = qos(victim.qos);
    return own == nullptr ? 0 : own->priority;
  }
  return victim.partition.value < partitions_.size() ? partitions_[victim.partition.value].tier : 0;
}

}  // namespace sluice::core
