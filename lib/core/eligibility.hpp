// Eligibility: which nodes a request may ever use in one partition, whatever is in use on them now:
// the classes with the right features and enough hardware, the nodes it names or excludes. Computed
// once per group and partition, and again only when the cluster's configuration changes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bitmap.hpp"
#include "base/result.hpp"
#include "core/demand.hpp"
#include "core/planner.hpp"
#include "core/pool_state.hpp"

namespace sluice::core {

struct Eligibility {
  // So many nodes of these classes, and no two of the same for different counts.
  struct Counted {
    std::vector<bool> has_class;
    std::uint32_t nodes = 0;
  };

  std::vector<ClassId> classes;           // by weight, then id
  std::vector<bool> has_class;            // by ClassId
  std::vector<std::uint32_t> idle_tasks;  // by ClassId: what an idle node of it offers
  std::uint32_t most_idle_tasks = 0;      // the most of those
  std::vector<std::uint32_t> required;    // --nodelist, ascending
  base::Bitmap excluded;                  // size 0: nothing is excluded
  std::vector<FilterCount> filters;       // what the fixed filters removed
  std::uint32_t nodes = 0;                // how many they left
  std::vector<Counted> counted;           // a*2&b*4
  std::uint32_t counted_nodes = 0;        // their sum
  // --prefer and matching OR: what is tried in this order; all the rest is then about the nodes
  // that any of them allows. Empty: there is nothing to choose.
  std::vector<Eligibility> choices;

  [[nodiscard]] bool allows(std::uint32_t node, const NodePool::State& pool) const {
    const ClassId id = pool.nodes[node].node_class;
    return id < has_class.size() && has_class[id] && (excluded.size() == 0 || !excluded.test(node));
  }
};

// Fails on unknown nodes and features, bad syntax, and on names that the partition doesn't have.
[[nodiscard]] Result<Eligibility> make_eligibility(const NodePool::State& pool,
                                                   const model::Request& request,
                                                   const Demand& demand);

}  // namespace sluice::core
