// The Fair Tree: from shares and past use to a rank for each user. At each level of the accounts'
// tree LevelFS = S/U says who is the most under-served: S is the own part of the siblings' shares,
// U the own part of the parent's use. The tree is walked from the root, the best first, and users
// are ranked in the order in which they are met; so every child of a better account outranks every
// child of a worse sibling account.
//
// Ties. Tied accounts are walked as one: their children are sorted together. Tied users share a
// rank. A user tied with an account stands before it and shares the rank of its best user.
// Fairshare=parent: a user comes first in its account; an account dissolves, and its children stand
// where it stood.
//
// LevelFS is compared as an exact fraction. What is given out in billionths is rounded down and
// only for display, but for the factor, which is exact enough: rank / number of users.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/account_tree.hpp"

namespace sluice::core {

inline constexpr std::int64_t kInfiniteLevel = std::numeric_limits<std::int64_t>::max();

// Of one association; billionths of 1.
struct FairShare {
  std::int64_t norm_shares = 0;      // S
  std::int64_t norm_usage = 0;       // of the whole cluster's use
  std::int64_t effective_usage = 0;  // U
  std::int64_t level_fs = 0;         // kInfiniteLevel: nothing used, or its parent's share
  std::int64_t factor = 0;           // of a user; an account has none

  bool operator==(const FairShare&) const = default;
};

// By place. `usage` is by place as well, in any unit below 2^62, rolled up: an account's holds that
// of its children.
[[nodiscard]] std::vector<FairShare> fair_tree(const AccountTree& tree,
                                               std::span<const std::uint64_t> usage);

}  // namespace sluice::core
