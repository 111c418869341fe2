// Interner: one shared copy of equal values. A million jobs of one script loop have a handful of
// requests and descriptions; equal requests must also be the same pointer, because the planner
// groups by it. Values that nobody uses any more are dropped when the table has doubled.
// The table is only looked up, never walked for a decision, so its order can't matter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/field_hash.hpp"

namespace sluice::core {

template <class T>
class Interner {
 public:
  // Keeps `value` itself if it is the first of its kind.
  [[nodiscard]] std::shared_ptr<const T> intern(std::shared_ptr<const T> value) {
    if (Recent& recent = recent_of(value.get()); recent.lock() == value) return value;
    std::shared_ptr<const T> kept = find_or_keep(std::move(value));
    recent_of(kept.get()) = kept;
    return kept;
  }
  [[nodiscard]] std::shared_ptr<const T> intern(T value) {
    return intern(std::make_shared<const T>(std::move(value)));
  }

 private:
  using Recent = std::weak_ptr<const T>;

  // Where a value that is kept already may be noted, so that it need not be looked at.
  [[nodiscard]] Recent& recent_of(const T* value) {
    return recent_[std::hash<const T*>()(value) / alignof(std::max_align_t) % kRecent];
  }
  [[nodiscard]] std::shared_ptr<const T> find_or_keep(std::shared_ptr<const T> value) {
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
  void sweep() {
    if (table_.size() < sweep_at_) return;
    std::erase_if(table_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<std::size_t>(kFirstSweep, table_.size() * 2);
  }

  static constexpr std::size_t kFirstSweep = 1024;
  static constexpr std::size_t kRecent = 1021;
  std::unordered_multimap<std::uint64_t, std::weak_ptr<const T>> table_;
  std::size_t sweep_at_ = kFirstSweep;
  std::vector<Recent> recent_ = std::vector<Recent>(kRecent);
};

}  // namespace sluice::core
