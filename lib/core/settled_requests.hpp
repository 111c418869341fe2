// SettledRequests: what requests came to at their submission, for submits that bring along the same
// request once more, as those of a replay do. A memory of limited size, by address; it forgets all
// when anything has changed that the outcome follows from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/account_tree.hpp"
#include "core/settings.hpp"
#include "model/partition.hpp"
#include "model/request.hpp"

namespace sluice::core {

class SettledRequests {
 public:
  struct Asked {
    model::RequestPtr request;
    std::uint32_t uid = 0;
    Text user;

    bool operator==(const Asked&) const = default;
  };
  // Null: not known.
  [[nodiscard]] const model::RequestPtr& find(const Asked& asked) const {
    static const model::RequestPtr kUnknown;
    if (known_.empty()) return kUnknown;
    const Known& known = known_[place_of(asked)];
    return known.asked == asked ? known.settled : kUnknown;
  }
  void keep(Asked asked, model::RequestPtr settled) {
    if (known_.empty()) known_.resize(kMost);
    Known& known = known_[place_of(asked)];
    known = {std::move(asked), std::move(settled)};
  }
  // To be called before either.
  void follow(const AccountTreePtr& tree, const SettingsPtr& settings,
              const std::vector<model::PartitionPtr>& partitions) {
    if (tree_ == tree && settings_ == settings && partitions_ == partitions) return;
    known_.clear();
    tree_ = tree;
    settings_ = settings;
    partitions_ = partitions;
  }

 private:
  struct Known {
    Asked asked;
    model::RequestPtr settled;
  };
  static constexpr std::size_t kMost = 1021;

  [[nodiscard]] static std::size_t place_of(const Asked& asked) {
    const std::size_t address = std::hash<const void*>()(asked.request.get());
    return (address / alignof(std::max_align_t) + asked.uid) % kMost;
  }

  std::vector<Known> known_;
  AccountTreePtr tree_;
  SettingsPtr settings_;
  std::vector<model::PartitionPtr> partitions_;
};

}  // namespace sluice::core
