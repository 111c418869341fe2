// Two steps: gather what the nodes offer, level by level of weight, until it suffices; then pick.
// Gathering walks the buckets of idle cores from the tightest that serves fully, and stops as soon
// as enough nodes were found that serve fully: those found are the ones the rule prefers. Only
// where that fails are all nodes with any use looked at.
#include "core/placement.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <tuple>

#include "core/task_layout.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kFirstRanked = 32;

struct Prospect {
  std::uint32_t node = 0;
  std::uint32_t weight = 0;
  std::uint32_t idle_cores = 0;
  std::uint32_t cost = 0;  // before idle_cores: how much others would miss the node
  Offer offer;
  bool required = false;
};

class Chooser {
 public:
  Chooser(const Demand& demand, const Eligibility& eligibility, const Outlook& outlook)
      : demand_(demand), eligibility_(eligibility), outlook_(outlook), pool_(outlook.pool()) {
    least_nodes_ =
        std::max(demand.min_nodes, static_cast<std::uint32_t>(eligibility.required.size()));
    most_nodes_ = demand.max_nodes;
    if (demand.tasks != 0) {
      tasks_ = std::max(demand.tasks, least_nodes_);
      most_nodes_ = std::min(most_nodes_, tasks_);
    }
  }

  std::optional<Selection> choose() {
    if (least_nodes_ > most_nodes_) return std::nullopt;
    if (!take_required()) return std::nullopt;
    if (demand_.contiguous) return choose_contiguous();
    const bool all = demand_.spread || demand_.fill_range || demand_.job_gres != 0;
    std::size_t level = 0;
    while (true) {
      const std::size_t next = level_end(level);
      gather(level, next, all ? model::kUnlimited : least_nodes_);
      if (auto selection = pick(found_)) return finish(std::move(*selection));
      if (!all) {
        forget(level, next);
        gather(level, next, model::kUnlimited);
        if (auto selection = pick(found_)) return finish(std::move(*selection));
      }
      if (next == eligibility_.classes.size()) return std::nullopt;
      level = next;
    }
  }

 private:
  // Tasks that a node must take to serve fully if the job uses `nodes` nodes.
  [[nodiscard]] std::uint32_t full_share(std::uint32_t nodes) const {
    if (tasks_ == 0) return demand_.tasks_each;
    return std::min(demand_.max_tasks_per_node, tasks_ - (std::min(nodes, tasks_) - 1));
  }
  [[nodiscard]] std::uint32_t want() const { return tasks_ == 0 ? demand_.tasks_each : tasks_; }
  [[nodiscard]] std::uint32_t least_share() const { return tasks_ == 0 ? demand_.tasks_each : 1; }

  // Classes of one weight are one level.
  [[nodiscard]] std::size_t level_end(std::size_t from) const {
    const auto& classes = eligibility_.classes;
    if (classes.empty()) return 0;
    std::size_t end = from;
    while (end < classes.size() &&
           pool_.classes.at(classes[end]).weight == pool_.classes.at(classes[from]).weight) {
      ++end;
    }
    return end;
  }

  bool look_at(std::uint32_t node, Prospect& made) {
    if (!outlook_.counts(node) || !eligibility_.allows(node, pool_)) return false;
    outlook_.look(node, demand_, view_);
    made.offer = evaluate(demand_, view_, want());
    if (made.offer.tasks < least_share()) return false;
    made.node = node;
    made.weight = pool_.nodes[node].weight;
    made.idle_cores = view_.idle_cores;
    // Now: reserved nodes before others. Later: nodes that are busy now before idle ones.
    made.cost =
        outlook_.present() ? (outlook_.is_claimed(node) ? 0 : 1) : pool_.nodes[node].idle_cores;
    return true;
  }

  bool take_required() {
    for (const std::uint32_t node : eligibility_.required) {
      Prospect made;
      if (!look_at(node, made)) return false;
      made.required = true;
      found_.push_back(made);
    }
    return true;
  }

  [[nodiscard]] bool is_required(std::uint32_t node) const {
    return std::binary_search(eligibility_.required.begin(), eligibility_.required.end(), node);
  }

  // Reserved nodes are preferred wherever they stand in the buckets, so they are looked at first.
  void gather_claimed(std::size_t from, std::size_t to) {
    if (!outlook_.present() || outlook_.claimed_nodes() == nullptr) return;
    for (const std::uint32_t node : *outlook_.claimed_nodes()) {
      const ClassId id = pool_.nodes[node].node_class;
      const bool here =
          std::find(eligibility_.classes.begin() + static_cast<std::ptrdiff_t>(from),
                    eligibility_.classes.begin() + static_cast<std::ptrdiff_t>(to),
                    id) != eligibility_.classes.begin() + static_cast<std::ptrdiff_t>(to);
      Prospect made;
      if (here && !is_required(node) && look_at(node, made)) found_.push_back(made);
    }
  }

