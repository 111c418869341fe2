// Fair Tree: the walk against a slow and obvious version on small random trees, its guarantee, and
// an example by hand.
#include "core/fair_tree.hpp"

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using core::AccountTree;
using core::FairShare;
using core::kInfiniteLevel;
using model::kShareOfParent;

struct Builder {
  model::Accounts accounts;

  Builder() {
    model::Association root;
    root.id = 1;
    root.account = "root";
    accounts.associations.push_back(root);
    accounts.accounts.push_back({.name = "root"});
  }
  std::uint32_t add(std::uint32_t parent, const char* user, std::uint32_t shares) {
    model::Association made;
    made.id = accounts.next_association++;
    made.parent = parent;
    made.shares = shares;
    if (*user == '\0') {
      made.account = "a" + std::to_string(made.id);
    } else {
      made.account = accounts.associations[parent - 1].account;
      made.user = user + std::to_string(made.id);
    }
    accounts.associations.push_back(made);
    return made.id;
  }
  [[nodiscard]] AccountTree tree() const {
    return AccountTree(std::make_shared<const model::Accounts>(accounts));
  }
  // Use rolled up to all above.
  [[nodiscard]] std::vector<std::uint64_t> roll(std::vector<std::uint64_t> own) const {
    std::vector<std::uint64_t> sum(own.size());
    for (std::size_t i = 0; i < own.size(); ++i) {
      for (std::uint32_t id = static_cast<std::uint32_t>(i + 1); id != 0;
           id = accounts.associations[id - 1].parent) {
        sum[id - 1] += own[i];
      }
    }
    return sum;
  }
};

