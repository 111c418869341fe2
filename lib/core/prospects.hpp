// Prospects: the nodes that placement chooses from. Gathering looks at as few nodes as it can: it
// walks the buckets of idle cores from the tightest that serves fully, and stops when it has enough
// nodes that do; those found first are the ones that the rule of placement prefers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/eligibility.hpp"
#include "core/outlook.hpp"

namespace sluice::core {

struct Prospect {
  std::uint32_t node = 0;
  std::uint32_t weight = 0;
  std::uint32_t cost = 0;  // before `fit`: how much others would miss the node
  std::uint32_t fit = 0;   // idle cores; in LLN partitions, how busy it is
  Offer offer;
  bool required = false;
};

// What idle cores alone allow at most, of tasks and of nodes.
struct CoreOffer {
  std::uint64_t tasks = 0;
  std::uint64_t nodes = 0;
};

class Prospects {
 public:
  Prospects(const Demand& demand, const Eligibility& eligibility, const Outlook& outlook);

  // How many nodes the job needs at least, whatever is free, and may have at most.
  [[nodiscard]] std::uint32_t least_nodes() const { return least_nodes_; }
  [[nodiscard]] std::uint32_t most_nodes() const { return most_nodes_; }
  // Tasks to be placed; 0: a fixed number on each node.
  [[nodiscard]] std::uint32_t tasks() const { return tasks_; }
  [[nodiscard]] std::uint32_t want() const { return tasks_ == 0 ? demand_.tasks_each : tasks_; }
  // Tasks that a node must take to serve fully if the job uses so many nodes.
  [[nodiscard]] std::uint32_t full_share(std::uint32_t nodes) const;

  // False if the buckets alone show that it can't fit now.
  [[nodiscard]] bool may_fit() const;
  // What the nodes that take jobs now offer by their cores, but no more than suffices.
  [[nodiscard]] CoreOffer offer_by_cores(const EvenCores& even) const;
  void add_by_cores(const EvenCores& even, const Hardware& hardware, std::uint64_t cores,
                    CoreOffer& offer, std::size_t nodes = 1) const;
  [[nodiscard]] bool suffices(const CoreOffer& offer) const {
    return offer.tasks >= tasks_ && offer.nodes >= least_nodes_;
  }
  // What the node offers, if it alone suffices.
  [[nodiscard]] std::optional<Offer> offer_of_only(std::uint32_t node);
  // The nodes that the job names; false if one of them doesn't serve.
  [[nodiscard]] bool take_required();
  // Classes of one weight are one level: where the level that begins at `from` ends.
  [[nodiscard]] std::size_t level_end(std::size_t from) const;
  // Adds nodes of the classes [from, to), of each class up to `enough` that serve fully. True if
  // it left out none that is of any use.
  [[nodiscard]] bool gather(std::size_t from, std::size_t to, std::uint32_t enough);

  [[nodiscard]] const std::vector<Prospect>& found() const { return found_; }
  void truncate(std::size_t count) { found_.resize(count); }

 private:
  [[nodiscard]] std::uint32_t least_share() const { return tasks_ == 0 ? demand_.tasks_each : 1; }
  [[nodiscard]] std::uint32_t most_by_cores(const Hardware& hardware, std::uint32_t cores,
                                            std::uint32_t known) const;
  [[nodiscard]] bool is_required(std::uint32_t node) const;
  [[nodiscard]] bool look_at(std::uint32_t node, Prospect& made);
  void gather_claimed(std::size_t from, std::size_t to);
  [[nodiscard]] bool gather_members(const NodeClass& from, std::uint32_t share,
                                    std::uint32_t enough);
  [[nodiscard]] bool gather_buckets(const NodeClass& from, std::uint32_t share,
                                    std::uint32_t enough);
  [[nodiscard]] bool gather_emptiest(const NodeClass& from, std::uint32_t share,
                                     std::uint32_t enough);
  void gather_for_rest(const NodeClass& from, std::uint32_t share, std::uint32_t enough);
  [[nodiscard]] std::uint32_t take(std::uint32_t node);

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

}  // namespace sluice::core
