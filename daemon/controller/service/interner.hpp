// Interner: equal values become one shared value. Thousands of jobs share a few specs and requests;
// the pointer then also serves as their identity. Values that nobody uses any more are let go.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "wire/codec.hpp"

namespace sluice::controller {

template <class T>
class Interner {
 public:
  [[nodiscard]] std::shared_ptr<const T> intern(T value) {
    std::weak_ptr<const T>& slot = known_[wire::encode(value)];
    if (auto found = slot.lock()) return found;
    auto made = std::make_shared<const T>(std::move(value));
    slot = made;
    if (known_.size() > next_sweep_) sweep();
    return made;
  }

 private:
  void sweep() {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    next_sweep_ = known_.size() * 2 + kFirstSweep;
  }

  static constexpr std::size_t kFirstSweep = 1024;
  std::unordered_map<std::string, std::weak_ptr<const T>> known_;
  std::size_t next_sweep_ = kFirstSweep;
};

}  // namespace sluice::controller
