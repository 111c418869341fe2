// Two steps: gather what the nodes offer (prospects.hpp), level by level of weight, until it
// suffices; then pick. Where a topology is known, nodes that stand closer together are looked for
// only when it is clear that the job fits at all, so that jobs which wait cost no more for it.
#include "core/placement.hpp"

#include <algorithm>

#include "core/counted_choice.hpp"
#include "core/gres_choice.hpp"
#include "core/picker.hpp"
#include "core/task_layout.hpp"
#include "core/topology_choice.hpp"

namespace sluice::core {

namespace {

constexpr std::uint32_t kGrowth = 8;  // of the number of nodes gathered, when it was too small

class Chooser {
 public:
  Chooser(const Demand& demand, const Eligibility& eligibility, const Outlook& outlook)
      : demand_(demand),
        eligibility_(eligibility),
        pool_(outlook.pool()),
        prospects_(demand, eligibility, outlook),
        picker_(demand_, prospects_) {}

  std::optional<Selection> choose() {
    if (const auto node = only_node()) return choose_only(*node);
    if (!prospects_.may_fit() || !prospects_.take_required()) return std::nullopt;
    if (demand_.contiguous) return choose_contiguous();
    if (!eligibility_.counted.empty()) return choose_counted();
    const std::size_t classes = eligibility_.classes.size();
    std::optional<std::vector<Prospect>> fewer;
    for (std::size_t level = 0; level < classes; level = prospects_.level_end(level)) {
      auto picked = pick_level(level);
      if (!picked) continue;
      if (wants_more(*picked) && prospects_.level_end(level) < classes) {
        fewer = std::move(picked);
        continue;
      }
      if (where_matters(*picked)) {
        auto near = pick_near(level, *picked);
        const bool keep = near && as_many_as_can_be() && near->size() < picked->size();
        if (!keep) picked = std::move(near);
      }
      if (picked) return finish(std::move(*picked));
    }
    if (fewer) return finish(std::move(*fewer));
    return std::nullopt;
  }

 private:
  // Where nothing but one node could serve there is nothing to choose.
  [[nodiscard]] std::optional<std::uint32_t> only_node() const {
    if (eligibility_.classes.size() != 1 || !eligibility_.required.empty()) return std::nullopt;
    const NodeClass& from = pool_.classes.at(eligibility_.classes.front());
    const bool plain = from.size == 1 && eligibility_.counted.empty() && demand_.job_gres == 0 &&
                       !pool_.topology.known();
    if (!plain) return std::nullopt;
    return static_cast<std::uint32_t>(from.members.find_first());
  }

  std::optional<Selection> choose_only(std::uint32_t node) {
    const std::optional<Offer> offer = prospects_.offer_of_only(node);
    if (!offer) return std::nullopt;
    Selection made;
    made.nodes.push_back({.node = node});
    lay_out_tasks(demand_, pool_, {&*offer, 1}, made);
    return made;
  }

  // Tries with the nodes of this level and those before it. If not all nodes were looked at, the
  // answer is good only if it needs no more nodes than were asked for.
  std::optional<std::vector<Prospect>> pick_level(std::size_t level) {
    const std::size_t end = prospects_.level_end(level);
    const std::size_t before = prospects_.found().size();
    const bool all = demand_.spread || demand_.fill_range || demand_.job_gres != 0;
    std::uint32_t enough = all ? model::kUnlimited : prospects_.least_nodes();
    while (true) {
      const bool complete = prospects_.gather(level, end, enough);
      auto picked = picker_.pick(prospects_.found());
      if (complete || (picked && picked->size() <= enough)) {
        gathered_ = complete ? prospects_.found().size() : before;
        return picked;
      }
      prospects_.truncate(before);
      enough = enough < model::kUnlimited / kGrowth ? enough * kGrowth : model::kUnlimited;
    }
  }

  // Nodes of greater weight serve as well where as many as can be had are asked for.
  [[nodiscard]] bool wants_more(const std::vector<Prospect>& picked) const {
    return as_many_as_can_be() && picked.size() < prospects_.most_nodes();
  }
  [[nodiscard]] bool as_many_as_can_be() const {
    return (demand_.spread || demand_.fill_range) && prospects_.most_nodes() != model::kUnlimited;
  }

  [[nodiscard]] bool where_matters(const std::vector<Prospect>& picked) const {
    const bool segments = demand_.segment != 0 && pool_.topology.kind == model::TopologyKind::block;
    return pool_.topology.known() && (picked.size() > 1 || segments);
  }

  // The same number of nodes may be had closer together: all that serve are looked at.
  std::optional<std::vector<Prospect>> pick_near(std::size_t level,
                                                 const std::vector<Prospect>& plain) {
    if (gathered_ != prospects_.found().size()) {
      prospects_.truncate(gathered_);
      static_cast<void>(prospects_.gather(level, prospects_.level_end(level), model::kUnlimited));
    }
    return pick_together({pool_.topology, picker_, prospects_, demand_}, prospects_.found(), plain);
  }

  std::optional<Selection> choose_counted() {
    static_cast<void>(prospects_.gather(0, eligibility_.classes.size(), model::kUnlimited));
    auto picked = pick_counted(picker_, prospects_, eligibility_, pool_);
    if (!picked) return std::nullopt;
    return finish(std::move(*picked));
  }

  // The first run of neighbours that suffices.
  std::optional<Selection> choose_contiguous() {
    static_cast<void>(prospects_.gather(0, eligibility_.classes.size(), model::kUnlimited));
    std::vector<Prospect> found = prospects_.found();
    std::sort(found.begin(), found.end(),
              [](const Prospect& a, const Prospect& b) { return a.node < b.node; });
    const auto required = static_cast<std::size_t>(
        std::count_if(found.begin(), found.end(), [](const auto& c) { return c.required; }));
    OfferSum sum;
    std::size_t seen = 0;
    std::size_t end = 0;
    for (std::size_t first = 0; first < found.size(); ++first) {
      const auto suffices = [&] { return seen == required && picker_.suffices(end - first, sum); };
      while (!suffices() && end < found.size() && end - first < prospects_.most_nodes() &&
             found[end].node - found[first].node == end - first) {
        if (found[end].required) ++seen;
        sum.add(found[end++].offer);
      }
      if (suffices()) {
        return finish({found.begin() + static_cast<std::ptrdiff_t>(first),
                       found.begin() + static_cast<std::ptrdiff_t>(end)});
      }
      if (found[first].required) --seen;
      sum.take_off(found[first].offer);
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
  Picker picker_;
  std::size_t gathered_ = 0;  // prospects that are complete
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

// Nodes may have been excluded (by a reservation) since the choices were made.
std::optional<Selection> choose_among(const Eligibility& choice, const base::Bitmap& excluded,
                                      const Demand& demand, const Outlook& outlook) {
  if (excluded == choice.excluded) return choose_nodes(demand, choice, outlook);
  Eligibility bound = choice;
  bound.excluded = excluded;
  return choose_nodes(demand, bound, outlook);
}

}  // namespace

std::optional<Selection> choose_nodes(const Demand& demand, const Eligibility& eligibility,
                                      const Outlook& outlook) {
  for (const Eligibility& choice : eligibility.choices) {
    if (auto selection = choose_among(choice, eligibility.excluded, demand, outlook)) {
      return selection;
    }
  }
  if (!eligibility.choices.empty()) return std::nullopt;
  if (demand.any_accelerator && !demand.single_node()) {
    if (auto alike = choose_alike(demand, eligibility, outlook)) return alike;
  }
  return Chooser(demand, eligibility, outlook).choose();
}

}  // namespace sluice::core