TEST(FairTree, RanksAsByHand) {
  Builder b;
  const auto physics = b.add(1, "", 60);
  const auto biology = b.add(1, "", 40);
  b.add(physics, "ann", 1);
  b.add(physics, "bob", 3);
  b.add(biology, "cid", 1);
  b.add(biology, "dan", 1);
  // physics 60/100 of the shares and 300/400 of the use: 0.8; biology 0.4/0.25: 1.6.
  const auto usage = b.roll({0, 0, 0, 100, 200, 100, 0});
  const std::vector<FairShare> shares = core::fair_tree(b.tree(), usage);
  EXPECT_EQ(shares[1].level_fs, 800'000'000);
  EXPECT_EQ(shares[2].level_fs, 1'600'000'000);
  EXPECT_EQ(shares[1].norm_shares, 600'000'000);
  EXPECT_EQ(shares[1].effective_usage, 750'000'000);
  EXPECT_EQ(shares[3].level_fs, 750'000'000);    // 1/4 over 1/3
  EXPECT_EQ(shares[4].level_fs, 1'125'000'000);  // 3/4 over 2/3
  EXPECT_EQ(shares[6].level_fs, kInfiniteLevel);
  EXPECT_EQ(shares[6].factor, 1'000'000'000);
  EXPECT_EQ(shares[5].factor, 750'000'000);
  EXPECT_EQ(shares[4].factor, 500'000'000);
  EXPECT_EQ(shares[3].factor, 250'000'000);
  EXPECT_EQ(shares[1].factor, 0);
}

TEST(FairTree, UserTiedWithAccountSharesItsBestRank) {
  Builder b;
  const auto physics = b.add(1, "", 1);
  b.add(1, "zoe", 1);
  b.add(physics, "ann", 1);
  b.add(physics, "bob", 2);
  const auto usage = b.roll({0, 0, 60, 30, 30});
  const std::vector<FairShare> shares = core::fair_tree(b.tree(), usage);
  EXPECT_EQ(shares[2].factor, 1'000'000'000);
  EXPECT_EQ(shares[4].factor, 1'000'000'000);
  EXPECT_EQ(shares[3].factor, 333'333'333);
}

// Recorded of Slurm: whose share is his parent's is shown with it, and an account with what it has
// used of the level that its members compete at.
TEST(FairTree, ParentsSharesAreShown) {
  Builder b;
  const auto physics = b.add(1, "", 1);
  const auto loose = b.add(1, "", kShareOfParent);
  const auto below = b.add(loose, "", kShareOfParent);
  b.add(physics, "ann", kShareOfParent);
  b.add(below, "bob", 3);
  b.add(below, "cid", kShareOfParent);
  const auto usage = b.roll({0, 0, 0, 0, 60, 30, 10});
  const std::vector<FairShare> shares = core::fair_tree(b.tree(), usage);
  EXPECT_EQ(shares[4].norm_shares, 250'000'000);  // as physics
  EXPECT_EQ(shares[4].effective_usage, 1'000'000'000);
  EXPECT_EQ(shares[2].norm_shares, 0);  // the root has no share of anything
  EXPECT_EQ(shares[2].effective_usage, 400'000'000);
  EXPECT_EQ(shares[3].effective_usage, 400'000'000);
  EXPECT_EQ(shares[3].norm_usage, 400'000'000);
  EXPECT_EQ(shares[5].norm_shares, 750'000'000);
  EXPECT_EQ(shares[6].norm_shares, 0);
  EXPECT_EQ(shares[6].effective_usage, 100'000'000);
}

TEST(FairTree, HugeNumbersAreComparedExactly) {
  Builder b;
  const std::uint64_t much = std::uint64_t{1} << 61U;
  b.add(1, "ann", 4'000'000'000U);
  b.add(1, "bob", 4'000'000'000U);
  const auto usage = b.roll({0, much, much - 1});
  const std::vector<FairShare> shares = core::fair_tree(b.tree(), usage);
  EXPECT_EQ(shares[1].factor, 500'000'000);
  EXPECT_EQ(shares[2].factor, 1'000'000'000);
}

// The slow version. A user's path is the LevelFS of each account above it and its own; the users
// are ranked by their paths, and who is reached by the same path, or by a longer one that goes on
// from it, is tied with who was just before. Fractions of small numbers fit 64 bits.
struct Fraction {
  std::uint64_t top = 0;
  std::uint64_t bottom = 1;  // 0: infinite
  friend bool operator==(const Fraction& a, const Fraction& b) {
    if (a.bottom == 0 || b.bottom == 0) return a.bottom == b.bottom;
    return a.top * b.bottom == b.top * a.bottom;
  }
  friend bool operator>(const Fraction& a, const Fraction& b) {
    if (a.bottom == 0 || b.bottom == 0) return a.bottom == 0 && b.bottom != 0;
    return a.top * b.bottom > b.top * a.bottom;
  }
};
using Path = std::vector<Fraction>;

struct Slow {
  const model::Accounts& accounts;
  const std::vector<std::uint64_t>& usage;

  [[nodiscard]] const model::Association& at(std::uint32_t id) const {
    return accounts.associations[id - 1];
  }
  // The nearest above that has not dissolved.
  [[nodiscard]] std::uint32_t above(std::uint32_t id) const {
    std::uint32_t parent = at(id).parent;
    while (parent > 1 && at(parent).shares == kShareOfParent) parent = at(parent).parent;
    return parent;
  }
  [[nodiscard]] bool dissolved(std::uint32_t id) const {
    return at(id).user.empty() && at(id).shares == kShareOfParent;
  }
  [[nodiscard]] Fraction level(std::uint32_t id) const {
    if (at(id).shares == kShareOfParent) return {1, 0};
    if (at(id).shares == 0) return {0, 1};
    std::uint64_t all = 0;
    for (const model::Association& other : accounts.associations) {
      if (other.id == 1 || dissolved(other.id) || above(other.id) != above(id)) continue;
      if (other.shares != kShareOfParent) all += other.shares;
    }
    return {at(id).shares * usage[above(id) - 1], all * usage[id - 1]};
  }
  [[nodiscard]] Path path(std::uint32_t id) const {
    Path made;
    for (std::uint32_t i = id; i != 1; i = above(i)) made.insert(made.begin(), level(i));
    return made;
  }
  [[nodiscard]] static bool goes_on(const Path& a, const Path& b) {
    return a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
  }
  [[nodiscard]] static bool better(const Path& a, const Path& b) {
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (a[i] == b[i]) continue;
      return a[i] > b[i];
    }
    return a.size() < b.size();
  }
  [[nodiscard]] std::map<std::uint32_t, std::int64_t> factors() const {
    std::vector<std::pair<Path, std::uint32_t>> users;
    for (const model::Association& who : accounts.associations) {
      if (!who.user.empty()) users.emplace_back(path(who.id), who.id);
    }
    std::stable_sort(users.begin(), users.end(),
                     [](const auto& a, const auto& b) { return better(a.first, b.first); });
    std::map<std::uint32_t, std::int64_t> made;
    std::size_t rank = users.size();
    for (std::size_t i = 0; i < users.size(); ++i) {
      if (i == 0 || !goes_on(users[i - 1].first, users[i].first)) rank = users.size() - i;
      made[users[i].second] = static_cast<std::int64_t>(rank * 1'000'000'000 / users.size());
    }
    return made;
  }
};

class RandomTrees : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomTrees, EqualTheSlowVersionAndKeepTheGuarantee) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 random(GetParam());
  const auto pick = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(random() % below);
  };
  for (int round = 0; round < 60; ++round) {
    Builder b;
    std::vector<std::uint32_t> accounts{1};
    std::vector<std::uint64_t> own{0};
    const std::uint32_t entries = 1 + pick(14);
    const bool some_parents = pick(2) == 0;
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::uint32_t parent = accounts[pick(static_cast<std::uint32_t>(accounts.size()))];
      const std::uint32_t shares = some_parents && pick(5) == 0 ? kShareOfParent : pick(4);
      const bool user = pick(5) < 3;
      const std::uint32_t id = b.add(parent, user ? "u" : "", shares);
      if (!user) accounts.push_back(id);
      own.push_back(user ? pick(4) * 10 : 0);
    }
    const std::vector<std::uint64_t> usage = b.roll(own);
    const std::vector<FairShare> shares = core::fair_tree(b.tree(), usage);
    const Slow slow{b.accounts, usage};
    for (const auto& [id, factor] : slow.factors()) {
      ASSERT_EQ(shares[id - 1].factor, factor) << "round " << round << " association " << id;
    }
    // Every child of a better account outranks every child of a worse sibling account.
    for (const auto& [ann, high] : slow.factors()) {
      for (const auto& [bob, low] : slow.factors()) {
        const Path a = slow.path(ann);
        const Path z = slow.path(bob);
        if (a.size() < 2 || z.size() < 2 || a[0] == z[0]) continue;
        ASSERT_EQ(a[0] > z[0], high > low) << "round " << round;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTrees, ::testing::Range(1U, 21U));

}  // namespace
}  // namespace sluice::test
