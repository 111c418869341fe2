// Sets of nodes that can be matched to the counts form a matroid, so going through the nodes from
// the best to the worst and keeping each that can still be matched (others may change what they
// count for) ends with the best set; the best of the rest fill up what is asked beyond the counts.
// If the nodes offer too few tasks, the next larger set is tried.
#include "core/counted_choice.hpp"

#include <algorithm>

namespace sluice::core {

namespace {

class Matcher {
 public:
  Matcher(const Eligibility& eligibility, const NodePool::State& pool)
      : eligibility_(eligibility), pool_(pool), members_(eligibility.counted.size()) {}

  // Whether the node can be matched beside those that are; it then is.
  [[nodiscard]] bool take(std::uint32_t node) {
    visited_.assign(members_.size(), false);
    return settle(node);
  }
  [[nodiscard]] std::size_t matched() const {
    std::size_t sum = 0;
    for (const auto& nodes : members_) sum += nodes.size();
    return sum;
  }

 private:
  [[nodiscard]] bool counts_for(std::uint32_t node, std::size_t count) const {
    return eligibility_.counted[count].has_class[pool_.nodes[node].node_class];
  }

  // Depth is bounded by the number of counts: each is visited once.
  bool settle(std::uint32_t node) {
    for (std::size_t c = 0; c < members_.size(); ++c) {
      if (visited_[c] || !counts_for(node, c)) continue;
      visited_[c] = true;
      if (members_[c].size() < eligibility_.counted[c].nodes) {
        members_[c].push_back(node);
        return true;
      }
      for (std::uint32_t& other : members_[c]) {
        if (!settle(other)) continue;
        other = node;
        return true;
      }
    }
    return false;
  }

  const Eligibility& eligibility_;
  const NodePool::State& pool_;
  std::vector<std::vector<std::uint32_t>> members_;  // by count
  std::vector<bool> visited_;
};

struct Sorted {
  std::vector<Prospect> matched;  // as many as the counts add up to
  std::vector<Prospect> rest;
};

std::optional<Sorted> match(std::vector<Prospect> candidates, Picker::By by, std::uint32_t share,
                            const Eligibility& eligibility, const NodePool::State& pool) {
  std::sort(candidates.begin(), candidates.end(),
            [&](const Prospect& a, const Prospect& b) { return Picker::better(a, b, share, by); });
  Matcher matcher(eligibility, pool);
  Sorted sorted;
  for (const Prospect& candidate : candidates) {
    const bool more = sorted.matched.size() < eligibility.counted_nodes;
    (more && matcher.take(candidate.node) ? sorted.matched : sorted.rest).push_back(candidate);
  }
  if (matcher.matched() < eligibility.counted_nodes) return std::nullopt;
  return sorted;
}

}  // namespace

std::optional<std::vector<Prospect>> pick_counted(const Picker& picker, const Prospects& limits,
                                                  const Eligibility& eligibility,
                                                  const NodePool::State& pool) {
  const auto required =
      static_cast<std::size_t>(std::count_if(limits.found().begin(), limits.found().end(),
                                             [](const Prospect& found) { return found.required; }));
  for (const Picker::By by : {Picker::By::weight, Picker::By::tasks, Picker::By::gres}) {
    auto sorted =
        match(limits.found(), by, limits.full_share(limits.least_nodes()), eligibility, pool);
    if (!sorted) return std::nullopt;
    std::vector<Prospect> picked = std::move(sorted->matched);
    const auto named = static_cast<std::size_t>(std::count_if(
        picked.begin(), picked.end(), [](const Prospect& each) { return each.required; }));
    std::size_t needed = required - named;  // of the rest, in front of which they stand
    for (const Prospect& other : sorted->rest) {
      if (needed == 0 && picker.suffices(picked)) break;
      if (picked.size() == limits.most_nodes()) break;
      if (needed != 0) --needed;
      picked.push_back(other);
    }
    if (needed == 0 && picked.size() <= limits.most_nodes() && picker.suffices(picked)) {
      return picked;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::core
