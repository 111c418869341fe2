// Two steps: gather what the nodes offer (prospects.hpp), level by level of weight, until it
// suffices; then pick.
#include "core/placement.hpp"

#include <algorithm>
#include <span>
#include <tuple>

#include "core/gres_choice.hpp"
#include "core/prospects.hpp"
#include "core/task_layout.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kFirstRanked = 32;
constexpr std::uint32_t kGrowth = 8;  // of the number of nodes gathered, when it was too small

class Chooser {
 public:
  Chooser(const Demand& demand, const Eligibility& eligibility, const Outlook& outlook)
      : demand_(demand),
        eligibility_(eligibility),
        pool_(outlook.pool()),
        prospects_(demand, eligibility, outlook),
        least_nodes_(prospects_.least_nodes()),
        most_nodes_(prospects_.most_nodes()),
        tasks_(prospects_.tasks()) {}

  std::optional<Selection> choose() {
    if (!prospects_.may_fit() || !prospects_.take_required()) return std::nullopt;
    if (demand_.contiguous) return choose_contiguous();
    const std::size_t classes = eligibility_.classes.size();
    for (std::size_t level = 0; level < classes; level = prospects_.level_end(level)) {
      if (auto picked = pick_level(level)) return finish(std::move(*picked));
    }
    return std::nullopt;
  }

 private:
  // Tries with the nodes of this level and those before it. If not all nodes were looked at, the
  // answer is good only if it needs no more nodes than were asked for.
  std::optional<std::vector<Prospect>> pick_level(std::size_t level) {
    const std::size_t end = prospects_.level_end(level);
    const std::size_t before = prospects_.found().size();
    const bool all = demand_.spread || demand_.fill_range || demand_.job_gres != 0;
    std::uint32_t enough = all ? model::kUnlimited : least_nodes_;
    while (true) {
      const bool complete = prospects_.gather(level, end, enough);
      auto picked = pick(prospects_.found());
      if (complete || (picked && picked->size() <= enough)) return picked;
      prospects_.truncate(before);
      enough = enough < model::kUnlimited / kGrowth ? enough * kGrowth : model::kUnlimited;
    }
  }

  enum class By : std::uint8_t { weight, tasks, gres };
  // Brings the best `count` candidates to the front, in order.
  void sort(std::vector<Prospect>& candidates, std::uint32_t share, By by,
            std::size_t count) const {
    const auto tasks = [&](const Prospect& c) { return std::min(share, c.offer.tasks); };
    const auto better = [&](const Prospect& a, const Prospect& b) {
      if (a.required != b.required) return a.required;
      if (by == By::weight && a.weight != b.weight) return a.weight < b.weight;
      if (by == By::gres && a.offer.job_gres != b.offer.job_gres) {
        return a.offer.job_gres > b.offer.job_gres;
      }
      if (tasks(a) != tasks(b)) return tasks(a) > tasks(b);
      if (a.weight != b.weight) return a.weight < b.weight;
      if (a.cost != b.cost) return a.cost < b.cost;
      if (a.idle_cores != b.idle_cores) return a.idle_cores < b.idle_cores;
      return a.node < b.node;
    };
    const auto front = candidates.begin() + static_cast<std::ptrdiff_t>(count);
    if (count < candidates.size())
      std::nth_element(candidates.begin(), front, candidates.end(), better);
    std::sort(candidates.begin(), front, better);
  }

  // Sorts, and tells the least number of leading candidates that suffices; 0: no number does.
  std::uint32_t rank(std::vector<Prospect>& candidates, std::uint32_t share, By by) const {
    std::size_t count = std::max<std::size_t>(kFirstRanked, least_nodes_);
    for (; count < candidates.size(); count *= 4) {
      sort(candidates, share, by, count);
      if (const std::uint32_t nodes = least_prefix({candidates.data(), count})) return nodes;
    }
    sort(candidates, share, by, candidates.size());
    return least_prefix(candidates);
  }

  [[nodiscard]] bool suffices(std::span<const Prospect> candidates) const {
    if (candidates.size() < least_nodes_) return false;
    std::uint64_t tasks = 0;
    std::array<std::uint64_t, kMaxJobGres> gres{};
    for (const Prospect& candidate : candidates) {
      tasks += candidate.offer.tasks;
      for (std::size_t g = 0; g < kMaxJobGres; ++g) gres[g] += candidate.offer.job_gres[g];
    }
    if (tasks < tasks_) return false;
    return std::all_of(demand_.gres.begin(), demand_.gres.end(), [&](const GresNeed& need) {
      return need.per_job == 0 || gres[need.job_slot] >= need.per_job;
    });
  }

