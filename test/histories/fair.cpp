// The guarantee of the Fair Tree: where one account (or user) is better served by LevelFS than its
// sibling, every user below it comes before every user below the other. And LevelFS is S / U.
#include <cmath>

#include <fmt/core.h>

#include "test/histories/picture.hpp"

namespace sluice::histories {

namespace {

using Place = core::AccountTree::Place;

struct Range {
  std::int64_t lowest = 2'000'000'000;
  std::int64_t highest = -1;
};

class Tree {
 public:
  Tree(const core::AccountTree& tree, const std::vector<core::FairShare>& shares)
      : tree_(tree), shares_(shares) {}

  [[nodiscard]] Problem check() const {
    for (Place a = 0; a < tree_.size(); ++a) {
      if (const Problem wrong = check_level(a); !wrong.empty()) return wrong;
      for (Place b = 0; b < tree_.size(); ++b) {
        if (const Problem wrong = check_pair(a, b); !wrong.empty()) return wrong;
      }
    }
    return {};
  }

 private:
  [[nodiscard]] bool stands(Place at) const {
    return tree_.parent(at) != core::AccountTree::kNoPlace &&
           tree_.at(at).shares != model::kShareOfParent;
  }
  [[nodiscard]] Range factors(Place at) const {
    if (!tree_.at(at).user.empty()) return {shares_[at].factor, shares_[at].factor};
    Range all;
    for (const Place child : tree_.children(at)) {
      const Range below = factors(child);
      all.lowest = std::min(all.lowest, below.lowest);
      all.highest = std::max(all.highest, below.highest);
    }
    return all;
  }
  [[nodiscard]] Problem check_pair(Place a, Place b) const {
    if (!stands(a) || !stands(b) || tree_.parent(a) != tree_.parent(b)) return {};
    if (shares_[a].level_fs <= shares_[b].level_fs) return {};
    const Range better = factors(a);
    const Range worse = factors(b);
    if (better.highest < 0 || worse.highest < 0 || better.lowest > worse.highest) return {};
    return fmt::format(
        "fair tree: {}/{} (LevelFS {}) is ahead of {}/{} ({}), but has factor {} <= {}",
        tree_.at(a).account.view(), tree_.at(a).user.view(), shares_[a].level_fs,
        tree_.at(b).account.view(), tree_.at(b).user.view(), shares_[b].level_fs, better.lowest,
        worse.highest);
  }
  [[nodiscard]] Problem check_level(Place at) const {
    if (!stands(at)) return {};
    const core::FairShare& own = shares_[at];
    if (own.level_fs == core::kInfiniteLevel || own.effective_usage < 1000) return {};
    const double level =
        static_cast<double>(own.norm_shares) / static_cast<double>(own.effective_usage);
    const double published = static_cast<double>(own.level_fs) / 1e9;
    if (std::abs(level - published) <= 0.01 * (level + published) + 1e-6) return {};
    return fmt::format("fair tree: LevelFS {} of {}/{} is not {} / {}", own.level_fs,
                       tree_.at(at).account.view(), tree_.at(at).user.view(), own.norm_shares,
                       own.effective_usage);
  }

  const core::AccountTree& tree_;
  const std::vector<core::FairShare>& shares_;
};

}  // namespace

Problem unfair(const Picture& picture) {
  if (!picture.inputs || !picture.inputs->tree) return {};
  if (picture.inputs->shares.size() != picture.inputs->tree->size()) return {};
  return Tree(*picture.inputs->tree, picture.inputs->shares).check();
}

}  // namespace sluice::histories
