// See fair_tree.hpp.
#include "core/fair_tree.hpp"

#include <algorithm>
#include <compare>

#include "base/assert.hpp"
#include "core/wide.hpp"

namespace sluice::core {

namespace {

using Place = AccountTree::Place;

// LevelFS as a fraction: shares * parent's use over all shares * own use. No share is 0, no use
// (above no share) infinite.
struct Level {
  Wide top = 0;
  Wide bottom = 1;
  bool infinite = false;
};

// Exact for any numbers of 128 bits: whole parts first, then the rests turned over.
std::strong_ordering compare(Level a, Level b) {
  if (a.infinite || b.infinite) return a.infinite <=> b.infinite;
  bool turned = false;
  while (true) {
    const Wide whole_a = a.top / a.bottom;
    const Wide whole_b = b.top / b.bottom;
    if (whole_a != whole_b) {
      return (whole_a < whole_b) != turned ? std::strong_ordering::less
                                           : std::strong_ordering::greater;
    }
    a.top %= a.bottom;
    b.top %= b.bottom;
    if (a.top == 0 || b.top == 0) {
      if (a.top == b.top) return std::strong_ordering::equal;
      return (a.top == 0) != turned ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    std::swap(a.top, a.bottom);
    std::swap(b.top, b.bottom);
    turned = !turned;
  }
}

struct Child {
  Place place = 0;
  bool is_user = false;
  Level level;
};

class Walk {
 public:
  Walk(const AccountTree& tree, std::span<const std::uint64_t> usage)
      : tree_(tree), usage_(usage), shares_(tree.size()) {
    for (Place place = 0; place < tree.size(); ++place) {
      if (!tree.at(place).user.empty()) ++users_;
    }
    rank_ = next_ = users_;
  }

  std::vector<FairShare> run() {
    for (Place root = 0; root < tree_.size(); ++root) {
      if (tree_.parent(root) != AccountTree::kNoPlace) continue;
      cluster_usage_ = usage_[root];
      describe_root(root);
      rank(children_of(root), false);
      break;
    }
    return std::move(shares_);
  }

 private:
  void describe_root(Place root) {
    shares_[root].norm_shares = kBillion;
    shares_[root].effective_usage = kBillion;
    shares_[root].norm_usage = kBillion;
    shares_[root].level_fs = kBillion;
  }

  // Who competes below the account, accounts of their parents' share dissolved.
  void gather(Place account, std::vector<Child>& into, std::vector<Place>& dissolved) const {
    for (const Place place : tree_.children(account)) {
      const model::Association& who = tree_.at(place);
      const bool is_user = !who.user.empty();
      if (!is_user && who.shares == model::kShareOfParent) {
        dissolved.push_back(place);
        gather(place, into, dissolved);
      } else {
        into.push_back({.place = place, .is_user = is_user, .level = {}});
      }
    }
  }

  std::vector<Child> children_of(Place account) {
    std::vector<Child> children;
    std::vector<Place> dissolved;
    gather(account, children, dissolved);
    for (const Place place : dissolved) describe_usage(place, account);
    std::uint64_t all_shares = 0;
    for (Child& child : children) {
      describe_usage(child.place, account);
      const std::uint32_t own = tree_.at(child.place).shares;
      if (own != model::kShareOfParent) all_shares += own;
    }
    for (Child& child : children) describe(child, all_shares, usage_[account]);
    return children;
  }

  // What a member of the account's level has used of it, and the share that is its parent's.
  void describe_usage(Place place, Place account) {
    const std::uint64_t used = usage_[place];
    FairShare& shown = shares_[place];
    shown.effective_usage = billionths(used, std::max(usage_[account], used));
    shown.norm_usage = billionths(used, std::max(cluster_usage_, used));
    const bool top = tree_.parent(account) == AccountTree::kNoPlace;  // it has no share of anything
    if (tree_.at(place).shares == model::kShareOfParent && !top) {
      shown.norm_shares = shares_[account].norm_shares;
    }
  }

  void describe(Child& child, std::uint64_t all_shares, std::uint64_t parent_usage) {
    const std::uint32_t own = tree_.at(child.place).shares;
    const std::uint64_t used = usage_[child.place];
    // A parent's sum may be behind its children's by what decay rounded off.
    const std::uint64_t of = std::max(parent_usage, used);
    FairShare& shown = shares_[child.place];
    if (own == model::kShareOfParent) {
      child.level.infinite = true;
    } else if (own != 0) {
      shown.norm_shares = billionths(own, all_shares);
      child.level.top = Wide{own} * of;
      child.level.bottom = Wide{all_shares} * used;
      child.level.infinite = used == 0;
    }
    shown.level_fs = shown_level(child.level);
  }

  static std::int64_t shown_level(const Level& level) {
    if (level.infinite) return kInfiniteLevel;
    constexpr Wide kMost = std::numeric_limits<std::int64_t>::max() - 1;
    return static_cast<std::int64_t>(std::min(level.top * kBillion / level.bottom, kMost));
  }

  // `tied`: the best of these is tied with a user that was ranked just before.
  void rank(std::vector<Child> children, bool tied) {
    std::sort(children.begin(), children.end(), [](const Child& a, const Child& b) {
      const std::strong_ordering order = compare(a.level, b.level);
      if (order != std::strong_ordering::equal) return order == std::strong_ordering::greater;
      if (a.is_user != b.is_user) return a.is_user;
      return a.place < b.place;
    });
    const std::uint64_t first_rank = next_;
    for (std::size_t i = 0; i < children.size();) {
      const bool none_yet = next_ == first_rank;  // accounts without users may stand before
      const bool with_last = none_yet ? tied
                                      : compare(children[i].level, children[i - 1].level) ==
                                            std::strong_ordering::equal;
      if (children[i].is_user) {
        rank_user(children[i++].place, with_last);
        continue;
      }
      std::vector<Child> merged;
      const std::size_t first = i;
      for (; i < children.size() &&
             compare(children[i].level, children[first].level) == std::strong_ordering::equal;
           ++i) {
        const std::vector<Child> more = children_of(children[i].place);
        merged.insert(merged.end(), more.begin(), more.end());
      }
      rank(std::move(merged), with_last);
    }
  }

  void rank_user(Place place, bool tied) {
    if (!tied) rank_ = next_;
    --next_;
    shares_[place].factor = billionths(rank_, users_);
  }

  const AccountTree& tree_;
  std::span<const std::uint64_t> usage_;
  std::vector<FairShare> shares_;
  std::uint64_t cluster_usage_ = 0;
  std::uint64_t users_ = 0;
  std::uint64_t rank_ = 0;  // of the user that was ranked last
  std::uint64_t next_ = 0;  // what the next one gets if it isn't tied
};

}  // namespace

std::vector<FairShare> fair_tree(const AccountTree& tree, std::span<const std::uint64_t> usage) {
  SLUICE_ASSERT(usage.size() == tree.size(), "{} numbers for {} associations", usage.size(),
                tree.size());
  return Walk(tree, usage).run();
}

}  // namespace sluice::core