  // Looks at one node; true once enough nodes serve fully.
  bool gather_node(std::uint32_t node, std::uint32_t enough, std::uint32_t& full) {
    if (is_required(node) || (outlook_.present() && outlook_.is_claimed(node))) return false;
    Prospect made;
    if (!look_at(node, made)) return false;
    if (made.offer.tasks >= full_share(least_nodes_)) ++full;
    found_.push_back(made);
    return full >= enough;
  }

  void gather_class(ClassId id, std::uint32_t enough) {
    const NodeClass& from = pool_.classes.at(id);
    std::uint32_t full = 0;
    if (!outlook_.present()) {
      for (std::size_t n = from.members.find_first(); n != base::Bitmap::npos;
           n = from.members.find_next(n)) {
        const bool done = gather_node(static_cast<std::uint32_t>(n), enough, full);
        // Idle nodes of a class are all alike: the first ones are the ones to take.
        if (done) return;
      }
      return;
    }
    const auto buckets = static_cast<std::uint32_t>(from.by_idle_cores.size());
    const std::uint32_t tight =
        std::min(buckets, least_cores(demand_, *from.hardware, full_share(least_nodes_)));
    const std::uint32_t least = least_cores(demand_, *from.hardware, least_share());
    for (std::uint32_t b = tight; b < buckets; ++b) {
      for (const std::uint32_t node : from.by_idle_cores[b]) {
        if (gather_node(node, enough, full)) return;
      }
    }
    for (std::uint32_t b = tight; b-- > least;) {
      for (const std::uint32_t node : from.by_idle_cores[b]) {
        if (gather_node(node, enough, full)) return;
      }
    }
  }

  void gather(std::size_t from, std::size_t to, std::uint32_t enough) {
    // At a future moment idle counts differ from the buckets, so every node is a candidate.
    if (!outlook_.present() && !outlook_.all_alike()) enough = model::kUnlimited;
    gather_claimed(from, to);
    for (std::size_t c = from; c < to; ++c) gather_class(eligibility_.classes[c], enough);
  }

  void forget(std::size_t from, std::size_t to) {
    std::erase_if(found_, [&](const Prospect& candidate) {
      if (candidate.required) return false;
      for (std::size_t c = from; c < to; ++c) {
        if (pool_.nodes[candidate.node].node_class == eligibility_.classes[c]) return true;
      }
      return false;
    });
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
      std::uint32_t nodes = rank(candidates, full_share(least_nodes_), by);
      if (nodes != least_nodes_) nodes = rank(candidates, want(), by);
      if (nodes == 0) continue;
      if (nodes != least_nodes_) {
        std::vector<Prospect> by_share = candidates;
        sort(by_share, full_share(nodes), by, nodes);
        if (suffices({by_share.data(), nodes})) candidates = std::move(by_share);
      }
      if (demand_.spread || demand_.fill_range) sort(candidates, want(), by, candidates.size());
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
    gather(0, eligibility_.classes.size(), model::kUnlimited);
    std::sort(found_.begin(), found_.end(),
              [](const Prospect& a, const Prospect& b) { return a.node < b.node; });
    const auto required = static_cast<std::size_t>(
        std::count_if(found_.begin(), found_.end(), [](const auto& c) { return c.required; }));
    for (std::size_t first = 0; first < found_.size(); ++first) {
      std::size_t end = first;
      std::size_t seen = 0;
      while (end < found_.size() && end - first < most_nodes_ &&
             found_[end].node - found_[first].node == end - first) {
        if (found_[end].required) ++seen;
        ++end;
        if (seen == required && suffices({found_.data() + first, end - first})) {
          return finish({found_.begin() + static_cast<std::ptrdiff_t>(first),
                         found_.begin() + static_cast<std::ptrdiff_t>(end)});
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
  const Outlook& outlook_;
  const NodePool::State& pool_;
  std::uint32_t least_nodes_ = 1;
  std::uint32_t most_nodes_ = model::kUnlimited;
  std::uint32_t tasks_ = 0;
  std::vector<Prospect> found_;
  NodeView view_;
};

}  // namespace

std::optional<Selection> choose_nodes(const Demand& demand, const Eligibility& eligibility,
                                      const Outlook& outlook) {
  return Chooser(demand, eligibility, outlook).choose();
}

}  // namespace sluice::core
