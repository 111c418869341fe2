// IdSet: job ids that are added mostly in ascending order and taken out from the least on. Those
// that come in order stand in a list; only what comes between them needs a tree.
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <vector>

#include "base/ids.hpp"

namespace sluice::core {

class IdSet {
 public:
  void insert(JobId id) {
    if (next_ == list_.size()) {
      list_.clear();
      next_ = 0;
    }
    if (list_.empty() || list_.back() < id) {
      list_.push_back(id);
    } else if (!std::binary_search(list_.begin() + static_cast<std::ptrdiff_t>(next_), list_.end(),
                                   id)) {
      between_.insert(id);
    }
  }
  [[nodiscard]] bool empty() const { return next_ == list_.size() && between_.empty(); }
  // There is one.
  JobId take_first() {
    if (next_ != list_.size() && (between_.empty() || list_[next_] < *between_.begin())) {
      return list_[next_++];
    }
    const JobId first = *between_.begin();
    between_.erase(between_.begin());
    return first;
  }
  void clear() { *this = IdSet(); }
  void erase(JobId id) {
    between_.erase(id);
    const auto first = list_.begin() + static_cast<std::ptrdiff_t>(next_);
    const auto found = std::lower_bound(first, list_.end(), id);
    if (found != list_.end() && *found == id) list_.erase(found);
  }

 private:
  std::vector<JobId> list_;  // ascending; taken out before `next_`
  std::size_t next_ = 0;
  std::set<JobId> between_;  // none of the list's
};

}  // namespace sluice::core
