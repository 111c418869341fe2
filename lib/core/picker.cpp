// Three orders are tried: by weight, then by what nodes offer where that takes fewer nodes than may
// be had, then by GRES counted per job.
#include "core/picker.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::core {

namespace {

constexpr std::size_t kFirstRanked = 32;

}  // namespace

void OfferSum::add(const Offer& offer) {
  tasks += offer.tasks;
  for (std::size_t g = 0; g < kMaxJobGres; ++g) job_gres[g] += offer.job_gres[g];
}

void OfferSum::take_off(const Offer& offer) {
  tasks -= offer.tasks;
  for (std::size_t g = 0; g < kMaxJobGres; ++g) job_gres[g] -= offer.job_gres[g];
}

bool Picker::better(const Prospect& a, const Prospect& b, std::uint32_t share, By by) {
  if (a.required != b.required) return a.required;
  if (by == By::weight && a.weight != b.weight) return a.weight < b.weight;
  if (by == By::gres && a.offer.job_gres != b.offer.job_gres) {
    return a.offer.job_gres > b.offer.job_gres;
  }
  const std::uint32_t of_a = std::min(share, a.offer.tasks);
  const std::uint32_t of_b = std::min(share, b.offer.tasks);
  if (of_a != of_b) return of_a > of_b;
  return std::tuple(a.weight, a.cost, a.fit, a.node) < std::tuple(b.weight, b.cost, b.fit, b.node);
}

// Brings the best `count` candidates to the front, in order.
void Picker::sort(std::vector<Prospect>& candidates, std::uint32_t share, By by,
                  std::size_t count) const {
  const auto before = [&](const Prospect& a, const Prospect& b) { return better(a, b, share, by); };
  const auto front = candidates.begin() + static_cast<std::ptrdiff_t>(count);
  if (count < candidates.size()) {
    std::nth_element(candidates.begin(), front, candidates.end(), before);
  }
  std::sort(candidates.begin(), front, before);
}

bool Picker::suffices(std::size_t nodes, const OfferSum& sum) const {
  if (nodes < limits_.least_nodes() || sum.tasks < limits_.tasks()) return false;
  return std::all_of(demand_.gres.begin(), demand_.gres.end(), [&](const GresNeed& need) {
    return need.per_job == 0 || sum.job_gres[need.job_slot] >= need.per_job;
  });
}

bool Picker::suffices(std::span<const Prospect> candidates) const {
  OfferSum sum;
  for (const Prospect& candidate : candidates) sum.add(candidate.offer);
  return suffices(candidates.size(), sum);
}

// Sorts, and tells the least number of leading candidates that suffices; 0: no number does.
std::uint32_t Picker::rank(std::vector<Prospect>& candidates, std::uint32_t share, By by) const {
  std::size_t count = std::max<std::size_t>(kFirstRanked, limits_.least_nodes());
  for (; count < candidates.size(); count *= 4) {
    sort(candidates, share, by, count);
    if (const std::uint32_t nodes = least_prefix({candidates.data(), count})) return nodes;
  }
  sort(candidates, share, by, candidates.size());
  return least_prefix(candidates);
}

// The least number of leading candidates that suffices; 0: none does.
std::uint32_t Picker::least_prefix(std::span<const Prospect> candidates) const {
  const std::size_t most = std::min<std::size_t>(limits_.most_nodes(), candidates.size());
  if (most < limits_.least_nodes() || !suffices({candidates.data(), most})) return 0;
  std::size_t low = limits_.least_nodes();
  std::size_t high = most;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (suffices({candidates.data(), middle})) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return static_cast<std::uint32_t>(low);
}

// For a job that may have one node only: the best by the first order whose best suffices.
std::optional<std::vector<Prospect>> Picker::pick_one(
    const std::vector<Prospect>& candidates) const {
  const std::uint32_t share = limits_.full_share(1);
  for (const By by : {By::weight, By::tasks, By::gres}) {
    if (by == By::gres && demand_.job_gres == 0) break;
    const auto best = std::min_element(
        candidates.begin(), candidates.end(),
        [&](const Prospect& a, const Prospect& b) { return better(a, b, share, by); });
    if (best != candidates.end() && suffices({&*best, 1})) return std::vector<Prospect>{*best};
  }
  return std::nullopt;
}

std::optional<std::vector<Prospect>> Picker::pick(std::vector<Prospect> candidates) const {
  if (limits_.most_nodes() == 1) return pick_one(candidates);
  for (const By by : {By::weight, By::tasks, By::gres}) {
    if (by == By::gres && demand_.job_gres == 0) break;
    // Without a bound, to find the least number of nodes; then with the share that is used of
    // each, so that nodes which serve equally well are compared by how tightly they fit.
    std::uint32_t nodes = rank(candidates, limits_.full_share(limits_.least_nodes()), by);
    if (nodes != limits_.least_nodes()) nodes = rank(candidates, limits_.want(), by);
    if (nodes == 0) continue;
    if (nodes != limits_.least_nodes()) {
      std::vector<Prospect> by_share = candidates;
      sort(by_share, limits_.full_share(nodes), by, nodes);
      if (suffices({by_share.data(), nodes})) candidates = std::move(by_share);
    }
    if (demand_.spread || demand_.fill_range)
      sort(candidates, limits_.want(), by, candidates.size());
    if (!extend(candidates, nodes)) tighten_last(candidates, nodes);
    candidates.resize(nodes);
    return candidates;
  }
  return std::nullopt;
}

// More nodes than needed, where the job asks for that.
bool Picker::extend(const std::vector<Prospect>& candidates, std::uint32_t& nodes) const {
  if (!demand_.spread && !demand_.fill_range) return false;
  if (limits_.most_nodes() == model::kUnlimited)
    return false;  // nothing says how many would be too many
  nodes =
      static_cast<std::uint32_t>(std::min<std::size_t>(limits_.most_nodes(), candidates.size()));
  return true;
}

// Takes the tightest node for the tasks that remain after the others.
void Picker::tighten_last(std::vector<Prospect>& candidates, std::uint32_t nodes) const {
  if (limits_.tasks() == 0 || nodes < 2 || demand_.job_gres != 0 || candidates[nodes - 1].required)
    return;
  std::uint64_t before = 0;
  for (std::uint32_t c = 0; c + 1 < nodes; ++c) before += candidates[c].offer.tasks;
  const std::uint64_t rest =
      before < limits_.tasks() ? std::max<std::uint64_t>(1, limits_.tasks() - before) : 1;
  std::size_t best = nodes - 1;
  for (std::size_t c = nodes; c < candidates.size(); ++c) {
    const Prospect& other = candidates[c];
    if (other.offer.tasks < rest || other.weight > candidates[best].weight) continue;
    if (other.weight < candidates[best].weight ||
        std::tuple(other.cost, other.fit, other.node) <
            std::tuple(candidates[best].cost, candidates[best].fit, candidates[best].node)) {
      best = c;
    }
  }
  std::swap(candidates[nodes - 1], candidates[best]);
}

}  // namespace sluice::core
