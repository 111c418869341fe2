// Gathering, class by class.
#include "core/prospects.hpp"

#include <algorithm>
#include <bit>

namespace sluice::core {

namespace {

// Of its cores, in 65536ths.
std::uint32_t busy_part(const NodeView& view) {
  const std::uint64_t cores = std::max(1U, view.hardware->job_cores());
  const std::uint64_t idle = std::min<std::uint64_t>(cores, view.idle_cores);
  return static_cast<std::uint32_t>((cores - idle) * 65536 / cores);
}

}  // namespace

Prospects::Prospects(const Demand& demand, const Eligibility& eligibility, const Outlook& outlook)
    : demand_(demand), eligibility_(eligibility), outlook_(outlook), pool_(outlook.pool()) {
  least_nodes_ =
      std::max(demand.min_nodes, static_cast<std::uint32_t>(eligibility.required.size()));
  least_nodes_ = std::max(least_nodes_, eligibility.counted_nodes);
  most_nodes_ = demand.max_nodes;
  if (demand.tasks == 0) return;
  tasks_ = std::max(demand.tasks, least_nodes_);
  most_nodes_ = std::min(most_nodes_, tasks_);
  const std::uint32_t most = std::max(1U, eligibility.most_idle_tasks);
  least_nodes_ = std::max(least_nodes_, (demand.tasks + most - 1) / most);
}

std::uint32_t Prospects::full_share(std::uint32_t nodes) const {
  if (tasks_ == 0) return demand_.tasks_each;
  return std::min(demand_.max_tasks_per_node, tasks_ - (std::min(nodes, tasks_) - 1));
}

// The most tasks that so many idle cores would allow; `known` are allowed.
std::uint32_t Prospects::most_by_cores(const Hardware& hardware, std::uint32_t cores,
                                       std::uint32_t known) const {
  std::uint32_t bad = want() + 1;
  if (least_cores(demand_, hardware, want()) <= cores) return std::max(known, want());
  while (bad - known > 1) {
    const std::uint32_t middle = known + (bad - known) / 2;
    (least_cores(demand_, hardware, middle) <= cores ? known : bad) = middle;
  }
  return known;
}

// As many tasks as idle cores alone would allow, bucket by bucket.
bool Prospects::may_fit() const {
  if (least_nodes_ > most_nodes_) return false;
  if (!outlook_.present() || demand_.share_depth > 1) return true;
  if (const auto even = even_cores(demand_)) return suffices(offer_by_cores(*even));
  std::uint64_t tasks = 0;
  std::uint64_t nodes = 0;
  for (const ClassId id : eligibility_.classes) {
    const NodeClass& from = pool_.classes.at(id);
    std::uint32_t fit = least_share();
    for (std::size_t b = from.bucket_from(least_cores(demand_, *from.hardware, fit));
         b != base::Bitmap::npos; b = from.bucket_from(b + 1)) {
      const std::size_t count = from.by_idle_cores[b].size();
      fit = most_by_cores(*from.hardware, static_cast<std::uint32_t>(b), fit);
      tasks += count * fit;
      nodes += count;
      if (tasks >= tasks_ && nodes >= least_nodes_) return true;
    }
  }
  return false;
}

// Of nodes with so many idle cores.
void Prospects::add_by_cores(const EvenCores& even, const Hardware& hardware, std::uint64_t cores,
                             CoreOffer& offer, std::size_t nodes) const {
  if (even.cores(hardware, least_share()) > cores) return;
  offer.tasks += nodes * std::min<std::uint64_t>(want(), even.tasks(hardware, cores));
  offer.nodes += nodes;
}

CoreOffer Prospects::offer_by_cores(const EvenCores& even) const {
  constexpr std::size_t kBits = 64;
  CoreOffer offer;
  for (const ClassId id : eligibility_.classes) {
    const NodeClass& from = pool_.classes.at(id);
    const std::uint64_t least = even.cores(*from.hardware, least_share());
    for (std::size_t w = least / kBits; w < from.occupied.words_end(); ++w) {
      std::uint64_t open = from.occupied.word(w);
      if (w == least / kBits) open &= ~std::uint64_t{0} << (least % kBits);
      for (; open != 0; open &= open - 1) {
        const std::size_t b = w * kBits + static_cast<std::size_t>(std::countr_zero(open));
        const std::size_t count = from.by_idle_cores[b].size();
        offer.tasks += count * std::min<std::uint64_t>(want(), even.tasks(*from.hardware, b));
        offer.nodes += count;
        if (suffices(offer)) return offer;
      }
    }
  }
  return offer;
}

std::size_t Prospects::level_end(std::size_t from) const {
  const auto& classes = eligibility_.classes;
  std::size_t end = from;
  while (end < classes.size() &&
         pool_.classes.at(classes[end]).weight == pool_.classes.at(classes[from]).weight) {
    ++end;
  }
  return end;
}

bool Prospects::is_required(std::uint32_t node) const {
  return std::binary_search(eligibility_.required.begin(), eligibility_.required.end(), node);
}

bool Prospects::look_at(std::uint32_t node, Prospect& made) {
  if (!outlook_.counts(node) || !eligibility_.allows(node, pool_)) return false;
  outlook_.look(node, demand_, view_);
  made.offer = evaluate(demand_, view_, want());
  if (made.offer.tasks < least_share()) return false;
  made.node = node;
  made.weight = pool_.nodes[node].weight;
  made.fit = demand_.least_loaded ? busy_part(view_) : view_.idle_cores;
  // Now: reserved nodes before others. Later: nodes that are busy now before idle ones.
  made.cost =
      outlook_.present() ? (outlook_.is_claimed(node) ? 0 : 1) : pool_.nodes[node].idle_cores;
  return true;
}

// Looks no oftener than gathering would: what passes do depends on the steps that they count.
std::optional<Offer> Prospects::offer_of_only(std::uint32_t node) {
  const NodeSlot& slot = pool_.nodes[node];
  if (least_nodes_ > 1) return std::nullopt;
  if (!outlook_.present()) {
    const std::uint32_t least = least_cores(demand_, *slot.hardware, least_share());
    if (!outlook_.may_have(node, least)) return std::nullopt;
  } else if (demand_.share_depth <= 1) {
    const std::uint32_t wanted = least_cores(demand_, *slot.hardware, want());
    if (!slot.available || slot.idle_cores < wanted) return std::nullopt;
  }
  Prospect made;
  if (!look_at(node, made) || made.offer.tasks < tasks_) return std::nullopt;
  return made.offer;
}

bool Prospects::take_required() {
  for (const std::uint32_t node : eligibility_.required) {
    Prospect made;
    if (!look_at(node, made)) return false;
    made.required = true;
    found_.push_back(made);
  }
  return true;
}

// Reserved nodes are preferred wherever they stand in the buckets, so they are looked at first.
void Prospects::gather_claimed(std::size_t from, std::size_t to) {
  if (!outlook_.present() || outlook_.claimed_nodes() == nullptr) return;
  const auto first = eligibility_.classes.begin() + static_cast<std::ptrdiff_t>(from);
  const auto last = eligibility_.classes.begin() + static_cast<std::ptrdiff_t>(to);
  std::uint32_t least = model::kUnlimited;
  for (auto id = first; id != last; ++id) {
    least = std::min(least, least_cores(demand_, *pool_.classes.at(*id).hardware, least_share()));
  }
  // Most reserved nodes are busy still.
  for (const std::uint32_t node : *outlook_.claimed_nodes()) {
    if (pool_.digests[node].idle_cores < least) continue;
    const ClassId id = pool_.nodes[node].node_class;
    if (std::find(first, last, id) == last || is_required(node)) continue;
    Prospect made;
    if (look_at(node, made)) found_.push_back(made);
  }
}

// Looks at one more node; the tasks that it offers.
std::uint32_t Prospects::take(std::uint32_t node) {
  if (is_required(node) || (outlook_.present() && outlook_.is_claimed(node))) return 0;
  Prospect made;
  if (!look_at(node, made)) return 0;
  found_.push_back(made);
  return made.offer.tasks;
}

// In an idle cluster nodes of a class are all alike: the first ones are the ones to take. At a
// future moment idle counts differ from the buckets, so every node is a prospect.
bool Prospects::gather_members(const NodeClass& from, std::uint32_t share, std::uint32_t enough) {
  std::uint32_t full = 0;
  const std::uint32_t least = least_cores(demand_, *from.hardware, least_share());
  for (std::size_t n = from.members.find_first(); n != base::Bitmap::npos;
       n = from.members.find_next(n)) {
    if (!outlook_.may_have(static_cast<std::uint32_t>(n), least)) continue;
    if (take(static_cast<std::uint32_t>(n)) >= share) ++full;
    if (full >= enough && outlook_.all_alike()) return false;
  }
  return true;
}

// The least loaded nodes first.
bool Prospects::gather_emptiest(const NodeClass& from, std::uint32_t share, std::uint32_t enough) {
  const std::uint32_t least = least_cores(demand_, *from.hardware, least_share());
  std::uint32_t full = 0;
  for (auto b = static_cast<std::uint32_t>(from.by_idle_cores.size()); b-- > least;) {
    for (const std::uint32_t node : from.by_idle_cores[b]) {
      if (take(node) >= share && ++full >= enough) return false;
    }
  }
  return true;
}

bool Prospects::gather_buckets(const NodeClass& from, std::uint32_t share, std::uint32_t enough) {
  if (demand_.least_loaded) return gather_emptiest(from, share, enough);
  const auto buckets = static_cast<std::uint32_t>(from.by_idle_cores.size());
  const std::uint32_t tight = std::min(buckets, least_cores(demand_, *from.hardware, share));
  const std::uint32_t least = least_cores(demand_, *from.hardware, least_share());
  std::uint32_t full = 0;
  for (std::size_t b = from.bucket_from(tight); b != base::Bitmap::npos;
       b = from.bucket_from(b + 1)) {
    for (const std::uint32_t node : from.by_idle_cores[b]) {
      if (take(node) >= share && ++full >= enough) {
        gather_for_rest(from, share, enough);
        return false;
      }
    }
  }
  if (from.bucket_from(least) >= tight) return true;
  for (std::uint32_t b = tight; b-- > least;) {
    for (const std::uint32_t node : from.by_idle_cores[b]) static_cast<void>(take(node));
  }
  return true;
}

// The tightest nodes for the tasks that remain when all nodes but one serve fully.
void Prospects::gather_for_rest(const NodeClass& from, std::uint32_t share, std::uint32_t enough) {
  const std::uint64_t before = std::uint64_t{share} * (least_nodes_ - 1);
  if (tasks_ == 0 || least_nodes_ < 2 || before >= tasks_) return;
  const auto rest = static_cast<std::uint32_t>(tasks_ - before);
  const std::uint32_t tight = least_cores(demand_, *from.hardware, share);
  std::uint32_t full = 0;
  for (std::uint32_t b = least_cores(demand_, *from.hardware, rest); b < tight; ++b) {
    for (const std::uint32_t node : from.by_idle_cores[b]) {
      if (take(node) >= rest && ++full >= enough) return;
    }
  }
}

bool Prospects::gather(std::size_t from, std::size_t to, std::uint32_t enough) {
  gather_claimed(from, to);
  bool all = true;
  for (std::size_t c = from; c < to; ++c) {
    const ClassId id = eligibility_.classes[c];
    const NodeClass& members = pool_.classes.at(id);
    const std::uint32_t share =
        std::max(1U, std::min(full_share(least_nodes_), eligibility_.idle_tasks[id]));
    const bool whole = outlook_.present() ? gather_buckets(members, share, enough)
                                          : gather_members(members, share, enough);
    all = all && whole;
  }
  return all;
}

}  // namespace sluice::core
