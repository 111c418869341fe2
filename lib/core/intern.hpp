// Interner: one shared copy of equal values. A million jobs of one script loop have a handful of
// requests and descriptions; equal requests must also be the same pointer, because the planner
// groups by it. Values that nobody uses any more are dropped when the table has doubled.
// The table is only looked up, never walked for a decision, so its order can't matter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "core/field_hash.hpp"

namespace sluice::core {

template <class T>
class Interner {
 public:
  // Keeps `value` itself if it is the first of its kind.
  [[nodiscard]] std::shared_ptr<const T> intern(std::shared_ptr<const T> value) {
    const std::uint64_t hash = field_hash(*value);
    const auto [first, last] = table_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      std::shared_ptr<const T> known = it->second.lock();
      if (known && (known == value || *known == *value)) return known;
    }
    sweep();
    table_.emplace(hash, value);
    return value;
  }
  [[nodiscard]] std::shared_ptr<const T> intern(T value) {
    return intern(std::make_shared<const T>(std::move(value)));
  }

 private:
  void sweep() {
    if (table_.size() < sweep_at_) return;
    std::erase_if(table_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<std::size_t>(kFirstSweep, table_.size() * 2);
  }

  static constexpr std::size_t kFirstSweep = 1024;
  std::unordered_multimap<std::uint64_t, std::weak_ptr<const T>> table_;
  std::size_t sweep_at_ = kFirstSweep;
};

}  // namespace sluice::core