  // The least number of leading candidates that suffices; 0: none does.
  [[nodiscard]] std::uint32_t least_prefix(std::span<const Prospect> candidates) const {
    const std::size_t most = std::min<std::size_t>(most_nodes_, candidates.size());
    if (most < least_nodes_ || !suffices({candidates.data(), most})) return 0;
    std::size_t low = least_nodes_;
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

  std::optional<std::vector<Prospect>> pick(std::vector<Prospect> candidates) const {
    for (const By by : {By::weight, By::tasks, By::gres}) {
      if (by == By::gres && demand_.job_gres == 0) break;
      // Without a bound, to find the least number of nodes; then with the share that is used of
      // each, so that nodes which serve equally well are compared by how tightly they fit.
      std::uint32_t nodes = rank(candidates, prospects_.full_share(least_nodes_), by);
      if (nodes != least_nodes_) nodes = rank(candidates, prospects_.want(), by);
      if (nodes == 0) continue;
      if (nodes != least_nodes_) {
        std::vector<Prospect> by_share = candidates;
        sort(by_share, prospects_.full_share(nodes), by, nodes);
        if (suffices({by_share.data(), nodes})) candidates = std::move(by_share);
      }
      if (demand_.spread || demand_.fill_range)
        sort(candidates, prospects_.want(), by, candidates.size());
      if (!extend(candidates, nodes)) tighten_last(candidates, nodes);
      candidates.resize(nodes);
      return candidates;
    }
    return std::nullopt;
  }

  // More nodes than needed, where the job asks for that.
  bool extend(const std::vector<Prospect>& candidates, std::uint32_t& nodes) const {
    if (!demand_.spread && !demand_.fill_range) return false;
    if (most_nodes_ == model::kUnlimited) return false;  // nothing says how many would be too many
    nodes = static_cast<std::uint32_t>(std::min<std::size_t>(most_nodes_, candidates.size()));
    return true;
  }

  // Takes the tightest node for the tasks that remain after the others.
  void tighten_last(std::vector<Prospect>& candidates, std::uint32_t nodes) const {
    if (tasks_ == 0 || nodes < 2 || demand_.job_gres != 0 || candidates[nodes - 1].required) return;
    std::uint64_t before = 0;
    for (std::uint32_t c = 0; c + 1 < nodes; ++c) before += candidates[c].offer.tasks;
    const std::uint64_t rest = before < tasks_ ? std::max<std::uint64_t>(1, tasks_ - before) : 1;
    std::size_t best = nodes - 1;
    for (std::size_t c = nodes; c < candidates.size(); ++c) {
      const Prospect& other = candidates[c];
      if (other.offer.tasks < rest || other.weight > candidates[best].weight) continue;
      if (other.weight < candidates[best].weight ||
          std::tuple(other.cost, other.idle_cores, other.node) <
              std::tuple(candidates[best].cost, candidates[best].idle_cores,
                         candidates[best].node)) {
        best = c;
      }
    }
    std::swap(candidates[nodes - 1], candidates[best]);
  }

  std::optional<Selection> choose_contiguous() {
    static_cast<void>(prospects_.gather(0, eligibility_.classes.size(), model::kUnlimited));
    std::vector<Prospect> found = prospects_.found();
    std::sort(found.begin(), found.end(),
              [](const Prospect& a, const Prospect& b) { return a.node < b.node; });
    const auto required = static_cast<std::size_t>(
        std::count_if(found.begin(), found.end(), [](const auto& c) { return c.required; }));
    for (std::size_t first = 0; first < found.size(); ++first) {
      std::size_t end = first;
      std::size_t seen = 0;
      while (end < found.size() && end - first < most_nodes_ &&
             found[end].node - found[first].node == end - first) {
        if (found[end].required) ++seen;
        ++end;
        if (seen == required && suffices({found.data() + first, end - first})) {
          return finish({found.begin() + static_cast<std::ptrdiff_t>(first),
                         found.begin() + static_cast<std::ptrdiff_t>(end)});
        }
      }
    }
    return std::nullopt;
  }

  std::optional<Selection> finish(std::vector<Prospect> picked) const {
    std::sort(picked.begin(), picked.end(),
              [](const Prospect& a, const Prospect& b) { return a.node < b.node; });
    Selection made;
    std::vector<Offer> offers;
    for (const Prospect& candidate : picked) {
      made.nodes.push_back({.node = candidate.node});
      offers.push_back(candidate.offer);
    }
    lay_out_tasks(demand_, pool_, offers, made);
    return made;
  }

  const Demand& demand_;
  const Eligibility& eligibility_;
  const NodePool::State& pool_;
  Prospects prospects_;
  std::uint32_t least_nodes_;
  std::uint32_t most_nodes_;
  std::uint32_t tasks_;
};

constexpr std::size_t kMaxKinds = 16;  // of accelerators that are tried for all nodes of a job

// The kinds that any accelerator may mean, in the order of their names.
std::vector<GresKind> accelerator_kinds(const Demand& demand, const Eligibility& eligibility,
                                        const NodePool::State& pool) {
  std::vector<GresKind> kinds;
  for (const ClassId id : eligibility.classes) {
    for (const GresEntry& entry : pool.classes.at(id).hardware->gres) {
      const bool meant = std::any_of(
          demand.gres.begin(), demand.gres.end(),
          [&](const GresNeed& need) { return need.any_accelerator && matches(need, entry); });
      if (meant) kinds.push_back({entry.name, entry.type});
    }
  }
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  if (kinds.size() > kMaxKinds) kinds.resize(kMaxKinds);
  return kinds;
}

// The same accelerators on all nodes, if nodes enough have them.
std::optional<Selection> choose_alike(const Demand& demand, const Eligibility& eligibility,
                                      const Outlook& outlook) {
  for (const GresKind& kind : accelerator_kinds(demand, eligibility, outlook.pool())) {
    const Demand bound = bound_to(demand, kind);
    if (auto selection = Chooser(bound, eligibility, outlook).choose()) {
      selection->accelerator = kind;
      return selection;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Selection> choose_nodes(const Demand& demand, const Eligibility& eligibility,
                                      const Outlook& outlook) {
  if (demand.any_accelerator && !demand.single_node()) {
    if (auto alike = choose_alike(demand, eligibility, outlook)) return alike;
  }
  return Chooser(demand, eligibility, outlook).choose();
}

}  // namespace sluice::core
