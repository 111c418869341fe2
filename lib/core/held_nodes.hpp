// HeldNodes: the nodes of one attempt, of which it gives back one after the other, and which of
// those that it still holds have said that they are prepared. A job may have a whole cluster of
// them: whatever is done with one node costs no look at the others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/bitmap.hpp"
#include "base/ids.hpp"

namespace sluice::core {

class HeldNodes {
 public:
  HeldNodes() = default;
  explicit HeldNodes(std::vector<NodeIndex> nodes)
      : nodes_(std::move(nodes)), left_(nodes_.size()) {
    std::sort(nodes_.begin(), nodes_.end());
  }

  [[nodiscard]] std::size_t size() const { return left_; }
  [[nodiscard]] bool empty() const { return left_ == 0; }
  [[nodiscard]] bool holds(NodeIndex node) const {
    const std::size_t at = find(node);
    return at < nodes_.size() && !is_in(gone_, at);
  }
  // Nothing if it isn't held.
  void release(NodeIndex node) {
    const std::size_t at = find(node);
    if (at >= nodes_.size() || is_in(gone_, at)) return;
    if (is_in(prepared_, at)) --prepared_count_;
    add(gone_, at);
    --left_;
  }

  [[nodiscard]] std::size_t prepared() const { return prepared_count_; }
  [[nodiscard]] bool is_prepared(NodeIndex node) const {
    const std::size_t at = find(node);
    return at < nodes_.size() && !is_in(gone_, at) && is_in(prepared_, at);
  }
  // False if it isn't held, or was known to be prepared.
  bool note_prepared(NodeIndex node) {
    if (!holds(node) || is_prepared(node)) return false;
    add(prepared_, find(node));
    ++prepared_count_;
    return true;
  }

  // Those that are held, ascending. None may be released meanwhile.
  template <class Visit>
  void for_each(Visit&& visit) const {
    if (left_ == 0) return;
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
      if (!is_in(gone_, at)) visit(nodes_[at]);
    }
  }
  [[nodiscard]] std::vector<NodeIndex> list() const {
    std::vector<NodeIndex> all;
    all.reserve(left_);
    for_each([&](NodeIndex node) { all.push_back(node); });
    return all;
  }

 private:
  // Its place; the number of nodes if it never was one of them.
  [[nodiscard]] std::size_t find(NodeIndex node) const {
    const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), node);
    const bool found = at != nodes_.end() && *at == node;
    return static_cast<std::size_t>((found ? at : nodes_.end()) - nodes_.begin());
  }
  [[nodiscard]] static bool is_in(const base::Bitmap& places, std::size_t at) {
    return places.size() != 0 && places.test(at);
  }
  void add(base::Bitmap& places, std::size_t at) const {
    if (places.size() == 0) places.resize(nodes_.size());
    places.set(at);
  }

  std::vector<NodeIndex> nodes_;  // as it began, ascending
  base::Bitmap gone_;             // by place; without a size: none
  base::Bitmap prepared_;         // the same
  std::size_t left_ = 0;
  std::size_t prepared_count_ = 0;
};

}  // namespace sluice::core
